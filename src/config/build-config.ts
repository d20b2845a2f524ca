/** A file whose form and sense are right → the frozen `Config`, with defaults and units. */
import { join, resolve } from 'node:path';
import { HomeportError } from '../errors.ts';
import {
  type AllowConfig,
  type CacheConfig,
  type Config,
  type EngineConfig,
  type EngineTls,
  type ExpectedConfig,
  FLUSHABLE_CACHES,
  type ParityConfig,
  type StaticRecord,
  type UpstreamsConfig,
} from './config.ts';
import { parseDomain, parseRecordName } from './domain.ts';
import { parseDuration } from './duration.ts';
import { parseAddress, parseCidr, parseListen, parseUpstream } from './endpoint.ts';
import { parseEngineUrl } from './engine-url.ts';
import { defaultControl, defaultState, type Environment, homeOf } from './environment.ts';
import type { Parsed } from './problem.ts';
import { ALLOW_WORDS } from './values.ts';
import type {
  Written,
  WrittenCache,
  WrittenEngine,
  WrittenExpected,
  WrittenParity,
  WrittenRecord,
} from './written.ts';

/** What a configuration is built with beside the file. */
export interface BuildContext {
  /** Absolute, or null. */
  readonly file: string | null;
  /** The directory that a key's relative paths start from. */
  readonly baseOf: (key: string) => string;
  /** The file's region where a flag gives another. */
  readonly replacedRegion: string | null;
  readonly env: Environment;
}

const DEFAULT_LISTEN = '127.0.0.1:5300';
const DEFAULT_ENGINE: WrittenEngine = { name: 'local', url: 'unix:///var/run/docker.sock' };
const LOOPBACK = ['127.0.0.0/8', '::1/128'];

/**
 * Builds the configuration.
 *
 * @param written has passed `formFaults` and `senseFaults`
 * @throws HomeportError CONFIG_INVALID where it has not: a bug of ours
 */
export function buildConfig(written: Written, context: BuildContext): Config {
  const path = (key: keyof Written, text: string): string =>
    absolutePath(text, context.baseOf(key), context.env);
  return deepFreeze({
    file: context.file,
    listen: (written.listen ?? [DEFAULT_LISTEN]).map((text) => sure(parseListen(text))),
    searchDomains: searchDomains(written, context.replacedRegion),
    localDomains: (written.domains ?? []).map((text) => sure(parseDomain(text))),
    ttlSeconds: written.ttl ?? 0,
    holdMs: written.hold_ms ?? 250,
    upstreams: upstreams(written.upstreams ?? []),
    resolvConf: path('resolv_conf', written.resolv_conf ?? '/etc/resolv.conf'),
    engines: (written.engines ?? [DEFAULT_ENGINE]).map((engine) =>
      engineConfig(engine, (text) => path('engines', text)),
    ),
    networkOrder: written.networks ?? [],
    records: Object.entries(written.records ?? {}).map(([name, record]) =>
      staticRecord(name, record),
    ),
    expected: expected(written.expected ?? {}),
    allow: allow(written.allow ?? ALLOW_WORDS),
    cache: cache(written.cache ?? {}),
    control: path('control', written.control ?? defaultControl(context.env)),
    state: path('state', written.state ?? defaultState(context.env)),
    log: { level: written.log?.level ?? 'info', queries: written.log?.queries ?? false },
    threads: written.threads ?? 1,
    transport: written.transport ?? 'auto',
    flush: [...new Set(written.flush ?? FLUSHABLE_CACHES)],
    parity: parity(written.parity ?? {}, (text) => path('parity', text)),
  });
}

/** The value of what was checked before. */
function sure<T>(result: Parsed<T>): T {
  if ('value' in result) return result.value;
  throw new HomeportError('CONFIG_INVALID', `${result.fault.message}; ${result.fault.wayOut}`);
}

/** The region first. A region from a flag takes the place of the file's. */
function searchDomains(
  { region, search = [] }: Written,
  replacedRegion: string | null,
): readonly string[] {
  const domains = search.map((text) => sure(parseDomain(text)));
  if (region === undefined) return domains;
  const first = sure(parseDomain(region));
  const replaced = replacedRegion === null ? undefined : parseDomain(replacedRegion);
  const gone = replaced !== undefined && 'value' in replaced ? replaced.value : first;
  return [first, ...domains.filter((domain) => domain !== first && domain !== gone)];
}

function upstreams(list: NonNullable<Written['upstreams']>): UpstreamsConfig {
  const parse = (text: string) => sure(parseUpstream(text));
  return {
    servers: list.flatMap((item) => (typeof item === 'string' ? [parse(item)] : [])),
    byDomain: list.flatMap((item) =>
      typeof item === 'string'
        ? []
        : [{ domain: sure(parseDomain(item.domain)), servers: item.servers.map(parse) }],
    ),
  };
}

function engineConfig(engine: WrittenEngine, path: (text: string) => string): EngineConfig {
  const url = sure(parseEngineUrl(engine.url, engine.tls !== undefined));
  const addresses = typeof engine.address === 'string' ? [engine.address] : (engine.address ?? []);
  return {
    name: engine.name ?? (url.kind === 'unix' ? 'local' : url.host),
    url,
    tls: engine.tls === undefined ? null : tls(engine.tls, path),
    answer: engine.answer ?? 'containers',
    addresses: addresses.map((text) => sure(parseAddress(text))),
  };
}

function tls(
  { ca, cert, key }: NonNullable<WrittenEngine['tls']>,
  path: (text: string) => string,
): EngineTls {
  const file = (text: string | undefined) => (text === undefined ? null : path(text));
  return { ca: file(ca), cert: file(cert), key: file(key) };
}

function staticRecord(
  name: string,
  record: string | readonly string[] | WrittenRecord,
): StaticRecord {
  const written: WrittenRecord =
    typeof record === 'string'
      ? { addresses: [record] }
      : isList(record)
        ? { addresses: record }
        : record;
  const addresses = (written.addresses ?? []).map((text) => sure(parseAddress(text)));
  return {
    name: sure(parseRecordName(name)),
    addresses: [...new Set(addresses)],
    cname: written.cname === undefined ? null : sure(parseDomain(written.cname)),
    texts: written.txt ?? [],
    ports: Object.entries(written.srv ?? {}).map(([service, port]) => ({
      service: service.toLowerCase(),
      port,
    })),
    ttlSeconds: written.ttl ?? null,
  };
}

/** `Array.isArray` does not know readonly arrays. */
function isList<T>(value: T | readonly string[]): value is readonly string[] {
  return Array.isArray(value);
}

function expected({ names = [], when_missing, departed_for }: WrittenExpected): ExpectedConfig {
  return {
    names: names.map((text) => sure(parseDomain(text))),
    whenMissing: when_missing ?? 'refuse',
    departedForMs: departed_for === 0 ? 0 : sure(parseDuration(departed_for ?? '10m')),
  };
}

function allow(words: readonly string[]): AllowConfig {
  const isWord = (word: string) => (ALLOW_WORDS as readonly string[]).includes(word);
  const cidrs = words.filter((word) => !isWord(word)).map((text) => sure(parseCidr(text)));
  return {
    cidrs: [...(words.includes('loopback') ? LOOPBACK : []), ...cidrs],
    engineNetworks: words.includes('engine-networks'),
  };
}

function cache(written: WrittenCache): CacheConfig {
  return {
    size: written.size ?? 50_000,
    maxTtlSeconds: written.max_ttl ?? 86_400,
    negativeMaxTtlSeconds: written.negative_max_ttl ?? 900,
    serveStaleSeconds: written.serve_stale ?? 86_400,
  };
}

function parity(written: WrittenParity, path: (text: string) => string): ParityConfig {
  return {
    production: written.production === undefined ? null : path(written.production),
    stubs: written.stubs ?? ['glibc', 'musl', 'go', 'c-ares'],
    accept: (written.accept ?? []).map(({ id, name, target, reason, until }) => ({
      id,
      ...(name === undefined ? {} : { name }),
      ...(target === undefined ? {} : { target }),
      reason,
      until,
    })),
    budgetMs: written.budget_ms ?? null,
    overrides: { ...written.overrides },
  };
}

/** A path as the configuration writes it: `~/` is the home directory, else it starts at `base`. */
export function absolutePath(text: string, base: string, env: Environment): string {
  if (text === '~' || text.startsWith('~/')) return join(homeOf(env), text.slice(1));
  return resolve(base, text);
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
