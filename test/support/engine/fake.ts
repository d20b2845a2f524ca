/** A Docker engine's API on a unix socket, for faults that a real engine does not make on request. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  eventLine,
  inspectBody,
  listBody,
  type MadeContainer,
  type MadeNetwork,
  networkBody,
} from './bodies.ts';

/** What the engine does with a request instead of answering it as usual. */
export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly body?: string }
  /** Accepts the request and never answers. */
  | { readonly kind: 'hang' }
  /** Closes the connection without an answer. */
  | { readonly kind: 'reset' }
  /** 200 with this body. */
  | { readonly kind: 'body'; readonly body: string }
  /** Begins the body and closes the connection. */
  | { readonly kind: 'half'; readonly body: string }
  | { readonly kind: 'slow'; readonly ms: number };

export class FakeEngine {
  readonly containers = new Map<string, MadeContainer>();
  readonly networks = new Map<string, MadeNetwork>();
  /** The paths of all requests, oldest first. */
  readonly requests: string[] = [];
  /** Replies made beforehand, by path; undefined: as usual. */
  prepared: (path: string) => string | undefined = () => undefined;
  /** What `GET /version` says. */
  version: Readonly<Record<string, unknown>> = { Version: '28.5.2', ApiVersion: '1.51' };
  /** Streams stay open and bring nothing: as a proxy that lost its peer. */
  isSilent = false;
  readonly #folder = mkdtempSync(join(tmpdir(), 'hp-fake-'));
  readonly socket = join(this.#folder, 'docker.sock');
  readonly url = `unix://${this.socket}`;
  readonly #faults = new Map<RegExp, Fault>();
  readonly #streams = new Set<ServerResponse>();
  readonly #sockets = new Set<Socket>();
  readonly #past: { readonly line: string; readonly atMs: number }[] = [];
  readonly #waiting: { readonly pattern: RegExp; readonly resolve: () => void }[] = [];
  #server: Server | null = null;

  async listen(): Promise<void> {
    const server = createServer((request, response) => this.#serve(request, response));
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server = server;
    server.listen(this.socket);
    await once(server, 'listening');
  }

  /** Closes the socket and every connection, as a killed engine. `listen` brings it back. */
  async down(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async close(): Promise<void> {
    await this.down();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** From now on requests whose path matches are treated so; null: as usual again. */
  fault(pattern: RegExp, fault: Fault | null): void {
    for (const known of this.#faults.keys()) {
      if (known.source === pattern.source) this.#faults.delete(known);
    }
    if (fault !== null) this.#faults.set(pattern, fault);
  }

  /** Resolves at the next request whose path matches. */
  async requested(pattern: RegExp): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ pattern, resolve }));
  }

  /** Adds or replaces a container and says so. */
  put(made: MadeContainer, action = 'start'): void {
    this.containers.set(made.id, made);
    this.emit('container', action, made.id, { ...made.labels, name: made.name, image: 'bb' });
  }

  remove(id: string): void {
    const name = this.containers.get(id)?.name ?? '';
    this.containers.delete(id);
    this.emit('container', 'destroy', id, { name });
  }

  emit(type: string, action: string, id: string, attributes: Record<string, string> = {}): void {
    const atMs = Date.now();
    this.raw(`${eventLine(type, action, id, attributes, atMs)}\n`, atMs);
  }

  /** Writes bytes into every open stream; they count as an event where they are one whole line. */
  raw(text: string | Buffer, atMs: number | null = null): void {
    if (atMs !== null) this.#past.push({ line: text.toString(), atMs });
    if (!this.isSilent) for (const stream of this.#streams) stream.write(text);
  }

  /** How many event streams are open. */
  get streamCount(): number {
    return this.#streams.size;
  }

  /** Resolves when the last event stream is closed. */
  async streamsClosed(): Promise<void> {
    for (const stream of this.#streams) await once(stream, 'close');
  }

  /** Cuts every event stream. */
  cutStreams(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '';
    this.requests.push(path);
    const fault = [...this.#faults].find(([pattern]) => pattern.test(path))?.[1];
    for (const waiting of this.#waiting.filter((at) => at.pattern.test(path))) {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      waiting.resolve();
    }
    switch (fault?.kind) {
      case undefined:
        this.#answer(path, response);
        break;
      case 'status':
        send(response, fault.status, fault.body ?? '{"message":"broken on request"}');
        break;
      case 'hang':
        break;
      case 'reset':
        response.destroy();
        break;
      case 'body':
        send(response, 200, fault.body);
        break;
      case 'half':
        response.writeHead(200, { 'content-length': String(fault.body.length * 2) });
        response.write(fault.body, () => response.destroy());
        break;
      case 'slow':
        setTimeout(() => this.#answer(path, response), fault.ms);
        break;
    }
  }

  #answer(path: string, response: ServerResponse): void {
    const prepared = this.prepared(path);
    if (prepared !== undefined) {
      send(response, 200, prepared);
      return;
    }
    const url = new URL(path, 'http://docker');
    const id = url.pathname.split('/')[2] ?? '';
    const all = [...this.containers.values()];
    const container = all.find((made) => made.id === id || made.name === id);
    const network = [...this.networks.values()].find((made) => made.id === id);
    if (url.pathname === '/events') this.#events(url, response);
    else if (url.pathname === '/_ping') send(response, 200, 'OK');
    else if (url.pathname === '/version') json(response, this.version);
    else if (url.pathname === '/containers/json') json(response, all.map(listBody));
    else if (url.pathname === '/networks') {
      json(response, [...this.networks.values()].map(networkBody));
    } else if (container !== undefined) json(response, inspectBody(container));
    else if (network !== undefined) json(response, networkBody(network));
    else send(response, 404, '{"message":"No such thing"}');
  }

  #events(url: URL, response: ServerResponse): void {
    const [since, until] = ['since', 'until'].map(
      (key) => Number(url.searchParams.get(key)) * 1000,
    );
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const from = since || Number.POSITIVE_INFINITY;
    const to = until || Number.POSITIVE_INFINITY;
    // The engine keeps 256 events of all kinds.
    const past = this.#past.slice(-256).filter(({ atMs }) => atMs >= from && atMs <= to);
    for (const { line } of past) response.write(line);
    if (until) {
      response.end();
      return;
    }
    this.#streams.add(response);
    response.on('close', () => this.#streams.delete(response));
  }
}

function json(response: ServerResponse, body: unknown): void {
  send(response, 200, JSON.stringify(body));
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body);
}
