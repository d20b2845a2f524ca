/** Waits on several sockets at once: epoll, level-triggered. */
import { HomeportError } from '../../errors.ts';
import type { Kernel } from './kernel.ts';
import { EPOLL, ERRNO } from './layout.ts';
import { Memory } from './memory.ts';

const MAX_EVENTS = 64;

export class Epoll {
  readonly #kernel: Kernel;
  readonly #memory: Memory;
  readonly #events: number;
  readonly #dataOffset: number;
  readonly #stride: number;
  readonly #fd: number;

  constructor(kernel: Kernel) {
    const layout = kernel.platform.epollEvent;
    this.#kernel = kernel;
    this.#memory = new Memory(kernel, MAX_EVENTS * layout.bytes);
    const region = this.#memory.take(MAX_EVENTS * layout.bytes);
    this.#events = region.address;
    this.#dataOffset = region.offset + layout.data;
    this.#stride = layout.bytes;
    this.#fd = kernel.epollCreate(EPOLL.CLOEXEC);
    if (this.#fd < 0) throw failed('epoll_create1', this.#fd);
  }

  /** Reports `fd` from now on whenever it can be read; closing the descriptor ends that. */
  add(fd: number, isShared = false): void {
    const { events, data } = this.#kernel.platform.epollEvent;
    // Several threads on one socket: wake one of them for each message, not all.
    this.#memory.bytes.writeUInt32LE(
      isShared ? (EPOLL.IN | EPOLL.EXCLUSIVE) >>> 0 : EPOLL.IN,
      events,
    );
    this.#memory.bytes.writeBigUInt64LE(BigInt(fd), data);
    const result = this.#kernel.epollAdd(this.#fd, fd, this.#events);
    if (result < 0) throw failed('epoll_ctl', result);
  }

  /**
   * Waits until a descriptor can be read.
   *
   * @param timeoutMs whole ms; 0 looks only, -1 waits without end
   * @returns how many are ready: 0 after the time, and after a signal
   */
  wait(timeoutMs: number): number {
    const ready = this.#kernel.epollWait(this.#fd, this.#events, MAX_EVENTS, timeoutMs);
    if (ready >= 0) return ready;
    if (ready === -ERRNO.EINTR) return 0;
    throw failed('epoll_wait', ready);
  }

  /** The descriptor of the i-th ready one. */
  readyAt(i: number): number {
    return this.#memory.bytes.readInt32LE(this.#dataOffset + i * this.#stride);
  }

  close(): void {
    this.#kernel.close(this.#fd);
  }
}

function failed(call: string, result: number): HomeportError {
  return new HomeportError('NATIVE_UNAVAILABLE', `${call} fails with error ${-result}`);
}
