/** What homeport takes from the engine's word on one container: `inspect`, and the shorter list entry. Pure. */
import { addressBytes, addressText } from '../dns/address.ts';
import { HomeportError } from '../errors.ts';
import {
  arrayAt,
  isObject,
  type JsonObject,
  labelsAt,
  numberAt,
  objectAt,
  textAt,
  textsAt,
} from './shape.ts';

export type Health = 'none' | 'starting' | 'healthy' | 'unhealthy';

/** A container's place on one network. */
export interface Endpoint {
  readonly networkName: string;
  /** '' where a container was never started (API ≥ 1.44); Podman writes the network's name. */
  readonly networkId: string;
  /** Another one for each start and each connect. */
  readonly endpointId: string;
  /** Canonical text, or '' without one. */
  readonly ipv4: string;
  readonly ipv6: string;
  readonly gateways: readonly string[];
  readonly aliases: readonly string[];
  readonly priority: number;
}

/** A port that is open inside the container and, where published, on the host. */
export interface PublishedPort {
  readonly port: number;
  readonly protocol: string;
  /** '' for every address of the host. */
  readonly hostAddress: string;
  /** 0 until the engine has chosen one. */
  readonly hostPort: number;
}

export interface ExposedPort {
  readonly port: number;
  readonly protocol: string;
}

export interface ContainerFacts {
  readonly id: string;
  /** Without the leading slash, spelled as its maker did. */
  readonly name: string;
  readonly isRunning: boolean;
  readonly isPaused: boolean;
  /** Its network is up, its process not yet: known from the network before the container says so. */
  readonly isStarting: boolean;
  readonly health: Health;
  readonly startedAtMs: number;
  /** When its last run ended, by the engine's clock; 0: none has. */
  readonly finishedAtMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly hostname: string;
  /** `bridge`, `host`, `none`, `container:ID`, a network's name or id. */
  readonly networkMode: string;
  readonly endpoints: readonly Endpoint[];
  readonly exposed: readonly ExposedPort[];
  readonly published: readonly PublishedPort[];
}

/**
 * The facts of `GET /containers/{id}/json`.
 *
 * @throws HomeportError DOCKER_REPLY_INVALID where it is not about a container at all
 */
export function factsOfInspect(body: unknown): ContainerFacts {
  const id = textAt(body, 'Id');
  const name = textAt(body, 'Name').replace(/^\//, '');
  if (!isObject(body) || id === '' || name === '' || !isObject(body.State)) {
    throw new HomeportError(
      'DOCKER_REPLY_INVALID',
      'the engine described a container without id, name or state',
    );
  }
  const state = body.State;
  const config = objectAt(body, 'Config');
  const hostConfig = objectAt(body, 'HostConfig');
  const settings = objectAt(body, 'NetworkSettings');
  // A container between two runs of its restart policy has Running and Restarting both true.
  const isRunning = state.Running === true && state.Restarting !== true;
  const bound = publishedPorts(objectAt(settings, 'Ports'));
  return {
    id,
    name,
    isRunning,
    isPaused: state.Paused === true,
    isStarting: false,
    health: healthOf(textAt(objectAt(state, 'Health'), 'Status')),
    startedAtMs: timeMs(textAt(state, 'StartedAt')),
    finishedAtMs: timeMs(textAt(state, 'FinishedAt')),
    labels: labelsAt(config, 'Labels'),
    hostname: textAt(config, 'Hostname'),
    networkMode: textAt(hostConfig, 'NetworkMode'),
    endpoints: endpointsOf(objectAt(settings, 'Networks')),
    exposed: Object.keys(objectAt(config, 'ExposedPorts')).flatMap(exposedPort),
    // Ports are bound only while it runs; what was asked for is the best guess before.
    published: isRunning ? bound : publishedPorts(objectAt(hostConfig, 'PortBindings')),
  };
}

/**
 * What the event of its creation says of a container: its inspect may come back only when it runs. Aliases,
 * ports and health are not among it, and it is on no network yet.
 */
export function factsOfCreation(
  id: string,
  name: string,
  labels: Readonly<Record<string, string>>,
): ContainerFacts {
  return {
    id,
    name,
    isRunning: false,
    isPaused: false,
    isStarting: false,
    health: 'none',
    startedAtMs: 0,
    finishedAtMs: 0,
    labels,
    hostname: '',
    networkMode: '',
    endpoints: [],
    exposed: [],
    published: [],
  };
}

/** What a list entry says, as far as a change of it makes an inspect worthwhile. */
export interface ListEntry {
  readonly id: string;
  readonly fingerprint: string;
  readonly isRunning: boolean;
}

/** An entry of `GET /containers/json`; undefined where it is none. Never throws. */
export function listEntry(body: unknown): ListEntry | undefined {
  const id = textAt(body, 'Id');
  if (id === '') return undefined;
  const state = textAt(body, 'State');
  const isRunning = state === 'running' || state === 'paused';
  // Links add names such as /web/database; the container's own has a single slash.
  const names = textsAt(body, 'Names').map((name) => name.replace(/^\//, ''));
  return {
    id,
    isRunning,
    fingerprint: fingerprint({
      isRunning,
      isPaused: state === 'paused',
      health: healthOf(/\((?:health: )?(\w+)\)/.exec(textAt(body, 'Status'))?.[1] ?? ''),
      name: names.find((name) => !name.includes('/')) ?? '',
      endpoints: endpointsOf(objectAt(objectAt(body, 'NetworkSettings'), 'Networks')),
    }),
  };
}

/** The same text as the list's where inspect and list agree. What does not run is all alike but for its name. */
export function fingerprint(
  facts: Pick<ContainerFacts, 'isRunning' | 'isPaused' | 'health' | 'name' | 'endpoints'>,
): string {
  if (!facts.isRunning) return `stopped ${facts.name}`;
  const places = facts.endpoints
    .map((at) => `${at.networkName} ${at.endpointId} ${at.ipv4} ${at.ipv6}`)
    .sort();
  const state = facts.isPaused ? 'paused' : facts.health;
  return [state, facts.name, ...places].join('\n');
}

function healthOf(text: string): Health {
  return text === 'starting' || text === 'healthy' || text === 'unhealthy' ? text : 'none';
}

/** The engine writes the year 1 for never. */
function timeMs(text: string): number {
  return Math.max(0, Date.parse(text) || 0);
}

function endpointsOf(networks: JsonObject): Endpoint[] {
  return Object.entries(networks).map(([networkName, at]) => ({
    networkName,
    networkId: textAt(at, 'NetworkID'),
    endpointId: textAt(at, 'EndpointID'),
    ipv4: addressOf(textAt(at, 'IPAddress')),
    ipv6: addressOf(textAt(at, 'GlobalIPv6Address')),
    gateways: [textAt(at, 'Gateway'), textAt(at, 'IPv6Gateway')].filter((text) => text !== ''),
    aliases: textsAt(at, 'Aliases'),
    priority: numberAt(at, 'GwPriority'),
  }));
}

const OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const PLAIN_IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);

/** Canonical text of an address with or without prefix length; '' for what is none. Never throws. */
export function addressOf(text: string): string {
  // As most are written; reading 10,000 of them byte by byte takes a quarter of a second.
  if (text === '' || PLAIN_IPV4.test(text)) return text;
  const bytes = addressBytes(text.split('/')[0] ?? '');
  return bytes === undefined ? '' : addressText(bytes);
}

function exposedPort(text: string): ExposedPort[] {
  const [, digits, protocol = 'tcp'] = /^(\d{1,5})(?:\/([a-z]+))?$/.exec(text) ?? [];
  const port = Number(digits);
  return port > 0 && port <= 0xffff ? [{ port, protocol }] : [];
}

function publishedPorts(ports: JsonObject): PublishedPort[] {
  return Object.keys(ports).flatMap((key) =>
    exposedPort(key).flatMap((exposed) =>
      arrayAt(ports, key).map((binding) => ({
        ...exposed,
        hostAddress: addressOf(textAt(binding, 'HostIp')),
        hostPort: Number(textAt(binding, 'HostPort')) || 0,
      })),
    ),
  );
}
