/**
 * Mail to the thread that answers. Its bell is heard by a thread that is blocked in the kernel (an
 * eventfd) and seen without a system call by one that is busy (a shared counter), so that what was
 * posted before a query arrived is applied before the query is answered.
 */
import { writeSync } from 'node:fs';
import { type MessagePort, receiveMessageOnPort, type Transferable } from 'node:worker_threads';
import { HomeportError } from '../errors.ts';
import { errorName } from './native/error-name.ts';
import { openKernel } from './native/kernel.ts';
import { EFD } from './native/layout.ts';

/** A bell between two threads: plain data, to be handed over in `workerData`. */
export interface Doorbell {
  readonly counter: Int32Array;
  /** The eventfd, or -1 where the thread that answers runs an event loop. */
  readonly fd: number;
}

const ONE: Uint8Array = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);

/**
 * Makes a bell.
 *
 * @param kind the transport that will hear it
 * @throws HomeportError NATIVE_UNAVAILABLE for `batch` where that does not run
 */
export function createDoorbell(kind: 'batch' | 'dgram'): Doorbell {
  const counter = new Int32Array(new SharedArrayBuffer(4));
  if (kind === 'dgram') return { counter, fd: -1 };
  const fd = openKernel().eventfd(0, EFD.CLOEXEC | EFD.NONBLOCK);
  if (fd < 0) throw new HomeportError('NATIVE_UNAVAILABLE', `no eventfd: ${errorName(fd)}`);
  return { counter, fd };
}

/** The sending end. */
export class Mailbox<Message> {
  readonly #port: MessagePort;
  readonly #bell: Doorbell;

  constructor(port: MessagePort, bell: Doorbell) {
    this.#port = port;
    this.#bell = bell;
  }

  /** Posts; when this returns, every query that the other thread reads from now on is answered after it. */
  post(message: Message, transfer: readonly Transferable[] = []): void {
    this.#port.postMessage(message, transfer);
    Atomics.add(this.#bell.counter, 0, 1);
    if (this.#bell.fd >= 0) writeSync(this.#bell.fd, ONE);
  }
}

/**
 * The receiving end.
 *
 * @param receive given each message, in order
 * @returns to be called before each round of queries: reads what was posted; costs one load when that is nothing
 */
export function openMailbox<Message>(
  port: MessagePort,
  bell: Doorbell,
  receive: (message: Message) => void,
): () => void {
  let seen = 0;
  // With an event loop, that wakes up for the port by itself; a blocked thread never gets here.
  if (bell.fd < 0) port.on('message', receive);
  return () => {
    const rung = Atomics.load(bell.counter, 0);
    if (rung === seen) return;
    seen = rung;
    for (;;) {
      // The other end is `Mailbox<Message>`: nothing else has the port.
      const letter: { message: Message } | undefined = receiveMessageOnPort(port);
      if (letter === undefined) return;
      receive(letter.message);
    }
  };
}
