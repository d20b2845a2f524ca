/** homeport as a parity check sees it: as it runs, or else as configuration and containers would have it. */
import type { Config } from '../config/config.ts';
import type { NamesReport, StatusReport } from '../control/reports.ts';
import { hostInterfaces } from '../host/interfaces.ts';
import type { RunningContainer } from '../parity/collect/container-files.ts';
import { ownedByContainers } from '../parity/collect/owned-names.ts';
import type { HomeportSide, OwnedName } from '../parity/inputs.ts';

const DNS_PORT = 53;

/** What a running server says of itself. Plain data. */
export interface ServerSide {
  readonly owned: readonly OwnedName[];
  /** where it answers on the port that stubs use; undefined where it says no address */
  readonly addresses: readonly string[] | undefined;
}

/** A running server's side, from what its control socket says. */
export function serverSide(
  { names }: Pick<NamesReport, 'names'>,
  { listen }: Pick<StatusReport, 'listen'>,
  { searchDomains, localDomains }: Pick<Config, 'searchDomains' | 'localDomains'>,
): ServerSide {
  const suffixes = [...searchDomains, ...localDomains];
  const addresses = listen.filter(({ port }) => port === DNS_PORT).map(({ address }) => address);
  return {
    owned: ownedIn(names, suffixes),
    addresses: addresses.length > 0 ? [...new Set(addresses)] : undefined,
  };
}

/** @param suffixes names are taken without them */
function ownedIn(names: NamesReport['names'], suffixes: readonly string[]): readonly OwnedName[] {
  return names.flatMap(({ name, groups }) => {
    const long = name.toLowerCase().replace(/\.$/, '');
    const suffix = suffixes.find((end) => long.endsWith(`.${end}`));
    const short = suffix === undefined ? long : long.slice(0, -suffix.length - 1);
    return groups.map(
      ({ owner, kind, addresses }): OwnedName => ({
        name: short,
        owner: { kind, title: owner },
        addresses: addresses.map(({ address, network }) => ({ address, network })),
      }),
    );
  });
}

/** @param server undefined where none runs */
export function homeportSide(
  config: Config,
  server: ServerSide | undefined,
  containers: readonly RunningContainer[],
): HomeportSide {
  const records: OwnedName[] = config.records
    .filter(({ addresses }) => addresses.length > 0)
    .map(({ name, addresses }) => ({
      name,
      owner: { kind: 'static', title: name },
      addresses: addresses.map((address) => ({ address, network: null })),
    }));
  return {
    addresses: server?.addresses ?? listeningAddresses(config),
    owned: server?.owned ?? [...records, ...ownedByContainers(containers)],
    isRunning: server !== undefined,
    whenMissing: config.expected.whenMissing,
    ttlSeconds: config.ttlSeconds,
    upstreams: config.upstreams.servers.map(({ address }) => address),
  };
}

/** Where clients reach homeport: stubs know no port but 53. */
function listeningAddresses(config: Config): readonly string[] {
  const interfaces = hostInterfaces();
  const of = (name: string): readonly string[] =>
    (interfaces[name] ?? []).map(({ address }) => address);
  const names = Object.keys(interfaces);
  const isWildcard = (address: string): boolean => address === '0.0.0.0' || address === '::';
  const addressesOf = (target: Config['listen'][number]): readonly string[] => {
    switch (target.kind) {
      case 'interface':
        return of(target.interface);
      case 'engineGateways':
        return names.filter((name) => /^(?:docker0|docker_gwbridge|br-)/.test(name)).flatMap(of);
      case 'address':
        return isWildcard(target.address) ? names.flatMap(of) : [target.address];
    }
  };
  return config.listen.filter(({ port }) => port === DNS_PORT).flatMap(addressesOf);
}
