/** Who claims one name together: replicas, tasks, containers that carry one alias on one network. */
import { type Claim, type OwnedAddress, type Owner, SOURCES, type Source } from './owner.ts';
import { compareStandings, compareText, hasSomethingToGive, plainStanding } from './precedence.ts';
import type { Group, Member } from './zone-delta.ts';

/** An owner with its claims to one name. */
export interface Claimant {
  readonly owner: Owner;
  readonly claims: readonly Claim[];
}

/**
 * The groups of one name: claimants with one group key, or with one alias on one network as for Docker's
 * own resolver, are one; also through others. The order of the claimants makes no difference.
 */
export function groupsOf(claimants: readonly Claimant[]): readonly Group[] {
  const [only, ...others] = claimants;
  if (only === undefined) return [];
  if (others.length === 0) return [groupOf(claimants)];
  const groups = connected(claimants).map(groupOf);
  if (groups.length === 1) return groups;
  return groups
    .map(plainStanding)
    .sort(compareStandings)
    .map(({ group }) => group);
}

/** The connected components of the claimants (disjoint sets over what they have in common). */
function connected(claimants: readonly Claimant[]): readonly (readonly Claimant[])[] {
  const parents = claimants.map((_, i) => i);
  const rootOf = (start: number): number => {
    let at = start;
    for (let up = parents[at] ?? at; up !== at; up = parents[at] ?? at) {
      parents[at] = parents[up] ?? up;
      at = up;
    }
    return at;
  };
  const firstWith = new Map<string, number>();
  claimants.forEach((claimant, i) => {
    for (const tie of tiesOf(claimant)) {
      const first = firstWith.get(tie);
      if (first === undefined) firstWith.set(tie, i);
      else parents[rootOf(i)] = rootOf(first);
    }
  });
  const components = new Map<number, Claimant[]>();
  claimants.forEach((claimant, i) => {
    const root = rootOf(i);
    const component = components.get(root);
    if (component === undefined) components.set(root, [claimant]);
    else component.push(claimant);
  });
  return [...components.values()];
}

function tiesOf({ owner, claims }: Claimant): readonly string[] {
  const ties = [`group ${owner.group}`];
  for (const { source, networks } of claims) {
    if (source !== 'alias') continue;
    for (const network of networks ?? []) ties.push(`alias ${network}`);
  }
  return ties;
}

function groupOf(claimants: readonly Claimant[]): Group {
  const sorted = [...claimants].sort(
    (a, b) => a.owner.startedAtMs - b.owner.startedAtMs || compareText(a.owner.id, b.owner.id),
  );
  const members = sorted.map(memberOf);
  const able = members.filter(hasSomethingToGive);
  const counted = able.length > 0 ? able : members;
  const ready = counted.filter(({ condition }) => condition === 'ready');
  const owners = sorted.map(({ owner }) => owner);
  const projects = new Set(owners.map(({ project }) => project));
  return {
    // Any member's key would do: the least of them does not depend on who was told of first.
    key: owners.map(({ group }) => group).reduce((a, b) => (compareText(a, b) <= 0 ? a : b)),
    kind: owners[0]?.kind ?? 'container',
    engine: owners[0]?.engine ?? '',
    project: projects.size === 1 ? (owners[0]?.project ?? null) : null,
    source: strongestSource(sorted),
    isReady: ready.length > 0,
    startedAtMs: (ready.length > 0 ? ready : counted).at(-1)?.startedAtMs ?? 0,
    members,
  };
}

function strongestSource(claimants: readonly Claimant[]): Source {
  const places = claimants.flatMap(({ claims }) =>
    claims.map(({ source }) => SOURCES.indexOf(source)),
  );
  return SOURCES[Math.min(...places)] ?? 'record';
}

function memberOf({ owner, claims }: Claimant): Member {
  return {
    id: owner.id,
    title: owner.title,
    project: owner.project,
    condition: owner.condition,
    startedAtMs: owner.startedAtMs,
    addresses: addressesOf(owner, claims),
    isOnHost: owner.isOnHost,
    preferredNetwork: owner.preferredNetwork,
    trouble: owner.trouble,
    ttlSeconds: owner.ttlSeconds,
    ports: owner.ports,
    texts: owner.texts,
    cname: owner.cname,
  };
}

/** An alias gives only the address on its own network; every other source gives them all. */
function addressesOf(owner: Owner, claims: readonly Claim[]): readonly OwnedAddress[] {
  const networks = new Set<string>();
  for (const claim of claims) {
    if (claim.networks === null) return owner.addresses;
    for (const network of claim.networks) networks.add(network);
  }
  return owner.addresses.filter(({ network }) => network === null || networks.has(network));
}
