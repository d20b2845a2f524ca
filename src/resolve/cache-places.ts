/** Where kept answers lie: their bytes side by side in one block, and what is known of each in arrays. Who is where is the cache's. */

/** Answers up to this size lie side by side in one block; a larger one is a Buffer of its own. */
export const PLACE_BYTES = 256;
/** Where no answer is. */
export const NO_ANSWER = -1;

/** Everything that belongs to one bound on the number of answers. An answer is named by its place. */
export class Places {
  readonly count: number;
  /** Places by hash, plus one; 0: none. A power of two, at most half of them taken. */
  readonly index: Int32Array;
  readonly hashes: Int32Array;
  readonly qtypes: Uint16Array;
  readonly bits: Uint8Array;
  readonly lengths: Uint16Array;
  readonly wasUsed: Uint8Array;
  readonly isBeingFetched: Uint8Array;
  readonly ttlSeconds: Int32Array;
  /** No TTL is told as longer than this. */
  readonly maxTtlSeconds: Int32Array;
  readonly storedAtMs: Float64Array;
  readonly expiresMs: Float64Array;
  /** Until then upstreams are not asked again for it: they failed a moment ago. */
  readonly failedUntilMs: Float64Array;
  readonly #block: Buffer;
  readonly #large = new Map<number, Buffer>();
  largeBytes = 0;

  constructor(count: number) {
    this.count = count;
    this.index = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(8, count * 2))));
    this.hashes = new Int32Array(count);
    this.qtypes = new Uint16Array(count);
    this.bits = new Uint8Array(count);
    this.lengths = new Uint16Array(count);
    this.wasUsed = new Uint8Array(count);
    this.isBeingFetched = new Uint8Array(count);
    this.ttlSeconds = new Int32Array(count);
    this.maxTtlSeconds = new Int32Array(count);
    this.storedAtMs = new Float64Array(count);
    this.expiresMs = new Float64Array(count);
    this.failedUntilMs = new Float64Array(count);
    // Pages that are never written to take no memory.
    this.#block = Buffer.from(new ArrayBuffer(count * PLACE_BYTES));
  }

  /** What the answer at `place` lies in; `startOf` says where. */
  bytesOf(place: number): Uint8Array {
    return (this.lengths[place] ?? 0) > PLACE_BYTES
      ? (this.#large.get(place) ?? this.#block)
      : this.#block;
  }

  startOf(place: number): number {
    return (this.lengths[place] ?? 0) > PLACE_BYTES ? 0 : place * PLACE_BYTES;
  }

  put(place: number, bytes: Uint8Array, start: number, length: number): void {
    this.dropLarge(place);
    this.lengths[place] = length;
    if (length > PLACE_BYTES) {
      this.#large.set(place, Buffer.from(bytes.subarray(start, start + length)));
      this.largeBytes += length;
      return;
    }
    const to = place * PLACE_BYTES;
    for (let i = 0; i < length; i++) this.#block[to + i] = bytes[start + i] ?? 0;
  }

  dropLarge(place: number): void {
    const large = this.#large.get(place);
    if (large === undefined) return;
    this.largeBytes -= large.length;
    this.#large.delete(place);
  }

  /** The one of the large answers that is kept longest. */
  get oldestLarge(): number {
    for (const place of this.#large.keys()) return place;
    return NO_ANSWER;
  }

  /** Moves the answer at `from` to `to`, whose own is gone; the index is the caller's. */
  move(from: number, to: number): void {
    this.put(to, this.bytesOf(from), this.startOf(from), this.lengths[from] ?? 0);
    this.dropLarge(from);
    this.hashes[to] = this.hashes[from] ?? 0;
    this.#copyFields(this, from, to);
  }

  /** Takes over an answer of another. */
  take(other: Places, from: number, to: number): void {
    this.put(to, other.bytesOf(from), other.startOf(from), other.lengths[from] ?? 0);
    this.#copyFields(other, from, to);
  }

  #copyFields(other: Places, from: number, to: number): void {
    this.qtypes[to] = other.qtypes[from] ?? 0;
    this.bits[to] = other.bits[from] ?? 0;
    this.wasUsed[to] = other.wasUsed[from] ?? 0;
    this.isBeingFetched[to] = 0;
    this.ttlSeconds[to] = other.ttlSeconds[from] ?? 0;
    this.maxTtlSeconds[to] = other.maxTtlSeconds[from] ?? 0;
    this.storedAtMs[to] = other.storedAtMs[from] ?? 0;
    this.expiresMs[to] = other.expiresMs[from] ?? 0;
    this.failedUntilMs[to] = other.failedUntilMs[from] ?? 0;
  }
}
