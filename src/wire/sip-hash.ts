/** SipHash-2-4 (Aumasson and Bernstein, 2012) in words of 32 bits: JavaScript's own of 64 are objects, and cost a hundred times as much. */

/** v0 to v3, each as its low and its high word. */
const state = new Int32Array(8);
const INITIAL: readonly number[] = [
  0x70736575, 0x736f6d65, 0x6e646f6d, 0x646f7261, 0x6e657261, 0x6c796765, 0x79746573, 0x74656462,
];
const BLOCK_BYTES = 8;
const COMPRESSION_ROUNDS = 2;
const FINAL_ROUNDS = 4;

/**
 * Hashes the first `length` bytes of a message.
 *
 * @param key 16 bytes
 * @param out takes the hash, 8 bytes in little-endian order, at `at`
 */
export function sipHash(
  key: Uint8Array,
  bytes: Uint8Array,
  length: number,
  out: Uint8Array,
  at: number,
): void {
  for (let word = 0; word < state.length; word++) {
    state[word] = (INITIAL[word] ?? 0) ^ wordAt(key, (word % 4) * 4, key.length);
  }
  const whole = length - (length % BLOCK_BYTES);
  for (let block = 0; block < whole; block += BLOCK_BYTES) {
    absorb(wordAt(bytes, block, length), wordAt(bytes, block + 4, length));
  }
  // The rest, and the length in the last byte.
  absorb(wordAt(bytes, whole, length), wordAt(bytes, whole + 4, length) | (length << 24));
  state[4] = (state[4] ?? 0) ^ 0xff;
  for (let i = 0; i < FINAL_ROUNDS; i++) round();
  for (let half = 0; half < 2; half++) {
    const word =
      (state[half] ?? 0) ^ (state[2 + half] ?? 0) ^ (state[4 + half] ?? 0) ^ (state[6 + half] ?? 0);
    for (let i = 0; i < 4; i++) out[at + half * 4 + i] = word >>> (i * 8);
  }
}

/** Four bytes, little-endian; those at and past `end` count as 0. */
function wordAt(bytes: Uint8Array, at: number, end: number): number {
  let word = 0;
  for (let i = 0; i < 4 && at + i < end; i++) word |= (bytes[at + i] ?? 0) << (i * 8);
  return word;
}

function absorb(low: number, high: number): void {
  state[6] = (state[6] ?? 0) ^ low;
  state[7] = (state[7] ?? 0) ^ high;
  for (let i = 0; i < COMPRESSION_ROUNDS; i++) round();
  state[0] = (state[0] ?? 0) ^ low;
  state[1] = (state[1] ?? 0) ^ high;
}

function round(): void {
  add(0, 2);
  rotate(2, 13);
  mix(2, 0);
  rotate(0, 32);
  add(4, 6);
  rotate(6, 16);
  mix(6, 4);
  add(0, 6);
  rotate(6, 21);
  mix(6, 0);
  add(4, 2);
  rotate(2, 17);
  mix(2, 4);
  rotate(4, 32);
}

/** Adds one 64-bit word to another; words are named by the place of their low half. */
function add(to: number, from: number): void {
  const low = ((state[to] ?? 0) >>> 0) + ((state[from] ?? 0) >>> 0);
  state[to + 1] = (state[to + 1] ?? 0) + (state[from + 1] ?? 0) + (low > 0xffffffff ? 1 : 0);
  state[to] = low;
}

function mix(to: number, from: number): void {
  state[to] = (state[to] ?? 0) ^ (state[from] ?? 0);
  state[to + 1] = (state[to + 1] ?? 0) ^ (state[from + 1] ?? 0);
}

/** Rotates a 64-bit word to the left. */
function rotate(word: number, bits: number): void {
  const low = state[word] ?? 0;
  const high = state[word + 1] ?? 0;
  if (bits === 32) {
    state[word] = high;
    state[word + 1] = low;
    return;
  }
  state[word] = (low << bits) | (high >>> (32 - bits));
  state[word + 1] = (high << bits) | (low >>> (32 - bits));
}
