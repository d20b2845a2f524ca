/**
 * What the names room is told: owners with their claims and addresses, and the networks they are on.
 * Plain data that survives a structured clone; the engine room and the configuration make it.
 */

/** Unique over all engines: `local/3f2a…`, `static/pg.dev.internal`. */
export type OwnerId = string;
/** Unique over all engines: `local/9c1b…` (names of networks are not unique on older engines). */
export type NetworkKey = string;

/** Where a name comes from, strongest first. `lease` and `record` are the operator's own words. */
export const SOURCES = [
  'label',
  'name',
  'alias',
  'service',
  'hostname',
  'lease',
  'record',
] as const;
export type Source = (typeof SOURCES)[number];

/** One name that an owner holds. */
export interface Claim {
  /** Lower case, legal in DNS, no trailing dot; may have several labels (`web.project-7`). */
  readonly name: string;
  readonly source: Source;
  /** The only networks whose addresses this name gives (an alias belongs to its network); null: all. */
  readonly networks: readonly NetworkKey[] | null;
}

export interface OwnedAddress {
  /** Canonical text, IPv4 or IPv6. */
  readonly address: string;
  /** The network it is on; null: every client reaches it (static records, `answer: host`). */
  readonly network: NetworkKey | null;
}

/** Why an owner is not ready, for EDE texts and `explain`. */
export type Condition = 'ready' | 'starting' | 'unhealthy' | 'paused' | 'probing';

/** A port that SRV answers can name. */
export interface ServicePort {
  /** `_mongodb._tcp`, `_27017._tcp`. */
  readonly service: string;
  readonly port: number;
}

/** A running container, a Swarm service, a static record or a lease. What does not run is no owner. */
export interface Owner {
  readonly id: OwnerId;
  readonly kind: 'container' | 'service' | 'static' | 'lease';
  /** What an operator calls it: the container's name. */
  readonly title: string;
  /** The engine's name in the configuration; '' for static records and leases. */
  readonly engine: string;
  /** The Compose project or Swarm stack, or null. */
  readonly project: string | null;
  /** Owners with the same group are one thing: the replicas of a Compose service, the tasks of a Swarm service; else the id. */
  readonly group: string;
  readonly condition: Condition;
  /** Milliseconds since the epoch of the start. */
  readonly startedAtMs: number;
  readonly claims: readonly Claim[];
  /** The owner's own order of preference (GwPriority, then network name). Empty: running without an address. */
  readonly addresses: readonly OwnedAddress[];
  /** It shares the host's network: each client gets the address at which it reaches the host. */
  readonly isOnHost: boolean;
  /** The network whose address is given to who shares none (label `homeport.network`). */
  readonly preferredNetwork: NetworkKey | null;
  /** Why there is no address although it runs (a sharer in a dead namespace, nothing published), with the way out; null otherwise. */
  readonly trouble: string | null;
  /** Label `homeport.ttl`; null: the configuration's. */
  readonly ttlSeconds: number | null;
  readonly ports: readonly ServicePort[];
  /** The ports at addresses that are on no network, where they differ: a Swarm service publishes others on its nodes. */
  readonly outsidePorts?: readonly ServicePort[];
  /** Label `homeport.txt`, one string a TXT record. */
  readonly texts: readonly string[];
  /** A static alias: the name it stands for, without trailing dot. */
  readonly cname: string | null;
  /** Addresses that it asks from (its own; an overlay client's on docker_gwbridge), and so its view. Sharers have none of their own. */
  readonly asksFrom: readonly OwnedAddress[];
}

/** A network of an engine. */
export interface Network {
  readonly key: NetworkKey;
  readonly name: string;
  readonly engine: string;
  readonly driver: string;
  /** Label com.docker.compose.project, or null. */
  readonly project: string | null;
  /** CIDRs. */
  readonly subnets: readonly string[];
  /** The host's addresses on it. */
  readonly gateways: readonly string[];
  /** Whether the host itself reaches addresses on it: not so for overlay, macvlan, ipvlan. */
  readonly isHostReachable: boolean;
  /** Whether a query from it tells who asks: only networks of engines without `answer: host`. */
  readonly tellsWhoAsks: boolean;
}

/** A container that does not run and was never seen running: it came and ended while nobody looked. */
export interface EndedOwner {
  /** The names that it would hold if it ran. */
  readonly names: readonly string[];
  readonly title: string;
  readonly engine: string;
  /** The Compose project, or null. */
  readonly project: string | null;
  /** When its last run ended, milliseconds since the epoch. */
  readonly endedAtMs: number;
}

/** A change of owners and networks, to be applied as a whole: clients see all of it or nothing. */
export interface OwnersChange {
  readonly upserts: readonly Owner[];
  readonly removals: readonly OwnerId[];
  readonly ended?: readonly EndedOwner[];
  /** The whole list of one engine's networks when it changed. */
  readonly networks?: { readonly engine: string; readonly list: readonly Network[] };
  /** The whole list of one engine's Compose projects that have a container, running or not, when it changed. */
  readonly projects?: { readonly engine: string; readonly list: readonly string[] };
}
