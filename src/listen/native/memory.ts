/** Memory that the kernel is given addresses of: one block, carved once, never moved or freed while it is referred to. */
import type { Kernel } from './kernel.ts';

/** Structures are aligned to this, the most that any of ours asks for. */
const ALIGNMENT = 8;

/** A part of a block: its offset for our views of the block, its address for the kernel. */
export interface Region {
  readonly offset: number;
  readonly address: number;
}

export class Memory {
  readonly #base: number;
  #used = 0;
  readonly #block: ArrayBuffer;
  readonly words: Int32Array;
  readonly bytes: Buffer;

  /** @param size bytes; pages that are never written to take no memory */
  constructor(kernel: Kernel, size: number) {
    // An ArrayBuffer of its own lies outside V8's heap, so no collection moves it.
    this.#block = new ArrayBuffer(Math.ceil(size / ALIGNMENT) * ALIGNMENT);
    this.words = new Int32Array(this.#block);
    this.bytes = Buffer.from(this.#block);
    this.#base = kernel.addressOf(this.bytes);
  }

  /** Takes `size` bytes, aligned; throws where the block is too small, which is a bug. */
  take(size: number): Region {
    const offset = this.#used;
    this.#used += Math.ceil(size / ALIGNMENT) * ALIGNMENT;
    if (this.#used > this.#block.byteLength) throw new RangeError('native memory block too small');
    return { offset, address: this.#base + offset };
  }

  /** The bytes of a part, for whoever reads or writes a message there. */
  buffer(region: Region, size: number): Buffer {
    return Buffer.from(this.#block, region.offset, size);
  }

  /** Writes an address of this or another block where the kernel will look for it. */
  writeAddress(offset: number, address: number): void {
    this.bytes.writeBigUInt64LE(BigInt(address), offset);
  }
}
