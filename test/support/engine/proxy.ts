/** A proxy before an engine's socket whose connections can be cut, or fall silent without a sign. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export class SocketProxy {
  /** Where clients connect. */
  readonly path: string;
  readonly url: string;
  readonly #target: string;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #server: Server | null = null;

  constructor(path: string, target: string) {
    this.path = path;
    this.url = `unix://${path}`;
    this.#target = target;
  }

  async listen(): Promise<void> {
    const server = createServer((client) => this.#carry(client));
    this.#server = server;
    server.listen(this.path);
    await once(server, 'listening');
  }

  /** Ends every connection that is open now; new ones are carried as before. */
  cut(): void {
    for (const [client, engine] of this.#pairs) {
      client.destroy();
      engine.destroy();
    }
  }

  /** Every connection that is open now stays open and carries nothing any more; new ones are carried. */
  silence(): void {
    for (const [client, engine] of this.#pairs) {
      client.unpipe(engine);
      engine.unpipe(client);
      engine.resume(); // the engine must not see a slow reader
    }
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    const closed = once(server, 'close');
    server.close();
    this.cut();
    await closed;
  }

  #carry(client: Socket): void {
    const engine = connect(this.#target);
    const pair = [client, engine] as const;
    this.#pairs.add(pair);
    client.pipe(engine);
    engine.pipe(client);
    const end = () => {
      this.#pairs.delete(pair);
      client.destroy();
      engine.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
  }
}
