/** A table keyed by names as they lie in a message, found without allocating, whatever their case. */
import { randomFillSync, randomInt } from 'node:crypto';

/** ASCII upper case folds; length bytes are below 64 and never change (RFC 4343 §3). */
function fold(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

const PRIME = 0x01000193;
const SEED: number = randomInt(0x7fffffff);

/**
 * Four tables of random words, one for each place of a byte in its group of four, with the same word for
 * both cases. Their content is another one in each process, and a word cannot be had from outside: so nobody
 * can make names that share a place, whatever he gets relayed and kept.
 */
const TABLES: Int32Array = randomTables();

function randomTables(): Int32Array {
  const words = new Int32Array(4 * 256);
  randomFillSync(words);
  for (let table = 0; table < words.length; table += 256) {
    for (let byte = 0x41; byte <= 0x5a; byte++)
      words[table + byte] = words[table + fold(byte)] ?? 0;
  }
  return words;
}

/** The hash of labels, whatever their case: FNV-1a by four bytes at a time, as a multiplication for each byte is most of what a look-up costs. */
export function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = SEED ^ (end - start);
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word =
      (TABLES[bytes[at] ?? 0] ?? 0) ^
      (TABLES[256 + (bytes[at + 1] ?? 0)] ?? 0) ^
      (TABLES[512 + (bytes[at + 2] ?? 0)] ?? 0) ^
      (TABLES[768 + (bytes[at + 3] ?? 0)] ?? 0);
    hash = Math.imul(hash ^ word, PRIME);
    hash ^= hash >>> 15;
  }
  for (; at < end; at++) hash = Math.imul(hash ^ (TABLES[bytes[at] ?? 0] ?? 0), PRIME);
  // Places are taken from the low bits, which the last multiplication leaves the least mixed.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}

/** Whether the labels in `bytes[start, end)` are those of `key`, case aside. */
export function isSameLabels(
  bytes: Uint8Array,
  start: number,
  end: number,
  key: Uint8Array,
): boolean {
  return end - start === key.length && isSameStretch(bytes, start, key, 0, key.length);
}

/** Whether `length` bytes of two messages are the same, case aside. */
export function isSameStretch(
  one: Uint8Array,
  oneStart: number,
  other: Uint8Array,
  otherStart: number,
  length: number,
): boolean {
  for (let i = 0; i < length; i++) {
    const byte = one[oneStart + i] ?? 0;
    const wanted = other[otherStart + i] ?? 0;
    // Nearly always spelled the same.
    if (byte !== wanted && fold(byte) !== fold(wanted)) return false;
  }
  return true;
}

/** The key of a name: its labels in lower-case wire form without the closing zero byte. */
export function keyOfText(name: string): Uint8Array {
  // A length byte where each label's dot would be in front of it; Latin-1, as labels are bytes. A
  // Buffer of a pool costs less than one of its own, and thousands of names are kept.
  const text = name.endsWith('.') ? name.slice(0, -1) : name;
  if (text === '') return Buffer.alloc(0);
  const key = Buffer.from(`.${text.toLowerCase()}`, 'latin1');
  let end = key.length;
  for (let at = end - 1; at >= 0; at--) {
    if (key[at] !== DOT) continue;
    key[at] = end - at - 1;
    end = at;
  }
  return key;
}

const DOT = 0x2e;

interface Slot<V> {
  readonly hash: number;
  readonly key: Uint8Array;
  value: V;
}

/** Always a power of two, at most half of them taken. */
const MIN_SLOTS = 16;

/**
 * Names → values. Lookups take a stretch of a message: labels without the closing zero byte.
 * Open addressing: one array is read from the place that the hash gives on, up to the first empty slot.
 */
export class NameIndex<V> {
  #slots: (Slot<V> | undefined)[] = emptySlots(MIN_SLOTS);
  /** How many names there are of each number of labels. */
  readonly #byLabelCount: number[] = [];
  size = 0;

  /** Whether any name has so many labels: most questions need no look-up under their full name. */
  hasLabelCount(count: number): boolean {
    return (this.#byLabelCount[count] ?? 0) > 0;
  }

  /** The value of the labels in `bytes[start, end)`, or undefined. Allocates nothing. */
  find(bytes: Uint8Array, start: number, end: number): V | undefined {
    if (this.size === 0) return undefined;
    return this.#slots[this.#place(bytes, start, end, hashOf(bytes, start, end))]?.value;
  }

  /** Where the labels are, or the empty slot where they would go. */
  #place(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const slot = slots[at];
      if (slot === undefined) return at;
      if (slot.hash === hash && isSameLabels(bytes, start, end, slot.key)) return at;
    }
  }

  get(name: string): V | undefined {
    const key = keyOfText(name);
    return this.find(key, 0, key.length);
  }

  set(name: string, value: V): void {
    this.setKey(keyOfText(name), value);
  }

  delete(name: string): void {
    this.deleteKey(keyOfText(name));
  }

  /** As `set`, for labels as they lie in a message; `key` is kept. */
  setKey(key: Uint8Array, value: V): void {
    const hash = hashOf(key, 0, key.length);
    const at = this.#place(key, 0, key.length, hash);
    const slot = this.#slots[at];
    if (slot !== undefined) {
      slot.value = value;
      return;
    }
    this.#slots[at] = { hash, key, value };
    this.#count(key, 1);
    if (this.size * 2 > this.#slots.length) this.#grow();
  }

  deleteKey(key: Uint8Array): void {
    const at = this.#place(key, 0, key.length, hashOf(key, 0, key.length));
    if (this.#slots[at] === undefined) return;
    this.#slots[at] = undefined;
    this.#count(key, -1);
    this.#closeGap(at);
  }

  #count(key: Uint8Array, by: 1 | -1): void {
    let labels = 0;
    for (let at = 0; at < key.length; at += (key[at] ?? 0) + 1) labels++;
    this.#byLabelCount[labels] = (this.#byLabelCount[labels] ?? 0) + by;
    this.size += by;
  }

  /** Moves up what stands behind a gap only because its own place was taken. */
  #closeGap(start: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let gap = start;
    for (let at = (gap + 1) & mask; ; at = (at + 1) & mask) {
      const slot = slots[at];
      if (slot === undefined) return;
      const isBehindItsPlace = ((at - slot.hash) & mask) >= ((at - gap) & mask);
      if (!isBehindItsPlace) continue;
      slots[gap] = slot;
      slots[at] = undefined;
      gap = at;
    }
  }

  #grow(): void {
    const slots = emptySlots<V>(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (const slot of this.#slots) {
      if (slot === undefined) continue;
      let at = slot.hash & mask;
      while (slots[at] !== undefined) at = (at + 1) & mask;
      slots[at] = slot;
    }
    this.#slots = slots;
  }

  clear(): void {
    this.#slots = emptySlots(MIN_SLOTS);
    this.#byLabelCount.length = 0;
    this.size = 0;
  }
}

function emptySlots<V>(count: number): (Slot<V> | undefined)[] {
  return new Array<Slot<V> | undefined>(count).fill(undefined);
}
