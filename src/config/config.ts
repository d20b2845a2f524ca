/** The configuration as the rest of homeport sees it: checked, complete, frozen, units in names. Types only. */
import type { LogLevel } from '../log.ts';
import type { ListenTarget, UpstreamAddress } from './endpoint.ts';
import type { EngineUrl } from './engine-url.ts';

export interface Config {
  /** The file that it was read from, absolute; null: defaults, flags and environment alone. */
  readonly file: string | null;
  readonly listen: readonly ListenTarget[];
  /** Production's search domains in order, the region first; no trailing dots. Empty: no region. */
  readonly searchDomains: readonly string[];
  /** Further suffixes under which owned names are served. */
  readonly localDomains: readonly string[];
  /** For owned names. */
  readonly ttlSeconds: number;
  /** How long a query may wait for the engine, at most. */
  readonly holdMs: number;
  readonly upstreams: UpstreamsConfig;
  /** Absolute path. */
  readonly resolvConf: string;
  /** Empty: no Docker at all. */
  readonly engines: readonly EngineConfig[];
  /** Names of networks in the order in which the host view prefers them. */
  readonly networkOrder: readonly string[];
  readonly records: readonly StaticRecord[];
  readonly expected: ExpectedConfig;
  readonly allow: AllowConfig;
  readonly cache: CacheConfig;
  /** The control socket, absolute. */
  readonly control: string;
  /** The directory that keeps departed names and leases, absolute. */
  readonly state: string;
  readonly log: { readonly level: LogLevel; readonly queries: boolean };
  /** Answering threads. */
  readonly threads: number;
  readonly transport: TransportChoice;
  /** Caches of this host that are emptied when an owned address goes or a name comes; empty: none. */
  readonly flush: readonly FlushableCache[];
  readonly parity: ParityConfig;
}

/** `auto`: batched system calls where they work, else `node:dgram`. */
export const TRANSPORTS = ['auto', 'batch', 'dgram'] as const;
export type TransportChoice = (typeof TRANSPORTS)[number];

/** What keeps names for the whole host, and can be told to forget them. */
export const FLUSHABLE_CACHES = ['systemd-resolved', 'nscd'] as const;
export type FlushableCache = (typeof FLUSHABLE_CACHES)[number];

export interface UpstreamsConfig {
  /** For every name; empty: the nameservers of `resolvConf`. */
  readonly servers: readonly UpstreamAddress[];
  readonly byDomain: readonly DomainUpstreams[];
}

export interface DomainUpstreams {
  readonly domain: string;
  readonly servers: readonly UpstreamAddress[];
}

export interface EngineConfig {
  /** Unique; letters, digits, `.`, `_`, `-`. */
  readonly name: string;
  readonly url: EngineUrl;
  /** Only for tcp; null: no TLS. */
  readonly tls: EngineTls | null;
  /** What its owners' names give: the containers' own addresses, or the address of its host. */
  readonly answer: 'containers' | 'host';
  /** Its host's addresses, with `answer: host`; else empty. */
  readonly addresses: readonly string[];
}

/** Absolute paths of PEM files. Null: the system's authorities; no client certificate. */
export interface EngineTls {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

export interface StaticRecord {
  /** `pg.dev.internal`, or a wildcard `*.env.dev.internal`. */
  readonly name: string;
  /** Canonical text. */
  readonly addresses: readonly string[];
  /** The name that this one stands for; then everything else is empty. */
  readonly cname: string | null;
  readonly texts: readonly string[];
  readonly ports: readonly { readonly service: string; readonly port: number }[];
  /** null: the configuration's. */
  readonly ttlSeconds: number | null;
}

export interface ExpectedConfig {
  /** Bare names that production runs and this host must run. */
  readonly names: readonly string[];
  readonly whenMissing: 'refuse' | 'forward';
  /** How long a name that an owner held is treated as expected; 0: not at all. */
  readonly departedForMs: number;
}

/** Who may ask. */
export interface AllowConfig {
  readonly cidrs: readonly string[];
  /** The networks of the engines too. */
  readonly engineNetworks: boolean;
}

export interface CacheConfig {
  /** Answers kept at most; 0: no cache. */
  readonly size: number;
  readonly maxTtlSeconds: number;
  readonly negativeMaxTtlSeconds: number;
  /** How long an answer may be given past its TTL when no upstream answers; 0: never. */
  readonly serveStaleSeconds: number;
}

export interface ParityConfig {
  /** Production's profile or resolv.conf, absolute; null: none is configured. */
  readonly production: string | null;
  readonly stubs: readonly string[];
  readonly accept: readonly AcceptedDifference[];
  /** The longest that one look-up may take when no server answers; null: not judged. */
  readonly budgetMs: number | null;
  /** Stub by container name or target title, where files do not tell. */
  readonly overrides: Readonly<Record<string, string>>;
}

export interface AcceptedDifference {
  readonly id: string;
  readonly name?: string;
  readonly target?: string;
  readonly reason: string;
  /** A day, `2026-12-31`; from the next day on the difference counts again. */
  readonly until: string;
}
