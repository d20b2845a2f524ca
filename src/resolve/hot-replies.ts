/**
 * Replies that were given a moment ago, by the bytes of the query and who asked: found with one look at
 * one place in memory, where the way through names, views and compiled answers takes ten. Holds nothing that
 * is not true any more: `flush` with every change of the world, and a reply whose TTL counts down is
 * good until the next second of its life begins.
 */
import { HEADER_BYTES } from '../wire/query.ts';

/** A power of two: three times the names that the largest hosts ask for. */
const SLOTS = 32_768;
const MASK: number = SLOTS - 1;
/** A query looks at so many slots, from the one that its hash names. */
const PROBES = 4;
/** A query of 80 bytes and an answer of 50; small, so that 10,000 of them stay in the CPU's cache. */
const SLOT_BYTES = 160;
const SLOT_WORDS: number = SLOT_BYTES / 4;
/** At the start of a slot: world, view, sizes. */
const HEAD_WORDS = 3;
const HEAD_BYTES: number = HEAD_WORDS * 4;
const ROOM_BYTES: number = SLOT_BYTES - HEAD_BYTES;
const ID_BYTES = 2;
/** Header bytes of a reply without the ID. */
const FLAGS_AND_COUNTS: number = HEADER_BYTES - ID_BYTES;
const PRIME = 0x01000193;
const LAST_WORLD = 0x7fffffff;
/** A reply that is good until the world changes. */
export const ALWAYS: number = Number.POSITIVE_INFINITY;

export class HotReplies {
  /** The hash of what is in each slot: all that a query looks at where its reply is not. */
  readonly #hashes = new Int32Array(SLOTS);
  /** Until when what is in each slot is good. */
  readonly #untilMs = new Float64Array(SLOTS);
  readonly #bytes: Buffer;
  readonly #words: Int32Array;
  readonly #seed: number;
  /** The query under way, in words. */
  readonly #asked: Int32Array = new Int32Array(SLOT_WORDS);
  /** Slots of other worlds are empty. */
  #world = 1;

  /** @param seed another number for each process, so that nobody knows which queries share a place */
  constructor(seed: number) {
    // Pages that are never written to take no memory.
    const block = new ArrayBuffer(SLOTS * SLOT_BYTES);
    this.#bytes = Buffer.from(block);
    this.#words = new Int32Array(block);
    this.#seed = seed | 0;
  }

  /** Forgets everything. */
  flush(): void {
    if (this.#world === LAST_WORLD) {
      this.#words.fill(0);
      this.#world = 0;
    }
    this.#world++;
  }

  /**
   * Finds the reply to a query. Allocates nothing.
   *
   * @param message the whole query, and nothing behind it
   * @param view of who asks: an equal number for those who are told the same
   * @param nowMs by the clock of `keep`
   * @returns the slot for `write`, or -1
   */
  find(message: Uint8Array, view: number, nowMs: number): number {
    const length = message.length;
    if (length > ROOM_BYTES) return -1;
    const hash = this.#read(message, view);
    for (let probe = 0; probe < PROBES; probe++) {
      const slot = (hash + probe) & MASK;
      if (this.#hashes[slot] !== hash) continue;
      const at = slot * SLOT_WORDS;
      if (this.#words[at] !== this.#world || this.#words[at + 1] !== view) continue;
      if (this.#isSame(at, length)) return nowMs < (this.#untilMs[slot] ?? 0) ? slot : -1;
    }
    return -1;
  }

  /** Whether a slot's reply is good until the world changes: it counts no TTL down. */
  isLasting(slot: number): boolean {
    return this.#untilMs[slot] === ALWAYS;
  }

  /**
   * Writes the reply of a slot.
   *
   * @param message the query that it was found by
   * @returns its length
   */
  write(slot: number, out: Uint8Array, message: Uint8Array): number {
    const sizes = this.#words[slot * SLOT_WORDS + 2] ?? 0;
    const question = (sizes >>> 8) & 0xff;
    const tail = (sizes >>> 16) & 0xff;
    const bytes = this.#bytes;
    // ID and question are the query's own.
    out.set(message);
    let from = slot * SLOT_BYTES + HEAD_BYTES + padded(message.length);
    for (let i = 0; i < FLAGS_AND_COUNTS; i++) out[ID_BYTES + i] = bytes[from + i] ?? 0;
    from += FLAGS_AND_COUNTS;
    for (let i = 0; i < tail; i++) out[question + i] = bytes[from + i] ?? 0;
    return question + tail;
  }

  /**
   * Keeps a reply, if it fits.
   *
   * @param reply from offset 0, `replyLength` bytes; its question is the query's, byte for byte
   * @param questionEnd of both
   * @param untilMs until when it is good, or `ALWAYS`
   */
  keep(
    message: Uint8Array,
    view: number,
    reply: Uint8Array,
    replyLength: number,
    questionEnd: number,
    untilMs: number,
  ): void {
    const length = message.length;
    const tail = replyLength - questionEnd;
    const needed = padded(length) + FLAGS_AND_COUNTS + tail;
    if (needed > ROOM_BYTES || questionEnd <= HEADER_BYTES || tail < 0) return;
    const hash = this.#read(message, view);
    const slot = this.#slotFor(hash, view, length);
    const at = slot * SLOT_WORDS;
    this.#hashes[slot] = hash;
    this.#words[at] = this.#world;
    this.#words[at + 1] = view;
    this.#words[at + 2] = length | (questionEnd << 8) | (tail << 16);
    this.#untilMs[slot] = untilMs;
    const bytes = this.#bytes;
    for (let i = 0; i * 4 < length; i++) this.#words[at + HEAD_WORDS + i] = this.#asked[i] ?? 0;
    let to = slot * SLOT_BYTES + HEAD_BYTES + padded(length);
    for (let i = ID_BYTES; i < HEADER_BYTES; i++) bytes[to++] = reply[i] ?? 0;
    for (let i = questionEnd; i < replyLength; i++) bytes[to++] = reply[i] ?? 0;
  }

  /** The slot that has this query already, else the first that is empty, else the first: whoever is there can be found the long way. */
  #slotFor(hash: number, view: number, length: number): number {
    let empty = -1;
    for (let probe = 0; probe < PROBES; probe++) {
      const slot = (hash + probe) & MASK;
      const at = slot * SLOT_WORDS;
      const isTaken = this.#words[at] === this.#world;
      const isOfView = isTaken && this.#hashes[slot] === hash && this.#words[at + 1] === view;
      if (isOfView && this.#isSame(at, length)) return slot;
      if (!isTaken && empty < 0) empty = slot;
    }
    return empty >= 0 ? empty : hash & MASK;
  }

  /** Whether the slot that begins at that word has the query that was read. */
  #isSame(at: number, length: number): boolean {
    const words = this.#words;
    if (((words[at + 2] ?? 0) & 0xff) !== length) return false;
    const asked = this.#asked;
    const from = at + HEAD_WORDS;
    for (let i = 0; i * 4 < length; i++) if (words[from + i] !== asked[i]) return false;
    return true;
  }

  /** Reads a query into words, the ID as zeros and zeros behind its end. @returns their hash (FNV-1a, a word at a time) */
  #read(message: Uint8Array, view: number): number {
    const asked = this.#asked;
    const length = message.length;
    let hash = this.#seed ^ view;
    let word = ((message[2] ?? 0) << 16) | ((message[3] ?? 0) << 24);
    let at = 4;
    let to = 0;
    for (; at + 4 <= length; at += 4) {
      asked[to++] = word;
      hash = Math.imul(hash ^ word, PRIME);
      hash ^= hash >>> 15;
      word =
        (message[at] ?? 0) |
        ((message[at + 1] ?? 0) << 8) |
        ((message[at + 2] ?? 0) << 16) |
        ((message[at + 3] ?? 0) << 24);
    }
    asked[to++] = word;
    hash = Math.imul(hash ^ word, PRIME);
    word = 0;
    for (let i = at; i < length; i++) word |= (message[i] ?? 0) << ((i - at) * 8);
    asked[to] = word;
    hash = Math.imul(hash ^ (hash >>> 15) ^ word, PRIME);
    // Slots are taken from the low bits, which a multiplication leaves the least mixed.
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    return hash ^ (hash >>> 13);
  }
}

/** Queries are kept in whole words. */
function padded(length: number): number {
  return (length + 3) & ~3;
}
