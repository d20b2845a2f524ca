/** Tools that people check with, and that mislead: dig, host, dnspython. One type per call, no hosts file. */
import { inetPton, ipv6WithScope } from '../../resolv-conf/inet.ts';
import { readAsBindTool } from '../../resolv-conf/readings/bind.ts';
import { readAsDnspython } from '../../resolv-conf/readings/nameservers.ts';
import type { Reading } from '../../resolv-conf/readings/reading.ts';
import { canBeAsked, dotsIn, isRooted, toBytes, withoutRoot } from './names.ts';
import {
  addressesIn,
  BeyondMeasured,
  type Ending,
  type Lookup,
  type OracleReply,
  type Outcome,
  type Rcode,
  type Situation,
  type StubResolver,
} from './stub.ts';
import { Wire } from './wire.ts';

/** How a tool asks: what it marks its queries with, and which names it tries. */
interface Tool {
  readonly name: string;
  readonly optSize: number | null;
  readonly ad: boolean;
  readonly names: (lookup: Lookup, reading: Reading) => readonly string[];
  readonly end: (last: Asked, type: string, lookup: Lookup) => Ending;
  readonly ask: (tool: Tool, reading: Reading, wire: Wire, question: Question) => OracleReply;
  /** rcodes after which the next name is tried */
  readonly goesOnAfter: ReadonlySet<Rcode>;
  readonly read: (situation: Situation) => Reading;
}

/** One of BIND's: it asks its first server as often as it tries, every other one once. */
interface BindTool extends Tool {
  /** undefined: `attempts` of the file */
  readonly tries: number | undefined;
  /** replies that send it to the next server, if there is one */
  readonly isPassedOver: (reply: OracleReply) => boolean;
  /** the errors for a file, a name and servers that do not serve */
  readonly errors: { readonly file: string; readonly name: string; readonly servers: string };
}

interface Question {
  readonly name: string;
  readonly type: string;
  /** as typed, nothing appended */
  readonly isTyped: boolean;
}

interface Asked {
  readonly name: string;
  readonly reply: OracleReply;
}

/** Ends the tool: thrown where it prints a message and exits. */
class ToolExit extends Error {}

/** dig 9.18: the name as it is; with `+search` the list by ndots, which ends at anything but NXDOMAIN. */
export function createDig(situation: Situation): StubResolver {
  return createBindTool(situation, {
    name: 'dig',
    optSize: 1232,
    ad: true,
    names: ({ name, flags }, reading) =>
      flags?.includes('+search') === true ? digList(name, reading) : [name],
    end: ({ name, reply }, type) => hit(reply, type, name) ?? { kind: 'failed', error: 'exit 0' },
    goesOnAfter: new Set(['NXDOMAIN']),
    tries: undefined,
    isPassedOver: () => false,
    errors: { file: 'exit 1', name: 'exit 10', servers: 'exit 9' },
  });
}

/** With enough dots the name alone; else the search list, then the name. */
function digList(name: string, reading: Reading): readonly string[] {
  if (isRooted(name) || dotsIn(name) >= reading.ndots.value) return [name];
  return [...reading.search.map(({ domain }) => under(name, domain)), name];
}

/** `.` is the root, which `N.` is under already. */
function under(name: string, domain: string): string {
  return domain === '.' ? `${name}.` : `${name}.${domain}`;
}

/** host sets its tries itself and passes over `attempts`. */
const hostTries = 2;

/** host 9.18: the search list by ndots; NODATA and SERVFAIL end it. */
export function createHost(situation: Situation): StubResolver {
  return createBindTool(situation, {
    name: 'host',
    optSize: null,
    ad: false,
    names: ({ name }, reading) => digList(name, reading),
    end: ({ name, reply }, type, lookup) => {
      const found = hit(reply, type, name);
      if (found !== undefined) return found;
      const alias = reply.answers.findLast((record) => record.type === 'CNAME');
      if (alias !== undefined) {
        const owner = reply.answers.length > 1 ? alias.name : withoutRoot(name);
        return { kind: 'failed', error: `exit 0: ${owner} is an alias for ${alias.data}.` };
      }
      if (reply.rcode === 'NOERROR') {
        return { kind: 'failed', error: `exit 0: ${withoutRoot(name)} has no ${type} record` };
      }
      const shown = reply.rcode === 'NXDOMAIN' ? lookup.name : withoutRoot(name);
      const number = rcodeNumbers[reply.rcode];
      return {
        kind: 'failed',
        error: `exit 1: Host ${shown} not found: ${number}(${reply.rcode})`,
      };
    },
    goesOnAfter: new Set(['NXDOMAIN']),
    tries: hostTries,
    isPassedOver: ({ rcode, isRecursionAvailable }) =>
      rcode === 'SERVFAIL' || !isRecursionAvailable,
    errors: {
      file: 'exit 1: ',
      name: 'exit 1: ',
      servers: 'exit 1: ;; no servers could be reached',
    },
  });
}

const rcodeNumbers: Readonly<Record<Rcode, number>> = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
};

/** dnspython 2.3: resolve() as it is; with search the list and the name by ndots, NODATA ends it. */
export function createDnspython(situation: Situation): StubResolver {
  return createTool(situation, {
    name: 'dnspython',
    optSize: null,
    ad: false,
    names: ({ name, api }, reading) =>
      api === 'resolve_search' ? pythonList(name, reading) : [name],
    end: ({ name, reply }, type) => {
      const found = hit(reply, type, name);
      if (found !== undefined) return found;
      if (reply.rcode === 'NXDOMAIN') return { kind: 'failed', error: 'NXDOMAIN' };
      return { kind: 'failed', error: reply.rcode === 'NOERROR' ? 'NoAnswer' : 'NoNameservers' };
    },
    goesOnAfter: new Set(['NXDOMAIN']),
    ask: askPython,
    read: (situation) => readAsDnspython(situation.resolvConf, situation),
  });
}

function pythonList(name: string, reading: Reading): readonly string[] {
  if (isRooted(name)) return [name];
  const suffixed = reading.search.map(({ domain }) => `${name}.${domain}`);
  return dotsIn(name) >= reading.ndots.value ? [name, ...suffixed] : [...suffixed, name];
}

function createBindTool(situation: Situation, tool: Omit<BindTool, 'ask' | 'read'>): StubResolver {
  const reading = readAsBindTool(situation.resolvConf);
  const ask: Tool['ask'] = (_, own, wire, question) => askBind(tool, own, wire, question);
  const run = createTool(situation, { ...tool, ask, read: () => reading });
  return (lookup, oracle) => {
    // a leading hyphen is an option, and none of these that anyone would mean
    const isOption = lookup.name.startsWith('-');
    return reading.isRefused || isOption ? exit(tool.errors.file) : run(lookup, oracle);
  };
}

function exit(error: string): Outcome {
  return { kind: 'failed', error, queries: [], elapsedMs: 0 };
}

function createTool(situation: Situation, tool: Tool): StubResolver {
  const reading = tool.read(situation);
  return (lookup, oracle): Outcome => {
    const wire = new Wire(oracle);
    const ending = run(tool, reading, wire, lookup);
    return { ...ending, queries: wire.queries, elapsedMs: wire.nowMs };
  };
}

function run(tool: Tool, reading: Reading, wire: Wire, lookup: Lookup): Ending {
  if (lookup.family === 'unspec') throw new BeyondMeasured(`${tool.name} without a type`);
  const type = lookup.family === 'inet' ? 'A' : 'AAAA';
  let last: Asked | undefined;
  for (const name of tool.names(lookup, reading)) {
    try {
      const question = { name: withoutRoot(toBytes(name)), type, isTyped: name === lookup.name };
      const reply = tool.ask(tool, reading, wire, question);
      last = { name, reply };
    } catch (thrown) {
      if (!(thrown instanceof ToolExit)) throw thrown;
      return { kind: 'failed', error: thrown.message };
    }
    if (!tool.goesOnAfter.has(last.reply.rcode)) break;
  }
  if (last === undefined) throw new BeyondMeasured(`${tool.name} without a name`);
  return tool.end(last, type, lookup);
}

/** dighost.c: a server that is silent or refuses is tried again while tries are left, then the next one. */
function askBind(
  tool: Omit<BindTool, 'ask' | 'read'>,
  reading: Reading,
  wire: Wire,
  { name, type, isTyped }: Question,
): OracleReply {
  if (name !== '' && !canBeAsked(name)) {
    throw new ToolExit(isTyped ? tool.errors.name : tool.errors.file);
  }
  const marks = { optSize: tool.optSize, ad: tool.ad };
  let triesLeft = tool.tries ?? reading.attempts.value;
  for (const [index, { address: server }] of reading.nameservers.entries()) {
    for (;;) {
      const answer = wire.send({ server, transport: 'udp', name, type }, marks);
      const isLate = answer.kind === 'reply' && answer.delayMs >= reading.timeoutMs.value;
      if (answer.kind === 'reply' && !isLate) {
        wire.nowMs += answer.delayMs;
        const isLast = index === reading.nameservers.length - 1;
        if (tool.isPassedOver(answer) && !isLast) break;
        return answer.isTruncated ? overTcp(tool, wire, server, { name, type }) : answer;
      }
      if (answer.kind !== 'closed') wire.nowMs += reading.timeoutMs.value;
      if (triesLeft <= 1) break;
      triesLeft--;
    }
  }
  throw new ToolExit(tool.errors.servers);
}

function overTcp(
  { name: tool, optSize, ad }: Pick<Tool, 'name' | 'optSize' | 'ad'>,
  wire: Wire,
  server: string,
  question: Omit<Question, 'isTyped'>,
): OracleReply {
  const again = wire.send({ server, transport: 'tcp', ...question }, { optSize, ad });
  if (again.kind !== 'reply') throw new BeyondMeasured(`${tool}: no answer over TCP`);
  return again;
}

/** dnspython: each server once, until one does not fail; silent ones were not measured. */
function askPython(
  tool: Tool,
  reading: Reading,
  wire: Wire,
  { name, type }: Question,
): OracleReply {
  if (!canBeAsked(name)) throw new BeyondMeasured(`${tool.name}: a name that cannot be asked`);
  const { optSize, ad } = tool;
  let last: OracleReply | undefined;
  for (const { address: server } of reading.nameservers) {
    if (inetPton(server) === undefined && ipv6WithScope(server) === undefined) {
      throw new BeyondMeasured(`${tool.name}: a server that is no plain address`);
    }
    const answer = wire.send({ server, transport: 'udp', name, type }, { optSize, ad });
    if (answer.kind !== 'reply') {
      throw new BeyondMeasured(`${tool.name}: a server without an answer`);
    }
    wire.nowMs += answer.delayMs;
    last = answer.isTruncated ? overTcp(tool, wire, server, { name, type }) : answer;
    if (last.rcode === 'NOERROR' || last.rcode === 'NXDOMAIN') return last;
  }
  if (last === undefined) throw new BeyondMeasured(`${tool.name} without a server`);
  return last;
}

function hit(reply: OracleReply, type: string, name: string): Ending | undefined {
  const addresses = addressesIn(reply, type);
  if (addresses.length === 0) return undefined;
  return { kind: 'found', addresses, owner: withoutRoot(name), source: 'dns' };
}
