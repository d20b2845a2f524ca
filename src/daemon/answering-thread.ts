/** The answering thread's program: a transport, the core, and the mail that tells it what to do. */
import { workerData } from 'node:worker_threads';
import { createBatchTransport } from '../listen/batch-transport.ts';
import { createDgramTransport } from '../listen/dgram-transport.ts';
import { openMailbox } from '../listen/mailbox.ts';
import type { AnsweringStart } from './answering.ts';
import { AnsweringSide } from './answering-side.ts';
import type { ToAnswering } from './messages.ts';
import { goFirst } from './precedence.ts';

// `Answering` started this thread, and gives it nothing else.
const {
  transport: kind,
  settings,
  bell,
  port,
  isShared,
  cookieSecret,
}: AnsweringStart = workerData;

goFirst();
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
