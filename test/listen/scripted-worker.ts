/** A thread that serves a scripted core over one transport, as the answering thread does. */
import { type MessagePort, workerData } from 'node:worker_threads';
import { codeOf, messageOf } from '../../src/errors.ts';
import { createBatchTransport } from '../../src/listen/batch-transport.ts';
import { createDgramTransport } from '../../src/listen/dgram-transport.ts';
import { type Doorbell, openMailbox } from '../../src/listen/mailbox.ts';
import type { Listening, ListenTarget } from '../../src/listen/transport.ts';
import { type FromWorker, ScriptedCore, type ToWorker } from './scripted-core.ts';

/** What the test hands over in `workerData`. */
export interface WorkerSetup {
  readonly kind: 'batch' | 'dgram';
  readonly port: MessagePort;
  readonly bell: Doorbell;
  readonly isShared: boolean;
}

// The test is the only one that starts this file.
const { kind, port, bell, isShared } = workerData as WorkerSetup;
const transport =
  kind === 'batch' ? createBatchTransport({ bellFd: bell.fd, isShared }) : createDgramTransport();
const tell = (message: FromWorker): void => port.postMessage(message);
const core = new ScriptedCore(transport, tell);
const listening = new Map<number, Listening>();

function listen(target: ListenTarget): void {
  try {
    const opened = transport.listen(target);
    listening.set(opened.port, opened);
    tell({ kind: 'listening', address: opened.address, port: opened.port });
  } catch (error) {
    tell({ kind: 'failed', code: codeOf(error) ?? '', message: messageOf(error) });
  }
}

function take(message: ToWorker): void {
  switch (message.kind) {
    case 'world':
      core.world = message.world;
      break;
    case 'release':
      core.release();
      break;
    case 'ping':
      tell({ kind: 'pong' });
      break;
    case 'upstreams':
      transport.setUpstreams(message.servers);
      core.upstream = message.servers[0];
      break;
    case 'listen':
      listen({ address: message.address, port: message.port });
      break;
    case 'adopt':
      listen({ fd: message.fd });
      break;
    case 'close':
      listening.get(message.port)?.close();
      break;
    case 'wakeIn':
      core.wakeIn(message.ms);
      break;
    case 'counters': {
      const { queries, unsent } = transport.counters;
      tell({ kind: 'counters', queries, unsent });
      break;
    }
    case 'stop':
      transport.stop();
      break;
  }
  transport.wake();
}

const mail = openMailbox(port, bell, take);
transport.run(core, mail).then(
  () => {
    tell({ kind: 'stopped' });
    port.close();
  },
  (error) => tell({ kind: 'failed', code: codeOf(error) ?? '', message: messageOf(error) }),
);
