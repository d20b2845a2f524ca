/** Queries to upstreams over TCP and TLS: kept connections, many queries on each, matched by ID. */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { messageOf } from '../errors.ts';
import { FrameReader, framed } from '../wire/frames.ts';
import { putUint16, uint16 } from '../wire/query.ts';

/** Where to connect. */
export interface StreamServer {
  readonly id: number;
  readonly address: string;
  readonly port: number;
  /** The name on its certificate (RFC 8310 §8.1); null: plain TCP. */
  readonly tlsName: string | null;
}

/** What came of one query: the reply's bytes, or null and why. Called exactly once. */
export type StreamDone = (reply: Buffer | null, reason: string) => void;

/** An idle connection is kept for the next query this long (RFC 7766 §6.2.3: seconds). */
const IDLE_MS = 8_000;
const CONNECT_MS = 2_500;
const REPLY_MS = 3_000;

interface Waiting {
  readonly id: number;
  readonly done: StreamDone;
  readonly timer: NodeJS.Timeout;
}

/** One connection to one server. */
class Connection {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onClose: () => void;
  readonly #idle: NodeJS.Timeout;
  /** How many messages came. */
  #heard = 0;
  #reason = 'it closed the connection';

  constructor(server: StreamServer, onClose: () => void) {
    this.#onClose = onClose;
    this.#socket = open(server);
    const frames = new FrameReader((message) => this.#take(message));
    this.#socket.setNoDelay(true);
    this.#socket.setTimeout(CONNECT_MS, () => this.close('no connection in time'));
    this.#socket.on(server.tlsName === null ? 'connect' : 'secureConnect', () =>
      this.#socket.setTimeout(0),
    );
    this.#socket.on('data', (chunk) => frames.push(chunk));
    this.#socket.on('error', (error) => {
      this.#reason = messageOf(error);
    });
    this.#socket.on('close', () => this.#closed());
    this.#idle = setTimeout(() => this.close('idle'), IDLE_MS);
  }

  ask(message: Uint8Array, done: StreamDone): void {
    // IDs are this connection's own: two clients may have chosen the same (RFC 7766 §6.2.1).
    let id = Math.floor(Math.random() * 0x10000);
    while (this.#waiting.has(id)) id = (id + 1) & 0xffff;
    const heardBefore = this.#heard;
    const timer = setTimeout(() => {
      this.#waiting.delete(id);
      done(null, 'no answer in time');
      // Silent since then: a peer that is gone says nothing, and TCP itself would notice in a quarter of an hour.
      if (heardBefore === this.#heard) this.close('it does not answer');
    }, REPLY_MS);
    this.#waiting.set(id, { id: uint16(message, 0), done, timer });
    this.#idle.refresh();
    const copy = Buffer.from(message);
    putUint16(copy, 0, id);
    this.#socket.write(framed(copy));
  }

  #take(message: Buffer): void {
    this.#heard++;
    const waiting = message.length < 2 ? undefined : this.#waiting.get(uint16(message, 0));
    if (waiting === undefined) return;
    this.#waiting.delete(uint16(message, 0));
    clearTimeout(waiting.timer);
    putUint16(message, 0, waiting.id);
    waiting.done(message, '');
  }

  close(reason: string): void {
    if (reason === 'idle' && this.#waiting.size > 0) {
      this.#idle.refresh();
      return;
    }
    this.#reason = reason;
    this.#socket.destroy();
  }

  #closed(): void {
    clearTimeout(this.#idle);
    this.#onClose();
    for (const { done, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      done(null, this.#reason);
    }
    this.#waiting.clear();
  }
}

function open(server: StreamServer): Socket {
  const { address: host, port, tlsName } = server;
  if (tlsName === null) return connectTcp({ host, port });
  // Node sends the name as SNI and checks the certificate against it; a server named by its address has none to send.
  return connectTls({
    host,
    port,
    servername: tlsName,
    ALPNProtocols: ['dot'],
    minVersion: 'TLSv1.2',
  });
}

/** The connections to all upstreams. */
export class UpstreamStreams {
  readonly #connections = new Map<number, Connection>();

  /** Asks one server; the reply carries the ID of `message`. */
  ask(server: StreamServer, message: Uint8Array, done: StreamDone): void {
    let connection = this.#connections.get(server.id);
    if (connection === undefined) {
      const fresh: Connection = new Connection(server, () => {
        if (this.#connections.get(server.id) === fresh) this.#connections.delete(server.id);
      });
      connection = fresh;
      this.#connections.set(server.id, connection);
    }
    connection.ask(message, done);
  }

  close(): void {
    for (const connection of [...this.#connections.values()])
      connection.close('homeport is stopping');
  }
}
