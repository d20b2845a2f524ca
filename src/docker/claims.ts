/** The names that a container holds, strongest source first. Pure. */
import { nameProblem } from '../dns/name.ts';
import type { Source } from '../names/owner.ts';
import type { ContainerFacts, Endpoint } from './container-facts.ts';
import { composeService, type Wishes, wishesOf } from './labels.ts';

/** A claim before its networks have keys. */
export interface NamedClaim {
  readonly name: string;
  readonly source: Source;
  /** The places whose addresses the name gives; null: all of the container's. */
  readonly places: readonly Endpoint[] | null;
}

/** A name that was not taken over, and why. */
export interface Refusal {
  readonly name: string;
  readonly reason: string;
}

/** Docker's own name for a container that was given none. */
const SHORT_ID_LENGTH = 12;
const SWARM_SERVICE = 'com.docker.swarm.service.name';
/** Of one container. A label holds whatever somebody wrote; more than this is no list of names. */
const MAX_NAMES = 1000;

/**
 * All names that a container holds, each once for every source: an alias ties it to others on its
 * network, whatever else gives the name. And those that DNS cannot carry. Never throws.
 */
export function claimsOf(
  facts: ContainerFacts,
  wishes: Wishes,
): { readonly claims: readonly NamedClaim[]; readonly refused: readonly Refusal[] } {
  if (wishes.isIgnored) return { claims: [], refused: [] };
  const claims = new Map<string, NamedClaim>();
  const refused: Refusal[] = [];
  const said = new Set<string>();
  let count = 0;
  let beyond: string | undefined;
  for (const candidate of candidatesOf(facts, wishes)) {
    if (candidate.source !== 'name' && ++count > MAX_NAMES) {
      beyond ??= candidate.name;
      continue;
    }
    if (isShortId(candidate.name, facts.id)) continue;
    const reason = nameRefusal(candidate.name, candidate.source);
    if (reason === undefined) {
      const claim = { ...candidate, name: plainName(candidate.name) };
      const key = `${claim.source} ${claim.name}`;
      claims.set(key, merged(claims.get(key), claim));
    } else if (!said.has(candidate.name)) {
      said.add(candidate.name);
      refused.push({ name: candidate.name, reason });
    }
  }
  if (beyond !== undefined) {
    const reason = `a container has at most ${MAX_NAMES} names beside its own; ${count - MAX_NAMES} are left out, this one first`;
    refused.push({ name: beyond, reason });
  }
  return { claims: [...claims.values()], refused };
}

/**
 * The names that an event's attributes show: its container's name, the old one, and what the labels
 * among them say. Labels may forge any of it, so it serves to let queries wait, never to answer.
 */
export function namesInAttributes(attributes: Readonly<Record<string, string>>): string[] {
  const compose = composeService(attributes);
  const names = [
    attributes.name ?? '',
    (attributes.oldName ?? '').replace(/^\//, ''),
    ...wishesOf(attributes).names,
    ...(compose === null ? [] : [compose.service, `${compose.service}.${compose.project}`]),
    ...(attributes[SWARM_SERVICE] === undefined ? [] : [attributes[SWARM_SERVICE]]),
  ];
  const legal = names.filter((name) => name !== '' && nameProblem(name) === undefined);
  return [...new Set(legal.slice(0, MAX_NAMES).map(plainName))];
}

function candidatesOf(facts: ContainerFacts, wishes: Wishes): NamedClaim[] {
  const everywhere = (source: Source) => (name: string) => ({ name, source, places: null });
  const compose = composeService(facts.labels);
  const hostname = isHostnameItsOwn(facts.networkMode) ? facts.hostname : '';
  const services =
    compose === null ? [] : [compose.service, `${compose.service}.${compose.project}`];
  // A task's container is called web.1.q3x…, which nobody looks up, and the swarm says which names its
  // service has; what a template gave to the container itself (`kafka-{{.Task.Slot}}`) is its own.
  const isTask = facts.labels[SWARM_SERVICE] !== undefined;
  // Of a shared network Podman shows the holder's place there, aliases and all.
  const places = isTask || facts.networkMode.startsWith('container:') ? [] : facts.endpoints;
  return [
    ...wishes.names.map(everywhere('label')),
    ...(isTask ? [] : [everywhere('name')(facts.name)]),
    ...places.flatMap((endpoint) =>
      // Engines before API 1.45 add the hostname to the aliases that were given.
      endpoint.aliases
        .filter((alias) => alias !== facts.hostname)
        .map((name): NamedClaim => ({ name, source: 'alias', places: [endpoint] })),
    ),
    ...services.map(everywhere('service')),
    ...(hostname === '' ? [] : [everywhere('hostname')(hostname)]),
  ];
}

/** Where it is shared, the host name is the host's or that of the container that holds the network. */
function isHostnameItsOwn(networkMode: string): boolean {
  return networkMode !== 'host' && !networkMode.startsWith('container:');
}

function isShortId(name: string, id: string): boolean {
  return name.length >= SHORT_ID_LENGTH && id.startsWith(name.toLowerCase());
}

/** Why a name from that source is not taken over; undefined where it is. */
export function nameRefusal(spelling: string, source: Source): string | undefined {
  const name = plainName(spelling);
  const problem = nameProblem(spelling);
  if (problem !== undefined) return problem;
  if (name === 'localhost' || name.endsWith('.localhost')) {
    return 'localhost is the host that asks (RFC 6761 §6.3)';
  }
  if (/(?:^|\.)(?:in-addr|ip6)\.arpa$/.test(name)) {
    return 'reverse names follow from addresses (RFC 1035 §3.5)';
  }
  if (/^\d+(?:\.\d+){0,3}$/.test(name)) return 'programs read it as an address (inet_aton(3))';
  const [first, ...rest] = name.split('.');
  if (rest.includes('*') || (first === '*' && (source !== 'label' || rest.length === 0))) {
    return 'a wildcard is the first label of a longer name in the label homeport.names';
  }
  return undefined;
}

/** Lower case and without the trailing dot: two spellings are one name. */
export function plainName(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

/** The same name on several networks: the addresses that any of them gives. */
function merged(before: NamedClaim | undefined, claim: NamedClaim): NamedClaim {
  if (before === undefined || before.places === null || claim.places === null) return claim;
  return { ...claim, places: [...before.places, ...claim.places] };
}
