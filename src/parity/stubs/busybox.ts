/**
 * busybox nslookup (networking/nslookup.c, glibc builds): its own resolver. All candidates at once to one
 * server, first every A, then every AAAA; any reply at all ends it. Other applets use libc.
 */
import { inetAton, ipv6WithScope } from '../../resolv-conf/inet.ts';
import { readAsBusybox } from '../../resolv-conf/readings/busybox.ts';
import { readAsGlibc } from '../../resolv-conf/readings/glibc.ts';
import { type Reading, trimSpace } from '../../resolv-conf/readings/reading.ts';
import { runGlibc } from './glibc/getaddrinfo.ts';
import { GlibcProcess } from './glibc/process.ts';
import { canBeAsked, toBytes, withoutRoot } from './names.ts';
import {
  addressesIn,
  BeyondMeasured,
  type DnsOracle,
  type Ending,
  type Lookup,
  type OracleReply,
  type Outcome,
  type Situation,
  type StubResolver,
} from './stub.ts';
import { Wire } from './wire.ts';

const timeoutMs = 5000;
const sendsPerServer = 2;

interface Setup {
  readonly situation: Situation;
  readonly reading: Reading;
  /** the same file as the libc reads it that nslookup is linked with */
  readonly libc: Reading;
}

/** A question with the state it has on one server. */
interface Question {
  readonly name: string;
  readonly type: string;
  reply: OracleReply | undefined;
  /** the place of its reply among all: replies are printed as they come */
  place: number;
}

interface Arrival {
  readonly atMs: number;
  readonly question: Question;
  readonly reply: OracleReply;
}

/** Creates busybox nslookup for a situation; 1.35 and 1.37 behave alike. */
export function createBusyboxNslookup(situation: Situation): StubResolver {
  const setup: Setup = {
    situation,
    reading: readAsBusybox(situation.resolvConf, situation),
    libc: readAsGlibc(situation.resolvConf, situation),
  };
  return (lookup, oracle): Outcome => {
    const wire = new Wire(oracle);
    const ending = nslookup(setup, wire, oracle, lookup);
    return { ...ending, queries: wire.queries, elapsedMs: wire.nowMs };
  };
}

function nslookup(setup: Setup, wire: Wire, oracle: DnsOracle, lookup: Lookup): Ending {
  if (lookup.api !== undefined) throw new BeyondMeasured(`nslookup has no '${lookup.api}'`);
  // read as an option
  if (lookup.name.startsWith('-')) return failed;
  const servers: string[] = [];
  for (const { address } of setup.reading.nameservers) {
    const server = serverAddress(setup, wire, oracle, address);
    if (server === undefined) return failed;
    servers.push(server);
  }
  const questions = questionsFor(setup.reading, lookup);
  // libc packs the queries, so libc's trust-ad marks them
  const ad = setup.libc.flags.has('trust-ad');
  for (const server of servers) {
    if (askServer(wire, server, questions, ad)) return report(questions);
  }
  return failed;
}

const failed: Ending = { kind: 'failed', error: 'exit 1' };

/** An address with or without a port; any other text is looked up in libc, and fatal where that fails. */
function serverAddress(
  { situation, libc }: Setup,
  wire: Wire,
  oracle: DnsOracle,
  text: string,
): string | undefined {
  const withPort = /^(?:\[([^\]]+)\](?::(\d+))?|([^:]+):(\d+))(\r?)$/.exec(text);
  // a CR behind a port is no number
  if (withPort?.[5] === '\r') return undefined;
  const bare = withPort?.[1] ?? withPort?.[3] ?? text;
  // inet_aton stops at white space (a CR), inet_pton does not
  const address = inetAton(trimSpace(bare)) ?? ipv6WithScope(bare);
  if (address !== undefined) return address;
  const process = new GlibcProcess({ situation, reading: libc, resolved: '252' }, oracle);
  const outcome = runGlibc(process, { name: bare, family: 'unspec' });
  wire.queries.push(...outcome.queries);
  wire.nowMs += outcome.elapsedMs;
  return outcome.kind === 'found' ? outcome.addresses[0] : undefined;
}

/** A bare name with a list: every N.D and never N; any other name as it is. */
function questionsFor(reading: Reading, { name, family }: Lookup): readonly Question[] {
  const bytes = toBytes(name);
  const isSearched = !bytes.includes('.') && reading.search.length > 0;
  const names = isSearched
    ? reading.search.map(({ domain }) => `${bytes}.${toBytes(domain)}`)
    : [bytes];
  const types = { unspec: ['A', 'AAAA'], inet: ['A'], inet6: ['AAAA'] }[family];
  return types.flatMap((type) =>
    names.map((one) => ({ name: one, type, reply: undefined, place: 0 })),
  );
}

/** @returns whether the server answered anything; then no other is asked */
function askServer(
  wire: Wire,
  server: string,
  questions: readonly Question[],
  ad: boolean,
): boolean {
  const startMs = wire.nowMs;
  const arrivals: Arrival[] = [];
  const intervalMs = timeoutMs / sendsPerServer;
  let servfailRetries = 0;
  let replies = 0;
  const send = (question: Question): boolean => {
    const name = withoutRoot(question.name);
    if (!canBeAsked(name)) return false;
    const answer = wire.send({ server, transport: 'udp', name, type: question.type }, { ad });
    if (answer.kind === 'reply') {
      arrivals.push({ atMs: wire.nowMs + answer.delayMs, question, reply: answer });
    }
    return answer.kind !== 'closed';
  };
  for (let round = 0; round < sendsPerServer; round++) {
    wire.nowMs = startMs + round * intervalMs;
    for (const question of questions) {
      if (question.reply !== undefined || send(question)) continue;
      // a name that cannot be packed ends this server; a refused port does so at the next write only
      if (questions.length > 1 || !canBeAsked(withoutRoot(question.name))) return false;
    }
    servfailRetries = 2 * questions.length;
    const untilMs = wire.nowMs + intervalMs;
    for (let next = takeFirst(arrivals, untilMs); next; next = takeFirst(arrivals, untilMs)) {
      wire.nowMs = Math.max(wire.nowMs, next.atMs);
      const { question, reply } = next;
      if (question.reply !== undefined) continue;
      if (reply.rcode === 'SERVFAIL' && servfailRetries > 0) {
        servfailRetries--;
        send(question);
        continue;
      }
      question.reply = reply;
      question.place = ++replies;
      if (questions.every((one) => one.reply !== undefined)) return true;
    }
  }
  wire.nowMs = startMs + timeoutMs;
  return questions.some((question) => question.reply !== undefined);
}

function takeFirst(arrivals: Arrival[], untilMs: number): Arrival | undefined {
  let best: Arrival | undefined;
  for (const arrival of arrivals) {
    if (arrival.atMs < untilMs && (best === undefined || arrival.atMs < best.atMs)) best = arrival;
  }
  if (best !== undefined) arrivals.splice(arrivals.indexOf(best), 1);
  return best;
}

/** Prints all hits, also those of later domains; exits 1 if any query had an rcode. */
function report(questions: readonly Question[]): Ending {
  const inOrder = [...questions].sort((one, other) => one.place - other.place);
  const addresses = inOrder.flatMap(({ reply, type }) =>
    reply === undefined ? [] : addressesIn(reply, type),
  );
  const owner = questions.find(({ reply, type }) => reply && addressesIn(reply, type).length > 0);
  if (owner !== undefined) {
    return { kind: 'found', addresses, owner: withoutRoot(owner.name), source: 'dns' };
  }
  const hasRcode = questions.some(({ reply }) => reply !== undefined && reply.rcode !== 'NOERROR');
  return { kind: 'failed', error: hasRcode ? 'exit 1' : 'exit 0' };
}
