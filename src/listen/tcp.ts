/** DNS over TCP for clients: pipelined queries, answers in any order, limits against who never leaves (RFC 7766). */
import { createServer, type Server, type Socket } from 'node:net';
import { addressBytes, canonicalAddress } from '../dns/address.ts';
import { codeOf, HomeportError, messageOf } from '../errors.ts';
import { FrameReader, framed } from '../wire/frames.ts';
import type { Client } from './transport.ts';

/** How long things may take, in milliseconds. */
export interface TcpTimes {
  /** Without a whole message or a reply: RFC 7766 §6.2.3 wants seconds; stubs ask one or two questions and go. */
  readonly idleMs: number;
  /** A socket that does not close in time is destroyed. */
  readonly lingerMs: number;
}

const DEFAULT_TIMES: TcpTimes = { idleMs: 10_000, lingerMs: 500 };
/** One more, and the one that has been quiet longest goes: who holds them all must not lock others out. */
const MAX_CONNECTIONS = 512;
/** Of one address: a single client may not take all connections. */
const MAX_CONNECTIONS_PER_CLIENT = 64;
/** Unanswered queries of one connection; beyond them its reading pauses. */
const MAX_IN_FLIGHT = 128;
/** Replies that a client does not read; beyond them the connection ends. */
const MAX_UNREAD_BYTES = 1 << 20;

/** A client over TCP, one object per query. */
export interface TcpClient extends Client {
  readonly isTcp: true;
  /** Sends the reply. Either this or `drop`, once. */
  send(reply: Uint8Array): void;
  /** This query gets no reply. */
  drop(): void;
}

export type OnTcpQuery = (bytes: Buffer, client: TcpClient) => void;

/** A listening TCP socket. */
export class TcpListener {
  readonly #server: Server;
  /** The one that has been quiet longest comes first. */
  readonly #connections = new Set<Connection>();
  readonly #perClient = new Map<string, number>();
  readonly #onQuery: OnTcpQuery;
  readonly #times: TcpTimes;
  port = 0;

  constructor(onQuery: OnTcpQuery, times: Partial<TcpTimes> = {}) {
    this.#onQuery = onQuery;
    this.#times = { ...DEFAULT_TIMES, ...times };
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  /**
   * Binds.
   *
   * @param target address and port, or a bound socket passed by systemd (LISTEN_FDS)
   * @throws HomeportError BIND_FAILED
   */
  async listen(target: { address: string; port: number } | { fd: number }): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const fail = (error: Error) => reject(bindError(target, error));
      this.#server.once('error', fail);
      const options = 'fd' in target ? target : { host: target.address, port: target.port };
      this.#server.listen(options, () => {
        this.#server.off('error', fail);
        // Out of descriptors, say: the connection is lost, the listener is not.
        this.#server.on('error', () => undefined);
        resolve();
      });
    });
    const bound = this.#server.address();
    this.port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  }

  #accept(socket: Socket): void {
    const address = canonicalAddress(socket.remoteAddress ?? '');
    const count = (this.#perClient.get(address) ?? 0) + 1;
    if (address === '' || count > MAX_CONNECTIONS_PER_CLIENT) {
      socket.destroy();
      return;
    }
    if (this.#connections.size >= MAX_CONNECTIONS) {
      for (const quietest of this.#connections) {
        this.#forget(quietest);
        quietest.destroy();
        break;
      }
    }
    const connection = new Connection(socket, address, this.#times.idleMs, {
      onQuery: this.#onQuery,
      onUse: () => {
        if (this.#connections.delete(connection)) this.#connections.add(connection);
      },
      onClose: () => this.#forget(connection),
    });
    this.#perClient.set(address, count);
    this.#connections.add(connection);
  }

  #forget(connection: Connection): void {
    if (!this.#connections.delete(connection)) return;
    const { address } = connection;
    const left = (this.#perClient.get(address) ?? 1) - 1;
    if (left === 0) this.#perClient.delete(address);
    else this.#perClient.set(address, left);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.end();
    const linger = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, this.#times.lingerMs);
    await closed;
    clearTimeout(linger);
  }
}

interface ConnectionEvents {
  readonly onQuery: OnTcpQuery;
  /** A whole message came. */
  readonly onUse: () => void;
  readonly onClose: () => void;
}

/** One client's connection. */
class Connection {
  readonly address: string;
  readonly #socket: Socket;
  readonly #local: string;
  readonly #addressKey: number | string;
  readonly #events: ConnectionEvents;
  /** Counts from the last whole message or reply, so that one which comes in drops ends too. */
  readonly #idle: NodeJS.Timeout;
  #inFlight = 0;
  #isHalfClosed = false;

  constructor(socket: Socket, address: string, idleMs: number, events: ConnectionEvents) {
    this.address = address;
    this.#socket = socket;
    this.#local = canonicalAddress(socket.localAddress ?? '');
    this.#addressKey = keyOf(address);
    this.#events = events;
    this.#idle = setTimeout(() => socket.destroy(), idleMs);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(this.#idle);
      events.onClose();
    });
    const frames = new FrameReader((message) => this.#take(message));
    socket.on('data', (chunk) => frames.push(chunk));
    // A client may close its half and wait for the answers (RFC 7766 §6.2.4).
    socket.on('end', () => {
      this.#isHalfClosed = true;
      if (this.#inFlight === 0) socket.end();
    });
  }

  #take(message: Buffer): void {
    const socket = this.#socket;
    this.#idle.refresh();
    this.#events.onUse();
    this.#inFlight++;
    if (this.#inFlight >= MAX_IN_FLIGHT) socket.pause();
    const client: TcpClient = {
      isTcp: true,
      addressKey: this.#addressKey,
      port: socket.remotePort ?? 0,
      addressText: () => this.address,
      localAddressText: () => this.#local,
      retain: () => client,
      release: () => undefined,
      send: (reply) => {
        if (!socket.destroyed) {
          this.#idle.refresh();
          socket.write(framed(reply));
        }
        this.#settled();
      },
      drop: () => this.#settled(),
    };
    this.#events.onQuery(message, client);
  }

  #settled(): void {
    const socket = this.#socket;
    this.#inFlight--;
    if (socket.destroyed) return;
    if (socket.writableLength > MAX_UNREAD_BYTES) socket.destroy();
    else if (this.#isHalfClosed && this.#inFlight === 0) socket.end();
    else if (this.#inFlight < MAX_IN_FLIGHT) socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** The same key that UDP gives this address. */
function keyOf(address: string): number | string {
  const bytes = addressBytes(address);
  return bytes?.length === 4 ? Buffer.from(bytes).readInt32BE(0) : address;
}

function bindError(
  target: { address: string; port: number } | { fd: number },
  error: Error,
): HomeportError {
  const what = 'fd' in target ? `descriptor ${target.fd}` : `tcp ${target.address}:${target.port}`;
  const why: Record<string, string> = {
    EADDRINUSE: 'address in use; another resolver may be listening',
    EACCES: 'permission denied; ports below 1024 need CAP_NET_BIND_SERVICE or the socket unit',
    EADDRNOTAVAIL: 'no interface has this address',
  };
  const reason = why[codeOf(error) ?? ''] ?? messageOf(error);
  return new HomeportError('BIND_FAILED', `cannot bind ${what}: ${reason}`, { cause: error });
}
