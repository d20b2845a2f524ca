/** Asks the running kernel whether our layouts are its own: two messages through a pair of sockets, in batches. */

import { type BatchShape, InBatch, Messages, OutBatch } from './batch.ts';
import { Epoll } from './epoll.ts';
import { errorName } from './error-name.ts';
import type { Kernel } from './kernel.ts';
import { AF, SOCK } from './layout.ts';
import { Memory } from './memory.ts';

const TRIED = [
  'homeport',
  'a longer message, whose length must come back from the kernel',
] as const;

/** @returns what is wrong, in words, or undefined where all is well; never throws */
export function selfTest(kernel: Kernel): string | undefined {
  const memory = new Memory(kernel, 16);
  const pair = memory.take(8);
  const type = SOCK.DGRAM | SOCK.NONBLOCK | SOCK.CLOEXEC;
  const made = kernel.socketpair(AF.UNIX, type, 0, pair.address);
  if (made < 0) return `socketpair fails with ${errorName(made)}`;
  const left = memory.words[pair.offset >> 2] ?? -1;
  const right = memory.words[(pair.offset >> 2) + 1] ?? -1;
  const epoll = new Epoll(kernel);
  try {
    return tryBatches(kernel, epoll, left, right);
  } finally {
    epoll.close();
    kernel.close(left);
    kernel.close(right);
  }
}

function tryBatches(kernel: Kernel, epoll: Epoll, left: number, right: number): string | undefined {
  const out = new OutBatch(kernel, shapeOf(kernel));
  for (const text of TRIED) out.commit(out.next().write(text, 'latin1'));
  const sent = out.flush(left);
  if (out.unsent > 0 || sent !== TRIED.length) return 'sendmmsg does not send what it is given';
  epoll.add(right);
  if (epoll.wait(1000) !== 1 || epoll.readyAt(0) !== right) return 'epoll reports another socket';
  const into = new InBatch(kernel, shapeOf(kernel));
  const received = into.receive(right);
  if (received < 0) return `recvmmsg fails with ${errorName(received)}`;
  if (received !== TRIED.length) return `recvmmsg brought ${received} messages of ${TRIED.length}`;
  for (const [i, text] of TRIED.entries()) {
    const is = into.buffers[i]?.toString('latin1', 0, into.lengthAt(i));
    if (is !== text) return 'recvmmsg brings other bytes than were sent';
  }
  return undefined;
}

/** A pair is connected: no addresses. */
function shapeOf(kernel: Kernel): BatchShape {
  const messages = new Messages(kernel, { count: 4, messageBytes: 256 });
  return { messages, nameBytes: 0, controlBytes: 0 };
}
