/** Makes the look-ups for real: through homeport, production's servers and the host's own getaddrinfo. */
import { lookup } from 'node:dns/promises';
import { codeOf } from '../../errors.ts';
import { parseAnswer } from '../compare/production.ts';
import type { LiveResult } from '../findings/live.ts';
import type { ParityInputs } from '../inputs.ts';
import type { Report } from '../report/report.ts';
import { type Ask, type Asked, writtenAnswer } from './ask.ts';

/** getaddrinfo blocks one of Node's four worker threads for as long as it takes. */
const LOOKUPS_AT_ONCE = 4;
/** What a dead resolver costs with the default options, and some. */
const LOOKUP_TIMEOUT_MS = 30_000;

/** The host's own getaddrinfo: addresses, or the error's code. Never rejects. */
export type LookUp = (name: string) => Promise<readonly string[] | string>;

/**
 * Compares reality with the simulation. Never rejects.
 *
 * @param simulated the report of the same inputs
 * @param region where production has the expected names
 */
export async function lookUpLive(
  inputs: ParityInputs,
  simulated: Report,
  ask: Ask,
  lookUp: LookUp = getaddrinfo,
): Promise<readonly LiveResult[]> {
  const results = await Promise.all([
    ...inputs.homeport.addresses.slice(0, 1).map((server) => throughHomeport(inputs, server, ask)),
    ...Object.keys(inputs.production.answers ?? {}).map((server) =>
      throughProduction(inputs, server, ask),
    ),
    throughHost(inputs, simulated, lookUp),
  ]);
  return results.flat();
}

/** What the engine knows of owned names against what homeport says. */
async function throughHomeport(
  inputs: ParityInputs,
  server: string,
  ask: Ask,
): Promise<readonly LiveResult[]> {
  const through = `homeport ${server}`;
  return Promise.all(
    inputs.expected.map(async (name): Promise<LiveResult> => {
      const asked = await ask(server, name, 'A');
      const own = ownAddresses(inputs, name);
      const simulated = own.length > 0 ? own.join(' ') : 'NXDOMAIN';
      if (asked.kind !== 'reply')
        return { name, through, simulated, real: textOf(asked), verdict: 'unanswered' };
      const real = addressesOf(asked);
      const verdict = isLeak(inputs, name, real)
        ? 'leak'
        : own.length === 0
          ? real.length === 0
          : real.length > 0 && real.every((address) => own.includes(address));
      return {
        ...{ name, through, simulated, real: textOf(asked) },
        verdict: verdict === 'leak' ? verdict : verdict ? 'agrees' : 'disagrees',
      };
    }),
  );
}

/** The profile against what production's servers say now, asked from here. */
async function throughProduction(
  inputs: ParityInputs,
  server: string,
  ask: Ask,
): Promise<readonly LiveResult[]> {
  const through = `production ${server}`;
  const region = inputs.region ?? inputs.search[0];
  if (region === undefined) return [];
  const recorded = inputs.production.answers?.[server] ?? {};
  return Promise.all(
    inputs.expected.map(async (name): Promise<LiveResult> => {
      const full = `${name}.${region}`;
      const asked = await ask(server, full, 'A');
      const text = recorded[`${full} A`];
      const simulated = text === undefined ? undefined : plainText(text);
      const real = textOf(asked);
      if (asked.kind !== 'reply') return { name, through, simulated, real, verdict: 'unanswered' };
      const isSame = simulated === undefined || simulated === real;
      return { name, through, simulated, real, verdict: isSame ? 'agrees' : 'disagrees' };
    }),
  );
}

/** The simulated C library against the real one. */
async function throughHost(
  inputs: ParityInputs,
  report: Report,
  lookUp: LookUp,
): Promise<readonly LiveResult[]> {
  const through = 'getaddrinfo';
  const stub = isMusl() ? 'musl' : 'glibc';
  const results: LiveResult[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < inputs.expected.length; index = next++) {
      const name = inputs.expected[index];
      if (name === undefined) return;
      const found = await lookUp(name);
      const simulated = report.lookups.find(
        (one) => one.targets.includes('host') && one.stub.startsWith(stub) && one.name === name,
      );
      const wanted =
        simulated === undefined || simulated.here.result === 'unknown'
          ? undefined
          : simulated.here.result === 'found'
            ? simulated.here.addresses
            : errorOf(simulated.here.error ?? '');
      const real = typeof found === 'string' ? found : found.join(' ');
      results[index] = {
        ...{ name, through, real },
        simulated: typeof wanted === 'object' ? wanted.join(' ') : wanted,
        verdict:
          typeof found !== 'string' && isLeak(inputs, name, found)
            ? 'leak'
            : wanted === undefined || isSame(wanted, found)
              ? 'agrees'
              : 'disagrees',
      };
    }
  };
  await Promise.all(Array.from({ length: LOOKUPS_AT_ONCE }, worker));
  return results;
}

/** Rotation makes the order meaningless; an answer may also be a part of all addresses. */
function isSame(wanted: readonly string[] | string, found: readonly string[] | string): boolean {
  if (typeof wanted === 'string' || typeof found === 'string') return wanted === found;
  // An assumed answer of production has no address to compare.
  return wanted.length === 0 || found.some((address) => wanted.includes(address));
}

/** Node's code for what getaddrinfo says. */
function errorOf(error: string): string {
  return /^EAI_(?:NONAME|NODATA)$/.test(error) ? 'ENOTFOUND' : error;
}

async function getaddrinfo(name: string): Promise<readonly string[] | string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('no answer in 30 s'), LOOKUP_TIMEOUT_MS);
  });
  const found = lookup(name, { all: true, verbatim: true }).then(
    (addresses) => addresses.map(({ address }) => address),
    (error: unknown) => codeOf(error) ?? 'failed',
  );
  const result = await Promise.race([found, late]);
  clearTimeout(timer);
  return result;
}

function isMusl(): boolean {
  const report: unknown = process.report.getReport();
  const header =
    typeof report === 'object' && report !== null && 'header' in report ? report.header : undefined;
  return !(typeof header === 'object' && header !== null && 'glibcVersionRuntime' in header);
}

/** An address that production was recorded to have under that name, and that nobody has here. */
function isLeak(inputs: ParityInputs, name: string, addresses: readonly string[]): boolean {
  const own = ownAddresses(inputs, name);
  const theirs = Object.values(inputs.production.answers ?? {}).flatMap((recorded) =>
    Object.entries(recorded)
      .filter(([question]) => question.startsWith(`${name}.`))
      .flatMap(([, text]) => {
        const answer = parseAnswer(text, name);
        return answer.kind === 'addresses' ? answer.addresses : [];
      }),
  );
  return addresses.some((address) => theirs.includes(address) && !own.includes(address));
}

function ownAddresses(inputs: ParityInputs, name: string): readonly string[] {
  const owned = inputs.homeport.owned?.filter((candidate) => candidate.name === name) ?? [];
  return owned.flatMap(({ addresses }) => addresses.map(({ address }) => address));
}

function addressesOf(asked: Asked): readonly string[] {
  return asked.kind === 'reply' ? asked.reply.addresses : [];
}

function textOf(asked: Asked): string {
  return plainText(writtenAnswer(asked));
}

/** Without flags, TTL and size, which change without a meaning here. */
function plainText(text: string | readonly string[]): string {
  const words = typeof text === 'string' ? [text] : text;
  return words
    .filter((word) => !/^(?:TTL|SIZE):|^(?:AA|noRA|TC)$|^CNAME /.test(word))
    .toSorted()
    .join(' ');
}
