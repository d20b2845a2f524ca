/** What homeport takes from a manager's word on its swarm: services, tasks and nodes. Pure. */
import { addressOf } from '../container-facts.ts';
import { arrayAt, isObject, labelsAt, numberAt, objectAt, textAt, textsAt } from '../shape.ts';

const STACK_LABEL = 'com.docker.stack.namespace';

/** A port that a service offers. */
export interface SwarmPort {
  readonly protocol: string;
  /** Inside its tasks. */
  readonly target: number;
  /** On nodes; 0: on none, or not chosen yet. */
  readonly published: number;
  /** Published on every node (the routing mesh), or only where a task runs. */
  readonly isIngress: boolean;
}

/** An address of a task or service on one of its networks. */
export interface SwarmAddress {
  readonly networkId: string;
  /** Canonical text. */
  readonly address: string;
}

export interface ServiceFacts {
  readonly id: string;
  readonly name: string;
  /** The stack that it was deployed with, or null. */
  readonly stack: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
  /** Whether its name stands for one virtual address, and not for those of its tasks (dnsrr). */
  readonly isVirtual: boolean;
  readonly virtualAddresses: readonly SwarmAddress[];
  readonly aliases: readonly { readonly networkId: string; readonly names: readonly string[] }[];
  readonly ports: readonly SwarmPort[];
  /** null: as many as there are nodes. */
  readonly replicas: number | null;
  readonly isUpdating: boolean;
}

export interface TaskFacts {
  readonly id: string;
  readonly serviceId: string;
  /** 0 for the task of a global service: it is told apart by its node. */
  readonly slot: number;
  readonly nodeId: string;
  /** `running`, `starting`, `pending`…: what the task's node said last. */
  readonly state: string;
  /** What the swarm wants of it: a task that is to end is told so seconds before its process is. */
  readonly desired: string;
  readonly containerId: string;
  readonly createdAtMs: number;
  readonly addresses: readonly SwarmAddress[];
  readonly isOnHostNetwork: boolean;
  /** Ports of its node that lead to this task alone. */
  readonly ports: readonly SwarmPort[];
}

export interface NodeFacts {
  readonly id: string;
  readonly hostname: string;
  /** '' where the swarm does not know one. */
  readonly address: string;
  /** Its tasks are given up. A node that a new manager has not heard yet (`unknown`) may well be up. */
  readonly isDown: boolean;
  /** It is about to be taken away: no client is sent there. */
  readonly isDrained: boolean;
}

export interface SwarmFacts {
  /** The node that the engine itself is. */
  readonly nodeId: string;
  readonly services: readonly ServiceFacts[];
  /** Those that run or are to run. */
  readonly tasks: readonly TaskFacts[];
  readonly nodes: readonly NodeFacts[];
}

/** The bodies of a manager's lists. */
export interface SwarmBodies {
  readonly nodeId: string;
  readonly services: readonly unknown[];
  readonly tasks: readonly unknown[];
  readonly nodes: readonly unknown[];
}

/** Reads a manager's lists; entries that make no sense are left out. Never throws. */
export function swarmFacts(bodies: SwarmBodies): SwarmFacts {
  return {
    nodeId: bodies.nodeId,
    services: bodies.services.map(serviceFacts).filter((facts) => facts !== undefined),
    tasks: bodies.tasks.map(taskFacts).filter((facts) => facts !== undefined),
    nodes: bodies.nodes.map(nodeFacts).filter((facts) => facts !== undefined),
  };
}

function serviceFacts(body: unknown): ServiceFacts | undefined {
  const spec = objectAt(body, 'Spec');
  const endpoint = objectAt(body, 'Endpoint');
  const [id, name] = [textAt(body, 'ID'), textAt(spec, 'Name')];
  const mode = objectAt(spec, 'Mode');
  // A job runs to its end and serves nobody.
  const isJob = isObject(mode.ReplicatedJob) || isObject(mode.GlobalJob);
  if (id === '' || name === '' || isJob) return undefined;
  const labels = labelsAt(spec, 'Labels');
  // A service without ports and virtual addresses has an empty `Endpoint.Spec`.
  const kind = textAt(objectAt(spec, 'EndpointSpec'), 'Mode') || textAt(endpoint.Spec, 'Mode');
  const template = arrayAt(objectAt(spec, 'TaskTemplate'), 'Networks');
  const replicated = objectAt(mode, 'Replicated');
  return {
    id,
    name,
    stack: labels[STACK_LABEL] || null,
    labels,
    createdAtMs: timeMs(textAt(body, 'CreatedAt')),
    isVirtual: kind !== 'dnsrr',
    virtualAddresses: arrayAt(endpoint, 'VirtualIPs').flatMap((at) =>
      swarmAddress(textAt(at, 'NetworkID'), textAt(at, 'Addr')),
    ),
    // Older clients write the networks beside the template.
    aliases: (template.length > 0 ? template : arrayAt(spec, 'Networks')).map((at) => ({
      networkId: textAt(at, 'Target'),
      names: textsAt(at, 'Aliases'),
    })),
    ports: swarmPorts(endpoint),
    replicas: typeof replicated.Replicas === 'number' ? replicated.Replicas : null,
    isUpdating: /^(?:updating|rollback_started)$/.test(
      textAt(objectAt(body, 'UpdateStatus'), 'State'),
    ),
  };
}

function taskFacts(body: unknown): TaskFacts | undefined {
  const [id, serviceId] = [textAt(body, 'ID'), textAt(body, 'ServiceID')];
  if (id === '' || serviceId === '') return undefined;
  const status = objectAt(body, 'Status');
  const attachments = arrayAt(body, 'NetworksAttachments');
  return {
    id,
    serviceId,
    slot: numberAt(body, 'Slot'),
    nodeId: textAt(body, 'NodeID'),
    state: textAt(status, 'State'),
    desired: textAt(body, 'DesiredState'),
    containerId: textAt(objectAt(status, 'ContainerStatus'), 'ContainerID'),
    createdAtMs: timeMs(textAt(body, 'CreatedAt')),
    addresses: attachments.flatMap((at) =>
      textsAt(at, 'Addresses').flatMap((text) => swarmAddress(attachedNetwork(at).id, text)),
    ),
    isOnHostNetwork: attachments.some((at) => attachedNetwork(at).name === 'host'),
    ports: swarmPorts(objectAt(status, 'PortStatus')),
  };
}

function attachedNetwork(attachment: unknown): { readonly id: string; readonly name: string } {
  const network = objectAt(attachment, 'Network');
  return { id: textAt(network, 'ID'), name: textAt(objectAt(network, 'Spec'), 'Name') };
}

function nodeFacts(body: unknown): NodeFacts | undefined {
  const id = textAt(body, 'ID');
  if (id === '') return undefined;
  const status = objectAt(body, 'Status');
  const state = textAt(status, 'State');
  // A manager that listens everywhere knows its own address only as the others see it.
  const managed = textAt(objectAt(body, 'ManagerStatus'), 'Addr').replace(/:\d+$/, '');
  const address = addressOf(textAt(status, 'Addr'));
  return {
    id,
    hostname: textAt(objectAt(body, 'Description'), 'Hostname'),
    address: isUnspecified(address) ? addressOf(managed.replace(/^\[|\]$/g, '')) : address,
    isDown: state === 'down' || state === 'disconnected',
    isDrained: textAt(objectAt(body, 'Spec'), 'Availability') === 'drain',
  };
}

function isUnspecified(address: string): boolean {
  return address === '' || address === '0.0.0.0' || address === '::';
}

/** The engine names a task's ports twice. */
function swarmPorts(parent: unknown): SwarmPort[] {
  const ports = new Map<string, SwarmPort>();
  for (const body of arrayAt(parent, 'Ports')) {
    const target = numberAt(body, 'TargetPort');
    if (!isObject(body) || target === 0) continue;
    const port: SwarmPort = {
      protocol: textAt(body, 'Protocol') || 'tcp',
      target,
      published: numberAt(body, 'PublishedPort'),
      isIngress: textAt(body, 'PublishMode') !== 'host',
    };
    ports.set(JSON.stringify(port), port);
  }
  return [...ports.values()];
}

function swarmAddress(networkId: string, text: string): SwarmAddress[] {
  const address = addressOf(text);
  return networkId === '' || address === '' ? [] : [{ networkId, address }];
}

function timeMs(text: string): number {
  return Math.max(0, Date.parse(text) || 0);
}
