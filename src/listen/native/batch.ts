/**
 * Messages in batches: arrays of mmsghdr whose addresses are written into each other once, here.
 * Between two calls only what differs from message to message is written.
 */
import type { Kernel } from './kernel.ts';
import { CONTROL, ERRNO, IOVEC, MMSGHDR, MSG, SOCKADDR } from './layout.ts';
import { Memory, type Region } from './memory.ts';

/** Most messages that one system call moves: beyond 64 the cost of a message falls no more. */
export const BATCH_MESSAGES: number = 64;
/** A UDP message's length is 16 bits. */
const MAX_MESSAGE_BYTES = 65_535;
/** Between two messages, so that their first bytes do not all compete for one set of the CPU's cache. */
const STAGGER_BYTES = 192;

/** Queries are hardly ever longer; replies of upstreams are, and are copied anyway. */
const MAX_KEPT_BYTES = 512;
const NOTHING: Buffer = Buffer.alloc(0);
const LINE_BYTES = 64;
const BYTES_BESIDE_MESSAGE: number =
  MMSGHDR.bytes + IOVEC.bytes + SOCKADDR.slotBytes + CONTROL.slotBytes;

/** The arrays are read and written as 32-bit words. */
const WORD_BYTES = 4;
const HEADER_WORDS: number = MMSGHDR.bytes / WORD_BYTES;
/** From one peer's address to the next, and from one control message to the next. */
export const NAME_WORDS: number = SOCKADDR.slotBytes / WORD_BYTES;
export const CONTROL_WORDS: number = CONTROL.slotBytes / WORD_BYTES;

/** Room for the messages themselves. Batches that are never in use at one time may share it. */
export class Messages {
  readonly count: number;
  readonly messageBytes: number;
  /** Views of the messages, made once. */
  readonly buffers: readonly Buffer[];
  readonly #addresses: readonly number[];
  /** Views by message and length. */
  readonly #views: (Buffer | undefined)[][];

  constructor(
    kernel: Kernel,
    options: { readonly count?: number; readonly messageBytes?: number },
  ) {
    this.count = options.count ?? BATCH_MESSAGES;
    this.messageBytes = options.messageBytes ?? MAX_MESSAGE_BYTES;
    const stride = Math.ceil(this.messageBytes / LINE_BYTES) * LINE_BYTES + STAGGER_BYTES;
    const memory = new Memory(kernel, this.count * stride);
    const regions = Array.from({ length: this.count }, () => memory.take(stride));
    this.buffers = regions.map((region) => memory.buffer(region, this.messageBytes));
    this.#addresses = regions.map((region) => region.address);
    this.#views = regions.map(() => []);
  }

  /** The first `length` bytes of the i-th message. Views of short messages are made once and kept: a new one costs more than a look-up. */
  view(i: number, length: number): Buffer {
    if (length > MAX_KEPT_BYTES) return this.#view(i, length);
    const kept = this.#views[i];
    if (kept === undefined) return this.#view(i, length);
    const view = kept[length] ?? this.#view(i, length);
    kept[length] = view;
    return view;
  }

  #view(i: number, length: number): Buffer {
    return (this.buffers[i] ?? NOTHING).subarray(0, length);
  }

  addressAt(i: number): number {
    return this.#addresses[i] ?? 0;
  }
}

export interface BatchShape {
  readonly messages: Messages;
  /** Length of the peer's address: 16 or 28; 0 where the socket is connected. */
  readonly nameBytes: number;
  /** Room for a control message; 0 for none. */
  readonly controlBytes: number;
}

/** The arrays that both directions have. Indexes are of 32-bit words in `words`. */
class Batch {
  readonly count: number;
  readonly buffers: readonly Buffer[];
  readonly words: Int32Array;
  readonly headers: Region;
  readonly headerWord: number;
  readonly iovWord: number;
  readonly nameWord: number;
  readonly controlWord: number;
  /** Held because the kernel is given addresses in it. */
  protected readonly messages: Messages;

  constructor(kernel: Kernel, shape: BatchShape) {
    const { messages, nameBytes, controlBytes } = shape;
    const count = messages.count;
    const memory = new Memory(kernel, count * BYTES_BESIDE_MESSAGE);
    const headers = memory.take(count * MMSGHDR.bytes);
    const iovs = memory.take(count * IOVEC.bytes);
    const names = memory.take(count * SOCKADDR.slotBytes);
    const controls = memory.take(count * CONTROL.slotBytes);
    for (let i = 0; i < count; i++) {
      const header = headers.offset + i * MMSGHDR.bytes;
      const iov = iovs.offset + i * IOVEC.bytes;
      memory.writeAddress(iov + IOVEC.base, messages.addressAt(i));
      memory.bytes.writeUInt32LE(messages.messageBytes, iov + IOVEC.length);
      memory.writeAddress(header + MMSGHDR.iov, iovs.address + i * IOVEC.bytes);
      memory.bytes.writeUInt32LE(1, header + MMSGHDR.iovCount);
      if (nameBytes > 0) {
        memory.writeAddress(header + MMSGHDR.name, names.address + i * SOCKADDR.slotBytes);
        memory.bytes.writeUInt32LE(nameBytes, header + MMSGHDR.nameLength);
      }
      if (controlBytes > 0) {
        memory.writeAddress(header + MMSGHDR.control, controls.address + i * CONTROL.slotBytes);
        memory.bytes.writeUInt32LE(controlBytes, header + MMSGHDR.controlLength);
      }
    }
    this.messages = messages;
    this.count = count;
    this.buffers = messages.buffers;
    this.words = memory.words;
    this.headers = headers;
    this.headerWord = headers.offset / WORD_BYTES;
    this.iovWord = iovs.offset / WORD_BYTES;
    this.nameWord = names.offset / WORD_BYTES;
    this.controlWord = controls.offset / WORD_BYTES;
  }
}

const CONTROL_LENGTH_WORD: number = MMSGHDR.controlLength / WORD_BYTES;
const RECEIVED_WORD: number = MMSGHDR.received / WORD_BYTES;
const IOV_WORDS: number = IOVEC.bytes / WORD_BYTES;
const IOV_LENGTH_WORD: number = IOVEC.length / WORD_BYTES;

/** What arrives. `buffers[i]` holds the i-th message of the last `receive`. */
export class InBatch extends Batch {
  readonly #kernel: Kernel;
  readonly #controlBytes: number;
  #received = 0;

  constructor(kernel: Kernel, shape: BatchShape) {
    super(kernel, shape);
    this.#kernel = kernel;
    this.#controlBytes = shape.controlBytes;
  }

  /** Takes what lies at the socket, without waiting. @returns how many messages, or a negative error number; nothing there: 0 */
  receive(fd: number): number {
    this.#restoreLengths();
    const received = this.#kernel.recvmmsg(fd, this.headers.address, this.count, MSG.DONTWAIT);
    if (received === -ERRNO.EAGAIN || received === -ERRNO.EINTR) return 0;
    if (received > 0) this.#received = received;
    return received;
  }

  /** The kernel writes what it used of each room; give it the whole again. An address of one family always uses all of it. */
  #restoreLengths(): void {
    if (this.#controlBytes === 0) return;
    for (let i = 0; i < this.#received; i++) {
      const header = this.headerWord + i * HEADER_WORDS;
      this.words[header + CONTROL_LENGTH_WORD] = this.#controlBytes;
    }
    this.#received = 0;
  }

  /** The i-th message, no byte more. Valid until the next `receive` into the same room. */
  messageAt(i: number): Buffer {
    return this.messages.view(i, this.lengthAt(i));
  }

  /** The length of the i-th message. */
  lengthAt(i: number): number {
    return this.words[this.headerWord + i * HEADER_WORDS + RECEIVED_WORD] ?? 0;
  }

  /** How many bytes of control messages came with the i-th message. */
  controlLengthAt(i: number): number {
    return this.words[this.headerWord + i * HEADER_WORDS + CONTROL_LENGTH_WORD] ?? 0;
  }
}

/** What leaves: fill `next()`, `commit` its length, `flush` when the round is over or `isFull`. */
export class OutBatch extends Batch {
  readonly #kernel: Kernel;
  /** Messages that are waiting to leave. */
  pending = 0;
  /** Messages that the kernel did not take since the start. */
  unsent = 0;
  /** The last error number of those, positive; 0 for none. */
  lastError = 0;

  constructor(kernel: Kernel, shape: BatchShape) {
    super(kernel, shape);
    this.#kernel = kernel;
  }

  get isFull(): boolean {
    return this.pending === this.count;
  }

  /** Where the next message goes. The batch must not be full. */
  next(): Buffer {
    const buffer = this.buffers[this.pending];
    if (buffer === undefined) throw new RangeError('the batch is full');
    return buffer;
  }

  /** The next message is `length` bytes long, and leaves with the batch. */
  commit(length: number): void {
    this.words[this.iovWord + this.pending * IOV_WORDS + IOV_LENGTH_WORD] = length;
    this.pending++;
  }

  /** Forgets what is pending. @returns how many messages that were */
  discard(): number {
    const count = this.pending;
    this.pending = 0;
    return count;
  }

  /**
   * Sends what is pending, without waiting. A message that the kernel refuses (no route, forbidden, no
   * room) is dropped, as a network would, and the rest is sent.
   *
   * @returns how many were sent
   */
  flush(fd: number): number {
    const count = this.pending;
    this.pending = 0;
    let at = 0;
    let sent = 0;
    while (at < count) {
      const address = this.headers.address + at * MMSGHDR.bytes;
      const result = this.#kernel.sendmmsg(fd, address, count - at, MSG.DONTWAIT | MSG.NOSIGNAL);
      if (result > 0) {
        sent += result;
        at += result;
      } else if (result !== -ERRNO.EINTR) {
        this.lastError = -result;
        const lost = result === -ERRNO.EAGAIN ? count - at : 1;
        this.unsent += lost;
        at += lost;
      }
    }
    return sent;
  }
}
