/** A container's facts → what the names room is told of it. Pure. */
import type { Claim, Condition, NetworkKey, OwnedAddress, Owner } from '../names/owner.ts';
import { claimsOf, type NamedClaim, type Refusal } from './claims.ts';
import type { ContainerFacts, Endpoint } from './container-facts.ts';
import { composeService, projectOf, type Wishes, wishesOf } from './labels.ts';
import { containerPorts, hostPorts, reachablePorts } from './ports.ts';

/** Whose address is given: the container's, or that of the host which publishes its ports. */
export type AnswerMode =
  | { readonly kind: 'container' }
  | { readonly kind: 'host'; readonly address: string };

/** What decides beside the container's own facts. */
export interface Surroundings {
  readonly engine: string;
  readonly answer: AnswerMode;
  /** The key of an endpoint's network; null: a network on which no client gets an address (Swarm's ingress). */
  keyOf(endpoint: Endpoint): NetworkKey | null;
  /** Another container of the engine, as it is now; by id or name, as network modes write it. */
  containerOf(idOrName: string): ContainerFacts | undefined;
  /** The address from which a container of an overlay network reaches the host. */
  gatewayBridgeAddress(containerId: string): OwnedAddress | null;
  /** Whether the port that the label homeport.ready names has been connected since this start. */
  isConnectable(id: string, startedAtMs: number): boolean;
}

/** Where to try a connection that makes the container ready. */
export interface Probe {
  readonly address: string;
  readonly port: number;
}

export interface Reading {
  /** null: it does not run or is to be ignored. */
  readonly owner: Owner | null;
  /** Every name that it would hold if it ran. */
  readonly names: readonly string[];
  readonly refused: readonly Refusal[];
  readonly problems: readonly string[];
  /** null: nothing to probe. */
  readonly probe: Probe | null;
}

/** Docker refuses longer chains of `container:` modes; this only ends a loop in odd data. */
const MAX_SHARERS = 8;

/** Reads one container. Never throws for facts that `factsOfInspect` accepted. */
export function readContainer(facts: ContainerFacts, around: Surroundings): Reading {
  const wishes = wishesOf(facts.labels);
  const { claims, refused } = claimsOf(facts, wishes);
  const names = claims.map((claim) => claim.name);
  const reading = { names, refused, problems: wishes.problems };
  if (!facts.isRunning || wishes.isIgnored) return { ...reading, owner: null, probe: null };

  const holder = networkHolder(facts, around);
  const place = placeOf(facts, holder, wishes, around);
  const probe = probeOf(facts, wishes, place, around);
  const isProbing = probe !== null && !around.isConnectable(facts.id, facts.startedAtMs);
  const compose = composeService(facts.labels);
  const id = `${around.engine}/${facts.id}`;
  const owner: Owner = {
    id,
    kind: 'container',
    title: facts.name,
    engine: around.engine,
    project: projectOf(facts.labels),
    group: compose === null ? id : `${around.engine}/compose/${compose.project}/${compose.service}`,
    condition: conditionOf(facts, isProbing),
    startedAtMs: facts.startedAtMs,
    claims: claims.map((claim) => keyed(claim, around)),
    ...place,
    ttlSeconds: wishes.ttlSeconds,
    ports:
      around.answer.kind === 'host' && facts.networkMode !== 'host'
        ? hostPorts(facts, wishes, around.answer.address)
        : containerPorts(facts, wishes),
    texts: wishes.texts,
    cname: null,
  };
  return { ...reading, owner, probe };
}

type Place = Pick<Owner, 'addresses' | 'isOnHost' | 'preferredNetwork' | 'trouble' | 'asksFrom'>;

const NOWHERE: Place = {
  addresses: [],
  isOnHost: false,
  preferredNetwork: null,
  trouble: null,
  asksFrom: [],
};

/** Whose network a container uses: its own, or that of the container it joined. */
type Holder =
  | { readonly kind: 'own' }
  | { readonly kind: 'shared'; readonly facts: ContainerFacts }
  | { readonly kind: 'dead'; readonly trouble: string };

function networkHolder(facts: ContainerFacts, around: Surroundings): Holder {
  let at = facts;
  for (let depth = 0; depth < MAX_SHARERS; depth++) {
    const target = /^container:(.+)$/.exec(at.networkMode)?.[1];
    if (target === undefined) {
      return at === facts ? { kind: 'own' } : { kind: 'shared', facts: at };
    }
    const holder = around.containerOf(target);
    const title = holder?.name ?? target.slice(0, 12);
    if (holder === undefined || !holder.isRunning) {
      const trouble = `${facts.name} shares the network of ${title}, which is not running; start ${title}, then docker restart ${facts.name}`;
      return { kind: 'dead', trouble };
    }
    // Its namespace is the one that ended with the holder's last run; neither inspect shows it.
    if (at.startedAtMs <= holder.startedAtMs) {
      const trouble = `${facts.name} sits in the network that ${title} had before it restarted; docker restart ${facts.name}`;
      return { kind: 'dead', trouble };
    }
    at = holder;
  }
  return { kind: 'dead', trouble: `${facts.name} shares a network in a circle` };
}

function placeOf(
  facts: ContainerFacts,
  holder: Holder,
  wishes: Wishes,
  around: Surroundings,
): Place {
  if (holder.kind === 'dead') return { ...NOWHERE, trouble: holder.trouble };
  const at = holder.kind === 'own' ? facts : holder.facts;
  if (around.answer.kind === 'host') return placeOnEngineHost(facts, at, around.answer.address);
  if (at.networkMode === 'host') return { ...NOWHERE, isOnHost: true };

  const endpoints = inOrder(at.endpoints);
  const addresses = endpoints.flatMap((endpoint) => addressesOn(endpoint, around));
  const bridged = around.gatewayBridgeAddress(at.id);
  const preferred = endpoints.find((endpoint) => endpoint.networkName === wishes.network);
  return {
    addresses,
    isOnHost: false,
    preferredNetwork: preferred === undefined ? null : around.keyOf(preferred),
    trouble: addresses.length > 0 ? null : withoutAddress(at),
    asksFrom: holder.kind === 'shared' ? [] : [...addresses, ...(bridged ? [bridged] : [])],
  };
}

/** `answer: host`: the engine's host stands for its containers, where it publishes a port of them. */
function placeOnEngineHost(facts: ContainerFacts, at: ContainerFacts, address: string): Place {
  // A sharer's ports are published by the container that holds the network.
  const isReachable = at.networkMode === 'host' || reachablePorts(at, address).length > 0;
  if (isReachable) return { ...NOWHERE, addresses: [{ address, network: null }] };
  const trouble =
    at.published.length > 0
      ? `${facts.name} publishes its ports on 127.0.0.1 alone; publish them on ${address}`
      : `${facts.name} publishes no port on ${address}; docker run it with -p`;
  return { ...NOWHERE, trouble };
}

function withoutAddress(facts: ContainerFacts): string {
  return facts.networkMode === 'none'
    ? `${facts.name} runs without a network (network mode none)`
    : `${facts.name} is on no network; docker network connect NETWORK ${facts.name}`;
}

/** Docker's own order: the gateway priority (API ≥ 1.48), then the network's name. */
function inOrder(endpoints: readonly Endpoint[]): Endpoint[] {
  return [...endpoints].sort(
    (a, b) => b.priority - a.priority || (a.networkName < b.networkName ? -1 : 1),
  );
}

function addressesOn(endpoint: Endpoint, around: Surroundings): OwnedAddress[] {
  const network = around.keyOf(endpoint);
  if (network === null) return [];
  return [endpoint.ipv4, endpoint.ipv6]
    .filter((address) => address !== '')
    .map((address) => ({ address, network }));
}

function keyed(claim: NamedClaim, around: Surroundings): Claim {
  // Where the host stands for its containers, no address is on a network.
  if (claim.places === null || around.answer.kind === 'host') {
    return { name: claim.name, source: claim.source, networks: null };
  }
  const keys = claim.places.map((place) => around.keyOf(place)).filter((key) => key !== null);
  return { name: claim.name, source: claim.source, networks: [...new Set(keys)] };
}

function conditionOf(facts: ContainerFacts, isProbing: boolean): Condition {
  if (facts.isPaused) return 'paused';
  if (facts.health === 'unhealthy') return 'unhealthy';
  if (facts.isStarting || facts.health === 'starting') return 'starting';
  return isProbing ? 'probing' : 'ready';
}

function probeOf(
  facts: ContainerFacts,
  wishes: Wishes,
  place: Place,
  around: Surroundings,
): Probe | null {
  const port = wishes.readyPort;
  if (port === null || facts.isStarting) return null;
  if (place.isOnHost) return { address: '127.0.0.1', port };
  const address = place.addresses[0]?.address;
  if (address === undefined) return null;
  if (around.answer.kind === 'container' || facts.networkMode === 'host') return { address, port };
  const published = reachablePorts(facts, address).find(
    (at) => at.port === port && at.protocol === 'tcp' && at.hostPort > 0,
  );
  return published === undefined ? null : { address, port: published.hostPort };
}
