/** Questions that upstreams are asked at present, and the table that finds the one that somebody else asked already. */
import { hashOf, isSameStretch } from '../wire/name-index.ts';
import { HEADER_BYTES, type QueryReader, uint16 } from '../wire/query.ts';
import type { ReplyReader } from '../wire/reply-reader.ts';
import type { Datagram } from './datagrams.ts';
import { MessageRoom } from './room.ts';
import type { Upstream } from './upstreams.ts';

/** What came of a question. Valid during the call that hands it over. */
export type Outcome =
  | { readonly kind: 'reply'; readonly reply: ReplyReader; readonly isStale: boolean }
  /** `reason` names each server and what it did. */
  | { readonly kind: 'failed'; readonly reason: string };

/** Who waits for a question. `settled` is called exactly once, maybe before `ask` returns. */
export interface Waiter {
  /** The one that waits for the same: a chain, so that waiting allocates nothing. */
  nextWaiter: Waiter | null;
  settled(outcome: Outcome): void;
}

/** A server that failed, and how. */
export interface Failure {
  readonly upstream: Upstream;
  readonly reason: string;
}

const NO_MESSAGE: Buffer = Buffer.alloc(0);
const NO_UPSTREAMS: readonly Upstream[] = [];
/** RD and CD: what of a header makes the same question another one. */
const FLAGS_THAT_MATTER = 0x0110;

/** One question on its way. Used again for another once it is answered: `serial` tells which it is. */
export class Pending {
  readonly #room = new MessageRoom();
  /** The whole message as it is sent; its ID is another one in each attempt. */
  message: Buffer = NO_MESSAGE;
  nameEnd = 0;
  questionEnd = 0;
  hash = 0;
  isShared = false;
  upstreams: readonly Upstream[] = NO_UPSTREAMS;
  firstWaiter: Waiter | null = null;
  lastWaiter: Waiter | null = null;
  /** Ids of the servers in the order in which they were asked. */
  readonly tried: number[] = [];
  readonly failures: Failure[] = [];
  /** Where replies may arrive: those to earlier attempts too, which may only be slow. */
  readonly datagrams: Datagram[] = [];
  /** Who is asked now. */
  upstream: Upstream | undefined;
  /** Where the reply over a stream arrives; 0: none is awaited. */
  token = 0;
  /** The attempt that is under way; 0: all were made in vain, or it is over. */
  attempt = 0;
  /** 0 while nobody uses this object. */
  serial = 0;
  /** The best of the refusals, relayed when nobody does better. */
  lastReply: Buffer | undefined;

  /** Begins with a question of its own. */
  begin(serial: number, message: Uint8Array, query: QueryReader, length: number): void {
    this.serial = serial;
    this.message = this.#room.copy(message, length);
    this.nameEnd = query.nameEnd;
    this.questionEnd = query.questionEnd;
  }

  addWaiter(waiter: Waiter): void {
    waiter.nextWaiter = null;
    if (this.lastWaiter === null) this.firstWaiter = waiter;
    else this.lastWaiter.nextWaiter = waiter;
    this.lastWaiter = waiter;
  }

  /** Forgets everything, and may be used again. */
  end(): void {
    this.serial = 0;
    this.attempt = 0;
    this.token = 0;
    this.upstream = undefined;
    this.upstreams = NO_UPSTREAMS;
    this.firstWaiter = null;
    this.lastWaiter = null;
    this.tried.length = 0;
    this.failures.length = 0;
    this.datagrams.length = 0;
    this.lastReply = undefined;
  }

  /** Whether one reply serves both: the same but for ID, spelling, and flags that change no answer. */
  isSame(message: Uint8Array, query: QueryReader, length: number): boolean {
    const own = this.message;
    const { nameEnd } = this;
    if (own.length !== length || nameEnd !== query.nameEnd) return false;
    if (((uint16(own, 2) ^ uint16(message, 2)) & FLAGS_THAT_MATTER) !== 0) return false;
    // Type, class and OPT.
    for (let i = nameEnd; i < length; i++) if (own[i] !== message[i]) return false;
    return isSameStretch(own, HEADER_BYTES, message, HEADER_BYTES, nameEnd - HEADER_BYTES);
  }
}

/** A power of two; at most half of it is taken. */
const FIRST_ROOM = 128;

/** The questions that others may join. */
export class SharedQuestions {
  #places: (Pending | undefined)[] = new Array<Pending | undefined>(FIRST_ROOM).fill(undefined);
  #count = 0;

  find(message: Uint8Array, query: QueryReader, length: number, hash: number): Pending | undefined {
    const mask = this.#places.length - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const pending = this.#places[at];
      if (pending === undefined) return undefined;
      if (pending.hash === hash && pending.isSame(message, query, length)) return pending;
    }
  }

  add(pending: Pending): void {
    if (this.#count * 2 >= this.#places.length) this.#grow();
    const mask = this.#places.length - 1;
    let at = pending.hash & mask;
    while (this.#places[at] !== undefined) at = (at + 1) & mask;
    this.#places[at] = pending;
    this.#count++;
  }

  delete(pending: Pending): void {
    const places = this.#places;
    const mask = places.length - 1;
    let gap = pending.hash & mask;
    while (places[gap] !== pending) {
      if (places[gap] === undefined) return;
      gap = (gap + 1) & mask;
    }
    this.#count--;
    places[gap] = undefined;
    // What stands behind the gap only because its own place was taken moves up.
    for (let at = (gap + 1) & mask; ; at = (at + 1) & mask) {
      const other = places[at];
      if (other === undefined) return;
      if (((at - other.hash) & mask) < ((at - gap) & mask)) continue;
      places[gap] = other;
      places[at] = undefined;
      gap = at;
    }
  }

  #grow(): void {
    const before = this.#places;
    this.#places = new Array<Pending | undefined>(before.length * 2).fill(undefined);
    this.#count = 0;
    for (const pending of before) if (pending !== undefined) this.add(pending);
  }
}

/** The hash under which a question is shared: of its name, type and class. */
export function hashOfQuestion(message: Uint8Array, query: QueryReader): number {
  return hashOf(message, HEADER_BYTES, query.questionEnd);
}
