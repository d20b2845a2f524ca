/** Who asks from an address, and so what it may see first. */
import { addressBytes, contains, parseSubnet, type Subnet } from '../dns/address.ts';
import { pairsOf, Sealed, type SealedDelta } from './sealed-delta.ts';
import type { Client, View, ZoneNetwork } from './zone-delta.ts';

/** 127.0.0.0/8 and ::1: who asks from there is on this host. */
const LOOPBACKS: readonly Subnet[] = [parseSubnet('127.0.0.0/8'), parseSubnet('::1/128')];

interface Place {
  readonly subnet: Subnet;
  readonly network: ZoneNetwork;
}

/** Clients by address, kept up to date by deltas. */
export class Clients {
  readonly #clients = new Map<string, Sealed<Client>>();
  #networks: ReadonlyMap<string, ZoneNetwork> = new Map();
  #hostAddresses: ReadonlySet<string> = new Set();
  #places: readonly Place[] = [];
  #generation = 0;

  /** Higher whenever a view may have changed: what was remembered before is void then. */
  get generation(): number {
    return this.#generation;
  }

  apply(delta: Pick<SealedDelta, 'clients' | 'leftClients' | 'networks'>): void {
    const { clients, leftClients, networks } = delta;
    if (clients.length === 0 && leftClients.length === 0 && networks === null) return;
    for (const address of leftClients) this.#clients.delete(address);
    for (const [address, text] of pairsOf(clients)) this.#clients.set(address, new Sealed(text));
    if (networks !== null) this.#setNetworks(networks);
    this.#generation++;
  }

  #setNetworks(networks: readonly ZoneNetwork[]): void {
    this.#networks = new Map(networks.map((network) => [network.key, network]));
    // Only where the host has an address of its own do containers meet it with theirs: the subnet of a
    // macvlan is the LAN's, and an overlay's addresses never arrive.
    const local = networks.filter((at) => at.tellsWhoAsks && at.isHostReachable);
    this.#hostAddresses = new Set(local.flatMap(({ gateways }) => gateways));
    this.#places = local.flatMap((network) =>
      network.subnets.map((text) => ({ subnet: parseSubnet(text), network })),
    );
  }

  /**
   * The view of who asks.
   *
   * @param address the client's, canonical text
   * @param localAddress the address that it asked, canonical; null: not known
   */
  viewOf(address: string, localAddress: string | null): View {
    const bytes = addressBytes(address);
    // Who asks from the very address that it asks is this host, whichever of its addresses that is.
    const isHost =
      address === localAddress ||
      this.#hostAddresses.has(address) ||
      (bytes !== undefined && LOOPBACKS.some((subnet) => contains(subnet, bytes)));
    if (isHost) return { kind: 'host' };
    const client = this.#clients.get(address)?.open();
    if (client !== undefined) {
      const { title, engine, project, networks } = client;
      const gateways = networks.flatMap((key) => this.#gatewaysOf(key));
      return { kind: 'container', title, engine, project, networks, gateways };
    }
    const network = bytes === undefined ? undefined : this.#networkAround(bytes);
    if (network === undefined) return { kind: 'remote', localAddress };
    const { key, engine, project, gateways } = network;
    return { kind: 'container', title: null, engine, project, networks: [key], gateways };
  }

  #gatewaysOf(key: string): readonly string[] {
    const network = this.#networks.get(key);
    return network?.isHostReachable === true ? network.gateways : [];
  }

  /** The one network that the address is inside of; undefined also where two hold it: a view needs certainty. */
  #networkAround(address: Uint8Array): ZoneNetwork | undefined {
    let best: Place | undefined;
    let isCertain = true;
    for (const place of this.#places) {
      if (!contains(place.subnet, address)) continue;
      const longer = place.subnet.prefixLength - (best?.subnet.prefixLength ?? -1);
      if (longer > 0) {
        best = place;
        isCertain = true;
      } else if (longer === 0 && best?.network !== place.network) {
        isCertain = false;
      }
    }
    return isCertain ? best?.network : undefined;
  }
}
