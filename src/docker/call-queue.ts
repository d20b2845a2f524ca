/**
 * A connection that carries several calls in a row without waiting for each reply (RFC 9112 §9.3.2): for
 * thousands of inspects that costs a third of a call at a time. Replies come in the order of the calls, so
 * that one which a container's lock holds up delays the others; whoever keeps the queue sends them again.
 */
import type { Duplex } from 'node:stream';
import { type Reply, ReplyReader } from './reply-reader.ts';

/**
 * A start or stop holds an inspect up for a second, all others are answered within a few milliseconds and the way
 * to the engine. Less than queries wait for it (`hold_ms`), since an event's inspect may have to wait for the queue.
 */
const STALL_MS = 200;

/** So many calls under way keep the engine busy. */
const ENOUGH = 3;

/** A call whose reply is somebody's. */
export interface QueuedCall {
  readonly path: string;
  answer(reply: Reply): void;
}

export class CallQueue<Call extends QueuedCall> {
  readonly #socket: Duplex;
  readonly #onOver: (unanswered: readonly Call[]) => void;
  readonly #stallMs: number;
  readonly #reader = new ReplyReader();
  readonly #calls: Call[] = [];
  /** Calls that are not written yet, and how many they are. */
  #text = '';
  #unsent = 0;
  #stall: NodeJS.Timeout | undefined;
  #isOver = false;

  /** @param onOver called once, with the calls that have no reply: the queue takes no more */
  constructor(
    socket: Duplex,
    onOver: (unanswered: readonly Call[]) => void,
    stallMs: number = STALL_MS,
  ) {
    this.#socket = socket;
    this.#stallMs = stallMs;
    this.#onOver = onOver;
    socket.on('data', (piece: Buffer) => this.#receive(piece));
    for (const end of ['end', 'error', 'close']) socket.on(end, () => this.end());
  }

  /** How many calls wait for their reply. */
  get length(): number {
    return this.#calls.length;
  }

  add(call: Call): void {
    this.#calls.push(call);
    if (this.#calls.length === 1) this.#watch();
    if (this.#text === '') process.nextTick(() => this.#write());
    this.#text += `GET ${call.path} HTTP/1.1\r\nHost: docker\r\n\r\n`;
    this.#unsent++;
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#stall);
    this.#socket.destroy();
    this.#onOver(this.#calls);
  }

  /** What is asked for while the engine has enough to do leaves as one piece: a write costs more than a call. */
  #write(): void {
    const text = this.#text;
    if (this.#isOver || text === '' || this.#calls.length - this.#unsent > ENOUGH) return;
    this.#text = '';
    this.#unsent = 0;
    this.#socket.write(text, 'latin1');
  }

  #watch(): void {
    clearTimeout(this.#stall);
    if (this.#calls.length > 0) this.#stall = setTimeout(() => this.end(), this.#stallMs);
  }

  #receive(piece: Buffer): void {
    if (this.#isOver) return;
    try {
      for (let reply = this.#reader.add(piece); reply !== null; reply = this.#reader.next()) {
        const call = this.#calls.shift();
        call?.answer(reply);
        if (call === undefined || reply.isLast) {
          this.end();
          return;
        }
      }
    } catch {
      // Whatever it says, a connection of its own will say it again.
      this.end();
      return;
    }
    this.#watch();
    this.#write();
  }
}
