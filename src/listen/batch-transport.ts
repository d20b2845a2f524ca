/**
 * UDP in batches: one blocking loop over epoll, recvmmsg and sendmmsg. It owns its thread while it
 * runs; the other thread reaches it through a mailbox whose bell is an eventfd in the epoll set.
 */
import { BatchClient } from './batch-client.ts';
import { BatchListener } from './batch-listener.ts';
import { InBatch, Messages, OutBatch } from './native/batch.ts';
import { Epoll } from './native/epoll.ts';
import { errorName } from './native/error-name.ts';
import { type Kernel, openKernel } from './native/kernel.ts';
import { ERRNO } from './native/layout.ts';
import { Memory, type Region } from './native/memory.ts';
import { type DatagramSocket, Sockets } from './native/sockets.ts';
import { SOCKETS_PER_UPSTREAM, SocketPool } from './socket-pool.ts';
import {
  type Client,
  type Core,
  type Listening,
  type ListenTarget,
  MAX_UDP_QUERY_BYTES,
  type Transport,
  type TransportCounters,
  type UpstreamAddress,
} from './transport.ts';

/**
 * A socket that brought this many messages at once probably has more: look again before asking epoll.
 * At most so often, so that replies of upstreams are not kept waiting by a flood of queries.
 */
const WORTH_ANOTHER_LOOK = 8;
const MAX_LOOKS = 8;
/** The loop looks around at least this often: so a thread that is told to end from outside does. */
const MAX_WAIT_MS = 60_000;
/** An eventfd's counter. */
const BELL_BYTES = 8;

export interface BatchTransportOptions {
  /** Written to by the other thread when there is mail (`Doorbell`); -1: nobody rings. */
  readonly bellFd?: number;
  /** Several threads serve the same addresses, each with a transport of its own. */
  readonly isShared?: boolean;
}

/**
 * Makes the batched transport.
 *
 * @throws HomeportError NATIVE_UNAVAILABLE where `node:dgram` has to serve
 */
export function createBatchTransport(options: BatchTransportOptions = {}): Transport {
  return new BatchTransport(openKernel(), options);
}

interface BatchUpstream {
  readonly server: UpstreamAddress;
  readonly pool: SocketPool<DatagramSocket>;
  readonly outgoing: OutBatch;
  /** The socket that the waiting queries leave by. */
  index: number;
}

type Source =
  | { readonly kind: 'bell' }
  | { readonly kind: 'listener'; readonly listener: BatchListener }
  | { readonly kind: 'upstream'; readonly server: number; readonly index: number };

interface UpstreamFault {
  readonly server: number;
  readonly index: number;
  readonly reason: string;
}

class BatchTransport implements Transport {
  readonly kind = 'batch';
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
  readonly #kernel: Kernel;
  readonly #sockets: Sockets;
  readonly #epoll: Epoll;
  readonly #isShared: boolean;
  readonly #bellFd: number;
  readonly #bellMemory: Memory;
  readonly #bellRegion: Region;
  /** What each open descriptor is, by its number. */
  readonly #sources: (Source | undefined)[] = [];
  readonly #listeners: BatchListener[] = [];
  readonly #upstreams = new Map<number, BatchUpstream>();
  /** The same, for each round: an array costs no iterator. */
  #upstreamList: readonly BatchUpstream[] = [];
  /** Room for what arrives; every batch is dealt with before the next is read. */
  readonly #room: Messages;
  readonly #fromUpstream: InBatch;
  /** Faults met while sending; told to the core between its own calls. */
  readonly #faults: UpstreamFault[] = [];
  #client: BatchClient | undefined;
  #round = 0;
  /** Read when a round begins and when it ends, not for each message. */
  #nowMs: number = performance.now();
  #isStopping = false;
  #isRunning = false;

  constructor(kernel: Kernel, { bellFd = -1, isShared = false }: BatchTransportOptions) {
    this.#kernel = kernel;
    this.#isShared = isShared;
    this.#bellFd = bellFd;
    this.#sockets = new Sockets(kernel);
    this.#epoll = new Epoll(kernel);
    this.#bellMemory = new Memory(kernel, BELL_BYTES);
    this.#bellRegion = this.#bellMemory.take(BELL_BYTES);
    this.#room = new Messages(kernel, {});
    this.#fromUpstream = new InBatch(kernel, {
      messages: this.#room,
      nameBytes: 0,
      controlBytes: 0,
    });
    if (bellFd >= 0) {
      this.#sources[bellFd] = { kind: 'bell' };
      this.#epoll.add(bellFd);
    }
  }

  steady(): number {
    return this.#nowMs;
  }

  listen(target: ListenTarget): Listening {
    const socket =
      'fd' in target
        ? this.#sockets.adopt(target.fd)
        : this.#sockets.listen(target, this.#isShared);
    const listener = new BatchListener(this.#kernel, socket, this.#room);
    this.#sources[socket.fd] = { kind: 'listener', listener };
    this.#epoll.add(socket.fd, this.#isShared && 'fd' in target);
    this.#listeners.push(listener);
    const close = (): void => this.#closeListener(listener);
    return { address: listener.address, port: listener.port, close };
  }

  #closeListener(listener: BatchListener): void {
    if (listener.isClosed) return;
    this.#flushListener(listener);
    listener.isClosed = true;
    this.#listeners.splice(this.#listeners.indexOf(listener), 1);
    this.#close(listener.fd);
  }

  #close(fd: number): void {
    this.#sources[fd] = undefined;
    this.#sockets.close(fd);
  }

  setUpstreams(servers: readonly UpstreamAddress[]): void {
    const kept = new Set(servers.map((server) => server.id));
    for (const [id, upstream] of this.#upstreams) {
      if (kept.has(id)) continue;
      upstream.pool.close();
      this.#upstreams.delete(id);
    }
    for (const server of servers) this.#upstreamOf(server);
    this.#upstreamList = [...this.#upstreams.values()];
  }

  #upstreamOf(server: UpstreamAddress): BatchUpstream {
    const known = this.#upstreams.get(server.id);
    if (known !== undefined) return known;
    const open = (index: number): DatagramSocket | undefined => this.#openUpstream(server, index);
    const close = (socket: DatagramSocket): void => this.#close(socket.fd);
    const messages = new Messages(this.#kernel, { messageBytes: MAX_UDP_QUERY_BYTES });
    const upstream: BatchUpstream = {
      server,
      pool: new SocketPool({ open, close }, this.#nowMs),
      outgoing: new OutBatch(this.#kernel, { messages, nameBytes: 0, controlBytes: 0 }),
      index: 0,
    };
    this.#upstreams.set(server.id, upstream);
    this.#upstreamList = [...this.#upstreams.values()];
    return upstream;
  }

  #openUpstream(server: UpstreamAddress, index: number): DatagramSocket | undefined {
    const socket = this.#sockets.connect(server);
    if ('errno' in socket) {
      this.#faults.push({ server: server.id, index, reason: errorName(socket.errno) });
      return undefined;
    }
    this.#sources[socket.fd] = { kind: 'upstream', server: server.id, index };
    this.#epoll.add(socket.fd);
    return socket;
  }

  run(core: Core, mail: () => void): Promise<void> {
    this.#isRunning = true;
    try {
      mail();
      while (!this.#isStopping) this.#turn(core, mail);
      return Promise.resolve();
    } catch (error) {
      return Promise.reject(error);
    } finally {
      this.#isRunning = false;
      this.#closeAll();
    }
  }

  /** One round: tell the core the time, wait, take what came, send what the core wrote. */
  #turn(core: Core, mail: () => void): void {
    const waitMs = this.#endRound(core);
    const ready = this.#epoll.wait(waitMs);
    this.#nowMs = performance.now();
    this.#round++;
    for (let i = 0; i < ready && !this.#isStopping; i++) {
      const fd = this.#epoll.readyAt(i);
      const source = this.#sources[fd];
      if (source === undefined) continue;
      if (source.kind === 'listener') this.#takeQueries(core, mail, source.listener);
      else if (source.kind === 'upstream') this.#takeReplies(core, mail, fd, source);
      else this.#answerBell(mail);
    }
    // What is ready leaves before anything else is thought of.
    this.#flush();
  }

  /** @returns ms to wait for what comes next: rounded up, or the core would be asked before it is due */
  #endRound(core: Core): number {
    this.#nowMs = performance.now();
    let waitMs = core.onTick();
    this.#flush();
    while (this.#faults.length > 0) {
      for (const { server, index, reason } of this.#faults.splice(0)) {
        core.onUpstreamError(server, index, reason);
      }
      waitMs = core.onTick();
      this.#flush();
    }
    for (const { pool } of this.#upstreamList) waitMs = Math.min(waitMs, pool.sweep(this.#nowMs));
    return Math.min(MAX_WAIT_MS, Math.max(0, Math.ceil(waitMs)));
  }

  #answerBell(mail: () => void): void {
    this.#kernel.read(this.#bellFd, this.#bellRegion.address, BELL_BYTES);
    mail();
  }

  #takeQueries(core: Core, mail: () => void, listener: BatchListener): void {
    for (let look = 0; look < MAX_LOOKS; look++) {
      const received = listener.incoming.receive(listener.fd);
      // An error is of a reply that was sent before (ICMP): its client is gone, the socket is well.
      if (received <= 0) return;
      mail();
      if (this.#isStopping || listener.isClosed) return;
      this.#answer(core, listener, received);
      if (received < WORTH_ANOTHER_LOOK) return;
      this.#flush();
    }
  }

  #answer(core: Core, listener: BatchListener, received: number): void {
    const { incoming } = listener;
    this.#client ??= new BatchClient(listener);
    this.counters.queries += received;
    this.counters.queryBatches++;
    for (let i = 0; i < received; i++) {
      listener.load(this.#client, i);
      const message = incoming.messageAt(i);
      core.onQuery(message, message.length, this.#client);
    }
  }

  #takeReplies(
    core: Core,
    mail: () => void,
    fd: number,
    { server, index }: { readonly server: number; readonly index: number },
  ): void {
    const incoming = this.#fromUpstream;
    const received = incoming.receive(fd);
    if (received < 0) {
      core.onUpstreamError(server, index, errorName(received));
      return;
    }
    mail();
    this.counters.upstreamReplies += received;
    for (let i = 0; i < received; i++) {
      const message = incoming.messageAt(i);
      core.onUpstreamReply(server, index, message, message.length);
    }
  }

  /** Messages come with a bell, and a bell is a round. */
  wake(): void {}

  stop(): void {
    this.#isStopping = true;
    if (!this.#isRunning) this.#closeAll();
  }

  #closeAll(): void {
    for (const listener of [...this.#listeners]) this.#closeListener(listener);
    this.setUpstreams([]);
    this.#epoll.close();
  }

  beginReply(client: Client): Buffer {
    const { listener } = this.#ownClient(client);
    if (listener.outgoing.isFull) this.#flushListener(listener);
    return listener.outgoing.next();
  }

  endReply(client: Client, length: number): void {
    const own = this.#ownClient(client);
    own.listener.envelope(own);
    own.listener.outgoing.commit(length);
  }

  pickSocket(server: number): number {
    return this.#upstreams.get(server)?.pool.pick(this.#round, this.#nowMs) ?? 0;
  }

  sendUpstream(
    server: UpstreamAddress,
    socket: number,
    message: Uint8Array,
    length: number = message.length,
  ): void {
    const upstream = this.#upstreamOf(server);
    const { outgoing } = upstream;
    if (outgoing.isFull || (outgoing.pending > 0 && upstream.index !== socket)) {
      this.#flushUpstream(upstream);
    }
    upstream.index = socket;
    const out = outgoing.next();
    for (let i = 0; i < length; i++) out[i] = message[i] ?? 0;
    outgoing.commit(Math.min(length, out.length));
  }

  #flush(): void {
    for (const listener of this.#listeners) {
      if (listener.outgoing.pending > 0) this.#flushListener(listener);
    }
    for (const upstream of this.#upstreamList) {
      if (upstream.outgoing.pending > 0) this.#flushUpstream(upstream);
    }
  }

  #flushListener({ outgoing, fd, isClosed }: BatchListener): void {
    if (outgoing.pending === 0) return;
    if (isClosed) {
      this.counters.unsent += outgoing.discard();
      return;
    }
    const before = outgoing.unsent;
    this.counters.replies += outgoing.flush(fd);
    this.counters.replyBatches++;
    this.counters.unsent += outgoing.unsent - before;
  }

  #flushUpstream(upstream: BatchUpstream): void {
    const { outgoing, pool, index, server } = upstream;
    if (outgoing.pending === 0) return;
    const socket = pool.use(index, this.#nowMs);
    if (socket === undefined) {
      this.counters.unsent += outgoing.discard();
      this.#faults.push({ server: server.id, index, reason: 'no route' });
      return;
    }
    const before = outgoing.unsent;
    this.counters.upstreamQueries += outgoing.flush(socket.fd);
    const unsent = outgoing.unsent - before;
    if (unsent === 0) return;
    this.counters.unsent += unsent;
    if (outgoing.lastError === ERRNO.EAGAIN) return;
    this.#faults.push({ server: server.id, index, reason: errorName(-outgoing.lastError) });
    // Anything but a refusal is about our own address or route, which a new socket may get right.
    if (outgoing.lastError !== ERRNO.ECONNREFUSED) pool.abandon(index, this.#nowMs);
  }

  /** Nearly always the client of the present message; `instanceof` costs more than the rest of a reply. */
  #ownClient(client: Client): BatchClient {
    const current = this.#client;
    if (current !== undefined && client === current) return current;
    if (client instanceof BatchClient) return client;
    throw new TypeError('the client came from another transport');
  }
}
