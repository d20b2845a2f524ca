/** A table keyed by names as they lie in a message, found without allocating, whatever their case. */

/** ASCII upper case folds; length bytes are below 64 and never change (RFC 4343 §3). */
function fold(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
/** 30 bits, so that V8 keeps a hash as a small integer. */
const HASH_MASK = 0x3fffffff;

/** FNV-1a over folded bytes. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = FNV_BASIS;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ fold(bytes[i] ?? 0), FNV_PRIME);
  return hash & HASH_MASK;
}

/**
 * Hashes a name once for all look-ups of what is left of it when labels are taken off its end.
 *
 * @param offsets where each of the `count` labels begins, ascending; the first is where the name begins
 * @param end where the last label ends
 * @param hashes takes at `i` the hash of the first `i` labels, for `findHashed`
 */
export function hashPrefixes(
  bytes: Uint8Array,
  offsets: Uint8Array,
  count: number,
  end: number,
  hashes: Int32Array,
): void {
  let hash = FNV_BASIS;
  let at = offsets[0] ?? end;
  for (let label = 1; label <= count; label++) {
    const next = label === count ? end : (offsets[label] ?? end);
    for (; at < next; at++) hash = Math.imul(hash ^ fold(bytes[at] ?? 0), FNV_PRIME);
    hashes[label] = hash & HASH_MASK;
  }
}

/** Whether the labels in `bytes[start, end)` are those of `key`, case aside. */
export function isSameLabels(
  bytes: Uint8Array,
  start: number,
  end: number,
  key: Uint8Array,
): boolean {
  if (end - start !== key.length) return false;
  for (let i = 0; i < key.length; i++)
    if (fold(bytes[start + i] ?? 0) !== fold(key[i] ?? 0)) return false;
  return true;
}

/** The key of a name: its labels in lower-case wire form without the closing zero byte. */
export function keyOfText(name: string): Uint8Array {
  const labels = name
    .replace(/\.$/, '')
    .toLowerCase()
    .split('.')
    .filter((label) => label !== '');
  return Buffer.from(
    labels.map((label) => String.fromCharCode(label.length) + label).join(''),
    'latin1',
  );
}

interface Slot<V> {
  readonly key: Uint8Array;
  value: V;
  next: Slot<V> | undefined;
}

/** Names → values. Lookups take a stretch of a message: labels without the closing zero byte. */
export class NameIndex<V> {
  readonly #slots = new Map<number, Slot<V>>();
  size = 0;

  /** The value of the labels in `bytes[start, end)`, or undefined. Allocates nothing. */
  find(bytes: Uint8Array, start: number, end: number): V | undefined {
    return this.findHashed(hashOf(bytes, start, end), bytes, start, end);
  }

  /** As `find`, with the hash that `hashPrefixes` made. */
  findHashed(hash: number, bytes: Uint8Array, start: number, end: number): V | undefined {
    let slot = this.#slots.get(hash);
    while (slot !== undefined) {
      if (isSameLabels(bytes, start, end, slot.key)) return slot.value;
      slot = slot.next;
    }
    return undefined;
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
    const first = this.#slots.get(hash);
    for (let slot = first; slot !== undefined; slot = slot.next) {
      if (isSameLabels(key, 0, key.length, slot.key)) {
        slot.value = value;
        return;
      }
    }
    this.#slots.set(hash, { key, value, next: first });
    this.size++;
  }

  deleteKey(key: Uint8Array): void {
    const hash = hashOf(key, 0, key.length);
    let before: Slot<V> | undefined;
    for (let slot = this.#slots.get(hash); slot !== undefined; before = slot, slot = slot.next) {
      if (!isSameLabels(key, 0, key.length, slot.key)) continue;
      if (before !== undefined) before.next = slot.next;
      else if (slot.next !== undefined) this.#slots.set(hash, slot.next);
      else this.#slots.delete(hash);
      this.size--;
      return;
    }
  }

  clear(): void {
    this.#slots.clear();
    this.size = 0;
  }
}
