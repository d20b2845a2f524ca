/** Which of a member's addresses a view is given, and why not the others. */
import type { NetworkKey, OwnedAddress } from './owner.ts';
import type { DecisionSettings, Member, View } from './zone-delta.ts';

/**
 * What becomes of one address for one view:
 * - `shared`: given, the client is on its network
 * - `labelled`: given, to whoever shares no network (label `homeport.network`)
 * - `everywhere`: given, every client reaches it
 * - `reachable`: given, the host reaches its network
 * - `behind`: another network of the member comes first
 * - `apart`: the client is not on its network
 * - `unreachable`: the host does not reach its network (overlay, macvlan, ipvlan)
 */
export type Verdict =
  | 'shared'
  | 'labelled'
  | 'everywhere'
  | 'reachable'
  | 'behind'
  | 'apart'
  | 'unreachable';

export interface JudgedAddress {
  readonly address: string;
  readonly network: NetworkKey | null;
  readonly isGiven: boolean;
  readonly verdict: Verdict;
}

/** Where verdicts stand: only addresses of the best verdict that a member has are given. */
const TIERS: Readonly<Record<Verdict, number>> = {
  shared: 0,
  labelled: 1,
  everywhere: 2,
  // The host reaches both kinds: the configured order of networks tells them apart.
  reachable: 2,
  behind: 3,
  apart: 3,
  unreachable: 3,
};
const NOT_GIVEN = 3;

const LOOPBACK = '127.0.0.1';

/**
 * The addresses of a member for a view: all that it has on one network, one network for each family.
 *
 * @returns canonical text in the owner's order; empty where this client reaches none
 */
export function addressesFor(
  member: Member,
  view: View,
  settings: DecisionSettings,
): readonly string[] {
  const given: string[] = [];
  for (const { address, isGiven } of judgeAddresses(member, view, settings)) {
    if (isGiven) given.push(address);
  }
  return given.length === 0 && member.isOnHost ? hostAddressesFor(view) : given;
}

/** Whether `addressesFor` gives any, or the member stands for another name, which every view may ask. */
export function isGivenAnything(member: Member, view: View, settings: DecisionSettings): boolean {
  return member.cname !== null || addressesFor(member, view, settings).length > 0;
}

/** Every address of a member with its verdict, in the owner's order. Addresses of the host are not among them. */
export function judgeAddresses(
  member: Member,
  view: View,
  settings: DecisionSettings,
): readonly JudgedAddress[] {
  const verdicts = member.addresses.map((owned) => verdictOf(owned, member, view, settings));
  const best = Math.min(NOT_GIVEN, ...verdicts.map((verdict) => TIERS[verdict]));
  const eligible =
    best === NOT_GIVEN
      ? []
      : member.addresses.filter((_, i) => TIERS[verdicts[i] ?? 'apart'] === best);
  const ipv4 = firstNetwork(eligible, false, view, settings);
  const ipv6 = firstNetwork(eligible, true, view, settings);
  return member.addresses.map(({ address, network }, i) => {
    const verdict = verdicts[i] ?? 'apart';
    const chosen = isIpv6(address) ? ipv6 : ipv4;
    const isGiven = TIERS[verdict] === best && best < NOT_GIVEN && network === chosen;
    const isLeftOut = !isGiven && TIERS[verdict] < NOT_GIVEN;
    return { address, network, isGiven, verdict: isLeftOut ? 'behind' : verdict };
  });
}

/**
 * The address at which a client reaches the host. IPv6 only where there is no IPv4: a service that
 * listens on 0.0.0.0 alone is the rule, and not every client tries a second address.
 */
export function hostAddressesFor(view: View): readonly string[] {
  switch (view.kind) {
    case 'host':
      return [LOOPBACK];
    case 'remote':
      return view.localAddress === null ? [] : [view.localAddress];
    case 'container': {
      const gateway = view.gateways.find((address) => !isIpv6(address)) ?? view.gateways[0];
      return gateway === undefined ? [] : [gateway];
    }
  }
}

function verdictOf(
  { network }: OwnedAddress,
  member: Member,
  view: View,
  settings: DecisionSettings,
): Verdict {
  if (view.kind === 'container' && network !== null && view.networks.includes(network)) {
    return 'shared';
  }
  if (network !== null && network === member.preferredNetwork) return 'labelled';
  if (network === null) return 'everywhere';
  if (view.kind === 'container') return 'apart';
  // A network that the engine has not listed yet is taken for a bridge, as nearly all are.
  return settings.networks.get(network)?.isHostReachable === false ? 'unreachable' : 'reachable';
}

/** The network whose addresses of one family come first; undefined: none. */
function firstNetwork(
  eligible: readonly OwnedAddress[],
  wantsIpv6: boolean,
  view: View,
  settings: DecisionSettings,
): NetworkKey | null | undefined {
  let first: OwnedAddress | undefined;
  let firstPlace = Number.POSITIVE_INFINITY;
  for (const owned of eligible) {
    if (isIpv6(owned.address) !== wantsIpv6) continue;
    const place = view.kind === 'container' ? 0 : configuredPlace(owned.network, settings);
    if (place < firstPlace) {
      first = owned;
      firstPlace = place;
    }
  }
  return first?.network;
}

/** The place of a network in the configured order; those that it does not name come last, as equals. */
function configuredPlace(network: NetworkKey | null, settings: DecisionSettings): number {
  const { networkOrder, networks } = settings;
  const name = network === null ? undefined : networks.get(network)?.name;
  const place = name === undefined ? -1 : networkOrder.indexOf(name);
  return place < 0 ? networkOrder.length : place;
}

/** Whether an address in canonical text is IPv6. */
export function isIpv6(address: string): boolean {
  return address.includes(':');
}
