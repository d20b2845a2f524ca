/** Node's two resolvers: dns.lookup is the C library's getaddrinfo, dns.resolve* is ares_query with Node's own settings. */
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { readAsCAres } from '../../resolv-conf/readings/c-ares.ts';
import { CAresChannel } from './c-ares/channel.ts';
import { queryOnly } from './c-ares/lookup.ts';
import { playAllDraws } from './draws.ts';
import type { DnsOracle, Lookup, Outcome, Situation, StubResolver } from './stub.ts';
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
    // flags that a program sets itself keep the file's; c-ares' own defaults overwrite it
    isTcpOnly: reading.flags.has('use-vc') || reading.flags.has('usevc'),
  } as const;
  return (asked, oracle): Outcome => {
    if (asked.api !== 'resolve') return lookUp(lookup, asked, oracle);
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

/** dns.lookup: an address is handed back whatever the family, and both ways of not finding are ENOTFOUND. */
function lookUp(libc: StubResolver, asked: Lookup, oracle: DnsOracle): Outcome {
  const { name } = asked;
  if (isIP(name) !== 0) {
    const found = { kind: 'found', addresses: [name], owner: name, source: 'literal' } as const;
    return { ...found, queries: [], elapsedMs: 0 };
  }
  const outcome = libc({ ...asked, name: toAscii(name) }, oracle);
  const { alternatives } = outcome;
  const spelt = asNodeSpells(outcome);
  return alternatives === undefined
    ? spelt
    : { ...spelt, alternatives: alternatives.map(asNodeSpells) };
}

function asNodeSpells(outcome: Outcome): Outcome {
  if (outcome.kind !== 'failed') return outcome;
  const isMissing = outcome.error === 'EAI_NONAME' || outcome.error === 'EAI_NODATA';
  return isMissing ? { ...outcome, error: 'ENOTFOUND' } : outcome;
}

/** Node asks for the IDNA form, which is lower case; `domainToASCII` would make an address of `127.1`. */
function toAscii(name: string): string {
  const hasOther = /[^\p{ASCII}]/u.test(name);
  return (hasOther ? domainToASCII(name) : '') || name.toLowerCase();
}
