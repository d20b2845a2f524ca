/** Messages over a stream: two bytes of length, then the message (RFC 1035 §4.2.2). */
import { putUint16, uint16 } from './query.ts';

/** A message with its length in front, in one buffer, so that it leaves in one segment (RFC 7766 §8). */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(2 + message.length);
  putUint16(frame, 0, message.length);
  frame.set(message, 2);
  return frame;
}

/** Cuts a stream into messages. A message that arrives in pieces is put together once, when it is whole. */
export class FrameReader {
  readonly #onMessage: (message: Buffer) => void;
  #chunks: Buffer[] = [];
  #length = 0;

  /** @param onMessage given each message in a buffer of its own */
  constructor(onMessage: (message: Buffer) => void) {
    this.#onMessage = onMessage;
  }

  /** How many bytes wait for the rest of their message. */
  get pendingBytes(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    while (this.#length >= 2) {
      const first = this.#chunks[0] ?? chunk;
      const whole = first.length >= 2 ? first : this.#join();
      const size = 2 + uint16(whole, 0);
      if (this.#length < size) return;
      const all = this.#join();
      this.#chunks = all.length > size ? [all.subarray(size)] : [];
      this.#length = all.length - size;
      this.#onMessage(Buffer.from(all.subarray(2, size)));
    }
  }

  #join(): Buffer {
    const all =
      this.#chunks.length === 1
        ? (this.#chunks[0] ?? Buffer.alloc(0))
        : Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }
}
