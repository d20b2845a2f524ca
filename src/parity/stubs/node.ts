/** Node's two resolvers: dns.lookup is the C library's getaddrinfo, dns.resolve* is ares_query with Node's own settings. */
import { domainToASCII } from 'node:url';
import { readAsCAres } from '../../resolv-conf/readings/c-ares.ts';
import { CAresChannel } from './c-ares/channel.ts';
import { queryOnly } from './c-ares/lookup.ts';
import { playAllDraws } from './draws.ts';
import type { Outcome, Situation, StubResolver } from './stub.ts';
import { Wire } from './wire.ts';

/** Node sets four tries whatever resolv.conf says. */
const tries = 4;
/** A timer looks at c-ares once a second, so a time-out is met at the next full second after it. */
const tickMs = 1000;

/**
 * Creates Node's resolver: api `lookup` (and none) is libc's, `resolve` c-ares'.
 *
 * @param libc makes the C library's resolver that this Node is linked with
 */
export function createNode(
  situation: Situation,
  libc: (situation: Situation) => StubResolver,
): StubResolver {
  const lookup = libc(situation);
  const reading = readAsCAres(situation.resolvConf, situation, '1.34');
  const settings = {
    version: '1.34',
    servers: reading.nameservers.map(({ address }) => address),
    timeoutMs: reading.timeoutMs.value,
    tries,
    checksResponses: false,
    hasEdns: false,
    roundUpMs: (ms: number): number => (Math.floor(ms / tickMs) + 1) * tickMs,
    isRotating: reading.flags.has('rotate'),
  } as const;
  return (asked, oracle): Outcome => {
    if (asked.api !== 'resolve') return lookup(asked, oracle);
    return playAllDraws((draw) => {
      const wire = new Wire(oracle);
      const channel = new CAresChannel({ ...settings, draw }, wire);
      const ending = queryOnly(channel, { ...asked, name: toAscii(asked.name) });
      const made = {
        queries: wire.queries,
        elapsedMs: wire.nowMs,
        longestMs: Math.max(channel.latestMs, wire.nowMs),
      };
      if (ending.kind === 'found') return { ...ending, ...made };
      return { kind: 'failed', error: ending.error.replace(/^ARES_/, ''), ...made };
    });
  };
}

/** Node asks for the IDNA form, which is lower case. */
function toAscii(name: string): string {
  return domainToASCII(name) || name.toLowerCase();
}
