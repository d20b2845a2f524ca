/** `homeport resolve`: asks as a client would, prints what it got, and why. */
import { isIP } from 'node:net';
import { Command } from 'commander';
import type { ControlClient } from '../control/client.ts';
import type { ExplainReport, StatusReport } from '../control/reports.ts';
import { addressBytes, reverseName } from '../dns/address.ts';
import { parseType } from '../dns/codes.ts';
import { type DomainName, display, parseName } from '../dns/name.ts';
import { HomeportError } from '../errors.ts';
import { addressWithPort } from './address-text.ts';
import { ask, type ServerAddress } from './ask.ts';
import { EXIT } from './exit-code.ts';
import type { Finish } from './program.ts';
import { checkedName, checkedServer, checkedType } from './question-arguments.ts';
import { type TextRecord, type TextReply, textReply } from './reply-text.ts';
import { controlClient, type ServerFlags, withServerOptions } from './server-options.ts';
import { table } from './table.ts';
import { printable, type Terminal } from './terminal.ts';
import { verdictLine } from './verdict.ts';

interface ResolveFlags extends ServerFlags {
  readonly server?: string;
  readonly json?: boolean;
}

/** What one question got. */
interface Answer {
  readonly type: string;
  readonly reply: TextReply;
}

/** Everything that is printed. */
interface Resolution {
  readonly name: string;
  readonly server: ServerAddress;
  readonly answers: readonly Answer[];
  /** null: only DNS was asked, or the server could not say. */
  readonly explanation: ExplainReport | null;
}

/** The command. */
export function resolveCommand(terminal: Terminal, finish: Finish): Command {
  return withServerOptions(
    new Command('resolve')
      .description('ask for a name as a client would, and say why')
      .argument('<name>', 'the name, as an application writes it; or an address, for its names')
      .argument('[type]', 'A, AAAA, SRV, TXT… (default: A and AAAA)')
      .option('--server <address[:port]>', 'ask this server, by DNS alone')
      .option('--json', 'print JSON'),
  ).action(async (name: string, type: string | undefined, flags: ResolveFlags) =>
    finish(await resolve(name, type, flags, terminal)),
  );
}

async function resolve(
  text: string,
  type: string | undefined,
  flags: ResolveFlags,
  terminal: Terminal,
): Promise<number> {
  const { name, types } = questions(text, type);
  const client = flags.server === undefined ? controlClient(flags, terminal) : null;
  const server =
    client === null ? checkedServer(flags.server ?? '') : listenerOf(await client.status());
  const answers = await Promise.all(types.map((one) => answerOf(server, name, one)));
  const explanation = client === null ? null : await explained(client, name, types[0]);
  const resolution = { name: display(name), server, answers, explanation };
  terminal.out(
    flags.json ? `${JSON.stringify(asJson(resolution), null, 2)}\n` : printed(resolution, terminal),
  );
  return exitCode(answers);
}

/** An address is asked for its names (RFC 1035 §3.5); a name without a type for both kinds of address. */
function questions(
  text: string,
  type: string | undefined,
): { name: DomainName; types: readonly string[] } {
  const bytes = isIP(text) === 0 ? undefined : addressBytes(text);
  if (bytes !== undefined) return { name: reverseName(bytes), types: [checkedType(type ?? 'PTR')] };
  const name = parseName(checkedName(text));
  return { name, types: type === undefined ? ['A', 'AAAA'] : [checkedType(type)] };
}

/** Where a client on this host would ask. */
function listenerOf({ listen, listenProblems }: StatusReport): ServerAddress {
  const isLoopback = ({ address }: ServerAddress) =>
    address.startsWith('127.') || address === '::1';
  const chosen = listen.find(isLoopback) ?? listen[0];
  if (chosen === undefined) {
    const why = listenProblems[0] ?? 'it has nothing to listen on yet';
    throw new HomeportError('CONTROL_UNAVAILABLE', `the server runs, but answers nowhere: ${why}`);
  }
  const wildcards: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  return { address: wildcards[chosen.address] ?? chosen.address, port: chosen.port };
}

async function answerOf(server: ServerAddress, name: DomainName, type: string): Promise<Answer> {
  const asked = await ask(server, name, parseType(type) ?? 0);
  if (asked.kind === 'reply') return { type, reply: textReply(asked.reply) };
  const where = addressWithPort(server.address, server.port);
  throw new HomeportError(
    'CONTROL_UNAVAILABLE',
    `no server: ${where} does not answer: ${asked.reason}; is homeport listening there? \`homeport status\` says where it is`,
  );
}

/** An explanation is worth having, never worth failing for. `_mongodb._tcp.db` is a service of `db`. */
async function explained(
  client: ControlClient,
  name: DomainName,
  type: string | undefined,
): Promise<ExplainReport | null> {
  const owner = display(name).replace(/^(_[^.]+\.)+/, '');
  try {
    return await client.explain(owner, type === undefined ? {} : { type });
  } catch {
    return null;
  }
}

function exitCode(answers: readonly Answer[]): number {
  if (answers.some(({ reply }) => reply.rcode === 'NOERROR' && reply.answers.length > 0)) {
    return EXIT.OK;
  }
  const isDenied = answers.some(
    ({ reply }) => reply.rcode === 'NOERROR' || reply.rcode === 'NXDOMAIN',
  );
  // SERVFAIL, REFUSED: no server had an answer.
  return isDenied ? EXIT.NOT_FOUND : EXIT.NO_SERVER;
}

/** Each record once: A and AAAA of one name have the same aliases in front. */
function recordsOf(answers: readonly Answer[]): readonly TextRecord[] {
  const seen = new Set<string>();
  return answers
    .flatMap(({ reply }) => reply.answers)
    .filter((record) => {
      const key = `${record.name} ${record.type} ${record.data}`;
      if (seen.has(key)) return false;
      seen.add(key);
      return true;
    });
}

function asJson({ name, server, answers, explanation }: Resolution): unknown {
  const records = recordsOf(answers);
  return {
    name,
    server: addressWithPort(server.address, server.port),
    found: exitCode(answers) === EXIT.OK,
    addresses: records
      .filter(({ type }) => type === 'A' || type === 'AAAA')
      .map(({ data, ttlSeconds }) => ({ address: data, ttl: ttlSeconds })),
    answers: answers.map(({ type, reply }) => ({
      type,
      rcode: reply.rcode,
      authoritative: reply.isAuthoritative,
      records: reply.answers.map(({ name: owner, type: kind, ttlSeconds, data }) => ({
        name: owner,
        type: kind,
        ttl: ttlSeconds,
        data,
      })),
      extendedErrors: reply.extendedErrors,
    })),
    explanation,
  };
}

function printed(resolution: Resolution, { paint, columns }: Terminal): string {
  const { name, answers } = resolution;
  const records = recordsOf(answers);
  const rows = records.map(({ name: owner, type, ttlSeconds, data }) => [
    paint.green(data),
    type,
    paint.dim(`ttl ${ttlSeconds}`),
    paint.dim(owner),
  ]);
  const head =
    records.length > 0 ? table(rows, columns()) : `${paint.red(denial(name, answers))}\n`;
  const why = whyText(resolution);
  const errors = new Set(answers.flatMap(({ reply }) => reply.extendedErrors.map(errorText)));
  const further = [...errors].filter((text) => !why.includes(text));
  return [`${head}  ${why}`, ...further.map((text) => `  ${text}`), ''].join('\n');
}

/** The verdict; where an extended error says the same and more, in its words. */
function whyText(resolution: Resolution): string {
  const { answers, explanation } = resolution;
  if (explanation === null) return byDnsAlone(resolution);
  const { verdict } = explanation;
  const isOwnReverse = verdict.kind === 'forwarded' && answers.some(isOwnPtr);
  if (isOwnReverse) return 'an address of owners here';
  const line = verdictLine(verdict);
  if (!('reason' in verdict)) return line;
  const errors = answers.flatMap(({ reply }) => reply.extendedErrors.map(errorText));
  const fuller = errors.find((text) => text.startsWith(verdict.reason));
  return fuller === undefined ? line : line.replace(verdict.reason, fuller);
}

/** Reverse names are decided by address, not by name. */
function isOwnPtr({ type, reply }: Answer): boolean {
  return type === 'PTR' && reply.isAuthoritative;
}

function denial(name: string, answers: readonly Answer[]): string {
  const types = answers.map(({ type }) => type).join(' or ');
  const rcode = answers.find(({ reply }) => reply.rcode !== 'NOERROR')?.reply.rcode;
  if (rcode === undefined) return `${name}: the name exists, but has no ${types}`;
  return rcode === 'NXDOMAIN' ? `${name}: no such name (NXDOMAIN)` : `${name}: ${rcode}`;
}

function byDnsAlone({ server, answers }: Resolution): string {
  const isOwn = answers.some(({ reply }) => reply.isAuthoritative && reply.answers.length > 0);
  const where = addressWithPort(server.address, server.port);
  return `answered by ${where}${isOwn ? ', with authority' : ''}`;
}

function errorText({ code, text }: { readonly code: number; readonly text: string }): string {
  return text === '' ? `extended error ${code}` : printable(text);
}
