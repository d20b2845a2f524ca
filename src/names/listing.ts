/** The list of names as `homeport names --json` and `/v1/names` give it. Fields may be added, never renamed. */
import { compareText, standingsOf } from './precedence.ts';
import { groupTitle, isoTime, networkName } from './words.ts';
import type { DecisionSettings, Group, NameEntry } from './zone-delta.ts';

export interface ListedAddress {
  readonly address: string;
  /** The network's name; null: every client reaches the address. */
  readonly network: string | null;
}

export interface ListedGroup {
  /** The container, service or record; of several the first ones. */
  readonly owner: string;
  readonly kind: Group['kind'];
  readonly engine: string;
  readonly project: string | null;
  readonly ready: boolean;
  /** All that it has, whoever reaches them; empty: it runs without one. */
  readonly addresses: readonly ListedAddress[];
  readonly source: Group['source'];
  /** ISO 8601. */
  readonly startedAt: string;
  /** The name that a static alias stands for. */
  readonly cname: string | null;
  readonly members: readonly ListedMember[];
}

export interface ListedMember {
  readonly owner: string;
  readonly condition: string;
  /** Why it has no address; null: nothing is wrong. */
  readonly trouble: string | null;
}

export interface ListedName {
  readonly name: string;
  /** In the order that holds for the host view. */
  readonly groups: readonly ListedGroup[];
  /** Several groups claim it. */
  readonly collision: boolean;
  readonly expected: boolean;
}

export interface NameListing {
  /** Owned names by alphabet. */
  readonly names: readonly ListedName[];
  /** Expected names without an owner, as the configuration lists them. */
  readonly missing: readonly string[];
  /** Names that nobody owns any more and that do not go to production yet. */
  readonly departed: readonly {
    readonly name: string;
    readonly owner: string | null;
    readonly until: string;
  }[];
}

export interface ListingOptions {
  readonly networks: DecisionSettings['networks'];
  /** Expected names, without trailing dots. */
  readonly expected: readonly string[];
  readonly nowMs: number;
}

/** The names of a table's entries. */
export function listNames(entries: Iterable<NameEntry>, options: ListingOptions): NameListing {
  const expected = new Set(options.expected);
  const sorted = [...entries].sort((a, b) => compareText(a.name, b.name));
  const owned = sorted.filter(({ groups }) => groups.length > 0);
  const ownedNames = new Set(owned.map(({ name }) => name));
  return {
    names: owned.map(({ name, groups }) => ({
      name,
      groups: inHostOrder(groups, options).map((group) => listedGroup(group, options)),
      collision: groups.length > 1,
      expected: expected.has(name),
    })),
    missing: [...expected].filter((name) => !ownedNames.has(name)),
    departed: sorted.flatMap(({ name, departedOwner, departedUntilMs }) =>
      departedUntilMs === null || departedUntilMs <= options.nowMs
        ? []
        : [{ name, owner: departedOwner, until: isoTime(departedUntilMs) }],
    ),
  };
}

function inHostOrder(groups: readonly Group[], { networks }: ListingOptions): readonly Group[] {
  // The order of networks and the TTL concern addresses, not who comes first.
  const settings = { networks, networkOrder: [], ttlSeconds: 0 };
  return standingsOf(groups, { kind: 'host' }, settings).map(({ group }) => group);
}

function listedGroup(group: Group, options: ListingOptions): ListedGroup {
  const { kind, engine, project, source, isReady, startedAtMs, members } = group;
  return {
    owner: groupTitle(group),
    kind,
    engine,
    project,
    ready: isReady,
    addresses: listedAddresses(group, options),
    source,
    startedAt: isoTime(startedAtMs),
    cname: members.find(({ cname }) => cname !== null)?.cname ?? null,
    members: members.map(({ title, condition, trouble }) => ({ owner: title, condition, trouble })),
  };
}

/** Each address once: sharers of a network have the same. */
function listedAddresses({ members }: Group, options: ListingOptions): readonly ListedAddress[] {
  const all = members.flatMap(({ addresses, isOnHost }): ListedAddress[] => {
    if (addresses.length === 0 && isOnHost) return [{ address: '127.0.0.1', network: 'host' }];
    return addresses.map(({ address, network }) => ({
      address,
      network: network === null ? null : networkName(network, options),
    }));
  });
  const keys = all.map(({ address, network }) => `${address} ${network}`);
  return all.filter((_, i) => keys.indexOf(keys[i] ?? '') === i);
}
