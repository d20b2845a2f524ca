/** The listening sockets: UDP on the answering threads, TCP here, opened and closed as addresses come and go. */
import { isIPv6 } from 'node:net';
import { canonicalAddress } from '../dns/address.ts';
import { messageOf } from '../errors.ts';
import { hostInterfaces } from '../host/interfaces.ts';
import { TcpListener } from '../listen/tcp.ts';
import type { Logger } from '../log.ts';
import type { Answering } from './answering.ts';
import type { PassedSocket } from './passed-sockets.ts';

/** Where to listen, as the configuration says it. */
export type WantedListen =
  | { readonly kind: 'address'; readonly address: string; readonly port: number }
  | { readonly kind: 'interface'; readonly interface: string; readonly port: number }
  | { readonly kind: 'engineGateways'; readonly port: number };

/** A socket address. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

interface OpenListener {
  readonly endpoint: Endpoint;
  readonly tcp: TcpListener;
  /** Port 0 was wanted; the number is the kernel's. */
  readonly isEphemeral: boolean;
}

/** Addresses of interfaces are looked at this often, where the configuration names any. */
const LOOK_MS = 2_000;
/** A free TCP port whose UDP twin is taken: try another. */
const MAX_PORT_TRIES = 20;

export class Listeners {
  readonly #threads: readonly Answering[];
  readonly #log: Logger;
  readonly #onChange: () => void;
  /** Bound by systemd; each is taken once. */
  readonly #passed: PassedSocket[];
  readonly #open = new Map<string, OpenListener>();
  /** What could not be opened, so that it is said once. */
  readonly #complained = new Map<string, string>();
  #wanted: readonly WantedListen[] = [];
  #gateways: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #queue: Promise<void> = Promise.resolve();
  #nextThread = 0;

  /**
   * @param onChange called after sockets were opened or closed
   * @param passed used in place of sockets of our own where their address is wanted
   */
  constructor(
    threads: readonly Answering[],
    log: Logger,
    onChange: () => void,
    passed: readonly PassedSocket[] = [],
  ) {
    this.#threads = threads;
    this.#log = log;
    this.#onChange = onChange;
    this.#passed = [...passed];
  }

  /** Where homeport can be asked now. */
  get endpoints(): readonly Endpoint[] {
    return [...this.#open.values()].map(({ endpoint }) => endpoint);
  }

  /** What could not be opened yet, and why. */
  get problems(): readonly string[] {
    return [...this.#complained.values()];
  }

  /** Whether a query sent there would come back to us. */
  isOurs(address: string, port: number): boolean {
    return this.endpoints.some((open) => {
      if (open.port !== port) return false;
      if (open.address === address) return true;
      const isWildcard = open.address === '0.0.0.0' || open.address === '::';
      return isWildcard && (address.startsWith('127.') || localAddresses().includes(address));
    });
  }

  /**
   * Opens what the configuration wants and closes what it does not.
   *
   * @throws HomeportError BIND_FAILED where a fixed address cannot be bound; nothing changes then
   */
  async configure(wanted: readonly WantedListen[]): Promise<void> {
    await this.#serially(async () => {
      const before = this.#wanted;
      const fresh: OpenListener[] = [];
      try {
        for (const want of wanted) {
          if (
            want.kind !== 'address' ||
            this.#open.has(keyOf(want)) ||
            (want.port === 0 && this.#hasEphemeral(want))
          )
            continue;
          fresh.push(await this.#bind(want));
        }
      } catch (error) {
        for (const listener of fresh) await this.#unbind(listener);
        this.#wanted = before;
        throw error;
      }
      for (const listener of fresh) this.#open.set(keyOf(listener.endpoint), listener);
      this.#wanted = wanted;
      // Upstreams were chosen before these were ours.
      if (fresh.length > 0) this.#onChange();
      await this.#adjust();
    });
    clearInterval(this.#timer);
    if (wanted.some(({ kind }) => kind !== 'address')) {
      this.#timer = setInterval(() => void this.refresh(), LOOK_MS);
    }
  }

  /** The gateway addresses of the engines' bridge networks, for `engine-gateways`. A network comes and goes with its interface. */
  setGateways(addresses: readonly string[]): void {
    this.#gateways = addresses;
    if (this.#wanted.some(({ kind }) => kind !== 'address')) void this.refresh();
  }

  /** Looks at the interfaces and adjusts the sockets. Never throws. */
  async refresh(): Promise<void> {
    await this.#serially(() => this.#adjust());
  }

  /** One change after the other: two at once would bind an address twice. */
  #serially(change: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(change);
    this.#queue = done.catch(() => undefined);
    return done;
  }

  /** A wanted port 0 got a number when it was first bound, and keeps it. */
  #hasEphemeral(want: Endpoint): boolean {
    const isWanted = this.#wanted.some(
      (had) => had.kind === 'address' && had.port === 0 && had.address === want.address,
    );
    return (
      isWanted &&
      [...this.#open.values()].some(
        ({ endpoint, isEphemeral }) => isEphemeral && endpoint.address === want.address,
      )
    );
  }

  async #adjust(): Promise<void> {
    const local = localAddresses();
    const wanted = new Map<string, Endpoint>();
    const ephemeral = new Set<string>();
    for (const want of this.#wanted) {
      if (want.kind === 'address' && want.port === 0) ephemeral.add(want.address);
      for (const endpoint of endpointsOf(want, this.#gateways, local))
        wanted.set(keyOf(endpoint), endpoint);
    }
    let isChanged = false;
    for (const [key, listener] of this.#open) {
      const isKept = listener.isEphemeral
        ? ephemeral.has(listener.endpoint.address)
        : wanted.has(key);
      if (isKept) continue;
      await this.#unbind(listener);
      this.#open.delete(key);
      isChanged = true;
      this.#log.info(listener.endpoint, 'stopped listening');
    }
    for (const [key, endpoint] of wanted) {
      if (this.#open.has(key) || endpoint.port === 0) continue;
      isChanged = (await this.#tryOpen(key, endpoint)) || isChanged;
    }
    if (isChanged) this.#onChange();
  }

  async #tryOpen(key: string, endpoint: Endpoint): Promise<boolean> {
    try {
      this.#open.set(key, await this.#bind(endpoint));
      this.#complained.delete(key);
      this.#log.info(endpoint, 'listening');
      return true;
    } catch (error) {
      const reason = messageOf(error);
      if (this.#complained.get(key) !== reason)
        this.#log.warn({ ...endpoint, reason }, 'cannot listen there yet');
      this.#complained.set(key, reason);
      return false;
    }
  }

  /** Binds TCP and UDP to one port; a port 0 becomes one that both have free. */
  async #bind(endpoint: Endpoint): Promise<OpenListener> {
    const isEphemeral = endpoint.port === 0;
    for (let tries = 1; ; tries++) {
      const tcp = new TcpListener((bytes, client) => this.#thread().askTcp(bytes, client));
      await tcp.listen(this.#takePassed('tcp', endpoint) ?? endpoint);
      const { address } = endpoint;
      const udp = this.#takePassed('udp', endpoint) ?? { address, port: tcp.port };
      try {
        for (const thread of this.#threads) await thread.listen(udp);
        const bound = { address: canonicalAddress(address), port: tcp.port };
        return { endpoint: bound, tcp, isEphemeral };
      } catch (error) {
        await this.#unbind({ endpoint: { address, port: tcp.port }, tcp, isEphemeral });
        if (!isEphemeral || tries >= MAX_PORT_TRIES) throw error;
      }
    }
  }

  #takePassed(protocol: 'udp' | 'tcp', wanted: Endpoint): { fd: number } | undefined {
    const index = this.#passed.findIndex(
      (socket) => socket.protocol === protocol && keyOf(socket) === keyOf(wanted),
    );
    const [socket] = index < 0 ? [] : this.#passed.splice(index, 1);
    return socket === undefined ? undefined : { fd: socket.fd };
  }

  async #unbind(listener: OpenListener): Promise<void> {
    for (const thread of this.#threads) thread.post({ kind: 'unlisten', ...listener.endpoint });
    await listener.tcp.close();
  }

  #thread(): Answering {
    this.#nextThread = (this.#nextThread + 1) % this.#threads.length;
    const thread = this.#threads[this.#nextThread];
    if (thread === undefined) throw new RangeError('there is no answering thread');
    return thread;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#serially(async () => {
      for (const listener of this.#open.values()) await this.#unbind(listener);
      this.#open.clear();
    });
  }
}

function keyOf({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}

/**
 * The socket addresses that one wish stands for at present.
 *
 * @param gateways of the engines' bridge networks
 * @param local addresses that the host has now: a gateway of a network that is just being made is not bound before it exists
 */
export function endpointsOf(
  want: WantedListen,
  gateways: readonly string[],
  local: readonly string[],
): readonly Endpoint[] {
  switch (want.kind) {
    case 'address':
      return [want];
    case 'interface':
      return interfaceAddresses(want.interface).map((address) => ({ address, port: want.port }));
    case 'engineGateways':
      return gateways
        .filter((address) => local.includes(address))
        .map((address) => ({ address, port: want.port }));
  }
}

/** Link-local IPv6 needs a scope that a client's resolv.conf seldom has; the rest is bound. */
function interfaceAddresses(name: string): string[] {
  return (hostInterfaces()[name] ?? [])
    .map(({ address }) => canonicalAddress(address))
    .filter((address) => !(isIPv6(address) && address.startsWith('fe80:')));
}

function localAddresses(): string[] {
  return Object.values(hostInterfaces()).flatMap((addresses) =>
    addresses.map(({ address }) => canonicalAddress(address)),
  );
}
