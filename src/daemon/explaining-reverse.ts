/** What a client is told of a reverse name, as the answering side decides it (`Zone.reverseOf`). Pure. */
import type { Verdict } from '../control/reports.ts';
import { addressOfReverseName, addressText, contains, parseSubnet } from '../dns/address.ts';
import { tryParseName } from '../dns/name.ts';
import type { ReverseEntry } from '../names/reverse-names.ts';
import { networkName } from '../names/words.ts';
import type { DecisionSettings } from '../names/zone-delta.ts';

/** Everything that a reverse name's answer depends on. */
export interface ReverseWorld {
  readonly settings: DecisionSettings;
  /** What bare names are completed with; undefined: nothing. */
  readonly region: string | undefined;
  reverseOf(address: string): ReverseEntry | undefined;
}

/**
 * Explains a reverse name.
 *
 * @param asked lower case, without trailing dot
 * @returns undefined where it is none, or that of an address which is none of ours
 */
export function reverseVerdict(
  asked: string,
  type: string,
  world: ReverseWorld,
): Verdict | undefined {
  const name = tryParseName(asked);
  const bytes = name === undefined ? undefined : addressOfReverseName(name);
  if (bytes === undefined) return undefined;
  const address = addressText(bytes);
  const entry = world.reverseOf(address);
  if (entry !== undefined) return ownedVerdict(entry, type, world);
  const isInside = [...world.settings.networks.values()].some(
    ({ tellsWhoAsks, subnets }) =>
      tellsWhoAsks && subnets.some((subnet) => contains(parseSubnet(subnet), bytes)),
  );
  if (!isInside) return undefined;
  const reason = `no container has ${address}, and the networks of this host are known nowhere else`;
  return { kind: 'nonexistent', reason };
}

function ownedVerdict(
  { address, names, owner }: ReverseEntry,
  type: string,
  world: ReverseWorld,
): Verdict {
  const { settings, region } = world;
  const long = names.map((name) =>
    region === undefined || name.includes('.') ? name : `${name}.${region}`,
  );
  const isPtr = type === 'PTR' || type === 'ANY';
  return {
    kind: 'owned',
    owner: owner.title,
    ready: owner.condition === 'ready',
    ownerKind: owner.kind,
    engine: owner.engine,
    project: owner.project,
    source: owner.claims.find((claim) => claim.name === names[0])?.source ?? '',
    addresses: owner.addresses
      .filter((owned) => owned.address === address)
      .map(({ network }) => ({
        address,
        network: network === null ? null : networkName(network, settings),
      })),
    cname: null,
    ttlSeconds: settings.ttlSeconds,
    note: isPtr
      ? `PTR: ${long.join(', ')}`
      : `no data: this name has PTR alone, ${long.join(', ')}`,
  };
}
