/**
 * The order among the groups that claim one name: one list of criteria, which deciding, explaining
 * and the order inside an entry share.
 */
import { SOURCES } from './owner.ts';
import { isGivenAnything } from './reach.ts';
import type { DecisionSettings, Group, Member, View } from './zone-delta.ts';

/** A group as one view sees it. */
export interface Standing {
  readonly group: Group;
  /** It is on a network of the client; for the host's own clients: a container that the host reaches. */
  readonly isNear: boolean;
  readonly isOwnProject: boolean;
  readonly hasAddress: boolean;
}

/**
 * Each criterion with the comparison that it makes; the first that tells two groups apart decides.
 *
 * A group without an address does not compete with one that has, but the client's own project comes
 * before that: its client is told what is wrong with its own container, not given another project's.
 * The operator's records and leases stand in only where no container claims the name, ready or not: a
 * database under test that turns unhealthy must not become the one that a record points at.
 */
const CRITERIA = {
  network: (a: Standing, b: Standing): number => Number(b.isNear) - Number(a.isNear),
  project: (a: Standing, b: Standing): number => Number(b.isOwnProject) - Number(a.isOwnProject),
  address: (a: Standing, b: Standing): number => Number(b.hasAddress) - Number(a.hasAddress),
  kind: (a: Standing, b: Standing): number => KINDS[a.group.kind] - KINDS[b.group.kind],
  readiness: (a: Standing, b: Standing): number =>
    Number(b.group.isReady) - Number(a.group.isReady),
  source: (a: Standing, b: Standing): number =>
    SOURCES.indexOf(a.group.source) - SOURCES.indexOf(b.group.source),
  start: (a: Standing, b: Standing): number => b.group.startedAtMs - a.group.startedAtMs,
  key: (a: Standing, b: Standing): number => compareText(a.group.key, b.group.key),
} as const;

export type Criterion = keyof typeof CRITERIA;

// Object.keys forgets the type of its keys; string keys keep the order in which they are written.
const ORDER = Object.keys(CRITERIA) as readonly Criterion[];

const KINDS: Readonly<Record<Group['kind'], number>> = {
  container: 0,
  service: 0,
  lease: 1,
  static: 2,
};

/** Code unit order: the same on every host, whatever its locale. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Negative where `a` comes before `b`; never 0 for groups with different keys. */
export function compareStandings(a: Standing, b: Standing): number {
  for (const criterion of ORDER) {
    const order = CRITERIA[criterion](a, b);
    if (order !== 0) return order;
  }
  return 0;
}

/** What puts one of the two before the other. */
export function decidingCriterion(a: Standing, b: Standing): Criterion {
  return ORDER.find((criterion) => CRITERIA[criterion](a, b) !== 0) ?? 'key';
}

/** All groups in the order in which this view comes to them. */
export function standingsOf(
  groups: readonly Group[],
  view: View,
  settings: DecisionSettings,
): readonly Standing[] {
  return groups.map((group) => standingOf(group, view, settings)).sort(compareStandings);
}

/** How a group stands for a view. */
export function standingOf(group: Group, view: View, settings: DecisionSettings): Standing {
  return {
    group,
    isNear: isNear(group, view, settings),
    isOwnProject: view.kind === 'container' && isOfProject(group, view.engine, view.project),
    hasAddress: group.members.some(hasSomethingToGive),
  };
}

/** How a group stands for nobody in particular. */
export function plainStanding(group: Group): Standing {
  const hasAddress = group.members.some(hasSomethingToGive);
  return { group, isNear: false, isOwnProject: false, hasAddress };
}

/** Whether a member could be answered with at all, by whoever asks. */
export function hasSomethingToGive(
  member: Pick<Member, 'addresses' | 'isOnHost' | 'cname'>,
): boolean {
  return member.addresses.length > 0 || member.isOnHost || member.cname !== null;
}

/** Whether one of the group's members belongs to that project of that engine. */
export function isOfProject(group: Group, engine: string, project: string | null): boolean {
  if (project === null || group.engine !== engine) return false;
  return group.members.some((member) => member.project === project);
}

function isNear(group: Group, view: View, settings: DecisionSettings): boolean {
  // The host is on every network that it reaches: what it cannot reach comes after what it can. But no
  // record stands in for a container, be it out of reach.
  if (view.kind !== 'container') {
    if (group.kind === 'static' || group.kind === 'lease') return false;
    return group.members.some((member) => isGivenAnything(member, view, settings));
  }
  return group.members.some((member) =>
    member.addresses.some(({ network }) => network !== null && view.networks.includes(network)),
  );
}
