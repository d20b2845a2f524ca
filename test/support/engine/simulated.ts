/**
 * An engine that exists only in simulated time. It emits events in the order in which 20.10 or 28.5
 * does, blocks an inspect while a start or stop is under way, and lists what was true a moment ago.
 */
import {
  eventLine,
  inspectBody,
  listBody,
  type MadeContainer,
  type MadeEndpoint,
  networkBody,
} from './bodies.ts';

export type Generation = '20.10' | '28.5';

interface Container {
  made: MadeContainer;
  /** What the list still says. */
  listed: MadeContainer;
  /** An operation holds the container until then; inspects wait. */
  lockedUntil: number;
  isGone: boolean;
}

interface Network {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly attached: Map<string, string>;
}

interface Step {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export interface SimulatedOptions {
  readonly generation: Generation;
  /** In [0, 1); decides every duration. */
  readonly random: () => number;
  /** Called with each event when the engine emits it. */
  readonly onEvent: (line: string) => void;
}

/** How long the list stays behind after the last event of a stop (measured: 5 to 40 ms). */
const LIST_LAG_MS = 40;

export class SimulatedEngine {
  now = 0;
  readonly #options: SimulatedOptions;
  readonly #containers = new Map<string, Container>();
  readonly #networks: Network[] = [];
  #steps: Step[] = [];
  #made = 0;

  constructor(options: SimulatedOptions) {
    this.#options = options;
    for (const [i, name] of ['bridge', 'n1', 'n2'].entries()) {
      const network = { id: `net${i}${'0'.repeat(60)}`, name, prefix: `172.${17 + i}.0.` };
      this.#networks.push({ ...network, attached: new Map() });
    }
  }

  get containerIds(): string[] {
    return [...this.#containers.keys()].filter((id) => !this.#get(id).isGone);
  }

  /** Runs `step` after so many milliseconds. */
  after(ms: number, step: () => void): void {
    this.#steps.push({ at: this.now + ms, order: this.#made++, run: step });
  }

  /** Lets time pass until then, or until nothing more would happen. */
  advance(untilMs: number): void {
    for (;;) {
      const [next] = [...this.#steps].sort((a, b) => a.at - b.at || a.order - b.order);
      if (next === undefined || next.at > untilMs) break;
      this.#steps = this.#steps.filter((step) => step !== next);
      this.now = Math.max(this.now, next.at);
      next.run();
    }
    this.now = Math.max(this.now, untilMs);
  }

  get isQuiet(): boolean {
    return this.#steps.length === 0;
  }

  /** Answers after some time, as the engine would. `undefined`: 404. */
  inspect(id: string, answer: (body: unknown) => void): void {
    const latency = this.#between(0.5, 4);
    const container = this.#containers.get(id);
    const wait = Math.max(0, (container?.lockedUntil ?? 0) - this.now);
    this.after(wait + latency / 2, () => {
      // Another operation may have taken the lock meanwhile.
      const still = (container?.lockedUntil ?? 0) > this.now;
      if (still) {
        this.inspect(id, answer);
        return;
      }
      const isKnown = container !== undefined && !container.isGone;
      const body = isKnown ? inspectBody(container.made) : undefined;
      this.after(latency / 2, () => answer(body));
    });
  }

  list(answer: (bodies: unknown[]) => void): void {
    const latency = this.#between(0.5, 5);
    this.after(latency / 2, () => {
      const bodies = this.containerIds.map((id) => listBody(this.#get(id).listed));
      this.after(latency / 2, () => answer(bodies));
    });
  }

  networks(answer: (bodies: unknown[]) => void): void {
    this.after(this.#between(0.5, 4), () =>
      answer(
        this.#networks.map((network) =>
          networkBody({ ...network, subnet: `${network.prefix}0/24`, attached: {} }),
        ),
      ),
    );
  }

  network(id: string, answer: (body: unknown) => void): void {
    const latency = this.#between(0.5, 3);
    this.after(latency / 2, () => {
      const network = this.#networks.find((at) => at.id === id);
      const attached = [...(network?.attached ?? [])].map(
        ([key, ipv4]) => [key, { ipv4 }] as const,
      );
      const body = network && networkBody({ ...network, attached: Object.fromEntries(attached) });
      this.after(latency / 2, () => answer(body));
    });
  }

  /** What is true now: containers that run with their name, aliases and addresses. */
  truth(): Record<string, { readonly addresses: string[]; readonly names: string[] }> {
    const running = [...this.#containers.values()]
      .filter((at) => !at.isGone && (at.made.state === 'running' || at.made.state === 'paused'))
      .map(({ made }) => {
        const endpoints = made.endpoints ?? [];
        const names = [made.name, ...endpoints.flatMap((endpoint) => endpoint.aliases ?? [])];
        const addresses = endpoints.map((endpoint) => endpoint.ipv4 ?? '').sort();
        return [made.id, { addresses, names: [...new Set(names)].sort() }] as const;
      });
    return Object.fromEntries(running);
  }

  /** Creates a container on a network; it does not run yet. */
  create(name: string, network: number, aliases: readonly string[]): string {
    const id = `${(this.#made++).toString(16).padStart(12, 'c')}${'0'.repeat(52)}`;
    const { id: networkId, name: networkName } = this.#network(network);
    // Newer engines know a network's id only once the container was on it.
    const known = this.#options.generation === '20.10' ? networkId : '';
    const endpoint = { network: networkName, networkId: known, aliases };
    const made: MadeContainer = { id, name, state: 'created', endpoints: [endpoint] };
    this.#containers.set(id, { made, listed: made, lockedUntil: 0, isGone: false });
    this.#emit('create', id);
    return id;
  }

  start(id: string, returned: () => void = () => undefined): void {
    this.#locked(id, () => {
      const { made } = this.#get(id);
      if (made.state === 'running' || made.state === 'paused') return 0;
      const preparing = this.#between(5, 15);
      const starting = this.#between(10, 250);
      const startedEndpoints: MadeEndpoint[] = [];
      for (const endpoint of made.endpoints ?? []) {
        this.after(preparing, () => startedEndpoints.push(this.#attach(id, endpoint)));
      }
      this.after(preparing + starting, () => {
        this.#update(id, { state: 'running', startedAtMs: this.now, endpoints: startedEndpoints });
        this.#show(id);
        this.#emit('start', id);
        this.after(this.#between(0, 3), returned);
      });
      return preparing + starting;
    });
  }

  /** Ends a container's process: by itself, by kill or stop. */
  stop(id: string, by: 'itself' | 'kill' | 'stop', returned: () => void = () => undefined): void {
    this.#locked(id, () => {
      const { made } = this.#get(id);
      if (made.state !== 'running' && made.state !== 'paused') return 0;
      if (by !== 'itself') this.#emit('kill', id, { signal: '15' });
      const dying = by === 'itself' ? 1 : this.#between(5, 30);
      const leaving = this.#between(20, 100);
      const dies = () => this.#emit('die', id, { exitCode: '0' });
      const leaves = () => this.#leaveAll(id);
      const isOld = this.#options.generation === '20.10';
      this.after(dying, () => (isOld ? dies() : leaves()));
      this.after(dying + leaving, () => {
        const stopped = (this.#get(id).made.endpoints ?? []).map(withoutAddress);
        this.#update(id, { state: 'exited', endpoints: stopped });
        if (isOld) leaves();
        else dies();
        if (by === 'stop') this.#emit('stop', id);
        this.after(this.#between(0, LIST_LAG_MS), () => this.#show(id));
        this.after(this.#between(0, 3), returned);
      });
      return dying + leaving;
    });
  }

  restart(id: string): void {
    this.stop(id, 'stop', () => this.start(id, () => this.#emit('restart', id)));
  }

  remove(id: string): void {
    this.stop(id, 'kill');
    this.#locked(id, () => {
      this.after(5, () => {
        this.#get(id).isGone = true;
        this.#emit('destroy', id);
      });
      return 5;
    });
  }

  rename(id: string, name: string): void {
    this.#locked(id, () => {
      const oldName = `/${this.#get(id).made.name}`;
      this.#update(id, { name });
      this.#show(id);
      this.#emit('rename', id, { oldName });
      return 1;
    });
  }

  pause(id: string): void {
    this.#locked(id, () => {
      const { made } = this.#get(id);
      if (made.state !== 'running' && made.state !== 'paused') return 0;
      const state = made.state === 'paused' ? 'running' : 'paused';
      this.#update(id, { state });
      this.#emit(state === 'paused' ? 'pause' : 'unpause', id);
      this.after(2, () => this.#show(id));
      return 2;
    });
  }

  connect(id: string, network: number, aliases: readonly string[]): void {
    this.#locked(id, () => {
      const { made } = this.#get(id);
      const { id: networkId, name } = this.#network(network);
      if (made.endpoints?.some((at) => at.network === name)) return 0;
      const endpoint = { network: name, networkId, aliases };
      const isRunning = made.state === 'running' || made.state === 'paused';
      // Of a container that does not run, no engine says that it was connected.
      const at = isRunning ? this.#attach(id, endpoint) : { ...endpoint, networkId: '' };
      this.#update(id, { endpoints: [...(made.endpoints ?? []), at] });
      this.after(3, () => this.#show(id));
      return 3;
    });
  }

  disconnect(id: string, network: number): void {
    this.#locked(id, () => {
      const { made } = this.#get(id);
      const { name } = this.#network(network);
      const left = (made.endpoints ?? []).filter((at) => at.network !== name);
      if (left.length === made.endpoints?.length) return 0;
      const isRunning = made.state === 'running' || made.state === 'paused';
      this.#update(id, { endpoints: left });
      if (isRunning) this.#leave(id, name);
      else if (this.#options.generation === '20.10') this.#emitNetwork('disconnect', id, name);
      this.after(3, () => this.#show(id));
      return 3;
    });
  }

  /** Runs the operation once no other holds the container; it returns how long it holds it itself. */
  #locked(id: string, operation: () => number): void {
    const container = this.#get(id);
    if (container.isGone) return;
    if (container.lockedUntil > this.now) {
      this.after(container.lockedUntil - this.now + 0.01, () => this.#locked(id, operation));
      return;
    }
    container.lockedUntil = this.now + operation();
  }

  #attach(id: string, endpoint: MadeEndpoint): MadeEndpoint {
    const network = this.#networks.find((at) => at.name === endpoint.network);
    if (network === undefined) throw new Error(`no network ${endpoint.network}`);
    const taken = new Set(network.attached.values());
    let host = 2;
    // The lowest free address, so that a stopped container's goes to the next one at once.
    while (taken.has(`${network.prefix}${host}`)) host++;
    const ipv4 = `${network.prefix}${host}`;
    network.attached.set(id, ipv4);
    this.#emitNetwork('connect', id, network.name);
    return { ...endpoint, networkId: network.id, endpointId: `ep${this.#made++}`, ipv4 };
  }

  #leaveAll(id: string): void {
    for (const network of this.#networks) {
      if (network.attached.has(id)) this.#leave(id, network.name);
    }
  }

  #leave(id: string, name: string): void {
    this.#networks.find((at) => at.name === name)?.attached.delete(id);
    this.#emitNetwork('disconnect', id, name);
  }

  #emit(action: string, id: string, more: Record<string, string> = {}): void {
    const { name } = this.#get(id).made;
    const attributes = { image: 'bb', name, ...more };
    this.#options.onEvent(eventLine('container', action, id, attributes, this.now));
  }

  #emitNetwork(action: string, id: string, name: string): void {
    const networkId = this.#networks.find((at) => at.name === name)?.id ?? '';
    const attributes = { container: id, name, type: 'bridge' };
    this.#options.onEvent(eventLine('network', action, networkId, attributes, this.now));
  }

  #update(id: string, change: Partial<MadeContainer>): void {
    const container = this.#get(id);
    container.made = { ...container.made, ...change };
  }

  #show(id: string): void {
    const container = this.#get(id);
    container.listed = container.made;
  }

  #network(index: number): Network {
    const network = this.#networks[index % this.#networks.length];
    if (network === undefined) throw new Error('no networks');
    return network;
  }

  #get(id: string): Container {
    const container = this.#containers.get(id);
    if (container === undefined) throw new Error(`no container ${id}`);
    return container;
  }

  #between(low: number, high: number): number {
    return low + (high - low) * this.#options.random();
  }
}

function withoutAddress(endpoint: MadeEndpoint): MadeEndpoint {
  const { network, networkId, aliases = [] } = endpoint;
  return { network, networkId, aliases };
}
