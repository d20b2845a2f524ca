/** Who claims one name together: replicas, tasks, containers that carry one alias on one network. */
import { type Claim, type OwnedAddress, type Owner, SOURCES, type Source } from './owner.ts';
import {
  compareStandings,
  compareText,
  hasSomethingToGive,
  plainStanding,
  type Standing,
} from './precedence.ts';
import type { Group, Member } from './zone-delta.ts';

/**
 * An owner with its claims to one name. What a group is made of is worked out once, since a name that
 * hundreds of projects claim is put together anew whenever one of them changes.
 */
export interface Claimant {
  readonly owner: Owner;
  readonly member: Member;
  readonly source: Source;
  /** Claimants with one in common are one group. */
  readonly ties: readonly string[];
  /** It as a group of its own. */
  readonly alone: Standing;
}

/** @param claims the owner's claims to one name, at least one */
export function claimantOf(owner: Owner, claims: readonly Claim[]): Claimant {
  const places = claims.map(({ source }) => SOURCES.indexOf(source));
  const source = SOURCES[Math.min(...places)] ?? 'record';
  const part = { owner, member: memberOf(owner, claims), source };
  return { ...part, ties: tiesOf(owner, claims), alone: plainStanding(groupOf([part])) };
}

/**
 * The groups of one name: claimants with one group key, or with one alias on one network as for Docker's
 * own resolver, are one; also through others. The order of the claimants makes no difference.
 */
export function groupsOf(claimants: readonly Claimant[]): readonly Group[] {
  const [only, ...others] = claimants;
  if (only === undefined) return [];
  if (others.length === 0) return [only.alone.group];
  const standings = connected(claimants).map((component) => {
    const [single, ...rest] = component;
    const isSingle = single !== undefined && rest.length === 0;
    return isSingle ? single.alone : plainStanding(groupOf(component));
  });
  return standings.sort(compareStandings).map(({ group }) => group);
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
    for (const tie of claimant.ties) {
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

function tiesOf(owner: Owner, claims: readonly Claim[]): readonly string[] {
  const ties = [`group ${owner.group}`];
  for (const { source, networks } of claims) {
    if (source !== 'alias') continue;
    for (const network of networks ?? []) ties.push(`alias ${network}`);
  }
  return ties;
}

function groupOf(parts: readonly Pick<Claimant, 'owner' | 'member' | 'source'>[]): Group {
  const sorted = [...parts].sort(
    (a, b) => a.owner.startedAtMs - b.owner.startedAtMs || compareText(a.owner.id, b.owner.id),
  );
  const members = sorted.map(({ member }) => member);
  const able = members.filter(hasSomethingToGive);
  const counted = able.length > 0 ? able : members;
  const ready = counted.filter(({ condition }) => condition === 'ready');
  const owners = sorted.map(({ owner }) => owner);
  const project = owners[0]?.project ?? null;
  const places = sorted.map(({ source }) => SOURCES.indexOf(source));
  return {
    // Any member's key would do: the least of them does not depend on who was told of first.
    key: owners.map(({ group }) => group).reduce((a, b) => (compareText(a, b) <= 0 ? a : b)),
    kind: owners[0]?.kind ?? 'container',
    engine: owners[0]?.engine ?? '',
    project: owners.every((owner) => owner.project === project) ? project : null,
    source: SOURCES[Math.min(...places)] ?? 'record',
    isReady: ready.length > 0,
    startedAtMs: (ready.length > 0 ? ready : counted).at(-1)?.startedAtMs ?? 0,
    members,
  };
}

function memberOf(owner: Owner, claims: readonly Claim[]): Member {
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
    ...(owner.outsidePorts === undefined ? {} : { outsidePorts: owner.outsidePorts }),
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
