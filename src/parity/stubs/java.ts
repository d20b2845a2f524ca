/** Java: InetAddress is the C library's getaddrinfo for both families; JNDI's `dns:` provider asks servers itself. */
import { inetPton, ipv6WithScope } from '../../resolv-conf/inet.ts';
import { readAsJndi } from '../../resolv-conf/readings/nameservers.ts';
import type { Reading } from '../../resolv-conf/readings/reading.ts';
import { canBeAsked, toBytes, withoutRoot } from './names.ts';
import {
  addressesIn,
  BeyondMeasured,
  type Ending,
  type Lookup,
  type OracleReply,
  type Outcome,
  type Situation,
  type StubResolver,
} from './stub.ts';
import { Wire } from './wire.ts';

/**
 * Creates Java's resolvers: api `jndi`, else InetAddress.
 *
 * @param libc makes the C library's resolver that this JVM is linked with
 */
export function createJava(
  situation: Situation,
  libc: (situation: Situation) => StubResolver,
): StubResolver {
  const inetAddress = libc(situation);
  const reading = readAsJndi(situation.resolvConf);
  return (lookup, oracle): Outcome => {
    if (lookup.api !== 'jndi') {
      // InetAddress asks for both families; `inet` only chooses among the answers
      return asJavaSpells(inetAddress({ name: lookup.name, family: 'unspec' }, oracle));
    }
    const wire = new Wire(oracle);
    const ending = askJndi(reading, wire, lookup);
    return { ...ending, queries: wire.queries, elapsedMs: wire.nowMs };
  };
}

/** InetAddress tells no failure from another. */
function asJavaSpells(outcome: Outcome): Outcome {
  return outcome.kind === 'failed' ? { ...outcome, error: 'UnknownHostException' } : outcome;
}

/** One query as typed; servers in turn, one second each, doubled per round. */
function askJndi(reading: Reading, wire: Wire, { name, family }: Lookup): Ending {
  if (family === 'unspec') throw new BeyondMeasured('JNDI without a record type');
  const servers = reading.nameservers.map(({ address }) => withoutPort(address));
  if (!servers.every((server) => inetPton(server) ?? ipv6WithScope(server))) {
    throw new BeyondMeasured('JNDI with a server that is no plain address');
  }
  const type = family === 'inet' ? 'A' : 'AAAA';
  const asked = withoutRoot(toBytes(name));
  if (!canBeAsked(asked)) return { kind: 'failed', error: 'InvalidNameException' };
  const dropped = new Set<number>();
  let firstError: string | undefined;
  for (let round = 0; round < reading.attempts.value; round++) {
    const waitMs = reading.timeoutMs.value * 2 ** round;
    for (const [index, server] of servers.entries()) {
      if (dropped.has(index)) continue;
      const answer = wire.send({ server, transport: 'udp', name: asked, type });
      if (answer.kind === 'closed') {
        dropped.add(index);
        firstError ??= communicationError;
      } else if (answer.kind === 'timeout' || answer.delayMs >= waitMs) {
        wire.nowMs += waitMs;
        firstError ??= communicationError;
      } else {
        wire.nowMs += answer.delayMs;
        const reply = answer.isTruncated ? overTcp(wire, servers, index, asked, type) : answer;
        const error = errorOf(reply);
        if (error === undefined) return ending(reply, type, asked);
        if (error === notFound) return { kind: 'failed', error };
        dropped.add(index);
        firstError ??= error;
      }
    }
  }
  return { kind: 'failed', error: firstError ?? communicationError };
}

/** `127.0.0.2:53`, and `[::1]:53` */
function withoutPort(text: string): string {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):\d+$/.exec(text);
  return match?.[1] ?? match?.[2] ?? text;
}

const notFound = 'NameNotFoundException';
const communicationError = 'CommunicationException';

function overTcp(
  wire: Wire,
  servers: readonly string[],
  index: number,
  name: string,
  type: string,
): OracleReply {
  const server = servers[index] ?? '';
  const answer = wire.send({ server, transport: 'tcp', name, type });
  if (answer.kind !== 'reply') throw new BeyondMeasured('JNDI: TC and no answer over TCP');
  return answer;
}

function errorOf(reply: OracleReply): string | undefined {
  switch (reply.rcode) {
    case 'NOERROR':
      return undefined;
    case 'NXDOMAIN':
      return notFound;
    case 'SERVFAIL':
      return 'ServiceUnavailableException';
    case 'NOTIMP':
    case 'REFUSED':
      return 'OperationNotSupportedException';
    case 'FORMERR':
      return 'NamingException';
  }
}

function ending(reply: OracleReply, type: string, owner: string): Ending {
  const addresses = addressesIn(reply, type);
  // the attributes are then empty; how a program takes that is its own business
  if (addresses.length === 0) throw new BeyondMeasured('JNDI: a reply without such a record');
  return { kind: 'found', addresses, owner, source: 'dns' };
}
