/**
 * Production's profile: what decides its look-ups, and what its servers answer for the expected
 * names. One YAML file, made by `homeport parity capture`; a plain resolv.conf is a minimal one.
 */
import { parseDocument, stringify } from 'yaml';
import { z } from 'zod';
import { HomeportError } from '../../errors.ts';
import type { Libc } from '../collect/libc.ts';
import type { DnsSettings } from '../engine/settings.ts';
import type { SourceFile, Surroundings } from '../surroundings.ts';

/** The format that this version writes; older ones, once there are any, stay readable. */
export const PROFILE_FORMAT = 1;

/**
 * One server's answers: `NAME TYPE` to an address, a list of addresses, or NODATA, NXDOMAIN,
 * SERVFAIL, REFUSED, NOTIMP, FORMERR, TIMEOUT, CLOSED; in a list also `noRA`, `AA`, `TC`, `TTL:s`,
 * `SIZE:bytes`, `CNAME X`.
 */
export type ServerAnswers = Readonly<Record<string, AnswerText>>;
export type AnswerText = string | readonly string[];

/** Production, as far as it is known. */
export interface Profile {
  /** the file it came from */
  readonly source: string;
  readonly capturedAt: string | undefined;
  readonly surroundings: Surroundings;
  readonly libc: Libc | undefined;
  readonly daemon: DnsSettings | undefined;
  /** by server address; undefined where nobody asked */
  readonly answers: Readonly<Record<string, ServerAnswers>> | undefined;
  /** a label that nobody has; asked under each search domain, it shows wildcards */
  readonly canary: string | undefined;
}

const answerText = z.union([z.string(), z.array(z.string())]);
const fileText = z.string().nullable();
const schema = z.strictObject({
  'homeport-profile': z.literal(PROFILE_FORMAT),
  captured: z.string().optional(),
  hostname: z.string().optional(),
  libc: z
    .strictObject({
      kind: z.enum(['glibc', 'musl', 'go', 'busybox', 'unknown']),
      version: z.string().optional(),
    })
    .optional(),
  environment: z
    .strictObject({
      LOCALDOMAIN: z.string().optional(),
      RES_OPTIONS: z.string().optional(),
      HOSTALIASES: z.string().optional(),
    })
    .optional(),
  'resolv.conf': fileText,
  'nsswitch.conf': fileText.optional(),
  hosts: fileText.optional(),
  'host.conf': fileText.optional(),
  aliases: z.string().optional(),
  'nss-modules': z.array(z.string()).optional(),
  daemon: z
    .strictObject({
      dns: z.array(z.string()).optional(),
      'dns-search': z.array(z.string()).optional(),
      'dns-opts': z.array(z.string()).optional(),
    })
    .optional(),
  canary: z.string().optional(),
  answers: z.record(z.string(), z.record(z.string(), answerText)).optional(),
});
type Written = z.infer<typeof schema>;

/**
 * Reads a profile, or a plain resolv.conf as a minimal one.
 *
 * @param source the file's path, for messages and evidence
 * @throws HomeportError PROFILE_INVALID: no YAML, a newer format, an unknown or missing key
 */
export function parseProfile(source: string, text: string): Profile {
  if (!/^\s*["']?homeport-profile["']?\s*:/m.test(text)) return minimalProfile(source, text);
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) throw invalid(source, firstLine(error.message));
  const value: unknown = document.toJS();
  const format = formatOf(value);
  if (typeof format === 'number' && format > PROFILE_FORMAT) {
    throw invalid(
      source,
      `it has format ${format}, and this homeport reads ${PROFILE_FORMAT}; update homeport`,
    );
  }
  const checked = schema.safeParse(value);
  if (checked.success) return profileOf(source, checked.data);
  const [issue] = checked.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
  throw invalid(source, `${where}${issue?.message ?? 'it is no profile'}`);
}

/** Writes a profile as YAML. Comments of the hosts file are left out: they are nobody's business. */
export function printProfile(profile: Profile): string {
  const { surroundings: on, libc, daemon } = profile;
  const written: Written = {
    'homeport-profile': PROFILE_FORMAT,
    ...optional('captured', profile.capturedAt),
    ...optional('hostname', on.hostname === '' ? undefined : on.hostname),
    ...(libc === undefined
      ? {}
      : { libc: { kind: libc.kind, ...optional('version', libc.version) } }),
    ...(Object.keys(on.environment).length > 0 ? { environment: on.environment } : {}),
    'resolv.conf': withoutComments(on.resolvConf.text) ?? null,
    'nsswitch.conf': withoutComments(on.nsswitch.text) ?? null,
    hosts: on.hosts.text?.replaceAll(/[ \t]*#.*$/gm, '') ?? null,
    'host.conf': withoutComments(on.hostConf.text) ?? null,
    ...optional('aliases', on.aliases?.text),
    ...(on.nssModules.length > 0 ? { 'nss-modules': [...on.nssModules] } : {}),
    ...(daemon === undefined ? {} : { daemon: writtenDaemon(daemon) }),
    ...optional('canary', profile.canary),
    ...(profile.answers === undefined ? {} : { answers: mutable(profile.answers) }),
  };
  return stringify(written, { lineWidth: 0 });
}

function minimalProfile(source: string, text: string): Profile {
  if (!/^[ \t\uFEFF]*(?:nameserver|search|domain|options)[ \t]/im.test(text)) {
    throw invalid(
      source,
      text.trim() === ''
        ? 'it is empty; `homeport parity capture` makes one on a production machine'
        : 'it is neither a profile nor a resolv.conf; `homeport parity capture` makes a profile',
    );
  }
  return {
    source,
    capturedAt: undefined,
    surroundings: {
      resolvConf: { path: source, text },
      nsswitch: absent(source, 'nsswitch.conf'),
      hosts: absent(source, 'hosts'),
      hostConf: absent(source, 'host.conf'),
      hostname: '',
      environment: {},
      aliases: undefined,
      nssModules: [],
    },
    libc: undefined,
    daemon: undefined,
    answers: undefined,
    canary: undefined,
  };
}

function profileOf(source: string, written: Written): Profile {
  const file = (key: 'resolv.conf' | 'nsswitch.conf' | 'hosts' | 'host.conf'): SourceFile => ({
    path: `${source}: ${key}`,
    text: written[key] ?? undefined,
  });
  const { libc, daemon } = written;
  return {
    source,
    capturedAt: written.captured,
    surroundings: {
      resolvConf: file('resolv.conf'),
      nsswitch: file('nsswitch.conf'),
      hosts: file('hosts'),
      hostConf: file('host.conf'),
      hostname: written.hostname ?? '',
      environment: definedOnly(written.environment ?? {}),
      aliases:
        written.aliases === undefined
          ? undefined
          : { path: `${source}: aliases`, text: written.aliases },
      nssModules: written['nss-modules'] ?? [],
    },
    libc: libc && { kind: libc.kind, version: libc.version, evidence: source },
    daemon: daemon && {
      servers: daemon.dns ?? [],
      search: daemon['dns-search'] ?? [],
      options: daemon['dns-opts'] ?? [],
    },
    answers: written.answers,
    canary: written.canary,
  };
}

function absent(source: string, name: string): SourceFile {
  return { path: `${source}: ${name}`, text: undefined };
}

function writtenDaemon(daemon: DnsSettings): Written['daemon'] {
  return {
    dns: [...daemon.servers],
    'dns-search': [...daemon.search],
    'dns-opts': [...daemon.options],
  };
}

/** Keeps the line numbers. What follows a word is no comment to every stub, so it stays. */
function withoutComments(text: string | undefined): string | undefined {
  return text?.replaceAll(/^[ \t]*[#;].*$/gm, '');
}

function optional<K extends string>(
  key: K,
  value: string | undefined,
): { [P in K]?: string } | Record<string, never> {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: string });
}

function definedOnly(
  record: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(record).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

function mutable(
  answers: Readonly<Record<string, ServerAnswers>>,
): NonNullable<Written['answers']> {
  return Object.fromEntries(
    Object.entries(answers).map(([server, records]) => [
      server,
      Object.fromEntries(
        Object.entries(records).map(([question, answer]) => [
          question,
          typeof answer === 'string' ? answer : [...answer],
        ]),
      ),
    ]),
  );
}

function formatOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'homeport-profile' in value
    ? value['homeport-profile']
    : undefined;
}

function invalid(source: string, why: string): HomeportError {
  return new HomeportError('PROFILE_INVALID', `${source} cannot be used as a profile: ${why}`);
}

function firstLine(text: string): string {
  return text.split('\n')[0]?.replace(/:$/, '') ?? text;
}
