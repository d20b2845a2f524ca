/** What a running homeport says of itself, for the parity check: what it owns and where it answers. */
import { ControlClient } from '../control/client.ts';
import type { NamesReport, StatusReport } from '../control/reports.ts';
import { HomeportError } from '../errors.ts';
import type { OwnedName } from '../parity/inputs.ts';

const DNS_PORT = 53;

/** The running server, seen from outside. */
export interface ServerSide {
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
export async function serverSide(
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
