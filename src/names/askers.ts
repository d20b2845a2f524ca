/** Addresses that containers ask from → who they are, kept up to date owner by owner. */
import type { Network, NetworkKey, OwnedAddress, Owner, OwnerId } from './owner.ts';
import { compareText } from './precedence.ts';
import { isSame } from './same.ts';
import type { Client } from './zone-delta.ts';

interface Asker {
  readonly owner: Owner;
  readonly network: NetworkKey | null;
}

export class Askers {
  readonly #byAddress = new Map<string, Map<OwnerId, Asker>>();
  readonly #byNetwork = new Map<NetworkKey, Set<string>>();
  readonly #clients = new Map<string, Client>();
  readonly #touched = new Set<string>();
  #telling: ReadonlySet<NetworkKey> = new Set();

  add(owner: Owner): void {
    for (const { address, network } of owner.asksFrom) {
      const askers = this.#byAddress.get(address) ?? new Map<OwnerId, Asker>();
      this.#byAddress.set(address, askers.set(owner.id, { owner, network }));
      this.#touched.add(address);
      if (network === null) continue;
      const addresses = this.#byNetwork.get(network) ?? new Set<string>();
      this.#byNetwork.set(network, addresses.add(address));
    }
  }

  remove(owner: Owner): void {
    for (const place of owner.asksFrom) this.#removeFrom(owner.id, place);
  }

  #removeFrom(id: OwnerId, { address, network }: OwnedAddress): void {
    const askers = this.#byAddress.get(address);
    askers?.delete(id);
    if (askers?.size === 0) this.#byAddress.delete(address);
    this.#touched.add(address);
    if (network === null) return;
    const isLast = ![...(askers?.values() ?? [])].some((asker) => asker.network === network);
    const addresses = this.#byNetwork.get(network);
    if (isLast) addresses?.delete(address);
    if (addresses?.size === 0) this.#byNetwork.delete(network);
  }

  /** Networks came, went, or tell now who asks. */
  setNetworks(networks: readonly Network[]): void {
    const telling = new Set(networks.filter((at) => at.tellsWhoAsks).map(({ key }) => key));
    for (const key of new Set([...telling, ...this.#telling])) {
      if (telling.has(key) && this.#telling.has(key)) continue;
      for (const address of this.#byNetwork.get(key) ?? []) this.#touched.add(address);
    }
    this.#telling = telling;
  }

  /** What has changed since the last call. */
  takeChanges(): { readonly clients: readonly Client[]; readonly leftClients: readonly string[] } {
    const clients: Client[] = [];
    const leftClients: string[] = [];
    for (const address of this.#touched) {
      const client = this.#clientAt(address);
      if (isSame(client, this.#clients.get(address))) continue;
      if (client === undefined) {
        this.#clients.delete(address);
        leftClients.push(address);
      } else {
        this.#clients.set(address, client);
        clients.push(client);
      }
    }
    this.#touched.clear();
    return { clients, leftClients };
  }

  all(): readonly Client[] {
    return [...this.#clients.values()];
  }

  /**
   * Who asks from an address, if that is certain: only on networks that tell, and on one of them. There
   * the newest owner has it: an address is given away before its last container is seen to leave.
   */
  #clientAt(address: string): Client | undefined {
    let best: Asker | undefined;
    for (const asker of this.#byAddress.get(address)?.values() ?? []) {
      if (asker.network === null || !this.#telling.has(asker.network)) continue;
      if (best !== undefined && best.network !== asker.network) return undefined;
      if (best === undefined || isNewer(asker.owner, best.owner)) best = asker;
    }
    return best === undefined ? undefined : clientOf(address, best);
  }
}

function isNewer(a: Owner, b: Owner): boolean {
  return (b.startedAtMs - a.startedAtMs || compareText(a.id, b.id)) < 0;
}

function clientOf(address: string, { owner, network }: Asker): Client {
  const { title, engine, project } = owner;
  const places = [...owner.addresses, ...owner.asksFrom].map((place) => place.network);
  const networks = [...new Set([network, ...places])].filter((key) => key !== null);
  return { address, title, engine, project, networks };
}
