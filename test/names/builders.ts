/** Owners, networks and views in few words, for tables of cases. */
import { NameTable } from '../../src/names/name-table.ts';
import type {
  Claim,
  Network,
  OwnedAddress,
  Owner,
  OwnersChange,
  Source,
} from '../../src/names/owner.ts';
import type { DecisionSettings, NameEntry, View, ZoneDelta } from '../../src/names/zone-delta.ts';

export const MINUTE_MS = 60_000;
export const DEPARTED_FOR_MS = 10 * MINUTE_MS;

/** `web name`, `db alias@net`, `web service`: a name, its source, and the network of an alias. */
export function claim(text: string): Claim {
  const [name = '', rest = 'name'] = text.split(' ');
  const [source = 'name', network] = rest.split('@');
  const networks = network === undefined ? null : [`local/${network}`];
  // Tests write sources as they are spelt in the contract.
  return { name, source: source as Source, networks };
}

/** `172.18.0.2@net`, or `10.0.0.5` for an address that everyone reaches. */
export function place(text: string): OwnedAddress {
  const [address = '', network] = text.split('@');
  return { address, network: network === undefined ? null : `local/${network}` };
}

export interface OwnerWords extends Partial<Omit<Owner, 'claims' | 'addresses' | 'asksFrom'>> {
  readonly claims?: readonly string[];
  readonly addresses?: readonly string[];
  /** Default: its addresses. */
  readonly asksFrom?: readonly string[];
}

/** A running, ready container called `title`, which claims its own name. */
export function owner(title: string, words: OwnerWords = {}): Owner {
  const { claims = [`${title} name`], addresses = [], asksFrom = addresses, ...rest } = words;
  const engine = rest.engine ?? 'local';
  return {
    id: `${engine}/${title}`,
    kind: 'container',
    title,
    engine,
    project: null,
    group: `${engine}/${title}`,
    condition: 'ready',
    startedAtMs: 0,
    isOnHost: false,
    preferredNetwork: null,
    trouble: null,
    ttlSeconds: null,
    ports: [],
    texts: [],
    cname: null,
    ...rest,
    claims: claims.map(claim),
    addresses: addresses.map(place),
    asksFrom: asksFrom.map(place),
  };
}

/** A record of the configuration. */
export function record(name: string, addresses: readonly string[], words: OwnerWords = {}): Owner {
  return owner(name, {
    id: `static/${name}`,
    kind: 'static',
    engine: '',
    group: `static/${name}`,
    claims: [`${name} record`],
    addresses,
    asksFrom: [],
    ...words,
  });
}

export function lease(name: string, addresses: readonly string[], words: OwnerWords = {}): Owner {
  return record(name, addresses, {
    id: `lease/${name}`,
    kind: 'lease',
    group: `lease/${name}`,
    claims: [`${name} lease`],
    ...words,
  });
}

/** A bridge of the engine `local` that the host reaches, `172.18.<n>.0/24` with the gateway `.1`. */
export function network(name: string, n: number, words: Partial<Network> = {}): Network {
  return {
    key: `local/${name}`,
    name,
    engine: 'local',
    driver: 'bridge',
    project: null,
    subnets: [`172.18.${n}.0/24`],
    gateways: [`172.18.${n}.1`],
    isHostReachable: true,
    tellsWhoAsks: true,
    ...words,
  };
}

/** An overlay network: containers on it have addresses that the host has no route to. */
export function overlay(name: string, n: number): Network {
  return network(name, n, { driver: 'overlay', gateways: [], isHostReachable: false });
}

export function change(words: Partial<OwnersChange>): OwnersChange {
  return { upserts: [], removals: [], ...words };
}

/** Settings that know these networks. */
export function settingsWith(
  networks: readonly Network[],
  more: Partial<DecisionSettings> = {},
): DecisionSettings {
  return {
    networkOrder: [],
    ttlSeconds: 0,
    networks: new Map(networks.map((at) => [at.key, at])),
    ...more,
  };
}

export const HOST: View = { kind: 'host' };

/** A container's view: its name, its networks, and its project. */
export function from(
  title: string | null,
  networks: readonly string[],
  words: Partial<Extract<View, { kind: 'container' }>> = {},
): View {
  return {
    kind: 'container',
    title,
    engine: 'local',
    project: null,
    networks: networks.map((name) => `local/${name}`),
    gateways: [],
    ...words,
  };
}

export function table(departedForMs = DEPARTED_FOR_MS): NameTable {
  return new NameTable({ departedForMs });
}

/** The entry of a name that these owners make. */
export function entryOf(name: string, owners: readonly Owner[]): NameEntry {
  const names = table();
  names.apply(change({ upserts: owners }), 0);
  const entry = names.entryOf(name);
  if (entry === null) throw new Error(`nobody claims ${name}`);
  return entry;
}

/** What the answering side knows after a number of deltas. */
export class Mirror {
  readonly entries = new Map<string, NameEntry>();
  readonly clients = new Map<string, unknown>();
  readonly reverse = new Map<string, readonly string[]>();
  networks: unknown = [];

  apply(delta: ZoneDelta): void {
    for (const entry of delta.entries) this.entries.set(entry.name, entry);
    for (const name of delta.forgotten) this.entries.delete(name);
    for (const client of delta.clients) this.clients.set(client.address, client);
    for (const address of delta.leftClients) this.clients.delete(address);
    for (const { address, names } of delta.reverse) {
      if (names.length > 0) this.reverse.set(address, names);
      else this.reverse.delete(address);
    }
    if (delta.networks !== null) this.networks = delta.networks;
  }
}
