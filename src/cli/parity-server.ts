/** What a running homeport says of itself, for the parity check: what it owns and where it answers. */
import { networkInterfaces } from 'node:os';
import type { Config } from '../config/config.ts';
import { ControlClient } from '../control/client.ts';
import type { NamesReport, StatusReport } from '../control/reports.ts';
import { HomeportError } from '../errors.ts';
import type { RunningContainer } from '../parity/collect/container-files.ts';
import { ownedByContainers } from '../parity/collect/owned-names.ts';
import type { HomeportSide, OwnedName } from '../parity/inputs.ts';
import type { ParityFlags } from './parity-inputs.ts';

const DNS_PORT = 53;

/** The running server, seen from outside. */
interface ServerSide {
  readonly owned: readonly OwnedName[];
  /** where it answers on the port that stubs use; undefined where it says no address */
  readonly addresses: readonly string[] | undefined;
}

/**
 * Asks the server at a control socket; undefined where none answers.
 *
 * @param suffixes search and local domains, which names are taken without
 * @throws what is no HomeportError, which would be a bug
 */
async function serverSide(
  control: string,
  suffixes: readonly string[],
): Promise<ServerSide | undefined> {
  const client = new ControlClient([control]);
  try {
    const [names, status] = await Promise.all([client.names(), client.status()]);
    return { owned: ownedIn(names, suffixes), addresses: addressesIn(status) };
  } catch (error) {
    if (error instanceof HomeportError) return undefined;
    throw error;
  }
}

function ownedIn({ names }: NamesReport, suffixes: readonly string[]): readonly OwnedName[] {
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

function addressesIn({ listen }: StatusReport): readonly string[] | undefined {
  const addresses = listen.filter(({ port }) => port === DNS_PORT).map(({ address }) => address);
  return addresses.length > 0 ? [...new Set(addresses)] : undefined;
}

/** homeport as it runs, or else as configuration and containers would have it. */
export async function homeportSide(
  config: Config,
  flags: ParityFlags,
  containers: readonly RunningContainer[],
): Promise<HomeportSide> {
  const suffixes = [...config.searchDomains, ...config.localDomains];
  const server = await serverSide(config.control, suffixes);
  const records: OwnedName[] = config.records
    .filter(({ addresses }) => addresses.length > 0)
    .map(({ name, addresses }) => ({
      name,
      owner: { kind: 'static', title: name },
      addresses: addresses.map((address) => ({ address, network: null })),
    }));
  return {
    addresses: flags.homeport ?? server?.addresses ?? listeningAddresses(config),
    owned: server?.owned ?? [
      ...records,
      ...(flags.containers ? ownedByContainers(containers) : []),
    ],
    isRunning: server !== undefined,
    whenMissing: config.expected.whenMissing,
    ttlSeconds: config.ttlSeconds,
    upstreams: config.upstreams.servers.map(({ address }) => address),
  };
}

/** Where clients reach homeport: stubs know no port but 53. */
function listeningAddresses(config: Config): readonly string[] {
  const interfaces = networkInterfaces();
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
