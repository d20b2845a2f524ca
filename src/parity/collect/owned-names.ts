/** The names that homeport would own, told from containers alone: for a host where it does not run yet. Pure. */
import { tryParseName } from '../../dns/name.ts';
import type { OwnedName } from '../inputs.ts';
import type { RunningContainer } from './container-files.ts';

const COMPOSE_SERVICE = 'com.docker.compose.service';
const COMPOSE_ONEOFF = 'com.docker.compose.oneoff';
const NAMES_LABEL = 'homeport.names';

/**
 * Container names, network aliases, Compose services and the label `homeport.names`. Containers that
 * share a name are one owner's members, as for a scaled service; the running server knows more
 * (readiness, views, leases, records).
 */
export function ownedByContainers(containers: readonly RunningContainer[]): readonly OwnedName[] {
  const owned = new Map<string, { title: string; addresses: OwnedName['addresses'][number][] }>();
  for (const container of containers) {
    const addresses = container.networks
      .filter(({ address }) => address !== '')
      .map(({ name: network, address }) => ({ address, network }));
    for (const name of namesOf(container)) {
      const entry = owned.get(name) ?? { title: container.name, addresses: [] };
      entry.addresses.push(...addresses);
      owned.set(name, entry);
    }
  }
  return [...owned].map(([name, { title, addresses }]) => ({
    name,
    owner: { kind: 'container', title },
    addresses,
  }));
}

function namesOf(container: RunningContainer): ReadonlySet<string> {
  const { labels } = container;
  const isOneOff = /^true$/i.test(labels[COMPOSE_ONEOFF] ?? '');
  const service = isOneOff ? undefined : labels[COMPOSE_SERVICE];
  const labelled = (labels[NAMES_LABEL] ?? '').split(/[\s,]+/);
  const all = [
    ...labelled,
    container.name,
    ...container.networks.flatMap(({ names }) => names),
    ...(service === undefined ? [] : [service]),
  ];
  return new Set(
    all
      .map((name) => name.toLowerCase())
      .filter((name) => name !== '' && tryParseName(name) !== undefined),
  );
}
