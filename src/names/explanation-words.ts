/** An explanation in words. */
import type {
  ExplainedClient,
  ExplainedDecision,
  ExplainedGroup,
  ExplainedMember,
  Explanation,
} from './explanation.ts';
import type { Source } from './owner.ts';
import type { Criterion } from './precedence.ts';
import type { Verdict } from './reach.ts';
import { clientText, conditionText, groupText, isoTime, kindText, listed } from './words.ts';
import type { Group, View } from './zone-delta.ts';

const VERDICTS: Readonly<Record<Verdict, string>> = {
  shared: 'the client is on this network',
  labelled: 'label homeport.network: for clients that share no network',
  everywhere: 'every client reaches it',
  reachable: 'the host reaches this network',
  behind: 'another network of the container comes first',
  apart: 'the client is not on this network',
  unreachable: 'the host does not reach this network',
};

const SOURCE_WORDS: Readonly<Record<Source, string>> = {
  label: 'by its label homeport.names',
  name: 'by its own name',
  alias: 'by a network alias',
  service: 'by its Compose service',
  hostname: 'by its hostname',
  lease: 'by a lease',
  record: 'by a record of the configuration',
};

/** Why the first group comes before the later one. */
const BECAUSE: Readonly<Record<Criterion, (first: Group, later: Group, view: View) => string>> = {
  network: (first, later, view) => {
    if (view.kind === 'container') return `${says(first, 'is', 'are')} on a network of the client`;
    return isEngines(later)
      ? `this host reaches ${groupText(first)}, and not ${groupText(later)}`
      : kindOrder(first, later);
  },
  project: (first) => `${says(first, 'is', 'are')} of the client's own project`,
  address: (first, later) =>
    `${says(first, 'has', 'have')} an address, ${says(later, 'has', 'have')} none`,
  kind: kindOrder,
  readiness: (first, later) => {
    const waiting = later.members.filter(({ condition }) => condition !== 'ready');
    const why = listed(waiting.map(conditionText));
    return `${says(first, 'keeps', 'keep')} the name until ${says(later, 'is', 'are')} ready: ${why}`;
  },
  source: (first, later) =>
    `${says(first, 'has', 'have')} the name ${SOURCE_WORDS[first.source]}, ${groupText(later)} ${SOURCE_WORDS[later.source]}`,
  start: (first, later) =>
    `${groupText(first)} started later, at ${isoTime(first.startedAtMs)} against ${isoTime(later.startedAtMs)}`,
  key: (first) =>
    `both started at ${isoTime(first.startedAtMs)}, so the order of their ids decides`,
};

function kindOrder(first: Group, later: Group): string {
  return `a ${kindText(first)} comes before a ${kindText(later)}`;
}

/** Whether engines run it, so that a network can be out of reach; records and leases are on none. */
function isEngines({ kind }: Group): boolean {
  return kind === 'container' || kind === 'service';
}

/** A group and its verb. */
function says(group: Group, one: string, many: string): string {
  return `${groupText(group)} ${group.members.length > 1 ? many : one}`;
}

/** Why a group waits behind another one for this view. */
export function becauseText(criterion: Criterion, first: Group, later: Group, view: View): string {
  return BECAUSE[criterion](first, later, view);
}

/** Why an address is given, or not. */
export function verdictText(verdict: Verdict): string {
  return VERDICTS[verdict];
}

/** The explanation in words, one step a line. */
export function stepsOf(explanation: Omit<Explanation, 'steps'>, view: View): readonly string[] {
  const { name, groups, decision, departed } = explanation;
  const steps = [askedBy(explanation.client, view)];
  if (groups.length === 0) steps.push(`nobody owns ${name}`);
  if (departed !== null) {
    steps.push(
      `${departed.owner ?? 'somebody'} owned it; until ${departed.until} it does not go to production`,
    );
  }
  for (const group of groups) steps.push(claimText(group), ...behindText(group));
  for (const group of groups) if (group.answers) steps.push(...group.members.flatMap(memberText));
  const result = resultText(decision);
  return result === null ? steps : [...steps, result];
}

function askedBy(client: ExplainedClient, view: View): string {
  if (view.kind === 'host') return 'asked by this host';
  const at =
    client.localAddress === null ? '' : `, which reaches this host at ${client.localAddress}`;
  if (view.kind === 'remote') return `asked by ${clientText(view)}${at}`;
  const project = client.project === null ? '' : ` of project "${client.project}"`;
  const networks = listed(client.networks.map((network) => `"${network}"`));
  return `asked by ${clientText(view)}${project} on network ${networks}${at}`;
}

function claimText(group: ExplainedGroup): string {
  const project = group.project === null ? '' : ` of project "${group.project}"`;
  const networks =
    group.networks.length === 0
      ? ''
      : `, on network ${listed(group.networks.map((at) => `"${at}"`))}`;
  const state = group.ready ? 'ready' : 'not ready';
  const since = group.kind === 'static' ? '' : `, since ${group.startedAt}`;
  return `${kindText(group)} ${group.owner}${project} ${group.members.length > 1 ? 'claim' : 'claims'} it ${SOURCE_WORDS[group.source]}: ${state}${since}${networks}`;
}

function behindText(group: ExplainedGroup): readonly string[] {
  const { behind, kind, members, owner } = group;
  if (behind === null) return [];
  const who = kind === 'container' ? owner : `${kindText(group)} ${owner}`;
  const waits = members.length > 1 ? 'wait' : 'waits';
  return [`${who} ${waits} behind ${behind.owner}: ${behind.because}`];
}

/** What becomes of each address; those of a member that is left out for another reason are not gone through. */
function memberText({ owner, addresses, leftOut }: ExplainedMember): readonly string[] {
  if (leftOut !== null) return [`${owner} is left out: ${leftOut}`];
  return addresses.map(({ address, network, given, why }) => {
    const where = network === null ? '' : ` on "${network}"`;
    return `${owner}: ${address}${where} is ${given ? 'given' : 'left out'}: ${why}`;
  });
}

function resultText({ kind, addresses, target, reason }: ExplainedDecision): string | null {
  switch (kind) {
    case 'addresses': {
      const warning = reason === null ? '' : `, with a warning: ${reason}`;
      return addresses.length === 0
        ? 'it has no address'
        : `answer: ${addresses.join(', ')}${warning}`;
    }
    case 'cname':
      return `answer: it stands for ${target}`;
    case 'unreachable':
      return `no data: ${reason}`;
    case 'refused':
      return `refused: ${reason}`;
    case 'none':
      return null;
  }
}
