/** The main side's hold on one answering thread: sends it messages, and does what it cannot do itself. */
import { randomBytes } from 'node:crypto';
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import { HomeportError, messageOf } from '../errors.ts';
import { createDoorbell, type Doorbell, Mailbox } from '../listen/mailbox.ts';
import { startThread } from '../listen/start-thread.ts';
import type { TcpClient } from '../listen/tcp.ts';
import type { ResolverSettings, UpstreamServer } from '../resolve/settings.ts';
import type { StreamDone } from '../upstream/stream.ts';
import { COOKIE_SECRET_BYTES } from '../wire/cookie.ts';
import type { AnsweringReport, FromAnswering, ListenTarget, ToAnswering } from './messages.ts';

export type TransportKind = 'batch' | 'dgram';

/** What the main side does for the answering side. */
export interface AnsweringDuties {
  /** Looks at the engines; resolves when what was found has been sent. */
  refresh(): Promise<void>;
  askStream(server: UpstreamServer, message: Uint8Array, done: StreamDone): void;
  /** Everything else it says: leaks, refusals, failures, upstream changes, query lines. */
  told(message: FromAnswering): void;
  /** The thread ended although nobody asked it to. */
  died(reason: string): void;
}

/** What the thread is started with. */
export interface AnsweringStart {
  readonly transport: TransportKind;
  readonly settings: ResolverSettings;
  readonly bell: Doorbell;
  readonly port: MessagePort;
  /** Several threads share the listening addresses. */
  readonly isShared: boolean;
  readonly cookieSecret: Uint8Array;
}

/** Where something is bound. */
export interface Bound {
  readonly address: string;
  readonly port: number;
}

type Answer = Extract<FromAnswering, { readonly request: number }>;

/** One for all threads, as any of them may get a client's next query. */
const COOKIE_SECRET: Uint8Array = Uint8Array.from(randomBytes(COOKIE_SECRET_BYTES));

/** A thread that does not stop when told to is ended. */
const STOP_MS = 2_000;

/** One answering thread. */
export class Answering {
  readonly #mailbox: Mailbox<ToAnswering>;
  readonly #port: MessagePort;
  readonly #worker: Worker;
  readonly #duties: AnsweringDuties;
  readonly #tcpClients = new Map<number, TcpClient>();
  readonly #requests = new Map<number, (answer: Answer) => void>();
  readonly #ended: Promise<void>;
  #nextId = 1;
  #isStopping = false;
  #isGone = false;

  constructor(
    options: {
      readonly transport: TransportKind;
      readonly settings: ResolverSettings;
      readonly isShared: boolean;
    },
    duties: AnsweringDuties,
  ) {
    const bell = createDoorbell(options.transport);
    const { port1, port2 } = new MessageChannel();
    const start: AnsweringStart = { ...options, bell, port: port2, cookieSecret: COOKIE_SECRET };
    this.#duties = duties;
    this.#port = port1;
    this.#mailbox = new Mailbox(port1, bell);
    this.#worker = startThread('./answering-thread', import.meta.url, {
      workerData: start,
      transferList: [port2],
    });
    port1.on('message', (message: FromAnswering) => this.#take(message));
    // Nothing else ends a thread that is blocked in the kernel: the process would wait for it for ever.
    const stopAtExit = () => this.post({ kind: 'stop' });
    process.once('exit', stopAtExit);
    this.#ended = new Promise((resolve) => {
      let reason = 'it ended';
      this.#worker.on('error', (error) => {
        reason = messageOf(error);
      });
      this.#worker.on('exit', () => {
        process.off('exit', stopAtExit);
        this.#isGone = true;
        for (const request of [...this.#requests.keys()]) this.#giveUp(request);
        resolve();
        if (!this.#isStopping) duties.died(reason);
      });
    });
  }

  /** Applied before the next query is answered. */
  post(message: ToAnswering): void {
    this.#mailbox.post(message);
  }

  /** Hands over a query that came over TCP; the client is answered when the reply comes back. */
  askTcp(bytes: Buffer, client: TcpClient): void {
    const id = this.#nextId++;
    this.#tcpClients.set(id, client);
    this.post({
      kind: 'tcpQuery',
      query: {
        id,
        // Small buffers lie in a pool of 8 KiB, which would cross over as a whole.
        bytes: Uint8Array.from(bytes),
        addressKey: client.addressKey,
        address: client.addressText(),
        localAddress: client.localAddressText(),
      },
    });
  }

  /** Opens a UDP socket. @throws HomeportError BIND_FAILED */
  async listen(target: ListenTarget): Promise<Bound> {
    const answer = await this.#request((request) => ({ kind: 'listen', request, target }));
    if (answer.kind !== 'listening')
      throw new HomeportError('BIND_FAILED', 'the answering thread is gone');
    if (answer.problem !== null) throw new HomeportError('BIND_FAILED', answer.problem);
    return { address: answer.address, port: answer.port };
  }

  /** What it counted and holds; waits for a thread that is busy, never returns from one that hangs. */
  async report(): Promise<AnsweringReport> {
    const answer = await this.#request((request) => ({ kind: 'report', request }));
    if (answer.kind !== 'report')
      throw new HomeportError('BIND_FAILED', 'the answering thread is gone');
    return answer.report;
  }

  #request(make: (request: number) => ToAnswering): Promise<Answer> {
    const request = this.#nextId++;
    return new Promise((resolve) => {
      this.#requests.set(request, resolve);
      if (this.#isGone) this.#giveUp(request);
      else this.post(make(request));
    });
  }

  /** Whoever waits for a thread that has ended would wait for ever, and the process with him. */
  #giveUp(request: number): void {
    const problem = 'the answering thread is gone';
    this.#take({ kind: 'listening', request, address: '', port: 0, problem });
  }

  #take(message: FromAnswering): void {
    switch (message.kind) {
      case 'refresh':
        void this.#refresh(message.sequence);
        break;
      case 'askStream':
        this.#duties.askStream(message.server, message.message, (bytes, reason) =>
          this.post({ kind: 'streamReply', token: message.token, bytes, reason }),
        );
        break;
      case 'tcpReply':
        this.#answerTcp(message.id, message.bytes);
        break;
      case 'listening':
      case 'report':
        this.#requests.get(message.request)?.(message);
        this.#requests.delete(message.request);
        break;
      default:
        this.#duties.told(message);
    }
  }

  async #refresh(sequence: number): Promise<void> {
    try {
      await this.#duties.refresh();
    } finally {
      // Whatever became of it: queries wait for this.
      this.post({ kind: 'refreshed', sequence });
    }
  }

  #answerTcp(id: number, bytes: Uint8Array | null): void {
    const client = this.#tcpClients.get(id);
    this.#tcpClients.delete(id);
    if (bytes === null) client?.drop();
    else client?.send(bytes);
  }

  async close(): Promise<void> {
    this.#isStopping = true;
    this.post({ kind: 'stop' });
    const timer = setTimeout(() => void this.#worker.terminate(), STOP_MS);
    await this.#ended;
    clearTimeout(timer);
    this.#port.close();
  }
}
