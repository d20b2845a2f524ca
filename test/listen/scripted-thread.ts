/** The test's hold on a scripted worker, and a client that asks it. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { MessageChannel, type Worker } from 'node:worker_threads';
import { createDoorbell, Mailbox } from '../../src/listen/mailbox.ts';
import { startThread } from '../../src/listen/start-thread.ts';
import type { FromWorker, ToWorker } from './scripted-core.ts';

export type TransportKind = 'batch' | 'dgram';
type Said<K extends FromWorker['kind']> = Extract<FromWorker, { kind: K }>;

/** How long anything may take before a test fails. */
const PATIENCE_MS = 10_000;

export class ScriptedThread {
  readonly kind: TransportKind;
  readonly worker: Worker;
  readonly #mailbox: Mailbox<ToWorker>;
  readonly #said: FromWorker[] = [];
  #heard: () => void = () => {};

  constructor(kind: TransportKind, isShared = false) {
    const { port1, port2 } = new MessageChannel();
    const bell = createDoorbell(kind);
    this.kind = kind;
    this.worker = startThread('./scripted-worker', import.meta.url, {
      workerData: { kind, port: port2, bell, isShared },
      transferList: [port2],
    });
    this.#mailbox = new Mailbox<ToWorker>(port1, bell);
    port1.on('message', (message: FromWorker) => {
      this.#said.push(message);
      this.#heard();
    });
    this.worker.on('error', (error) => {
      this.#said.push({ kind: 'failed', code: 'THROWN', message: String(error) });
      this.#heard();
    });
    this.worker.on('exit', () => port1.close());
  }

  post(message: ToWorker): void {
    this.#mailbox.post(message);
  }

  /** The next message of that kind; one that came before counts. */
  async said<K extends FromWorker['kind']>(kind: K): Promise<Said<K>> {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const index = this.#said.findIndex((message) => message.kind === kind);
      // `findIndex` looked for exactly this kind.
      if (index >= 0) return this.#said.splice(index, 1)[0] as Said<K>;
      await new Promise<void>((resolve, reject) => {
        this.#heard = resolve;
        deadline.onabort = () => reject(new Error(`no "${kind}" within ${PATIENCE_MS} ms`));
      });
    }
  }

  async listen(address: string, port = 0): Promise<Said<'listening'>> {
    this.post({ kind: 'listen', address, port });
    return this.said('listening');
  }

  async stop(): Promise<void> {
    this.post({ kind: 'stop' });
    await this.said('stopped');
    await this.worker.terminate();
  }
}

/** A query: ID, flags, one question. */
export function queryMessage(id: number, name: string, tail: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(1, 4);
  const labels = name
    .split('.')
    .map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1'));
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, 1, 0, 1]), tail]);
}

/** A client with one socket, connected: it hears only who it asked. */
export class TestClient {
  readonly socket: Socket;
  readonly #waiting = new Map<number, (reply: Buffer) => void>();
  #nextId = 1;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('message', (reply) => {
      if (reply.length < 2) return;
      const id = reply.readUInt16BE(0);
      this.#waiting.get(id)?.(reply);
      this.#waiting.delete(id);
    });
  }

  static async connect(port: number, address = '127.0.0.1', from?: string): Promise<TestClient> {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.bind(0, from);
    await once(socket, 'listening');
    socket.connect(port, address);
    await once(socket, 'connect');
    return new TestClient(socket);
  }

  /** Sends any bytes; no reply is waited for. */
  send(message: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.send(message, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  /** Asks for a name and returns what follows the ID of the reply. */
  async ask(name: string, tail?: Buffer): Promise<Buffer> {
    const id = this.#nextId++ & 0xffff;
    const reply = new Promise<Buffer>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no reply to ${name}`)), PATIENCE_MS);
      this.#waiting.set(id, (message) => {
        clearTimeout(timer);
        resolve(message);
      });
    });
    await this.send(queryMessage(id, name, tail));
    return (await reply).subarray(2);
  }

  close(): void {
    this.socket.close();
  }
}
