/** Explains the whole decision on a name for one view. It asks the modules that decide, and adds nothing of its own. */
import { answeringMembers, decideName, isOfOwnProject, refusal } from './decide.ts';
import type {
  ExplainedAddress,
  ExplainedClient,
  ExplainedDecision,
  ExplainedGroup,
  Explanation,
} from './explanation.ts';
import { becauseText, stepsOf, verdictText } from './explanation-words.ts';
import { decidingCriterion, type Standing, standingsOf } from './precedence.ts';
import { addressesFor, hostAddressesFor, judgeAddresses } from './reach.ts';
import { clientText, conditionText, groupText, groupTitle, isoTime, networkName } from './words.ts';
import type {
  DecisionSettings,
  Group,
  Member,
  NameDecision,
  NameEntry,
  View,
} from './zone-delta.ts';

const HOST_NETWORK = 'host';

/**
 * Explains what a client is told of a name.
 *
 * @param name as asked for, without search domain
 * @param entry what is known of it; null: nothing
 */
export function explainName(
  name: string,
  entry: NameEntry | null,
  view: View,
  settings: DecisionSettings,
): Explanation {
  const known = entry ?? nothingKnown(name);
  const decision = decideName(known, view, settings);
  const standings = standingsOf(known.groups, view, settings);
  const isRefused = refusal(known, view) !== null;
  const groups = standings.map((standing, i) =>
    explainGroup(standing, standings[i - 1], {
      view,
      settings,
      isAnswering: i === 0 && !isRefused,
    }),
  );
  const parts = {
    name,
    client: explainClient(view, settings),
    decision: explainDecision(decision),
    groups,
    collision: groups.length > 1,
    formerProjects: known.formerProjects.map(({ project }) => project),
    departed:
      known.departedUntilMs === null
        ? null
        : { owner: known.departedOwner, until: isoTime(known.departedUntilMs) },
    remedy: decision.kind === 'unreachable' ? decision.remedy : null,
  };
  return { ...parts, steps: stepsOf(parts, view) };
}

function nothingKnown(name: string): NameEntry {
  return { name, groups: [], formerProjects: [], departedUntilMs: null, departedOwner: null };
}

function explainClient(view: View, settings: DecisionSettings): ExplainedClient {
  const nobody = { container: null, engine: null, project: null, networks: [], localAddress: null };
  if (view.kind === 'host') return { kind: view.kind, ...nobody };
  const [localAddress = null] = hostAddressesFor(view);
  if (view.kind === 'remote') return { kind: view.kind, ...nobody, localAddress };
  const { kind, title, engine, project } = view;
  const networks = view.networks.map((network) => networkName(network, settings));
  return { kind, container: title, engine, project, networks, localAddress };
}

function explainDecision(decision: NameDecision): ExplainedDecision {
  const nothing = { owner: null, addresses: [], ttlSeconds: null, target: null, reason: null };
  switch (decision.kind) {
    case 'none':
      return { ...nothing, kind: decision.kind };
    case 'refused':
      return { ...nothing, kind: decision.kind, reason: decision.reason };
    case 'unreachable': {
      const { kind, reason, group } = decision;
      return { ...nothing, kind, owner: groupTitle(group), reason };
    }
    case 'cname': {
      const { kind, target, ttlSeconds, group } = decision;
      return { ...nothing, kind, owner: groupTitle(group), ttlSeconds, target };
    }
    case 'addresses': {
      const { kind, group, ipv4, ipv6, ttlSeconds, unready } = decision;
      const addresses = [...ipv4, ...ipv6];
      return { ...nothing, kind, owner: groupTitle(group), addresses, ttlSeconds, reason: unready };
    }
  }
}

interface GroupContext {
  readonly view: View;
  readonly settings: DecisionSettings;
  /** This group is the one that the client is told of. */
  readonly isAnswering: boolean;
}

function explainGroup(
  standing: Standing,
  before: Standing | undefined,
  context: GroupContext,
): ExplainedGroup {
  const { group } = standing;
  const { view, settings, isAnswering } = context;
  const chosen = answeringMembers(group, view, settings).map(({ member }) => member);
  return {
    owner: groupTitle(group),
    kind: group.kind,
    engine: group.engine,
    project: group.project,
    source: group.source,
    ready: group.isReady,
    startedAt: isoTime(group.startedAtMs),
    networks: networksOf(group, settings),
    answers: isAnswering,
    behind: before === undefined ? null : behind(before, standing, context),
    members: group.members.map((member) => {
      const isChosen = chosen.includes(member);
      return {
        owner: member.title,
        condition: member.condition,
        leftOut: isAnswering && !isChosen ? leftOutText(member, group, chosen, context) : null,
        addresses: explainAddresses(member, isAnswering && isChosen, context),
      };
    }),
  };
}

function networksOf({ members }: Group, settings: DecisionSettings): readonly string[] {
  const names = members.flatMap(({ addresses, isOnHost }) => [
    ...addresses.flatMap(({ network }) => (network === null ? [] : networkName(network, settings))),
    ...(isOnHost ? [HOST_NETWORK] : []),
  ]);
  return [...new Set(names)];
}

function leftOutText(
  member: Member,
  group: Group,
  chosen: readonly Member[],
  { view, settings }: GroupContext,
): string {
  if (member.trouble !== null) return member.trouble;
  if (addressesFor(member, view, settings).length === 0) {
    return `${member.title} has no address that ${clientText(view)} reaches`;
  }
  const isOwn = (one: Member) => isOfOwnProject(one, group, view);
  if (!isOwn(member) && chosen.some(isOwn)) return `${member.title} is of another project`;
  return conditionText(member);
}

function explainAddresses(
  member: Member,
  isGivenAny: boolean,
  { view, settings }: GroupContext,
): readonly ExplainedAddress[] {
  const judged = judgeAddresses(member, view, settings);
  const own = judged.map(({ address, network, isGiven, verdict }) => ({
    address,
    network: network === null ? null : networkName(network, settings),
    given: isGivenAny && isGiven,
    why: verdictText(verdict),
  }));
  if (!member.isOnHost || judged.some(({ isGiven }) => isGiven)) return own;
  const why = 'the address at which this client reaches the host';
  const hosts = hostAddressesFor(view).map((address) => ({
    address,
    network: HOST_NETWORK,
    given: isGivenAny,
    why,
  }));
  return [...own, ...hosts];
}

function behind(first: Standing, later: Standing, context: GroupContext): ExplainedGroup['behind'] {
  const criterion = decidingCriterion(first, later);
  const because = becauseText(criterion, first.group, later.group, context.view);
  return { owner: groupText(first.group), criterion, because };
}
