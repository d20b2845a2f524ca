/** The answering thread's program: a transport, the core, and the mail that tells it what to do. */
import { getPriority, setPriority } from 'node:os';
import { workerData } from 'node:worker_threads';
import { createBatchTransport } from '../listen/batch-transport.ts';
import { createDgramTransport } from '../listen/dgram-transport.ts';
import { openMailbox } from '../listen/mailbox.ts';
import type { AnsweringStart } from './answering.ts';
import { AnsweringSide } from './answering-side.ts';
import type { ToAnswering } from './messages.ts';

/** In steps of niceness. A flood of queries must not starve the host either. */
const PRECEDENCE = 5;

// `Answering` started this thread, and gives it nothing else.
const {
  transport: kind,
  settings,
  bell,
  port,
  isShared,
  cookieSecret,
}: AnsweringStart = workerData;

takePrecedence();
const transport =
  kind === 'batch' ? createBatchTransport({ bellFd: bell.fd, isShared }) : createDgramTransport();
const side = new AnsweringSide(
  settings,
  transport,
  (message) => port.postMessage(message),
  cookieSecret,
);
await side.run(
  openMailbox<ToAnswering>(port, bell, (message) => {
    side.take(message);
    transport.wake();
  }),
);
port.close();

/**
 * Whoever asks does nothing until the answer comes: on a host that is busy, with tests or with telling us of
 * 10,000 containers, this thread goes first where it may (root, or LimitNICE=). On Linux niceness is a thread's own.
 */
function takePrecedence(): void {
  try {
    if (process.platform === 'linux') setPriority(getPriority() - PRECEDENCE);
  } catch {
    // Not allowed: it takes its turn like everybody else.
  }
}
