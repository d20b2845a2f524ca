/**
 * Go's own resolver (net/dnsclient_unix.go), as in a static binary (CGO_ENABLED=0): A and AAAA in
 * goroutines of their own, every failure goes on to the next candidate.
 */
import { inetPton, ipv6WithScope } from '../../resolv-conf/inet.ts';
import { type GoVersion, readAsGo } from '../../resolv-conf/readings/go.ts';
import { byDestination } from './destination-order.ts';
import { candidates, type GoSetup, isDomainName, lookInHosts, lookupOrder } from './go-names.ts';
import { canBeAsked, isRooted } from './names.ts';
import {
  addressesIn,
  BeyondMeasured,
  type DnsOracle,
  type Ending,
  type Family,
  isLame,
  type Lookup,
  type OracleReply,
  type Outcome,
  type Situation,
  type StubResolver,
} from './stub.ts';
import { Wire } from './wire.ts';

/** The size in the OPT record, which Go always sends. */
const ednsSize = 1232;

/** One type's way through servers and rounds. */
interface TypeResult {
  readonly type: string;
  readonly endMs: number;
  /** queries made */
  readonly trips: number;
  readonly result: { readonly addresses: readonly string[] } | { readonly error: string };
}

interface Context extends GoSetup {
  readonly wire: Wire;
  readonly race: Race;
  /** two errors came at one moment: which one is kept is a race */
  hasTied: boolean;
  /** with `rotate`: how many types have been asked, which decides where the next begins */
  asked: number;
}

/** Which goroutine gets ahead where both could: a race that is usually won by the same one. */
interface Race {
  /** asks first: the goroutine that was started last */
  readonly first: string;
  /** is heard last, so that its error is kept */
  readonly last: string;
}

const usual: Race = { first: 'AAAA', last: 'AAAA' };

/** Creates the pure Go resolver for a situation. */
export function createGo(situation: Situation, version: GoVersion): StubResolver {
  const reading = readAsGo(situation.resolvConf, situation, version);
  const setup = { version, situation, reading };
  return (lookup, oracle) => {
    const { outcome, hasTied } = run(setup, lookup, oracle, usual);
    const isRotating = reading.flags.has('rotate') && reading.nameservers.length > 1;
    const races: Race[] = [];
    if (isRotating) races.push({ ...usual, first: 'A' });
    if (hasTied) races.push({ ...usual, last: 'A' });
    if (races.length === 0) return outcome;
    const alternatives = races.map((race) => run(setup, lookup, oracle, race).outcome);
    return { ...outcome, alternatives };
  };
}

function run(
  setup: GoSetup,
  lookup: Lookup,
  oracle: DnsOracle,
  race: Race,
): { readonly outcome: Outcome; readonly hasTied: boolean } {
  const wire = new Wire(oracle);
  const context: Context = { ...setup, wire, race, asked: 0, hasTied: false };
  const ending = lookUp(context, lookup);
  wire.queries.sort((one, other) => one.atMs - other.atMs);
  const outcome = { ...ending, queries: wire.queries, elapsedMs: wire.nowMs };
  return { outcome, hasTied: context.hasTied };
}

function lookUp(context: Context, lookup: Lookup): Ending {
  if (lookup.api !== undefined) throw new BeyondMeasured(`Go has no '${lookup.api}' here`);
  const { situation } = context;
  const { name, family } = lookup;
  const literal = inetPton(name) ?? ipv6WithScope(name);
  if (literal !== undefined) {
    if (isOfFamily(literal, family)) return found([literal], name, 'literal');
    return failed(unsuitable(name));
  }
  const order = lookupOrder(context, name);
  const inFiles = (): readonly string[] =>
    byDestination(lookInHosts(situation.hosts, name), situation, false);
  if (order.startsWith('files')) {
    const addresses = inFiles();
    if (addresses.length > 0) return ofFamily(addresses, name, family);
    if (order === 'files')
      return failed(context.version === '1.19' ? unsuitable(name) : noSuchHost);
  }
  if (!isDomainName(name)) return failed(noSuchHost);
  const ending = lookInDns(context, name, family);
  if (ending.kind === 'failed' && order === 'dns files') {
    const addresses = inFiles();
    if (addresses.length > 0) return ofFamily(addresses, name, family);
  }
  return ending;
}

const noSuchHost = 'no such host';

function unsuitable(name: string): string {
  return `address ${name}: no suitable address found`;
}

/** The hosts file ends the lookup even if it has the other family only. */
function ofFamily(addresses: readonly string[], name: string, family: Family): Ending {
  const fitting = addresses.filter((address) => isOfFamily(address, family));
  return fitting.length > 0 ? found(fitting, name, 'files') : failed(unsuitable(name));
}

function isOfFamily(address: string, family: Family): boolean {
  return family === 'unspec' || address.includes(':') === (family === 'inet6');
}

function lookInDns(context: Context, name: string, family: Family): Ending {
  const types = { unspec: ['A', 'AAAA'], inet: ['A'], inet6: ['AAAA'] }[family];
  let error: string | undefined;
  for (const candidate of candidates(context, name)) {
    const results = askTypes(context, candidate, types);
    const addresses = results.flatMap(({ result }) =>
      'addresses' in result ? result.addresses : [],
    );
    for (const { result } of results) {
      if (!('error' in result)) continue;
      // the error of the name as it is is kept before all others
      if (error === undefined || (candidate === name && !isRooted(name))) error = result.error;
    }
    if (addresses.length > 0) {
      const sorted = byDestination(addresses, context.situation, false);
      return found(sorted, candidate, 'dns');
    }
  }
  return failed(error ?? unsuitable(name));
}

/** Both types side by side (one after the other with single-request), in the order in which they end. */
function askTypes(
  context: Context,
  candidate: string,
  types: readonly string[],
): readonly TypeResult[] {
  const { wire, reading } = context;
  const startMs = wire.nowMs;
  const isSingle =
    reading.flags.has('single-request') || reading.flags.has('single-request-reopen');
  const results: TypeResult[] = [];
  const first = isSingle ? 'A' : context.race.first;
  const inStartOrder = [...types].sort((one, other) => rank(one, first) - rank(other, first));
  for (const type of inStartOrder) {
    if (!isSingle) wire.nowMs = startMs;
    results.push(askOne(context, candidate, type));
  }
  // of two that end at one moment, the one with more round trips ends later
  const { last } = context.race;
  results.sort(
    (one, other) =>
      one.endMs - other.endMs ||
      one.trips - other.trips ||
      rank(other.type, last) - rank(one.type, last),
  );
  const [earlier, later] = results;
  if (!isSingle && earlier !== undefined && later !== undefined) {
    const isTie = earlier.endMs === later.endMs && earlier.trips === later.trips;
    const one = 'error' in earlier.result ? earlier.result.error : undefined;
    const other = 'error' in later.result ? later.result.error : undefined;
    context.hasTied ||= isTie && one !== undefined && other !== undefined && one !== other;
  }
  wire.nowMs = Math.max(...results.map(({ endMs }) => endMs));
  return results;
}

function rank(type: string, first: string): number {
  return type === first ? 0 : 1;
}

/** tryOneName: the servers in order, `attempts` rounds; NXDOMAIN and NODATA are final. */
function askOne(context: Context, name: string, type: string): TypeResult {
  const { reading, wire } = context;
  const before = wire.queries.length;
  const ended = (result: TypeResult['result']): TypeResult => ({
    type,
    endMs: wire.nowMs,
    trips: wire.queries.length - before,
    result,
  });
  const servers = reading.nameservers;
  const offset = reading.flags.has('rotate') ? context.asked++ : 0;
  if (!canBeAsked(name)) {
    return ended({ error: 'cannot marshal DNS message' });
  }
  let error = '';
  for (let round = 0; round < reading.attempts.value; round++) {
    for (let index = 0; index < servers.length; index++) {
      const server = servers[(offset + index) % servers.length]?.address ?? '';
      const reply = exchange(context, server, name, type);
      if (typeof reply === 'string') {
        error = reply;
        continue;
      }
      const verdict = judge(context.version, reply, type);
      if (verdict.kind === 'final') return ended(verdict.result);
      error = verdict.error;
    }
  }
  return ended({ error });
}

/** UDP, then TCP after TC, each with the whole timeout. @returns the reply, or Go's error */
function exchange(
  { reading, wire }: Context,
  server: string,
  name: string,
  type: string,
): OracleReply | string {
  const { flags } = reading;
  const isTcpOnly = flags.has('use-vc') || flags.has('usevc') || flags.has('tcp');
  for (const transport of isTcpOnly ? (['tcp'] as const) : (['udp', 'tcp'] as const)) {
    const marks = { optSize: ednsSize, ad: flags.has('trust-ad') };
    const answer = wire.send({ server, transport, name, type }, marks);
    if (answer.kind === 'closed') return 'connection refused';
    if (answer.kind === 'timeout' || answer.delayMs >= reading.timeoutMs.value) {
      wire.nowMs += reading.timeoutMs.value;
      return 'timeout';
    }
    wire.nowMs += answer.delayMs;
    if (transport === 'udp' && answer.isTruncated) continue;
    return answer;
  }
  return 'no answer from DNS server';
}

type Verdict =
  | { readonly kind: 'final'; readonly result: TypeResult['result'] }
  | { readonly kind: 'next'; readonly error: string };

/** checkHeader and skipToAnswer. */
function judge(version: GoVersion, reply: OracleReply, type: string): Verdict {
  if (reply.rcode === 'NXDOMAIN') return { kind: 'final', result: { error: noSuchHost } };
  // 1.24 takes a reply with any additional record, as the OPT that answers ours, for no referral
  if (version === '1.19' && isLame(reply)) return { kind: 'next', error: 'lame referral' };
  if (reply.rcode !== 'NOERROR') return { kind: 'next', error: 'server misbehaving' };
  const addresses = addressesIn(reply, type);
  const result = addresses.length > 0 ? { addresses } : { error: noSuchHost };
  return { kind: 'final', result };
}

function found(addresses: readonly string[], owner: string, source: string): Ending {
  return { kind: 'found', addresses, owner, source };
}

function failed(error: string): Ending {
  return { kind: 'failed', error };
}
