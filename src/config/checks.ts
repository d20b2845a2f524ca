/**
 * What the keys of a configuration mean together. Every check works on data of any form and passes
 * over what is malformed (`issues.ts` has told of that), so that all faults are known at once.
 */
import { addressBytes } from '../dns/address.ts';
import { parseDomain } from './domain.ts';
import { parseCidr, parseListen, parseUpstream } from './endpoint.ts';
import { parseEngineUrl } from './engine-url.ts';
import type { PathFault } from './issues.ts';
import { type Fault, type Parsed, pathText, shown } from './problem.ts';
import { recordFaults } from './record-checks.ts';
import { entriesAt, hasKey, type Item, itemsAt, textAt, textsAt } from './tolerant.ts';

/** What the checks are told beside the data. */
export interface CheckContext {
  /** The region comes from a flag, and so goes in front of the file's search list. */
  readonly isRegionForced: boolean;
}

/** All faults between keys. Never throws, whatever the data. */
export function senseFaults(data: unknown, context: CheckContext): readonly PathFault[] {
  return [
    ...duplicateFaults(data),
    ...(context.isRegionForced ? [] : regionFaults(data)),
    ...domainFaults(data),
    ...upstreamFaults(data),
    ...engineFaults(data),
    ...recordFaults(data),
    ...threadFaults(data),
  ];
}

function at(item: Item<string>, fault: Fault): PathFault {
  return { path: item.path, of: 'value', fault, value: shown(item.value) };
}

/** Lists in which nothing may stand twice, and what makes two items the same. */
const LISTS: readonly [readonly string[], (text: string) => string | undefined][] = [
  [['listen'], (text) => keyOf(parseListen(text))],
  [['search'], (text) => keyOf(parseDomain(text))],
  [['domains'], (text) => keyOf(parseDomain(text))],
  [['networks'], (text) => text],
  [['expected', 'names'], (text) => keyOf(parseDomain(text))],
  [['allow'], (text) => keyOf(parseCidr(text)) ?? text],
  [['parity', 'stubs'], (text) => text],
  [['upstreams'], (text) => keyOf(parseUpstream(text))],
];

function keyOf<T>(result: Parsed<T>): string | undefined {
  return 'fault' in result ? undefined : JSON.stringify(result.value);
}

function duplicateFaults(data: unknown): PathFault[] {
  return LISTS.flatMap(([path, key]) => duplicatesIn(textsAt(data, path), key));
}

function duplicatesIn(
  items: readonly Item<string>[],
  key: (text: string) => string | undefined,
): PathFault[] {
  const firsts = new Map<string, Item<string>>();
  return items.flatMap((item) => {
    const identity = key(item.value);
    const first = identity === undefined ? undefined : firsts.get(identity);
    if (first !== undefined) {
      const wayOut = `remove it; the first is ${pathText(first.path)}`;
      return [at(item, { message: 'is listed twice', wayOut })];
    }
    if (identity !== undefined) firsts.set(identity, item);
    return [];
  });
}

function regionFaults(data: unknown): PathFault[] {
  const region = textAt(data, ['region']);
  const [first] = itemsAt(data, ['search']);
  if (region === undefined || first === undefined || typeof first.value !== 'string') return [];
  const wanted = keyOf(parseDomain(region.value));
  const got = keyOf(parseDomain(first.value));
  if (wanted === undefined || got === undefined || wanted === got) return [];
  const wayOut = `put ${region.value} first in search, or write region: ${first.value}`;
  return [at(region, { message: `is not the first of search, which is ${first.value}`, wayOut })];
}

function domainFaults(data: unknown): PathFault[] {
  const region = textAt(data, ['region']);
  const taken = [...textsAt(data, ['search']), ...(region === undefined ? [] : [region])];
  return textsAt(data, ['domains']).flatMap((item) => {
    const key = keyOf(parseDomain(item.value));
    const other = taken.find(({ value }) => key !== undefined && keyOf(parseDomain(value)) === key);
    if (other === undefined) return [];
    const message = `is a search domain already (${pathText(other.path)})`;
    return [at(item, { message, wayOut: 'remove it: owned names are served under those anyway' })];
  });
}

function upstreamFaults(data: unknown): PathFault[] {
  const faults: PathFault[] = [];
  const domains: Item<string>[] = [];
  const servers: Item<string>[] = [...textsAt(data, ['upstreams'])];
  for (const { path } of itemsAt(data, ['upstreams'])) {
    const own = textsAt(data, [...path, 'servers']);
    faults.push(...duplicatesIn(own, (text) => keyOf(parseUpstream(text))));
    servers.push(...own);
    const domain = textAt(data, [...path, 'domain']);
    if (domain !== undefined) domains.push(domain);
  }
  faults.push(...duplicatesIn(domains, (text) => keyOf(parseDomain(text))));
  const isOurs = ownAddresses(data);
  for (const server of servers) {
    if (!isOurs(server.value)) continue;
    const message = 'is where homeport itself listens, so queries would go in circles';
    faults.push(at(server, { message, wayOut: 'remove it, or write another server' }));
  }
  return faults;
}

/** Whether an upstream is a listening address, or on loopback where homeport listens on all addresses. */
function ownAddresses(data: unknown): (upstream: string) => boolean {
  const targets = textsAt(data, ['listen']).flatMap(({ value }) => {
    const result = parseListen(value);
    return 'value' in result && result.value.kind === 'address' ? [result.value] : [];
  });
  return (upstream) => {
    const result = parseUpstream(upstream);
    if ('fault' in result) return false;
    const { address, port } = result.value;
    const isLoopback = address === '::1' || address.startsWith('127.');
    return targets.some(
      (target) =>
        target.port === port &&
        (target.address === address ||
          (isLoopback && (addressBytes(target.address)?.every((byte) => byte === 0) ?? false))),
    );
  };
}

function engineFaults(data: unknown): PathFault[] {
  const engines = itemsAt(data, ['engines']).map(({ path }) => path);
  const names = engines.flatMap((path) => textAt(data, [...path, 'name']) ?? []);
  const urls = engines.flatMap((path) => textAt(data, [...path, 'url']) ?? []);
  return [
    ...duplicatesIn(names, (name) => name.toLowerCase()),
    ...duplicatesIn(urls, (url) => keyOf(parseEngineUrl(url, true))),
    ...engines.flatMap((path) => [...answerFaults(data, path), ...tlsFaults(data, path)]),
  ];
}

function answerFaults(data: unknown, path: readonly PropertyKey[]): PathFault[] {
  const answer = textAt(data, [...path, 'answer']);
  const hasAddress = hasKey(data, [...path, 'address']);
  if (answer?.value === 'host' && !hasAddress) {
    const wayOut = 'add address: and the address at which clients reach that host';
    return [at(answer, { message: 'does not say which address', wayOut })];
  }
  if (
    hasAddress &&
    answer?.value !== 'host' &&
    (answer === undefined || answer.value === 'containers')
  ) {
    const wayOut = 'add answer: host, or remove the address';
    return [
      {
        path: [...path, 'address'],
        of: 'key',
        fault: { message: 'is only given with answer: host', wayOut },
        value: null,
      },
    ];
  }
  return [];
}

function tlsFaults(data: unknown, path: readonly PropertyKey[]): PathFault[] {
  if (!hasKey(data, [...path, 'tls'])) return [];
  const url = textAt(data, [...path, 'url']);
  const result = url === undefined ? undefined : parseEngineUrl(url.value, true);
  const key = (tail: readonly string[], message: string, wayOut: string): PathFault[] => [
    { path: [...path, ...tail], of: 'key', fault: { message, wayOut }, value: null },
  ];
  if (result !== undefined && 'value' in result && result.value.kind !== 'tcp') {
    return key(
      ['tls'],
      `has no use for a ${result.value.kind} URL`,
      'remove it, or write a tcp:// URL',
    );
  }
  const hasCert = hasKey(data, [...path, 'tls', 'cert']);
  const hasCertKey = hasKey(data, [...path, 'tls', 'key']);
  if (hasCert === hasCertKey) return [];
  return hasCert
    ? key(['tls', 'cert'], 'is a certificate without its key', 'add key: key.pem')
    : key(['tls', 'key'], 'is a key without its certificate', 'add cert: cert.pem');
}

function threadFaults(data: unknown): PathFault[] {
  const [, threads] = entriesAt(data, []).find(([key]) => key === 'threads') ?? [];
  const transport = textAt(data, ['transport']);
  if (typeof threads !== 'number' || threads <= 1 || transport?.value !== 'dgram') return [];
  return [
    {
      path: ['threads'],
      of: 'value',
      fault: {
        message: 'needs batched system calls: node:dgram cannot share a port between threads',
        wayOut: 'write threads: 1, or remove transport: dgram',
      },
      value: shown(threads),
    },
  ];
}
