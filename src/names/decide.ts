/** Which owner and which of its addresses a client is given. Pure. */
import { compareStandings, isOfProject, type Standing, standingOf } from './precedence.ts';
import { addressesFor, isIpv6 } from './reach.ts';
import { refusedText, unreachableText, unreadyText } from './words.ts';
import type {
  DecisionSettings,
  Group,
  Member,
  NameDecision,
  NameEntry,
  View,
} from './zone-delta.ts';

/**
 * Decides what a client is told of a name. Never throws; the same for the same arguments.
 *
 * @returns addresses in the order of the members' start, each once; who rotates them does it later
 */
export function decideName(entry: NameEntry, view: View, settings: DecisionSettings): NameDecision {
  const reason = refusal(entry, view);
  if (reason !== null) return { kind: 'refused', reason };
  const group = firstGroup(entry.groups, view, settings);
  if (group === undefined) return { kind: 'none' };
  return decideGroup(entry.name, group, view, settings);
}

/**
 * Why this client is given nobody's: its project owned the name and does so no more (no crossing
 * between projects). Null where that is not so.
 */
export function refusal(entry: NameEntry, view: View): string | null {
  if (view.kind !== 'container' || view.project === null) return null;
  const { engine, project } = view;
  const isFormer = entry.formerProjects.some(
    (at) => at.engine === engine && at.project === project,
  );
  if (!isFormer || entry.groups.some((group) => isOfProject(group, engine, project))) return null;
  return refusedText(entry.name, project);
}

/** The group that comes first for this view. */
function firstGroup(
  groups: readonly Group[],
  view: View,
  settings: DecisionSettings,
): Group | undefined {
  if (groups.length <= 1) return groups[0];
  let first: Standing | undefined;
  for (const group of groups) {
    const standing = standingOf(group, view, settings);
    if (first === undefined || compareStandings(standing, first) < 0) first = standing;
  }
  return first?.group;
}

/** A member and the addresses of it that the client is given. */
export interface Candidate {
  readonly member: Member;
  readonly addresses: readonly string[];
}

/**
 * The members that answer: the ready ones that the client reaches; without any, whoever runs and is
 * reached, since an address beats none. Where projects share an alias on a network, a client of one of
 * them gets its own project's.
 */
export function answeringMembers(
  group: Group,
  view: View,
  settings: DecisionSettings,
): readonly Candidate[] {
  const reached = group.members
    .map((member) => ({ member, addresses: addressesFor(member, view, settings) }))
    .filter(({ addresses }) => addresses.length > 0);
  const own = reached.filter(({ member }) => isOfOwnProject(member, group, view));
  const pool = own.length > 0 ? own : reached;
  const ready = pool.filter(({ member }) => member.condition === 'ready');
  return ready.length > 0 ? ready : pool;
}

/** Whether a member belongs to the project of the client. */
export function isOfOwnProject({ project }: Member, { engine }: Group, view: View): boolean {
  if (view.kind !== 'container' || project === null) return false;
  return view.engine === engine && view.project === project;
}

/** What a client is told if this group is the one that it is told of. */
export function decideGroup(
  name: string,
  group: Group,
  view: View,
  settings: DecisionSettings,
): NameDecision {
  const chosen = answeringMembers(group, view, settings);
  if (chosen.length === 0) return decideWithoutAddress(name, group, view, settings);
  const addresses = [...new Set(chosen.flatMap((candidate) => candidate.addresses))];
  const members = chosen.map(({ member }) => member);
  const isReady = members.some(({ condition }) => condition === 'ready');
  return {
    kind: 'addresses',
    group,
    ipv4: addresses.filter((address) => !isIpv6(address)),
    ipv6: addresses.filter(isIpv6),
    ttlSeconds: ttlOf(members, settings),
    members: chosen.map(({ member, addresses }) => ({
      title: member.title,
      addresses,
      ports: portsAt(addresses, member),
    })),
    texts: textsOf(members),
    unready: isReady ? null : unreadyText(members),
  };
}

/** The ports of a member at the addresses that the client is given. */
function portsAt(
  given: readonly string[],
  { addresses, ports, outsidePorts }: Member,
): Member['ports'] {
  if (outsidePorts === undefined) return ports;
  const isInside = addresses.some(
    ({ address, network }) => network !== null && given.includes(address),
  );
  return isInside ? ports : outsidePorts;
}

function decideWithoutAddress(
  name: string,
  group: Group,
  view: View,
  settings: DecisionSettings,
): NameDecision {
  const ttlSeconds = ttlOf(group.members, settings);
  const target = group.members.find(({ cname }) => cname !== null)?.cname;
  if (target != null) return { kind: 'cname', target, ttlSeconds, group };
  // A record may have texts and ports alone; there is nothing to reach then, and nothing wrong.
  if (group.kind === 'static' || group.kind === 'lease') {
    const { members } = group;
    return {
      kind: 'addresses',
      group,
      ipv4: [],
      ipv6: [],
      ttlSeconds,
      members: members.map(({ title, ports }) => ({ title, addresses: [], ports })),
      texts: textsOf(members),
      unready: null,
    };
  }
  return { kind: 'unreachable', group, ...unreachableText(name, group, view, settings) };
}

/** A client keeps the answer no longer than the most cautious member allows. */
function ttlOf(members: readonly Member[], settings: DecisionSettings): number {
  return Math.min(...members.map(({ ttlSeconds }) => ttlSeconds ?? settings.ttlSeconds));
}

function textsOf(members: readonly Member[]): readonly string[] {
  return [...new Set(members.flatMap(({ texts }) => texts))];
}
