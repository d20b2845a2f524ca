/** A client of the batched transport: its socket address and ours, as the words that the kernel gave. */
import { addressText } from '../dns/address.ts';
import type { BatchListener } from './batch-listener.ts';
import type { Client } from './transport.ts';

/** The second half of `::ffff:a.b.c.d`'s prefix, as it lies in memory. */
const MAPPED_WORD: number = 0xffff0000 | 0;
/** Texts of IPv6 addresses seen lately; a power of two. */
const REMEMBERED_TEXTS = 1024;
/** Released clients kept for the next `retain`. */
const MAX_SPARE = 16_384;

interface RememberedText {
  readonly words: readonly [number, number, number, number];
  readonly text: string;
}

const remembered: (RememberedText | undefined)[] = new Array(REMEMBERED_TEXTS).fill(undefined);
const spare: BatchClient[] = [];

/**
 * All fields are 32-bit words, which V8 stores in place: loading one allocates nothing. `name0` is
 * family and port; for IPv4 `name1` is the address, for IPv6 `name2` to `name5`, `name6` the scope.
 * `local` is the address that was asked, where the socket is a wildcard.
 */
export class BatchClient implements Client {
  readonly isTcp = false;
  listener: BatchListener;
  name0 = 0;
  name1 = 0;
  name2 = 0;
  name3 = 0;
  name4 = 0;
  name5 = 0;
  name6 = 0;
  hasLocal = false;
  local0 = 0;
  local1 = 0;
  local2 = 0;
  local3 = 0;
  localInterface = 0;
  #isRetained = false;

  constructor(listener: BatchListener) {
    this.listener = listener;
  }

  get port(): number {
    return ((this.name0 >>> 8) & 0xff00) | (this.name0 >>> 24);
  }

  get addressKey(): number | string {
    if (!this.listener.isIpv6) return swapped(this.name1);
    if (isMapped(this.name2, this.name3, this.name4)) return swapped(this.name5);
    return rememberedText(this.name2, this.name3, this.name4, this.name5);
  }

  addressText(): string {
    if (!this.listener.isIpv6) return ipv4Text(this.name1);
    return ipv6Text(this.name2, this.name3, this.name4, this.name5);
  }

  localAddressText(): string | null {
    if (!this.listener.isWildcard) return this.listener.address;
    if (!this.hasLocal) return null;
    if (!this.listener.isIpv6) return ipv4Text(this.local0);
    return ipv6Text(this.local0, this.local1, this.local2, this.local3);
  }

  retain(): BatchClient {
    if (this.#isRetained) return this;
    const copy = spare.pop() ?? new BatchClient(this.listener);
    copy.#isRetained = true;
    copy.listener = this.listener;
    copy.name0 = this.name0;
    copy.name1 = this.name1;
    copy.name2 = this.name2;
    copy.name3 = this.name3;
    copy.name4 = this.name4;
    copy.name5 = this.name5;
    copy.name6 = this.name6;
    copy.hasLocal = this.hasLocal;
    copy.local0 = this.local0;
    copy.local1 = this.local1;
    copy.local2 = this.local2;
    copy.local3 = this.local3;
    copy.localInterface = this.localInterface;
    return copy;
  }

  release(): void {
    if (!this.#isRetained) return;
    this.#isRetained = false;
    if (spare.length < MAX_SPARE) spare.push(this);
  }
}

/** A word as it lies in memory, network order, as a signed number. */
function swapped(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

function isMapped(word0: number, word1: number, word2: number): boolean {
  return word0 === 0 && word1 === 0 && word2 === MAPPED_WORD;
}

function ipv4Text(word: number): string {
  return `${word & 255}.${(word >>> 8) & 255}.${(word >>> 16) & 255}.${word >>> 24}`;
}

function ipv6Text(word0: number, word1: number, word2: number, word3: number): string {
  return addressText(new Uint8Array(Int32Array.of(word0, word1, word2, word3).buffer));
}

function rememberedText(word0: number, word1: number, word2: number, word3: number): string {
  const mixed = Math.imul(word0 ^ word1 ^ word2 ^ word3, 0x9e3779b1);
  const slot = mixed >>> (32 - Math.log2(REMEMBERED_TEXTS));
  const known = remembered[slot];
  if (known !== undefined && isSame(known.words, word0, word1, word2, word3)) return known.text;
  const text = ipv6Text(word0, word1, word2, word3);
  remembered[slot] = { words: [word0, word1, word2, word3], text };
  return text;
}

function isSame(
  words: RememberedText['words'],
  word0: number,
  word1: number,
  word2: number,
  word3: number,
): boolean {
  return words[0] === word0 && words[1] === word1 && words[2] === word2 && words[3] === word3;
}
