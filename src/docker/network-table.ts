/** The networks of one engine, and what of them the names room has been told. Pure; never asks the engine. */
import { isDeepStrictEqual } from 'node:util';
import type { Network, NetworkKey, OwnedAddress } from '../names/owner.ts';
import type { Endpoint } from './container-facts.ts';
import {
  type Attached,
  GATEWAY_BRIDGE,
  hasAddresses,
  type Interfaces,
  type NetworkFacts,
  networkKey,
  networkOf,
  SWARM,
} from './network-facts.ts';

const PODMAN_DEFAULT = 'podman';

export class NetworkTable {
  readonly #engine: string;
  readonly #tellsWhoAsks: boolean;
  readonly #interfaces: () => Interfaces;
  readonly #byId = new Map<string, NetworkFacts>();
  readonly #byName = new Map<string, NetworkFacts>();
  readonly #hints = new Map<string, Set<string>>();
  /** Networks of running containers that the list did not have: ids, or names with Podman. */
  readonly #missing = new Set<string>();
  readonly #bridged = new Map<string, string>();
  #told: readonly Network[] | null = null;
  #mayHaveChanged = false;

  constructor(options: {
    readonly engine: string;
    readonly tellsWhoAsks: boolean;
    readonly interfaces: () => Interfaces;
  }) {
    this.#engine = options.engine;
    this.#tellsWhoAsks = options.tellsWhoAsks;
    this.#interfaces = options.interfaces;
  }

  /** Networks on which containers have addresses. */
  get count(): number {
    return [...this.#byId.values()].filter(hasAddresses).length;
  }

  /**
   * Takes over the whole list.
   *
   * @returns whether a network that was missing has appeared, so that addresses may have another key
   */
  replace(list: readonly NetworkFacts[]): boolean {
    this.#byId.clear();
    this.#byName.clear();
    for (const facts of list) {
      this.#byId.set(facts.id, facts);
      this.#byName.set(facts.name, facts);
    }
    for (const id of this.#hints.keys()) if (!this.#byId.has(id)) this.#hints.delete(id);
    this.#mayHaveChanged = true;
    const found = [...this.#missing].filter((text) => this.#find(text) !== undefined);
    for (const text of found) this.#missing.delete(text);
    return found.length > 0;
  }

  /** The key of an endpoint's network; null where no client gets an address on it. */
  keyOf(endpoint: Endpoint): NetworkKey | null {
    const facts = this.#factsOf(endpoint);
    if (facts?.isIngress === true) return null;
    if (facts?.isSwarms === true) return networkKey(SWARM, facts.id);
    return networkKey(this.#engine, facts?.id ?? (endpoint.networkId || endpoint.networkName));
  }

  /** The key of a network that a swarm names; null where no client gets an address on it. */
  keyOfSwarms(id: string): NetworkKey | null {
    const facts = this.#byId.get(id);
    const isForClients = facts === undefined || (!facts.isIngress && hasAddresses(facts));
    return isForClients ? networkKey(SWARM, id) : null;
  }

  /** The key of the network of that name; null where there is none. */
  keyOfName(name: string): NetworkKey | null {
    const facts = this.#byName.get(name);
    return facts === undefined ? null : networkKey(facts.isSwarms ? SWARM : this.#engine, facts.id);
  }

  /** Whether a running container's network is unknown for the first time, so that the list is worth reading. */
  isNewlyMissing(endpoint: Endpoint): boolean {
    const text = endpoint.networkId || endpoint.networkName;
    if (this.#factsOf(endpoint) !== undefined || this.#missing.has(text)) return false;
    this.#missing.add(text);
    return true;
  }

  /** Whether containers on it reach the host by another address than the one they have there. */
  isOverlay(endpoint: Endpoint): boolean {
    return this.isOverlayNetwork(endpoint.networkId || endpoint.networkName);
  }

  isOverlayNetwork(id: string): boolean {
    return this.#find(id)?.driver === 'overlay';
  }

  /** The name of a network, or its id where it is not known. */
  nameOf(id: string): string {
    return this.#byId.get(id)?.name ?? id;
  }

  /** A container's word on its gateway, for a network that does not name one itself. */
  hint(endpoint: Endpoint): void {
    const facts = this.#factsOf(endpoint);
    if (facts === undefined) return;
    for (const gateway of endpoint.gateways) {
      const hints = this.#hints.get(facts.id) ?? new Set();
      if (facts.gateways.includes(gateway) || hints.has(gateway)) continue;
      this.#hints.set(facts.id, hints.add(gateway));
      this.#mayHaveChanged = true;
    }
  }

  /** The id of the network through which overlay containers reach the host, where there is one. */
  get gatewayBridgeId(): string | undefined {
    return this.#byName.get(GATEWAY_BRIDGE)?.id;
  }

  /** Takes over who is on the gateway bridge; returns the containers whose address there changed. */
  bridge(attached: readonly Attached[]): string[] {
    const now = new Map(attached.map((at) => [at.containerId, at.ipv4]));
    const ids = new Set([...now.keys(), ...this.#bridged.keys()]);
    const changed = [...ids].filter((id) => now.get(id) !== this.#bridged.get(id));
    this.#bridged.clear();
    for (const [id, address] of now) this.#bridged.set(id, address);
    return changed;
  }

  gatewayBridgeAddress(containerId: string): OwnedAddress | null {
    const address = this.#bridged.get(containerId) ?? '';
    const id = this.gatewayBridgeId;
    if (address === '' || id === undefined) return null;
    return { address, network: networkKey(this.#engine, id) };
  }

  get hasChange(): boolean {
    return this.#mayHaveChanged;
  }

  /** The whole list, where it differs from what was told before; null otherwise. */
  takeChange(): readonly Network[] | null {
    if (!this.#mayHaveChanged) return null;
    this.#mayHaveChanged = false;
    const interfaces = this.#interfaces();
    const list = [...this.#byId.values()]
      .filter(hasAddresses)
      .map((facts) =>
        networkOf(facts, {
          engine: this.#engine,
          tellsWhoAsks: this.#tellsWhoAsks,
          interfaces,
          hints: [...(this.#hints.get(facts.id) ?? [])],
        }),
      )
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    if (isDeepStrictEqual(list, this.#told)) return null;
    this.#told = list;
    return list;
  }

  #factsOf(endpoint: Endpoint): NetworkFacts | undefined {
    // Podman writes the network's name where the id belongs; a never started container has no id.
    return this.#find(endpoint.networkId || endpoint.networkName);
  }

  #find(text: string): NetworkFacts | undefined {
    // Podman lists its default network under Docker's name for it, and containers are on its own.
    const name = text === PODMAN_DEFAULT && !this.#byName.has(text) ? 'bridge' : text;
    return this.#byId.get(text) ?? this.#byName.get(name);
  }
}
