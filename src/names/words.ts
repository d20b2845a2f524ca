/** What homeport says of owned names to people: in extended errors, logs and explanations. */
import type { Condition, NetworkKey } from './owner.ts';
import type { DecisionSettings, Group, Member, View } from './zone-delta.ts';

/** Members that a message lists before it counts the rest. */
const MAX_LISTED = 3;

/** What each condition means to who waits for the container. */
const CONDITIONS: Readonly<Record<Condition, string>> = {
  ready: 'is ready',
  starting: 'is starting: its health check has not passed yet',
  unhealthy: 'is unhealthy',
  paused: 'is paused',
  probing: 'accepts no connection yet on the port of its label homeport.ready',
};

/** `web-1`, `web-1, web-2`, `web-1, web-2, web-3 and 4 more`. */
export function listed(words: readonly string[]): string {
  const rest = words.length - MAX_LISTED;
  const shown = words.slice(0, MAX_LISTED).join(', ');
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}

/** What an operator calls the group: its containers. */
export function groupTitle(group: Group): string {
  return listed(group.members.map(({ title }) => title));
}

/** What the group is, as an operator says it. */
export function kindText({ kind }: Pick<Group, 'kind'>): string {
  return kind === 'static' ? 'record' : kind;
}

/** The group in a sentence: a record has the name that it is a record of, so its kind is said too. */
export function groupText(group: Group): string {
  const title = groupTitle(group);
  return group.kind === 'container' ? title : `${kindText(group)} ${title}`;
}

/** `web is starting: its health check has not passed yet` */
export function conditionText({ title, condition }: Pick<Member, 'title' | 'condition'>): string {
  return `${title} ${CONDITIONS[condition]}`;
}

/** A network by its name, or by what is known of it before its engine has listed it. */
export function networkName(
  network: NetworkKey,
  settings: Pick<DecisionSettings, 'networks'>,
): string {
  return settings.networks.get(network)?.name ?? network.slice(network.indexOf('/') + 1);
}

/** Who asks, in the middle of a sentence. */
export function clientText(view: View): string {
  switch (view.kind) {
    case 'host':
      return 'this host';
    case 'remote':
      return 'a client outside of this host';
    case 'container':
      return view.title === null ? 'the asking container' : `container "${view.title}"`;
  }
}

/** Why a client gets no address of a running group, and the one command that mends it, if there is one. */
export function unreachableText(
  name: string,
  group: Group,
  view: View,
  settings: DecisionSettings,
): { readonly reason: string; readonly remedy: string | null } {
  const placed = group.members.filter(({ addresses }) => addresses.length > 0);
  const member = placed.find(({ condition }) => condition === 'ready') ?? placed[0];
  const network = member?.addresses.find((at) => at.network !== null)?.network ?? null;
  if (member === undefined || network === null) {
    return { reason: withoutAddressText(name, group), remedy: null };
  }
  const where = `${name} runs on network "${networkName(network, settings)}"`;
  if (view.kind !== 'container' && group.kind === 'service') {
    const reason = `${where}, which this host does not reach: publish a port of the service (docker service update --publish-add)`;
    return { reason, remedy: null };
  }
  if (view.kind !== 'container') {
    const remedy = `docker network connect bridge ${shellWord(member.title)}`;
    return { reason: `${where}, which this host does not reach: ${remedy}`, remedy };
  }
  if (view.engine !== group.engine) {
    const reason = `${where} of engine "${group.engine}", which ${clientText(view)} of engine "${view.engine}" cannot join: publish its port and look it up with "answer: host"`;
    return { reason, remedy: null };
  }
  const client = view.title === null ? 'CONTAINER' : shellWord(view.title);
  const remedy = `docker network connect ${shellWord(networkName(network, settings))} ${client}`;
  return { reason: `${where}, which ${clientText(view)} is not on: ${remedy}`, remedy };
}

function withoutAddressText(name: string, group: Group): string {
  const trouble = group.members.find((member) => member.trouble !== null)?.trouble;
  if (trouble != null) return trouble;
  if (group.members.some(({ isOnHost }) => isOnHost)) {
    return `${groupTitle(group)} uses the host's network, and the address at which this client reaches the host is not known`;
  }
  return `${name} runs in ${groupTitle(group)} without an address: docker network connect NETWORK ${shellWord(group.members[0]?.title ?? 'CONTAINER')}`;
}

/** Why a client of a project that owned the name is given nobody else's. */
export function refusedText(name: string, project: string): string {
  return `${name} of project "${project}" is not running, and another one's is not given to its clients: start it, or remove the project's containers`;
}

/** `web-1 is paused, web-2 is unhealthy` */
export function unreadyText(members: readonly Member[]): string {
  return listed(members.map(conditionText));
}

/** A word as a shell takes it: networks may be called almost anything. */
function shellWord(text: string): string {
  return /^[\w.@%+:,/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** ISO 8601 in UTC, as logs have it; what no clock can mean is said as it came. */
export function isoTime(ms: number): string {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? String(ms) : time.toISOString();
}
