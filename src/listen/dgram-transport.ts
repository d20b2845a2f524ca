/**
 * UDP over `node:dgram`: for systems other than Linux, and where koffi does not load. Event-driven, a
 * message at a time; the same core, the same faces as the batched transport.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { canonicalAddress } from '../dns/address.ts';
import { codeOf, HomeportError, messageOf } from '../errors.ts';
import { addressKeyOf } from './address-key.ts';
import { bindMessage, isWildcard } from './bind-message.ts';
import { SOCKETS_PER_UPSTREAM, SocketPool } from './socket-pool.ts';
import {
  type Client,
  type Core,
  type Listening,
  type ListenTarget,
  MAX_UDP_REPLY_BYTES,
  type Transport,
  type TransportCounters,
  type UpstreamAddress,
} from './transport.ts';

/** A reply batch's worth of small queries, as the kernel counts them; capped by net.core.rmem_max. */
const BUFFER_BYTES: number = 4 * 1024 * 1024;
/** Keys of addresses seen lately: parsing the text costs more than the look-up of a name. */
const MAX_REMEMBERED_KEYS = 10_000;
/** `setTimeout` takes no more; the core is then asked earlier than it wished, which it allows for. */
const MAX_TIMEOUT_MS = 0x7fffffff;

/** The addresses are literals: without this each `send` takes a turn through the threads of `dns.lookup`. */
function literal(address: string, ...rest: unknown[]): void {
  const callback = rest.at(-1);
  if (typeof callback === 'function') callback(null, address, isIPv6(address) ? 6 : 4);
}

/** Makes the `node:dgram` transport. */
export function createDgramTransport(): Transport {
  return new DgramTransport();
}

class DgramListener implements Listening {
  readonly socket: Socket;
  readonly address: string;
  readonly port: number;
  readonly #closed: (listener: DgramListener) => void;

  constructor(socket: Socket, closed: (listener: DgramListener) => void) {
    const own = socket.address();
    this.socket = socket;
    this.address = canonicalAddress(own.address);
    this.port = own.port;
    this.#closed = closed;
  }

  close(): void {
    this.#closed(this);
  }
}

/** A message's sender. Not used again: `retain` is itself. */
class DgramClient implements Client {
  readonly isTcp = false;
  readonly listener: DgramListener;
  readonly from: RemoteInfo;
  readonly addressKey: number | string;

  constructor(listener: DgramListener, from: RemoteInfo, addressKey: number | string) {
    this.listener = listener;
    this.from = from;
    this.addressKey = addressKey;
  }

  get port(): number {
    return this.from.port;
  }

  addressText(): string {
    return canonicalAddress(this.from.address);
  }

  localAddressText(): string | null {
    return isWildcard(this.listener.address) ? null : this.listener.address;
  }

  retain(): DgramClient {
    return this;
  }

  release(): void {}
}

interface DgramUpstream {
  readonly server: UpstreamAddress;
  readonly pool: SocketPool<Socket>;
}

class DgramTransport implements Transport {
  readonly kind = 'dgram';
  readonly socketCount: number = SOCKETS_PER_UPSTREAM;
  readonly counters: TransportCounters = {
    queries: 0,
    queryBatches: 0,
    replies: 0,
    replyBatches: 0,
    upstreamQueries: 0,
    upstreamReplies: 0,
    unsent: 0,
  };
  readonly #listeners = new Set<DgramListener>();
  readonly #upstreams = new Map<number, DgramUpstream>();
  readonly #keys = new Map<string, number | string>();
  readonly #reply: Buffer = Buffer.alloc(MAX_UDP_REPLY_BYTES);
  #core: Core | undefined;
  #mail: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #isRoundEnding = false;
  #round = 0;
  #isStopped = false;
  #finish: () => void = () => {};
  #fail: (error: unknown) => void = () => {};

  steady(): number {
    return performance.now();
  }

  listen(target: ListenTarget): Listening {
    const isIpv6 = 'address' in target && isIPv6(target.address.split('%')[0] ?? '');
    const socket = createSocket({
      type: isIpv6 ? 'udp6' : 'udp4',
      ipv6Only: isIpv6,
      lookup: literal,
    });
    bindNow(socket, target);
    enlarge(socket);
    const listener = new DgramListener(socket, (closed) => {
      if (this.#listeners.delete(closed)) socket.close();
    });
    // An error is of a reply that was sent before: its client is gone, the socket is well.
    socket.on('error', () => {});
    socket.on('message', (message, from) => this.#query(listener, message, from));
    this.#listeners.add(listener);
    return listener;
  }

  setUpstreams(servers: readonly UpstreamAddress[]): void {
    const kept = new Set(servers.map((server) => server.id));
    for (const [id, upstream] of this.#upstreams) {
      if (kept.has(id)) continue;
      upstream.pool.close();
      this.#upstreams.delete(id);
    }
    for (const server of servers) this.#upstreamOf(server);
  }

  #upstreamOf(server: UpstreamAddress): DgramUpstream {
    const known = this.#upstreams.get(server.id);
    if (known !== undefined) return known;
    const open = (index: number): Socket | undefined => this.#openUpstream(server, index);
    const close = (socket: Socket): void => {
      socket.close();
    };
    const upstream = { server, pool: new SocketPool({ open, close }, performance.now()) };
    this.#upstreams.set(server.id, upstream);
    return upstream;
  }

  #openUpstream(server: UpstreamAddress, index: number): Socket | undefined {
    const type = isIPv6(server.address.split('%')[0] ?? '') ? 'udp6' : 'udp4';
    const socket = createSocket({ type, lookup: literal });
    socket.on('error', (error) => this.#upstreamError(server.id, index, error));
    socket.on('message', (message) => this.#upstreamReply(server.id, index, message));
    try {
      socket.connect(server.port, server.address);
      socket.remoteAddress();
      enlarge(socket);
      return socket;
    } catch {
      socket.close();
      return undefined;
    }
  }

  run(core: Core, mail: () => void): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    this.#core = core;
    this.#mail = mail;
    return new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
      this.#guarded(() => {
        mail();
        this.#tick();
      });
    });
  }

  #query(listener: DgramListener, message: Buffer, from: RemoteInfo): void {
    this.counters.queries++;
    this.counters.queryBatches++;
    this.#guarded((core) => {
      this.#mail();
      const client = new DgramClient(listener, from, this.#keyOf(from.address));
      core.onQuery(message, message.length, client);
    });
  }

  #upstreamReply(server: number, index: number, message: Buffer): void {
    this.counters.upstreamReplies++;
    this.#guarded((core) => {
      this.#mail();
      core.onUpstreamReply(server, index, message, message.length);
    });
  }

  #upstreamError(server: number, index: number, error: unknown): void {
    this.#guarded((core) => core.onUpstreamError(server, index, codeOf(error) ?? messageOf(error)));
  }

  /** Gives the core something; what it throws ends `run`, as in the batched transport. */
  #guarded(give: (core: Core) => void): void {
    const core = this.#core;
    if (core === undefined || this.#isStopped) return;
    try {
      give(core);
      this.#endRoundSoon();
    } catch (error) {
      this.#fail(error);
      this.stop();
    }
  }

  /** A round is what arrived in one turn of the event loop. */
  #endRoundSoon(): void {
    if (this.#isRoundEnding) return;
    this.#isRoundEnding = true;
    setImmediate(() => {
      this.#isRoundEnding = false;
      if (!this.#isStopped) this.#endRound();
    });
  }

  #endRound(): void {
    try {
      this.#tick();
    } catch (error) {
      this.#fail(error);
      this.stop();
    }
  }

  #tick(): void {
    const core = this.#core;
    if (core === undefined) return;
    this.#round++;
    let waitMs = core.onTick();
    const nowMs = performance.now();
    for (const { pool } of this.#upstreams.values()) waitMs = Math.min(waitMs, pool.sweep(nowMs));
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (waitMs === Number.POSITIVE_INFINITY || this.#isStopped) return;
    const timeoutMs = Math.min(MAX_TIMEOUT_MS, Math.max(0, Math.ceil(waitMs)));
    this.#timer = setTimeout(() => this.#endRound(), timeoutMs);
  }

  wake(): void {
    this.#endRoundSoon();
  }

  #keyOf(address: string): number | string {
    const known = this.#keys.get(address);
    if (known !== undefined) return known;
    if (this.#keys.size >= MAX_REMEMBERED_KEYS) this.#keys.clear();
    const key = addressKeyOf(address);
    this.#keys.set(address, key);
    return key;
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    clearTimeout(this.#timer);
    for (const listener of this.#listeners) listener.close();
    this.setUpstreams([]);
    this.#finish();
  }

  beginReply(_client: Client): Buffer {
    return this.#reply;
  }

  endReply(client: Client, length: number): void {
    if (!(client instanceof DgramClient))
      throw new TypeError('the client came from another transport');
    const { listener, from } = client;
    if (!this.#listeners.has(listener)) {
      this.counters.unsent++;
      return;
    }
    // Copied: the socket may still wait for room in the kernel when the next reply is written.
    const bytes = Buffer.from(this.#reply.subarray(0, length));
    this.counters.replies++;
    this.counters.replyBatches++;
    listener.socket.send(bytes, 0, length, from.port, from.address, this.#countUnsent);
  }

  readonly #countUnsent = (error: Error | null): void => {
    if (error !== null) this.counters.unsent++;
  };

  pickSocket(server: number): number {
    return this.#upstreams.get(server)?.pool.pick(this.#round, performance.now()) ?? 0;
  }

  sendUpstream(
    server: UpstreamAddress,
    socket: number,
    message: Uint8Array,
    length: number = message.length,
  ): void {
    const { pool } = this.#upstreamOf(server);
    const own = pool.use(socket, performance.now());
    if (own === undefined) {
      this.counters.unsent++;
      // Not from within the call that asked: the core is in the middle of something.
      setImmediate(() => this.#upstreamError(server.id, socket, new Error('no route')));
      return;
    }
    this.counters.upstreamQueries++;
    own.send(Buffer.from(message.subarray(0, length)), (error) => {
      if (error === null) return;
      this.counters.unsent++;
      this.#upstreamError(server.id, socket, error);
    });
  }
}

/** Binds at once, since the look-up is synchronous: what fails is thrown here, not emitted later. */
function bindNow(socket: Socket, target: ListenTarget): void {
  const where = 'fd' in target ? { address: `descriptor ${target.fd}`, port: 0 } : target;
  let failure: unknown;
  const note = (error: unknown): void => {
    failure = error;
  };
  socket.on('error', note);
  try {
    if ('fd' in target) socket.bind({ fd: target.fd });
    else socket.bind({ address: target.address, port: target.port, exclusive: true });
    if (failure === undefined) socket.address();
  } catch (error) {
    failure ??= error;
  }
  socket.off('error', note);
  if (failure === undefined) return;
  socket.close();
  const reason = codeOf(failure) ?? messageOf(failure);
  throw new HomeportError('BIND_FAILED', bindMessage(where, reason), { cause: failure });
}

function enlarge(socket: Socket): void {
  try {
    socket.setRecvBufferSize(BUFFER_BYTES);
    socket.setSendBufferSize(BUFFER_BYTES);
  } catch {
    // Capped or refused: the socket serves with what the system gives.
  }
}
