/**
 * Addresses that a network knows before its container says so: between `network connect` and `start`
 * an inspect of the container blocks, an inspect of the network does not. Pure.
 */
import type { ContainerFacts, Endpoint } from './container-facts.ts';

export interface Connection {
  /** The order of the event that announced it; an inspect that began later knows better. */
  readonly order: number;
  readonly atMs: number;
  readonly networkId: string;
  readonly networkName: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

/**
 * The container as it will be: running for what its networks know, not ready before it says so itself.
 *
 * @param facts the container's own last word
 * @param connections newer than that; where there are none, the facts as they are
 */
export function withConnections(
  facts: ContainerFacts,
  connections: readonly Connection[],
): ContainerFacts {
  if (connections.length === 0) return facts;
  const connected = connections.map((connection) => endpointOf(facts.endpoints, connection));
  if (facts.isRunning) {
    const names = new Set(connections.map((connection) => connection.networkName));
    const others = facts.endpoints.filter((endpoint) => !names.has(endpoint.networkName));
    return { ...facts, endpoints: [...others, ...connected] };
  }
  return {
    ...facts,
    isRunning: true,
    isPaused: false,
    isStarting: true,
    health: 'none',
    startedAtMs: Math.max(...connections.map((connection) => connection.atMs)),
    // Addresses on other networks are from its last run, and may be another container's by now.
    endpoints: connected,
  };
}

function endpointOf(endpoints: readonly Endpoint[], connection: Connection): Endpoint {
  const { networkId, networkName, ipv4, ipv6 } = connection;
  const known = endpoints.find(
    // Before the first start a network may be known by the name or the id that was asked for.
    (at) =>
      at.networkId === networkId || at.networkName === networkName || at.networkName === networkId,
  );
  const place = known ?? { endpointId: '', gateways: [], aliases: [], priority: 0 };
  return { ...place, networkId, networkName, ipv4, ipv6 };
}
