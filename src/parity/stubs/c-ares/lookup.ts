/** c-ares' entry points: ares_getaddrinfo and ares_gethostbyname (files and DNS), ares_search, ares_query. */
import { aliasOf } from '../../../resolv-conf/host-aliases.ts';
import { entriesFor, type HostsFile } from '../../../resolv-conf/hosts-file.ts';
import { inetNetPton, inetPton } from '../../../resolv-conf/inet.ts';
import { type CAresVersion, readAsCAres } from '../../../resolv-conf/readings/c-ares.ts';
import type { Reading } from '../../../resolv-conf/readings/reading.ts';
import { byDestination } from '../destination-order.ts';
import { playAllDraws } from '../draws.ts';
import { dotsIn, isRooted, toBytes, withoutRoot } from '../names.ts';
import {
  addressesIn,
  BeyondMeasured,
  type Ending,
  type Family,
  type Lookup,
  type OracleReply,
  type Outcome,
  type Situation,
  type StubResolver,
} from '../stub.ts';
import { Wire } from '../wire.ts';
import { CAresChannel } from './channel.ts';
import type { AresStatus } from './status.ts';

interface Context {
  readonly version: CAresVersion;
  readonly situation: Situation;
  readonly reading: Reading;
  readonly channel: CAresChannel;
}

/** Creates a c-ares channel's resolver for a situation, as a program that links the library gets it. */
export function createCAres(situation: Situation, version: CAresVersion): StubResolver {
  const reading = readAsCAres(situation.resolvConf, situation, version);
  const settings = {
    version,
    servers: reading.nameservers.map(({ address }) => address),
    timeoutMs: reading.timeoutMs.value,
    tries: reading.attempts.value,
    checksResponses: true,
    hasEdns: version === '1.34',
    isRotating: reading.flags.has('rotate'),
  };
  return (lookup, oracle): Outcome =>
    playAllDraws((draw) => {
      const wire = new Wire(oracle);
      const channel = new CAresChannel({ ...settings, draw }, wire);
      const ending = end({ version, situation, reading, channel }, lookup);
      const longestMs = Math.max(channel.latestMs, wire.nowMs);
      return { ...ending, queries: wire.queries, elapsedMs: wire.nowMs, longestMs };
    });
}

function end(context: Context, lookup: Lookup): Ending {
  switch (lookup.api) {
    case undefined:
    case 'ares_getaddrinfo':
      return getaddrinfo(context, lookup.name, lookup.family);
    case 'ares_gethostbyname':
      if (lookup.family === 'unspec') throw new BeyondMeasured('ares_gethostbyname: no family');
      return getaddrinfo(context, lookup.name, lookup.family);
    case 'ares_search':
      return searchOnly(context, lookup);
    case 'ares_query':
      return queryOnly(context.channel, lookup);
    default:
      throw new BeyondMeasured(`c-ares has no '${lookup.api}' here`);
  }
}

function getaddrinfo(context: Context, name: string, family: Family): Ending {
  const literal = inetPton(name);
  if (literal !== undefined) {
    if (context.version === '1.18') throw new BeyondMeasured('c-ares 1.18: an address as name');
    if (isOfFamily(literal, family) || family === 'inet6') {
      return found([literal], name, 'literal');
    }
    return failed('ARES_EBADNAME');
  }
  if (isOnion(name)) return failed('ARES_ENOTFOUND');
  let error: AresStatus = 'ARES_ECONNREFUSED';
  for (const source of sourcesOf(context.situation)) {
    if (source === 'files') {
      const addresses = lookInHosts(context, name, family);
      if (addresses.length > 0) return found(sorted(context, addresses), name, 'files');
      continue;
    }
    // RFC 6761: localhost is never asked
    if (isLocalhost(context.version, name)) continue;
    const outcome = lookInDns(context, name, family);
    if (outcome.kind === 'found') return outcome;
    error = outcome.error;
    if (!outcome.goesOn) return failed(error);
  }
  return failed(error);
}

function sorted({ situation }: Context, addresses: readonly string[]): readonly string[] {
  return byDestination(addresses, situation);
}

/** The order of files and dns in nsswitch.conf; `resolve` counts as dns, all else is passed over. */
function sourcesOf(situation: Situation): readonly ('files' | 'dns')[] {
  const sources = new Set<'files' | 'dns'>();
  for (const { source } of situation.nsswitch.hosts) {
    if (source === 'files') sources.add('files');
    else if (source === 'dns' || source === 'resolve') sources.add('dns');
  }
  return sources.size > 0 ? [...sources] : ['files', 'dns'];
}

/** RFC 7686: never asked, whatever the entry point. */
function isOnion(name: string): boolean {
  return /(^|\.)onion\.?$/i.test(name);
}

/** Compared as typed: `localhost.` is asked like any other name, by 1.18 `LOCALHOST` too. */
function isLocalhost(version: CAresVersion, name: string): boolean {
  if (version === '1.18') return name === 'localhost';
  const plain = name.toLowerCase();
  return plain === 'localhost' || plain.endsWith('.localhost');
}

function lookInHosts(
  { situation, version }: Context,
  name: string,
  family: Family,
): readonly string[] {
  const all =
    version === '1.18' ? linesWith(situation.hosts, name) : mergedEntry(situation.hosts, name);
  const addresses = all.filter((address) => isOfFamily(address, family));
  const isInHosts = addresses.length > 0 && version === '1.18';
  if (isInHosts || !isLocalhost(version, name)) return addresses;
  return ['::1', '127.0.0.1'].filter((address) => isOfFamily(address, family));
}

function linesWith(hosts: HostsFile, name: string): readonly string[] {
  return entriesFor(hosts, name)
    .map((entry) => addressOf(entry.address))
    .filter((address) => address !== undefined);
}

/** As in resolv.conf, `127.1` is 127.1.0.0. */
function addressOf(text: string): string | undefined {
  return inetNetPton(text) ?? inetPton(text);
}

/**
 * 1.34 (ares_hosts_file.c) merges a line into an earlier one with the same address, else into one that
 * shares a name: all names of an entry then have all its addresses. A name stays with its first entry.
 */
function mergedEntry(hosts: HostsFile, name: string): readonly string[] {
  const byAddress = new Map<string, string[]>();
  const byName = new Map<string, string[]>();
  for (const line of hosts.entries) {
    const address = addressOf(line.address);
    if (address === undefined) continue;
    const names = line.names.map((own) => own.toLowerCase());
    const shared = names.map((own) => byName.get(own)).find((entry) => entry !== undefined);
    const entry = byAddress.get(address) ?? shared ?? [];
    if (!byAddress.has(address)) {
      entry.push(address);
      byAddress.set(address, entry);
    }
    for (const own of names) if (!byName.has(own)) byName.set(own, entry);
  }
  return byName.get(name.toLowerCase()) ?? [];
}

function isOfFamily(address: string, family: Family): boolean {
  return family === 'unspec' || address.includes(':') === (family === 'inet6');
}

/** The names to try: an alias alone, a rooted name alone, else search list and name by ndots. */
function candidates({ situation, reading, version }: Context, name: string): readonly string[] {
  const path = situation.env.HOSTALIASES;
  const alias =
    path === undefined || name.includes('.') ? undefined : aliasOf(situation.files[path], name);
  // 1.34 asks the alias alone, 1.18 searches it
  if (alias !== undefined && version === '1.34') return [toBytes(alias)];
  const bytes = toBytes(alias ?? name);
  if (isRooted(bytes)) return [bytes];
  const suffixed = reading.search.map(({ domain }) => {
    // 1.18 ends up with two final dots, which is no name
    if (domain === '.') return version === '1.34' ? `${bytes}.` : `${bytes}..`;
    return `${bytes}.${toBytes(domain)}`;
  });
  return dotsIn(bytes) >= reading.ndots.value ? [bytes, ...suffixed] : [...suffixed, bytes];
}

type DnsOutcome =
  | (Ending & { readonly kind: 'found' })
  | { readonly kind: 'failed'; readonly error: AresStatus; readonly goesOn: boolean };

function lookInDns(context: Context, name: string, family: Family): DnsOutcome {
  const types = { unspec: ['A', 'AAAA'], inet: ['A'], inet6: ['AAAA'] }[family];
  let hasNodata = false;
  let error: AresStatus = 'ARES_ECONNREFUSED';
  for (const candidate of candidates(context, name)) {
    const { addresses, status, isNodata } = askPair(context, candidate, types);
    if (addresses.length > 0) {
      const owner = withoutRoot(candidate);
      return { kind: 'found', addresses: sorted(context, addresses), owner, source: 'dns' };
    }
    hasNodata ||= isNodata;
    if (isNodata || status === 'ARES_ENOTFOUND') {
      error = hasNodata ? 'ARES_ENODATA' : status;
    } else {
      error = status;
      if (!mayGoOn(context.version, candidate, status)) {
        return { kind: 'failed', error, goesOn: false };
      }
    }
  }
  return { kind: 'failed', error, goesOn: true };
}

/** 1.34 passes over SERVFAIL and REFUSED for a candidate of one label, as systemd-resolved answers it. */
function mayGoOn(version: CAresVersion, candidate: string, status: AresStatus): boolean {
  if (version !== '1.34') return false;
  // a final dot counts as a label of its own
  const isOneLabel = !candidate.includes('.');
  return isOneLabel && (status === 'ARES_ESERVFAIL' || status === 'ARES_EREFUSED');
}

interface Pair {
  readonly addresses: readonly string[];
  /** of the query that ended last: it alone decides */
  readonly status: AresStatus;
  readonly isNodata: boolean;
}

function askPair({ channel, version }: Context, name: string, types: readonly string[]): Pair {
  const stopsRetries = version === '1.34';
  const addresses: string[] = [];
  let last: AresStatus = 'ARES_SUCCESS';
  let isNodata = false;
  for (const type of types) {
    channel.query(name, type, (status, reply) => {
      last = status;
      const own = reply === undefined ? [] : addressesIn(reply, type);
      addresses.push(...own);
      // a CNAME without an address parses as no data
      const isEmpty = status === 'ARES_SUCCESS' && own.length === 0;
      isNodata = status === 'ARES_ENODATA' || isEmpty;
      // measured one way only: an AAAA that was found lets the A query go on
      if (own.length > 0 && type === 'A' && stopsRetries) channel.stopRetries('AAAA');
    });
  }
  channel.run();
  return { addresses, status: last, isNodata };
}

/** ares_search: one type, the search list, no files. */
function searchOnly(context: Context, { name, family }: Lookup): Ending {
  if (isOnion(name)) return failed('ARES_ENOTFOUND');
  const type = typeOf(family);
  let hasNodata = false;
  let asIs: AresStatus | undefined;
  let last: AresStatus = 'ARES_ENOTFOUND';
  for (const candidate of candidates(context, name)) {
    const { status, reply } = ask(context.channel, candidate, type);
    if (reply !== undefined && status === 'ARES_SUCCESS') {
      return found(addressesIn(reply, type), withoutRoot(candidate), 'dns');
    }
    last = status;
    hasNodata ||= status === 'ARES_ENODATA';
    if (candidate === toBytes(name)) asIs = status;
    const goesOn =
      status === 'ARES_ENODATA' ||
      status === 'ARES_ENOTFOUND' ||
      mayGoOn(context.version, candidate, status);
    if (!goesOn) return failed(status);
  }
  const error = asIs ?? last;
  return failed(error === 'ARES_ENOTFOUND' && hasNodata ? 'ARES_ENODATA' : error);
}

/** ares_query: one name, one type, as typed. */
export function queryOnly(channel: CAresChannel, { name, family }: Lookup): Ending {
  if (isOnion(name)) return failed('ARES_ENOTFOUND');
  const type = typeOf(family);
  const asked = toBytes(name);
  const { status, reply } = ask(channel, asked, type);
  if (reply === undefined || status !== 'ARES_SUCCESS') return failed(status);
  return found(addressesIn(reply, type), withoutRoot(asked), 'dns');
}

function ask(
  channel: CAresChannel,
  name: string,
  type: string,
): { readonly status: AresStatus; readonly reply: OracleReply | undefined } {
  let result: { status: AresStatus; reply: OracleReply | undefined } = {
    status: 'ARES_ETIMEOUT',
    reply: undefined,
  };
  channel.query(name, type, (status, reply) => {
    result = { status, reply };
  });
  channel.run();
  return result;
}

function typeOf(family: Family): string {
  if (family === 'unspec') throw new BeyondMeasured('a single query without a type');
  return family === 'inet' ? 'A' : 'AAAA';
}

function found(addresses: readonly string[], owner: string, source: string): Ending {
  return { kind: 'found', addresses, owner, source };
}

function failed(error: string): Ending & { readonly kind: 'failed' } {
  return { kind: 'failed', error };
}
