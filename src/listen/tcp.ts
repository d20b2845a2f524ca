/** DNS over TCP for clients: pipelined queries, answers in any order, limits against who never leaves (RFC 7766). */
import { createServer, type Server, type Socket } from 'node:net';
import { addressBytes, canonicalAddress } from '../dns/address.ts';
import { codeOf, HomeportError, messageOf } from '../errors.ts';
import { FrameReader, framed } from '../wire/frames.ts';
import type { Client } from './transport.ts';

/** RFC 7766 §6.2.3 wants seconds; stubs ask one or two questions and go. */
const IDLE_MS = 10_000;
const MAX_CONNECTIONS = 512;
/** Of one address: a single client may not take all connections. */
const MAX_CONNECTIONS_PER_CLIENT = 64;
/** Unanswered queries of one connection; beyond them its reading pauses. */
const MAX_IN_FLIGHT = 128;
/** Replies that a client does not read; beyond them the connection ends. */
const MAX_UNREAD_BYTES = 1 << 20;
/** A socket that does not close in time is destroyed. */
const LINGER_MS = 500;

/** A client over TCP, one object per query. */
export interface TcpClient extends Client {
  readonly isTcp: true;
  /** Sends the reply; at most once. */
  send(reply: Uint8Array): void;
}

export type OnTcpQuery = (bytes: Buffer, client: TcpClient) => void;

/** A listening TCP socket. */
export class TcpListener {
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  readonly #perClient = new Map<string, number>();
  readonly #onQuery: OnTcpQuery;
  port = 0;

  constructor(onQuery: OnTcpQuery) {
    this.#onQuery = onQuery;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
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
    this.#perClient.set(address, count);
    this.#connections.add(socket);
    socket.on('close', () => this.#forget(socket, address));
    socket.on('error', () => socket.destroy());
    socket.setNoDelay(true);
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    this.#read(socket, address);
  }

  #forget(socket: Socket, address: string): void {
    this.#connections.delete(socket);
    const left = (this.#perClient.get(address) ?? 1) - 1;
    if (left === 0) this.#perClient.delete(address);
    else this.#perClient.set(address, left);
  }

  #read(socket: Socket, address: string): void {
    const local = canonicalAddress(socket.localAddress ?? '');
    const addressKey = keyOf(address);
    let inFlight = 0;
    let isEnded = false;
    const send = (reply: Uint8Array) => {
      inFlight--;
      if (socket.destroyed) return;
      socket.write(framed(reply));
      if (socket.writableLength > MAX_UNREAD_BYTES) socket.destroy();
      else if (isEnded && inFlight === 0) socket.end();
      else if (inFlight < MAX_IN_FLIGHT) socket.resume();
    };
    const frames = new FrameReader((message) => {
      inFlight++;
      if (inFlight >= MAX_IN_FLIGHT) socket.pause();
      const client: TcpClient = {
        isTcp: true,
        addressKey,
        port: socket.remotePort ?? 0,
        addressText: () => address,
        localAddressText: () => local,
        retain: () => client,
        release: () => undefined,
        send,
      };
      this.#onQuery(message, client);
    });
    socket.on('data', (chunk) => frames.push(chunk));
    // A client may close its half and wait for the answers (RFC 7766 §6.2.4); idle time ends it otherwise.
    socket.on('end', () => {
      isEnded = true;
      if (inFlight === 0) socket.end();
    });
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#connections) socket.end();
    const linger = setTimeout(() => {
      for (const socket of this.#connections) socket.destroy();
    }, LINGER_MS);
    await closed;
    clearTimeout(linger);
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
