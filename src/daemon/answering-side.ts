/** The answering side: one resolver core on one transport, told what to do by messages. Runs on any thread. */
import { randomFillSync } from 'node:crypto';
import { messageOf } from '../errors.ts';
import {
  type Client,
  type Listening,
  MAX_UDP_REPLY_BYTES,
  type Transport,
} from '../listen/transport.ts';
import type { ClientRef, ResolverPorts } from '../resolve/ports.ts';
import { Resolver } from '../resolve/resolver.ts';
import type { ResolverSettings } from '../resolve/settings.ts';
import type { FromAnswering, ListenTarget, TcpQuery, ToAnswering } from './messages.ts';

const MAX_TCP_REPLY_BYTES = 0xffff;

/** A TCP client as the core sees it; its socket is on the main side. */
class RemoteTcpClient implements ClientRef {
  readonly isTcp = true;
  readonly query: TcpQuery;
  isRetained = false;
  isAnswered = false;

  constructor(query: TcpQuery) {
    this.query = query;
  }

  get addressKey(): number | string {
    return this.query.addressKey;
  }

  addressText(): string {
    return this.query.address;
  }

  localAddressText(): string | null {
    return this.query.localAddress;
  }

  retain(): ClientRef {
    this.isRetained = true;
    return this;
  }

  release(): void {
    this.isRetained = false;
  }
}

/** Builds the core and carries out messages. */
export class AnsweringSide {
  readonly #transport: Transport;
  readonly #post: (message: FromAnswering) => void;
  readonly #resolver: Resolver;
  readonly #listening = new Map<string, Listening>();
  readonly #tcpReply: Buffer = Buffer.alloc(MAX_TCP_REPLY_BYTES);
  readonly #ports: { -readonly [K in keyof ResolverPorts]: ResolverPorts[K] };

  constructor(
    settings: ResolverSettings,
    transport: Transport,
    post: (message: FromAnswering) => void,
    cookieSecret: Uint8Array,
  ) {
    this.#transport = transport;
    this.#post = post;
    this.#ports = this.#makePorts(cookieSecret);
    this.#resolver = new Resolver(settings, this.#ports);
  }

  /** Serves until a `stop` message. @param mail hands over what the main side sent; called before each round's answers */
  async run(mail: () => void): Promise<void> {
    const resolver = this.#resolver;
    await this.#transport.run(
      {
        onQuery: (bytes, length, client) => resolver.onQuery(bytes, length, client),
        onUpstreamReply: (server, socket, bytes, length) =>
          resolver.onUpstreamReply(server, socket, bytes, length),
        onUpstreamError: (server, socket, reason) =>
          resolver.onUpstreamError(server, socket, reason),
        onTick: () => resolver.onTick(),
      },
      mail,
    );
    this.#post({ kind: 'stopped' });
  }

  #makePorts(cookieSecret: Uint8Array): ResolverPorts {
    const transport = this.#transport;
    const post = this.#post;
    return {
      now: Date.now,
      steady: () => transport.steady(),
      random: randomBelow,
      // Clients over UDP are the transport's own, handed back to it.
      beginReply: (client) =>
        client.isTcp ? this.#tcpReply : transport.beginReply(client as Client),
      endReply: (client, length) => {
        // Clients over TCP are all ours; an `instanceof` would cost as much as the rest of this.
        if (client.isTcp) this.#answerTcp(client as RemoteTcpClient, length);
        else transport.endReply(client as Client, Math.min(length, MAX_UDP_REPLY_BYTES));
      },
      pickSocket: (server) => transport.pickSocket(server),
      sendUpstream: (server, socket, message) => transport.sendUpstream(server, socket, message),
      askStream: (token, server, message) =>
        post({ kind: 'askStream', token, server, message: Uint8Array.from(message) }),
      refresh: (sequence) => post({ kind: 'refresh', sequence }),
      leaked: (name, client) => post({ kind: 'leaked', name, client }),
      refused: (name, client, reason) => post({ kind: 'refused', name, client, reason }),
      cookieSecret,
      answered: null,
      failed: (error) =>
        post({
          kind: 'failed',
          message: messageOf(error),
          stack: error instanceof Error ? (error.stack ?? '') : '',
        }),
      upstreamChanged: (server, isUp, reason) =>
        post({ kind: 'upstreamChanged', server, isUp, reason }),
    };
  }

  /** Carries out one message. */
  take(message: ToAnswering): void {
    this.#carryOut(message);
    this.#transport.wake();
  }

  #carryOut(message: ToAnswering): void {
    const resolver = this.#resolver;
    switch (message.kind) {
      case 'configure':
        resolver.configure(message.settings);
        this.#ports.answered = message.logsQueries
          ? (line) => this.#post({ kind: 'answered', line })
          : null;
        break;
      case 'upstreams':
        this.#transport.setUpstreams(
          message.groups
            .flatMap(({ servers }) => servers)
            .filter(({ tlsName }) => tlsName === null),
        );
        resolver.setUpstreams(message.groups);
        break;
      case 'engines':
        resolver.setEngines(message.standings);
        break;
      case 'delta':
        resolver.apply(message.delta);
        break;
      case 'touch':
        resolver.touch(message.token, message.names);
        break;
      case 'settle':
        resolver.settle(message.token);
        break;
      case 'suspect':
        resolver.suspect(message.names, message.untilMs);
        break;
      case 'refreshed':
        resolver.onRefreshed(message.sequence);
        break;
      case 'streamReply':
        resolver.onStreamReply(message.token, message.bytes, message.reason);
        break;
      case 'tcpQuery':
        this.#askTcp(message.query);
        break;
      case 'listen':
        this.#listen(message.request, message.target);
        break;
      case 'unlisten':
        this.#listening.get(`${message.address} ${message.port}`)?.close();
        this.#listening.delete(`${message.address} ${message.port}`);
        break;
      case 'report':
        this.#report(message.request);
        break;
      case 'stop':
        this.#transport.stop();
        break;
    }
  }

  #askTcp(query: TcpQuery): void {
    const client = new RemoteTcpClient(query);
    this.#resolver.onQuery(query.bytes, query.bytes.length, client);
    if (!client.isRetained && !client.isAnswered) {
      this.#post({ kind: 'tcpReply', id: query.id, bytes: null });
    }
  }

  #answerTcp(client: RemoteTcpClient, length: number): void {
    client.isAnswered = true;
    const bytes = Uint8Array.from(this.#tcpReply.subarray(0, length));
    this.#post({ kind: 'tcpReply', id: client.query.id, bytes });
  }

  #listen(request: number, target: ListenTarget): void {
    try {
      const listening = this.#transport.listen(target);
      const { address, port } = listening;
      this.#listening.set(`${address} ${port}`, listening);
      this.#post({ kind: 'listening', request, address, port, problem: null });
    } catch (error) {
      this.#post({ kind: 'listening', request, address: '', port: 0, problem: messageOf(error) });
    }
  }

  #report(request: number): void {
    const resolver = this.#resolver;
    this.#post({
      kind: 'report',
      request,
      report: {
        transport: this.#transport.kind,
        counters: { ...resolver.counters },
        pending: resolver.pendingCount,
        held: resolver.heldCount,
        names: resolver.zone.size,
      },
    });
  }
}

const RANDOM_POOL = Buffer.alloc(4096);
let randomAt = RANDOM_POOL.length;

/** From the kernel's generator, 1,024 numbers at a time: one call for each query would cost more than its answer. */
function randomBelow(limit: number): number {
  if (randomAt >= RANDOM_POOL.length) {
    randomFillSync(RANDOM_POOL);
    randomAt = 0;
  }
  const value = RANDOM_POOL.readUInt32LE(randomAt);
  randomAt += 4;
  return value % limit;
}
