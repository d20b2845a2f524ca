/** A TCP client that may misbehave: writes what it likes, reads when it likes, and knows how the connection ended. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { withLength } from '../support/fake-upstream.ts';

export class TcpClient {
  readonly socket: Socket;
  /** Messages that arrived, oldest first. */
  readonly replies: Buffer[] = [];
  /** Resolves to what ended the connection, from the client's side of view. */
  readonly ended: Promise<'end' | 'reset'>;
  #received = Buffer.alloc(0);
  readonly #waiting = new Set<() => void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    let how: 'end' | 'reset' = 'reset';
    socket.on('end', () => {
      how = 'end';
    });
    // A reset is an end like any other here.
    socket.on('error', () => undefined);
    this.ended = new Promise((resolve) => socket.on('close', () => resolve(how)));
    void this.ended.then(() => this.#wake());
    socket.on('data', (chunk) => this.#take(chunk));
  }

  static async connect(
    port: number,
    options: { readonly allowHalfOpen?: boolean; readonly from?: string } = {},
  ): Promise<TcpClient> {
    const { allowHalfOpen = false, from } = options;
    const socket = connect({
      port,
      host: '127.0.0.1',
      allowHalfOpen,
      ...(from === undefined ? {} : { localAddress: from }),
    });
    const client = new TcpClient(socket);
    await once(socket, 'connect');
    return client;
  }

  ask(...messages: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(messages.map(withLength)));
  }

  /** Resolves when that many replies have come in all. */
  async came(count: number, timeoutMs = 10_000): Promise<readonly Buffer[]> {
    const signal = AbortSignal.timeout(timeoutMs);
    while (this.replies.length < count) {
      if (this.socket.destroyed)
        throw new Error(`the connection ended after ${this.replies.length} of ${count} replies`);
      await new Promise<void>((resolve, reject) => {
        this.#waiting.add(resolve);
        signal.onabort = () =>
          reject(new Error(`only ${this.replies.length} of ${count} replies in time`));
      });
    }
    return this.replies;
  }

  #take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    while (
      this.#received.length >= 2 &&
      this.#received.length >= 2 + this.#received.readUInt16BE(0)
    ) {
      const end = 2 + this.#received.readUInt16BE(0);
      this.replies.push(this.#received.subarray(2, end));
      this.#received = this.#received.subarray(end);
    }
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  close(): void {
    this.socket.destroy();
  }
}
