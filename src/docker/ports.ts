/** The ports that SRV answers name: by label, published, exposed. Pure. */
import type { ServicePort } from '../names/owner.ts';
import type { ContainerFacts, PublishedPort } from './container-facts.ts';
import type { Wishes } from './labels.ts';

/** Ports as clients of the container's own address use them: the container's. */
export function containerPorts(facts: ContainerFacts, wishes: Wishes): ServicePort[] {
  const numbered = [...facts.published, ...facts.exposed].map((at) => ({
    service: `_${at.port}._${at.protocol}`,
    port: at.port,
  }));
  return uniqueByService([...wishes.ports, ...numbered]);
}

/** Ports as clients of the engine's host use them: the published ones, named for the container's. */
export function hostPorts(
  facts: ContainerFacts,
  wishes: Wishes,
  hostAddress: string,
): ServicePort[] {
  const reachable = reachablePorts(facts, hostAddress).filter((at) => at.hostPort > 0);
  const named = wishes.ports.flatMap(({ service, port }) =>
    reachable
      .filter((at) => at.port === port && service.endsWith(`._${at.protocol}`))
      .map((at) => ({ service, port: at.hostPort })),
  );
  const numbered = reachable.map((at) => ({
    service: `_${at.port}._${at.protocol}`,
    port: at.hostPort,
  }));
  return uniqueByService([...named, ...numbered]);
}

/** What is published where a client of `hostAddress` reaches it; a port on 127.0.0.1 is not. */
export function reachablePorts(facts: ContainerFacts, hostAddress: string): PublishedPort[] {
  const everywhere = hostAddress.includes(':') ? '::' : '0.0.0.0';
  return facts.published.filter(
    (at) =>
      at.hostAddress === '' || at.hostAddress === everywhere || at.hostAddress === hostAddress,
  );
}

/** The first port of each service. */
export function uniqueByService(ports: readonly ServicePort[]): ServicePort[] {
  const seen = new Map<string, ServicePort>();
  for (const port of ports) if (!seen.has(port.service)) seen.set(port.service, port);
  return [...seen.values()];
}
