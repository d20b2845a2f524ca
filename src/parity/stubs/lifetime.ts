/** A process that looks up twice while its files change: which configuration, or which old answer, it uses. */
import { lastOption } from '../../resolv-conf/resolv-conf.ts';
import { createStub, type StubName } from './registry.ts';
import type { DnsOracle, Lookup, Outcome, Situation } from './stub.ts';

/** Go looks at the file's time stamp at most this often. */
const goRecheckMs = 5000;
/** Java keeps found addresses this long by default, missing names for 10 s. */
const javaCacheMs = 30_000;
/** JNDI keeps its server list for this long. */
const jndiKeepsMs = 300_000;

/** What a running process does at its next lookup, after a change of resolv.conf. */
export type Refresh =
  | { readonly kind: 'reads the new file' }
  | { readonly kind: 'keeps the old file' }
  /** InetAddress: no query at all */
  | { readonly kind: 'repeats the old answer' };

/**
 * Decides what a process uses that started before resolv.conf changed.
 *
 * @param situation the files it started with
 * @param lookup its entry point decides for Node and Java
 * @param afterMs time since the lookup before
 */
export function refreshOf(
  name: StubName,
  situation: Situation,
  lookup: Lookup,
  afterMs: number,
): Refresh {
  const keeps: Refresh = { kind: 'keeps the old file' };
  const reads: Refresh = { kind: 'reads the new file' };
  const isPinned =
    situation.resolvConf !== undefined &&
    lastOption(situation.resolvConf, 'no-reload') !== undefined;
  if (name.startsWith('go-')) {
    // 1.19 does not know no-reload
    if (isPinned && name !== 'go-1.19') return keeps;
    return afterMs > goRecheckMs ? reads : keeps;
  }
  if (name.startsWith('node-') && lookup.api === 'resolve') return keeps;
  if (name.startsWith('c-ares-')) return keeps;
  if (name.startsWith('java-') && lookup.api === 'jndi')
    return afterMs < jndiKeepsMs ? keeps : reads;
  if (name.startsWith('java-') && afterMs < javaCacheMs) return { kind: 'repeats the old answer' };
  return isPinned && !name.startsWith('musl-') ? keeps : reads;
}

/** One process, the same lookup twice: before and after its files have changed. */
export function lookUpTwice(
  name: StubName,
  before: Situation,
  after: Situation,
  lookup: Lookup,
  oracle: DnsOracle,
  afterMs: number,
): readonly [Outcome, Outcome] {
  const first = createStub(name, before)(lookup, oracle);
  const refresh = refreshOf(name, before, lookup, afterMs);
  if (refresh.kind === 'repeats the old answer') {
    return [first, { ...first, queries: [], elapsedMs: 0 }];
  }
  const situation = refresh.kind === 'reads the new file' ? after : before;
  const second = createStub(name, situation)(lookup, oracle);
  const shiftMs = first.elapsedMs + afterMs;
  const queries = second.queries.map((query) => ({ ...query, atMs: query.atMs + shiftMs }));
  return [first, { ...second, queries }];
}
