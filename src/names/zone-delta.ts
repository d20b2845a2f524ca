/**
 * What the answering side is told when names change: entries by name, who asks from where, networks.
 * Plain data that survives a structured clone, so that it can cross to another thread.
 */
import type {
  Condition,
  Network,
  NetworkKey,
  OwnedAddress,
  OwnerId,
  ServicePort,
  Source,
} from './owner.ts';

/** One owner's part in a group that claims a name. */
export interface Member {
  readonly id: OwnerId;
  readonly title: string;
  /** Containers of several projects can carry one alias on one network, and are one group then. */
  readonly project: string | null;
  readonly condition: Condition;
  readonly startedAtMs: number;
  /** Only the addresses that this claim gives, in the owner's own order of preference. */
  readonly addresses: readonly OwnedAddress[];
  readonly isOnHost: boolean;
  readonly preferredNetwork: NetworkKey | null;
  readonly trouble: string | null;
  readonly ttlSeconds: number | null;
  readonly ports: readonly ServicePort[];
  readonly outsidePorts?: readonly ServicePort[];
  readonly texts: readonly string[];
  readonly cname: string | null;
}

/** Owners that are one thing and claim one name: replicas, tasks, or a single container. */
export interface Group {
  readonly key: string;
  readonly kind: 'container' | 'service' | 'static' | 'lease';
  readonly engine: string;
  /** The project of all its members; null where they have none, or several. */
  readonly project: string | null;
  /** The strongest source of its members. */
  readonly source: Source;
  /** Whether a member that claims the name is ready; one without an address counts only where none has any. */
  readonly isReady: boolean;
  /** Start of its newest ready member, else of its newest. */
  readonly startedAtMs: number;
  /** In the order of start. */
  readonly members: readonly Member[];
}

/** A Compose project; two engines may have one of the same name. */
export interface EngineProject {
  readonly engine: string;
  readonly project: string;
}

/** Everything known of one name. */
export interface NameEntry {
  /** Lower case, no trailing dot; bare (`web`), longer (`web.project-7`) or a wildcard (`*.env.dev.internal`). */
  readonly name: string;
  /** Everyone who claims it, in the order that holds for a view without network and project. */
  readonly groups: readonly Group[];
  /** Projects that owned the name, have a container still, and own it no more: their clients are refused. */
  readonly formerProjects: readonly EngineProject[];
  /** No one owns it any more: until when it is treated as expected, ms since the epoch; null: not departed. */
  readonly departedUntilMs: number | null;
  /** Who owned it last, for the message. */
  readonly departedOwner: string | null;
}

/** Who asks from an address: what the client's view is made of. */
export interface Client {
  readonly address: string;
  /** The container that has this address. */
  readonly title: string;
  readonly engine: string;
  readonly project: string | null;
  /** All that it is on; first the one that it asks from with this address. */
  readonly networks: readonly NetworkKey[];
}

/** A network as the answering side needs it. */
export type ZoneNetwork = Omit<Network, 'driver'>;

/** One change of the zone; applied as a whole. */
export interface ZoneDelta {
  readonly entries: readonly NameEntry[];
  /** Names that nothing is known of any more. */
  readonly forgotten: readonly string[];
  readonly clients: readonly Client[];
  /** Addresses that no known container asks from any more. */
  readonly leftClients: readonly string[];
  /** The whole list, when it changed. */
  readonly networks: readonly ZoneNetwork[] | null;
  /** Addresses and the names that PTR gives for them (bare, strongest first); an empty list forgets the address. */
  readonly reverse: readonly { readonly address: string; readonly names: readonly string[] }[];
}

/** A client's view: what it may see first. */
export type View =
  | { readonly kind: 'host' }
  /** Not on this host and in no container: reaches the host at `localAddress`. */
  | { readonly kind: 'remote'; readonly localAddress: string | null }
  | {
      readonly kind: 'container';
      readonly title: string | null;
      readonly engine: string;
      readonly project: string | null;
      readonly networks: readonly NetworkKey[];
      /** The host's addresses on those networks. */
      readonly gateways: readonly string[];
    };

/** What decides beside the entry and the view; from the configuration. */
export interface DecisionSettings {
  /** Names of networks in the order in which the host view prefers them. */
  readonly networkOrder: readonly string[];
  readonly ttlSeconds: number;
  /** Networks by key, for names in messages and for what the host reaches. */
  readonly networks: ReadonlyMap<NetworkKey, ZoneNetwork>;
}

/** What a client is told of an owned name. */
export type NameDecision =
  | {
      readonly kind: 'addresses';
      readonly group: Group;
      readonly ipv4: readonly string[];
      readonly ipv6: readonly string[];
      readonly ttlSeconds: number;
      /** SRV targets: each member's addresses and ports. */
      readonly members: readonly ChosenMember[];
      readonly texts: readonly string[];
      /** EDE 3: no member of the group is ready; says which and why. */
      readonly unready: string | null;
    }
  | {
      readonly kind: 'cname';
      readonly target: string;
      readonly ttlSeconds: number;
      readonly group: Group;
    }
  /** It runs, but this client gets no address: NODATA with an EDE whose text says why and the way out. */
  | {
      readonly kind: 'unreachable';
      readonly group: Group;
      readonly reason: string;
      /** The command that mends it; null where no single one does. */
      readonly remedy: string | null;
    }
  /** Its project owned it, has a container still and owns it no more: as an expected name without an owner. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Nobody owns it; departed or forgotten. */
  | { readonly kind: 'none' };

export interface ChosenMember {
  readonly title: string;
  readonly addresses: readonly string[];
  readonly ports: readonly ServicePort[];
}
