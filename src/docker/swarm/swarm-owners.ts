/**
 * A swarm's services, tasks and nodes → what the names room is told of them. Pure.
 *
 * A service's name gives its virtual address, or those of its tasks (dnsrr), to who shares a network
 * with it; everybody else gets the nodes that publish its port.
 */
import type {
  Claim,
  NetworkKey,
  OwnedAddress,
  Owner,
  ServicePort,
  Source,
} from '../../names/owner.ts';
import { nameRefusal, plainName, type Refusal } from '../claims.ts';
import { type Wishes, wishesOf } from '../labels.ts';
import type { AnswerMode } from '../owner-of-container.ts';
import { uniqueByService } from '../ports.ts';
import type {
  NodeFacts,
  ServiceFacts,
  SwarmAddress,
  SwarmFacts,
  SwarmPort,
  TaskFacts,
} from './swarm-facts.ts';

/** What decides beside the swarm's own facts. */
export interface SwarmSurroundings {
  readonly engine: string;
  readonly answer: AnswerMode;
  /** The key of a network; null: no client gets an address on it (the routing mesh, the host's network). */
  keyOf(networkId: string): NetworkKey | null;
  /** The network of that name, for the label homeport.network. */
  keyOfName(name: string): NetworkKey | null;
  /** Whether a container of this very engine runs now: it knows before the swarm does. */
  isRunning(containerId: string): boolean;
}

/** A service and what it comes to. */
export interface ServiceReading {
  readonly service: ServiceFacts;
  /** Every name that it and its tasks hold. */
  readonly names: readonly string[];
  readonly owners: readonly Owner[];
  readonly refused: readonly Refusal[];
  readonly problems: readonly string[];
}

/** A task that can be answered with. */
interface LiveTask {
  readonly task: TaskFacts;
  readonly node: NodeFacts | undefined;
  /** Its node says that it runs; otherwise its health check has not passed yet. */
  readonly isReady: boolean;
}

interface Reading {
  readonly service: ServiceFacts;
  readonly swarm: SwarmFacts;
  readonly around: SwarmSurroundings;
  readonly wishes: Wishes;
  readonly claims: readonly Claim[];
  readonly live: readonly LiveTask[];
}

/** Reads every service. Never throws. */
export function readSwarm(swarm: SwarmFacts, around: SwarmSurroundings): ServiceReading[] {
  const nodes = new Map(swarm.nodes.map((node) => [node.id, node]));
  const tasks = new Map<string, LiveTask[]>();
  for (const task of swarm.tasks) {
    const live = liveTask(task, nodes.get(task.nodeId), swarm, around);
    if (live === null) continue;
    const others = tasks.get(task.serviceId) ?? [];
    tasks.set(task.serviceId, [...others, live]);
  }
  return swarm.services.map((service) => readService(service, tasks, swarm, around));
}

/**
 * A task that is to end has lost its name long before its process: Swarm itself takes it out of its
 * own DNS first and gives its clients seconds to notice.
 */
function liveTask(
  task: TaskFacts,
  node: NodeFacts | undefined,
  swarm: SwarmFacts,
  around: SwarmSurroundings,
): LiveTask | null {
  if (task.desired !== 'running' || node?.isDown === true) return null;
  const isLocal = task.nodeId === swarm.nodeId;
  if (isLocal && !around.isRunning(task.containerId)) return null;
  if (task.state === 'running') return { task, node, isReady: true };
  // Of another node's task nobody can tell whether its container runs already.
  return task.state === 'starting' && isLocal ? { task, node, isReady: false } : null;
}

function readService(
  service: ServiceFacts,
  tasks: ReadonlyMap<string, readonly LiveTask[]>,
  swarm: SwarmFacts,
  around: SwarmSurroundings,
): ServiceReading {
  const wishes = wishesOf(service.labels);
  if (wishes.isIgnored) {
    return { service, names: [], owners: [], refused: [], problems: wishes.problems };
  }
  const { claims, refused } = claimsOf(service, wishes, around);
  const live = tasks.get(service.id) ?? [];
  const reading: Reading = { service, swarm, around, wishes, claims, live };
  const owners = ownersOf(reading);
  const held = owners.flatMap((owner) => owner.claims.map(({ name }) => name));
  return {
    service,
    names: [...new Set([...claims.map(({ name }) => name), ...held])],
    owners,
    refused,
    problems:
      wishes.readyPort === null
        ? wishes.problems
        : [...wishes.problems, 'label homeport.ready is for containers; give a health check'],
  };
}

function ownersOf(reading: Reading): Owner[] {
  const { service, live } = reading;
  if (live.length === 0) return [serviceOwner(reading)];
  const mesh = service.ports.some(({ isIngress }) => isIngress);
  const isOne = service.isVirtual && (mesh || virtualAddresses(reading).length > 0);
  const tasks = live.map((at) => taskOwner(reading, at, isOne ? [] : reading.claims));
  return isOne ? [serviceOwner(reading), ...tasks] : tasks;
}

/**
 * The service as a whole: at its virtual addresses, and at the nodes that publish its ports. Without a
 * task it keeps its names and gives no address: they must not go to production.
 */
function serviceOwner(reading: Reading): Owner {
  const { service, live, claims, wishes, swarm } = reading;
  const { engine } = reading.around;
  const published = live.length === 0 ? [] : service.ports.filter(({ isIngress }) => isIngress);
  const mesh = published.length === 0 ? [] : swarm.nodes.filter(isOpen).sort(byAddress);
  const hosts = live.filter(({ task }) => task.ports.length > 0).map(({ node }) => node);
  const outside = outsideOf([...mesh, ...hosts], reading);
  const ports = [...published, ...live.flatMap(({ task }) => task.ports)];
  const addresses =
    live.length === 0 ? [] : [...virtualAddresses(reading), ...withoutRepeats(outside.addresses)];
  return {
    ...common(reading),
    id: `${engine}/${service.id}`,
    title: service.name,
    condition: live.some(({ isReady }) => isReady) ? 'ready' : 'starting',
    startedAtMs: Math.max(service.createdAtMs, ...live.map(({ task }) => task.createdAtMs)),
    claims,
    addresses,
    isOnHost: outside.isOnHost,
    trouble: addresses.length > 0 || outside.isOnHost ? null : troubleOf(reading),
    ports: insidePorts(service, wishes),
    outsidePorts: publishedPorts(ports, wishes),
  };
}

/** One task, with names of its own, and its service's where those stand for the tasks. */
function taskOwner(reading: Reading, at: LiveTask, claims: readonly Claim[]): Owner {
  const { service, wishes, around } = reading;
  const { task, node, isReady } = at;
  const title = taskTitle(service, at);
  const isPublished = task.isOnHostNetwork || task.ports.length > 0;
  const outside = outsideOf(isPublished ? [node] : [], reading);
  const addresses = [...keyed(task.addresses, around), ...outside.addresses];
  const own = [title, `tasks.${service.name}`]
    .filter((name) => nameRefusal(name, 'name') === undefined)
    .map((name): Claim => ({ name: plainName(name), source: 'name', networks: null }));
  return {
    ...common(reading),
    // Tasks made in one go are told in the order of their numbers.
    id: `${around.engine}/${service.id}/${String(task.slot).padStart(6, '0')}/${task.id}`,
    title,
    condition: isReady ? 'ready' : 'starting',
    startedAtMs: task.createdAtMs,
    claims: [...claims, ...own],
    addresses,
    isOnHost: outside.isOnHost,
    trouble: addresses.length > 0 || outside.isOnHost ? null : troubleOf(reading),
    ports: insidePorts(service, wishes),
    ...(task.isOnHostNetwork ? {} : { outsidePorts: publishedPorts(task.ports, wishes) }),
  };
}

function common(
  reading: Reading,
): Pick<
  Owner,
  | 'kind'
  | 'engine'
  | 'project'
  | 'group'
  | 'ttlSeconds'
  | 'texts'
  | 'cname'
  | 'preferredNetwork'
  | 'asksFrom'
> {
  const { service, wishes, around } = reading;
  return {
    kind: 'service',
    engine: around.engine,
    project: service.stack,
    group: `${around.engine}/swarm/${service.id}`,
    ttlSeconds: wishes.ttlSeconds,
    texts: wishes.texts,
    cname: null,
    preferredNetwork: wishes.network === null ? null : around.keyOfName(wishes.network),
    // Its tasks' containers ask, and are owners of their own for that.
    asksFrom: [],
  };
}

/** `web.2`; the tasks of a global service have no number, but each has a node: `web.node-1`. */
function taskTitle(service: ServiceFacts, { task, node }: LiveTask): string {
  return `${service.name}.${task.slot > 0 ? task.slot : node?.hostname || task.nodeId}`;
}

function virtualAddresses({ service, around }: Reading): OwnedAddress[] {
  return service.isVirtual ? keyed(service.virtualAddresses, around) : [];
}

function keyed(addresses: readonly SwarmAddress[], around: SwarmSurroundings): OwnedAddress[] {
  return addresses.flatMap(({ networkId, address }) => {
    const network = around.keyOf(networkId);
    return network === null ? [] : [{ address, network }];
  });
}

/** Ids are random; the same swarm is to read the same each time. */
function byAddress(a: NodeFacts, b: NodeFacts): number {
  return a.address < b.address ? -1 : 1;
}

function isOpen(node: NodeFacts): boolean {
  return !node.isDown && !node.isDrained;
}

/** Nodes as clients reach them; this very one, where the swarm has no address of it, as they reach this host. */
function outsideOf(
  nodes: readonly (NodeFacts | undefined)[],
  { swarm, around }: Reading,
): { readonly addresses: readonly OwnedAddress[]; readonly isOnHost: boolean } {
  const addresses: OwnedAddress[] = [];
  let isOnHost = false;
  for (const node of new Set(nodes)) {
    const isOwn = node?.id === swarm.nodeId;
    if (node === undefined) continue;
    if (isOwn && around.answer.kind === 'host') {
      addresses.push({ address: around.answer.address, network: null });
    } else if (!isLoopback(node.address)) {
      addresses.push({ address: node.address, network: null });
    } else if (isOwn) {
      isOnHost = true;
    }
  }
  return { addresses, isOnHost };
}

function isLoopback(address: string): boolean {
  return /^(?:127\.|::1?$|0\.0\.0\.0$|$)/.test(address);
}

function withoutRepeats(addresses: readonly OwnedAddress[]): readonly OwnedAddress[] {
  return addresses.filter(
    ({ address }, i) => addresses.findIndex((other) => other.address === address) === i,
  );
}

function troubleOf({ service, live }: Reading): string {
  const { name, replicas } = service;
  if (replicas === 0) return `service ${name} is scaled to 0; docker service scale ${name}=1`;
  if (live.length === 0) return `service ${name} has no running task; docker service ps ${name}`;
  return `service ${name} is on no network that others join, and publishes no port; docker service update --publish-add PORT ${name}`;
}

/** Ports as who shares a network uses them. */
function insidePorts(service: ServiceFacts, wishes: Wishes): ServicePort[] {
  const numbered = service.ports.map(({ protocol, target }) => ({
    service: `_${target}._${protocol}`,
    port: target,
  }));
  return uniqueByService([...wishes.ports, ...numbered]);
}

/** Ports as clients of the nodes use them, named for the service's own. */
function publishedPorts(ports: readonly SwarmPort[], wishes: Wishes): ServicePort[] {
  const open = ports.filter(({ published }) => published > 0);
  const named = wishes.ports.flatMap(({ service, port }) =>
    open
      .filter(({ target, protocol }) => target === port && service.endsWith(`._${protocol}`))
      .map(({ published }) => ({ service, port: published })),
  );
  const numbered = open.map(({ protocol, target, published }) => ({
    service: `_${target}._${protocol}`,
    port: published,
  }));
  return uniqueByService([...named, ...numbered]);
}

interface Candidate {
  readonly name: string;
  readonly source: Source;
  readonly networks: readonly NetworkKey[] | null;
}

/** The names of a service, each once for every source and network, and those that DNS cannot carry. */
function claimsOf(
  service: ServiceFacts,
  wishes: Wishes,
  around: SwarmSurroundings,
): { readonly claims: readonly Claim[]; readonly refused: readonly Refusal[] } {
  const claims = new Map<string, Claim>();
  const refused = new Map<string, Refusal>();
  for (const { name, source, networks } of candidatesOf(service, wishes, around)) {
    const reason = nameRefusal(name, source);
    if (reason !== undefined) {
      refused.set(name, { name, reason });
      continue;
    }
    const claim = { name: plainName(name), source, networks };
    const key = `${source} ${claim.name}`;
    const before = claims.get(key)?.networks;
    claims.set(
      key,
      before && networks ? { ...claim, networks: [...new Set([...before, ...networks])] } : claim,
    );
  }
  return { claims: [...claims.values()], refused: [...refused.values()] };
}

/** `docker stack deploy` calls a service `STACK_NAME`, and its containers find it as `NAME`. */
function candidatesOf(
  service: ServiceFacts,
  wishes: Wishes,
  around: SwarmSurroundings,
): Candidate[] {
  const { name, stack } = service;
  const everywhere = (source: Source) => (at: string) => ({ name: at, source, networks: null });
  const prefix = `${stack}_`;
  const short = stack !== null && name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return [
    ...wishes.names.map(everywhere('label')),
    everywhere('name')(name),
    ...service.aliases.flatMap(({ networkId, names }) => {
      const network = around.keyOf(networkId);
      if (network === null) return [];
      return names.map((at): Candidate => ({ name: at, source: 'alias', networks: [network] }));
    }),
    ...(short === '' ? [] : [short, `${short}.${stack}`].map(everywhere('service'))),
  ];
}
