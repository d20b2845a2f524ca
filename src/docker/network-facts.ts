/** What homeport takes from the engine's word on one network. Pure. */
import { addressBytes, contains, parseSubnet } from '../dns/address.ts';
import type { Network, NetworkKey } from '../names/owner.ts';
import { addressOf } from './container-facts.ts';
import { arrayAt, isObject, labelsAt, objectAt, textAt } from './shape.ts';

/** Where Swarm puts the containers of overlay networks so that they reach the host. */
export const GATEWAY_BRIDGE = 'docker_gwbridge';
/** In the place of an engine in keys; ids of swarms are unique, so an engine of that name does no harm. */
export const SWARM = 'swarm';
/** Containers on them have addresses that the host has no route to. */
const UNREACHABLE_DRIVERS: ReadonlySet<string> = new Set(['overlay', 'macvlan', 'ipvlan']);
/** `host` and `none`: no network of their own. */
const DRIVERS_WITHOUT_ADDRESSES: ReadonlySet<string> = new Set(['host', 'null']);

export interface NetworkFacts {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly project: string | null;
  readonly subnets: readonly string[];
  readonly gateways: readonly string[];
  /** Swarm's routing mesh; no client ever gets an address on it. */
  readonly isIngress: boolean;
  /** One and the same on every engine of a swarm. */
  readonly isSwarms: boolean;
  /** The host's interface that is this network, or ''. */
  readonly interfaceName: string;
}

/** A container as network inspect shows it, before the container itself says so. */
export interface Attached {
  readonly containerId: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

/** An entry of `GET /networks` or the reply of a network inspect; undefined where it is none. Never throws. */
export function networkFacts(body: unknown): NetworkFacts | undefined {
  const id = textAt(body, 'Id');
  const name = textAt(body, 'Name');
  if (id === '' || name === '') return undefined;
  const ranges = arrayAt(objectAt(body, 'IPAM'), 'Config');
  const driver = textAt(body, 'Driver');
  const bridge = textAt(objectAt(body, 'Options'), 'com.docker.network.bridge.name');
  return {
    id,
    name,
    driver,
    project: labelsAt(body, 'Labels')['com.docker.compose.project'] ?? null,
    subnets: ranges.map((range) => textAt(range, 'Subnet')).filter(isSubnet),
    gateways: ranges.map((range) => addressOf(textAt(range, 'Gateway'))).filter((at) => at !== ''),
    isIngress: isObject(body) && body.Ingress === true,
    isSwarms: textAt(body, 'Scope') === 'swarm',
    // Docker's own name for a bridge that was given none.
    interfaceName: bridge === '' && driver === 'bridge' ? `br-${id.slice(0, 12)}` : bridge,
  };
}

/** The containers of a network inspect. Swarm's pseudo entries (`lb-…`) are among them and match no container. */
export function attachedContainers(body: unknown): Attached[] {
  return Object.entries(objectAt(body, 'Containers')).map(([containerId, at]) => ({
    containerId,
    ipv4: addressOf(textAt(at, 'IPv4Address')),
    ipv6: addressOf(textAt(at, 'IPv6Address')),
  }));
}

/** Addresses of the host by interface, as `os.networkInterfaces` gives them. */
export type Interfaces = Readonly<Record<string, readonly { readonly address: string }[]>>;

/**
 * A network as the names room wants it.
 *
 * @param hints gateways that containers of the network name: docker0 has none in its own facts
 *   until it is configured, and its interface is not visible where homeport is a container
 */
export function networkOf(
  facts: NetworkFacts,
  options: {
    readonly engine: string;
    readonly tellsWhoAsks: boolean;
    readonly interfaces: Interfaces;
    readonly hints: readonly string[];
  },
): Network {
  const own = options.interfaces[facts.interfaceName] ?? [];
  const isHostReachable = !UNREACHABLE_DRIVERS.has(facts.driver);
  const candidates = [
    ...facts.gateways,
    ...own.map((at) => addressOf(at.address)),
    ...options.hints,
  ];
  return {
    key: networkKey(facts.isSwarms ? SWARM : options.engine, facts.id),
    name: facts.name,
    engine: options.engine,
    driver: facts.driver,
    project: facts.project,
    subnets: facts.subnets,
    // Where the host has no route, the gateway is some router's address and not the host's.
    gateways: isHostReachable
      ? [...new Set(candidates)].filter((at) => isInside(at, facts.subnets)).sort()
      : [],
    isHostReachable,
    tellsWhoAsks: options.tellsWhoAsks,
  };
}

/** @param engine the engine's name; `SWARM` for a network that engines share */
export function networkKey(engine: string, id: string): NetworkKey {
  return `${engine}/${id}`;
}

/** Whether containers can have addresses on it. */
export function hasAddresses(facts: NetworkFacts): boolean {
  return !DRIVERS_WITHOUT_ADDRESSES.has(facts.driver);
}

function isSubnet(text: string): boolean {
  try {
    parseSubnet(text);
    return text !== '';
  } catch {
    return false;
  }
}

function isInside(address: string, subnets: readonly string[]): boolean {
  const bytes = addressBytes(address);
  return bytes !== undefined && subnets.some((subnet) => contains(parseSubnet(subnet), bytes));
}
