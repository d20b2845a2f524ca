/** What the resolver core is told by the configuration: plain data that can cross to another thread. */

/** A server that queries are forwarded to. */
export interface UpstreamServer {
  /** Unique for the life of the process: a changed list gets new numbers, so a late reply finds nobody. */
  readonly id: number;
  readonly address: string;
  readonly port: number;
  /** The name that its certificate must carry: DNS over TLS (RFC 7858); null: plain UDP and TCP. */
  readonly tlsName: string | null;
}

/** The servers for names under one domain; '' is everything else. In order of preference. */
export interface UpstreamGroup {
  readonly domain: string;
  readonly servers: readonly UpstreamServer[];
}

export interface ResolverSettings {
  /** Production's search domains in order, the region first, without trailing dots. */
  readonly searchDomains: readonly string[];
  /** Further suffixes under which owned names are served. */
  readonly localDomains: readonly string[];
  readonly ttlSeconds: number;
  /** How long a query may wait for the engine, at most. */
  readonly holdMs: number;
  /** Names that production runs and this host must run, without trailing dots. */
  readonly expected: readonly string[];
  readonly whenMissing: 'refuse' | 'forward';
  /** Networks by name, in the order in which the host view prefers them. */
  readonly networkOrder: readonly string[];
  /** Who may ask: CIDRs; the networks of the engines beside them where `allowEngineNetworks`. */
  readonly allow: readonly string[];
  readonly allowEngineNetworks: boolean;
  readonly cache: CacheSettings;
}

/** Bounds of the cache of relayed answers. */
export interface CacheSettings {
  /** Answers kept at most; 0: no cache. */
  readonly size: number;
  readonly maxTtlSeconds: number;
  readonly negativeMaxTtlSeconds: number;
  /** How long an answer may be given past its TTL when no upstream answers (RFC 8767); 0: never. */
  readonly serveStaleSeconds: number;
}

/** How the engines stand, as far as answers say it. */
export interface EngineStanding {
  readonly engine: string;
  /** Whether a look at it tells anything. */
  readonly isAskable: boolean;
  /** EDE 3 for its owners: since when and why it was not heard; null: it was never lost. */
  readonly stale: string | null;
}
