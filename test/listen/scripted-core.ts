/**
 * A core for tests of transports: the first label of a message's question says what to do with it. Also checks,
 * as the real one cannot, that a transport hands over only what it received.
 */
import type { Client, Core, Transport, UpstreamAddress } from '../../src/listen/transport.ts';

/** What the test tells the worker. */
export type ToWorker =
  | { readonly kind: 'world'; readonly world: number }
  | { readonly kind: 'release' }
  | { readonly kind: 'ping' }
  | { readonly kind: 'upstreams'; readonly servers: readonly UpstreamAddress[] }
  | { readonly kind: 'listen'; readonly address: string; readonly port: number }
  | { readonly kind: 'adopt'; readonly fd: number }
  | { readonly kind: 'close'; readonly port: number }
  | { readonly kind: 'wakeIn'; readonly ms: number }
  | { readonly kind: 'counters' }
  | { readonly kind: 'stop' };

/** What the worker says. */
export type FromWorker =
  | { readonly kind: 'listening'; readonly address: string; readonly port: number }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'pong' }
  | { readonly kind: 'woken'; readonly afterMs: number }
  | { readonly kind: 'upstreamError'; readonly server: number; readonly reason: string }
  | { readonly kind: 'counters'; readonly queries: number; readonly unsent: number }
  | { readonly kind: 'stopped' };

const HEADER_BYTES = 12;

/**
 * Questions and what they get, always behind the query's own ID:
 * `echo`: the message itself; `world`: the number that was posted last; `who`: the client as the core sees it;
 * `hold`: itself, but only after `release`; `forward`: what the upstream said; anything else: a reply of one byte.
 */
export class ScriptedCore implements Core {
  readonly #transport: Transport;
  readonly #tell: (message: FromWorker) => void;
  readonly #held: { readonly client: Client; readonly message: Buffer }[] = [];
  readonly #forwarded = new Map<number, Client>();
  upstream: UpstreamAddress | undefined;
  world = 0;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #wakeAskedMs = 0;

  constructor(transport: Transport, tell: (message: FromWorker) => void) {
    this.#transport = transport;
    this.#tell = tell;
  }

  onQuery(bytes: Buffer, length: number, client: Client): void {
    const message = bytes.subarray(0, length);
    // Nothing to answer by; and what a reply's buffer holds from before must not get out.
    if (length < 2) return;
    const label = firstLabel(message);
    if (label === 'hold')
      this.#held.push({ client: client.retain(), message: Buffer.from(message) });
    else if (label === 'forward') this.#forward(client, message);
    else this.#reply(client, message, this.#answerTo(label, message, client));
  }

  #answerTo(label: string, message: Buffer, client: Client): Buffer {
    if (label === 'echo') return message.subarray(2);
    if (label === 'world') return Buffer.from(String(this.world));
    if (label === 'who') return Buffer.from(JSON.stringify(seen(client)));
    return Buffer.from('?');
  }

  #forward(client: Client, message: Buffer): void {
    if (this.upstream === undefined) return;
    this.#forwarded.set(message.readUInt16BE(0), client.retain());
    const socket = this.#transport.pickSocket(this.upstream.id);
    this.#transport.sendUpstream(this.upstream, socket, message);
  }

  onUpstreamReply(_server: number, _socket: number, bytes: Buffer, length: number): void {
    const message = bytes.subarray(0, length);
    const client = this.#forwarded.get(message.readUInt16BE(0));
    if (client === undefined) return;
    this.#forwarded.delete(message.readUInt16BE(0));
    this.#reply(client, message, message.subarray(2));
    client.release();
  }

  onUpstreamError(server: number, _socket: number, reason: string): void {
    this.#tell({ kind: 'upstreamError', server, reason });
  }

  onTick(): number {
    const nowMs = performance.now();
    if (nowMs < this.#wakeAtMs) return this.#wakeAtMs - nowMs;
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    this.#tell({ kind: 'woken', afterMs: nowMs - this.#wakeAskedMs });
    return Number.POSITIVE_INFINITY;
  }

  wakeIn(ms: number): void {
    this.#wakeAskedMs = performance.now();
    this.#wakeAtMs = this.#wakeAskedMs + ms;
  }

  /** Answers everything that is held, the last first. */
  release(): void {
    for (const { client, message } of this.#held.splice(0).reverse()) {
      this.#reply(client, message, message.subarray(2));
      client.release();
    }
  }

  #reply(client: Client, message: Buffer, rest: Buffer): void {
    const out = this.#transport.beginReply(client);
    const length = Math.min(out.length, 2 + rest.length);
    out.set(message.subarray(0, 2));
    rest.copy(out, 2, 0, length - 2);
    this.#transport.endReply(client, length);
  }
}

function seen(client: Client): Record<string, unknown> {
  return {
    isTcp: client.isTcp,
    key: client.addressKey,
    port: client.port,
    address: client.addressText(),
    local: client.localAddressText(),
  };
}

/** The first label of the question, '' where the message has none. */
function firstLabel(message: Buffer): string {
  const size = message[HEADER_BYTES] ?? 0;
  return message.toString('latin1', HEADER_BYTES + 1, HEADER_BYTES + 1 + size);
}
