/** Tools that people check with, and that mislead: dig, host, dnspython. One type per call, no hosts file. */
import { inetPton, ipv6WithScope } from '../../resolv-conf/inet.ts';
import { readAsBindTool, readAsDnspython } from '../../resolv-conf/readings/nameservers.ts';
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
  /** rcodes after which the next name is tried */
  readonly goesOnAfter: ReadonlySet<Rcode>;
  /** rcodes that send it to the next server, if there is one; undefined: not measured */
  readonly nextServerAfter: ReadonlySet<Rcode> | undefined;
  readonly read: (situation: Situation) => Reading;
}

interface Asked {
  readonly name: string;
  readonly reply: OracleReply;
}

/** dig 9.18: the name as it is; with `+search` the list by ndots, which ends at anything but NXDOMAIN. */
export function createDig(situation: Situation): StubResolver {
  return createTool(situation, {
    name: 'dig',
    optSize: 1232,
    ad: true,
    names: ({ name, flags }, reading) =>
      flags?.includes('+search') === true ? digList(name, reading) : [name],
    end: ({ name, reply }, type) => hit(reply, type, name) ?? { kind: 'failed', error: 'exit 0' },
    goesOnAfter: new Set(['NXDOMAIN']),
    nextServerAfter: new Set(),
    read: ({ resolvConf }) => readAsBindTool(resolvConf),
  });
}

/** With enough dots the name alone; else the search list, then the name. */
function digList(name: string, reading: Reading): readonly string[] {
  if (isRooted(name) || dotsIn(name) >= reading.ndots.value) return [name];
  return [...reading.search.map(({ domain }) => `${name}.${domain}`), name];
}

/** host 9.18: the search list by ndots; NODATA and SERVFAIL end it. */
export function createHost(situation: Situation): StubResolver {
  return createTool(situation, {
    name: 'host',
    optSize: null,
    ad: false,
    names: ({ name }, reading) => digList(name, reading),
    end: ({ name, reply }, type, lookup) => {
      const found = hit(reply, type, name);
      if (found !== undefined) return found;
      if (reply.rcode === 'NOERROR') {
        return { kind: 'failed', error: `exit 0: ${withoutRoot(name)} has no ${type} record` };
      }
      const shown = reply.rcode === 'NXDOMAIN' ? withoutRoot(lookup.name) : withoutRoot(name);
      const number = rcodeNumbers[reply.rcode];
      return {
        kind: 'failed',
        error: `exit 1: Host ${shown} not found: ${number}(${reply.rcode})`,
      };
    },
    goesOnAfter: new Set(['NXDOMAIN']),
    nextServerAfter: new Set(['SERVFAIL']),
    read: ({ resolvConf }) => readAsBindTool(resolvConf),
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
    nextServerAfter: undefined,
    read: (situation) => readAsDnspython(situation.resolvConf, situation),
  });
}

function pythonList(name: string, reading: Reading): readonly string[] {
  if (isRooted(name)) return [name];
  const suffixed = reading.search.map(({ domain }) => `${name}.${domain}`);
  return dotsIn(name) >= reading.ndots.value ? [name, ...suffixed] : [...suffixed, name];
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
    const reply = ask(tool, reading, wire, withoutRoot(toBytes(name)), type);
    last = { name, reply };
    if (!tool.goesOnAfter.has(reply.rcode)) break;
  }
  if (last === undefined) throw new BeyondMeasured(`${tool.name} without a name`);
  return tool.end(last, type, lookup);
}

/** Only what was measured: one server, or the next one after a failing reply. */
function ask(tool: Tool, reading: Reading, wire: Wire, name: string, type: string): OracleReply {
  if (!canBeAsked(name)) throw new BeyondMeasured(`${tool.name}: a name that cannot be asked`);
  const servers = reading.nameservers.map(({ address }) => address);
  for (const [index, server] of servers.entries()) {
    if (inetPton(server) === undefined && ipv6WithScope(server) === undefined) {
      throw new BeyondMeasured(`${tool.name}: a server that is no plain address`);
    }
    const marks = { optSize: tool.optSize, ad: tool.ad };
    const answer = wire.send({ server, transport: 'udp', name, type }, marks);
    const isLast = index === servers.length - 1;
    if (answer.kind === 'closed' && !isLast && tool.nextServerAfter !== undefined) continue;
    if (answer.kind !== 'reply') {
      throw new BeyondMeasured(`${tool.name}: a server without an answer`);
    }
    wire.nowMs += answer.delayMs;
    if (answer.isTruncated) {
      const again = wire.send({ server, transport: 'tcp', name, type }, marks);
      if (again.kind !== 'reply') throw new BeyondMeasured(`${tool.name}: no answer over TCP`);
      return again;
    }
    const isFailure = answer.rcode !== 'NOERROR' && answer.rcode !== 'NXDOMAIN';
    if (!isFailure || isLast) return answer;
    if (tool.nextServerAfter === undefined) {
      throw new BeyondMeasured(`${tool.name}: a failure of one of several servers`);
    }
    if (!tool.nextServerAfter.has(answer.rcode)) return answer;
  }
  throw new BeyondMeasured(`${tool.name} without a server`);
}

function hit(reply: OracleReply, type: string, name: string): Ending | undefined {
  const addresses = addressesIn(reply, type);
  if (addresses.length === 0) return undefined;
  return { kind: 'found', addresses, owner: withoutRoot(name), source: 'dns' };
}
