/**
 * A scripted authoritative server on the loopback, UDP and TCP on one port: it answers by table, late, cut,
 * with another's ID, with rubbish or not at all, and keeps what it was asked.
 */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { typeName } from '../../src/dns/codes.ts';
import { optRecord, replyTo } from './message.ts';

/** One query as it arrived. */
export interface Asked {
  /** As spelled, without the closing dot; the root is ''. */
  readonly name: string;
  readonly type: string;
  readonly via: 'udp' | 'tcp' | 'tls';
  readonly bytes: Buffer;
  /** The sender's port: one per connection over TCP. */
  readonly port: number;
  readonly atMs: number;
}

/** What is sent for one query: messages in this order, nothing, or the end of the connection (UDP: nothing). */
export type Sent = readonly Buffer[] | 'close';
export type Script = (asked: Asked) => Sent | Promise<Sent>;

/** Records in presentation form; `answer('web.example.com. 60 IN A 10.0.0.1')`. */
export function answer(...answers: readonly string[]): Script {
  return ({ bytes }) => [replyTo(bytes, { answers, ...withOpt(bytes) })];
}

/** A denial: `denial(3)` is NXDOMAIN; the SOA's minimum in seconds, null for none. */
export function denial(rcode = 3, minimum: number | null = 60): Script {
  const authority = minimum === null ? [] : [`example. ${minimum} IN SOA ${minimum}`];
  return ({ bytes }) => [replyTo(bytes, { rcode, authority, ...withOpt(bytes) })];
}

/** The whole message, its ID aside. */
export function message(bytes: Buffer): Script {
  return (asked) => {
    const copy = Buffer.from(bytes);
    asked.bytes.copy(copy, 0, 0, 2);
    return [copy];
  };
}

export const silence: Script = () => [];
export const closing: Script = () => 'close';

/** After that many milliseconds. */
export function late(ms: number, script: Script): Script {
  return async (asked) => {
    await delay(ms);
    return script(asked);
  };
}

/** Over UDP only TC and no records, over TCP what `script` says. */
export function cutOverUdp(script: Script): Script {
  return (asked) =>
    asked.via === 'udp' ? [replyTo(asked.bytes, { flags: 0x8380 })] : script(asked);
}

/** The first query gets the first script, and so on; the last one serves on. */
export function inTurn(...scripts: readonly Script[]): Script {
  let turn = 0;
  return (asked) => (scripts[Math.min(turn++, scripts.length - 1)] ?? silence)(asked);
}

/** What `spoil` made of the reply arrives first, then the right one (RFC 5452: the first may be forged). */
export function afterForgery(spoil: (reply: Buffer) => Buffer, script: Script): Script {
  return async (asked) => {
    const sent = await script(asked);
    if (sent === 'close') return sent;
    return [...sent.map((reply) => spoil(Buffer.from(reply))), ...sent];
  };
}

function withOpt(bytes: Buffer): { opt?: Buffer } {
  return bytes.readUInt16BE(10) > 0 ? { opt: optRecord(1232, false, Buffer.alloc(0)) } : {};
}

export interface FakeUpstreamOptions {
  readonly address?: string;
  /** Default: any that UDP and TCP have free. */
  readonly port?: number;
  /** Key and certificate as PEM: DNS over TLS on the TCP side, and no UDP. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

const MAX_PORT_TRIES = 20;

export class FakeUpstream {
  /** All that it was asked, oldest first. */
  readonly seen: Asked[] = [];
  /** Called for each query. */
  told: (asked: Asked) => void = () => undefined;
  /** Connections that were ever accepted. */
  connections = 0;
  readonly address: string;
  readonly port: number;
  readonly #udp: UdpSocket | null;
  readonly #tcp: Server;
  readonly #open = new Set<Socket>();
  readonly #scripts = new Map<string, Script>();
  readonly #isTls: boolean;
  #other: Script = denial();
  readonly #waiting = new Set<() => void>();

  private constructor(address: string, udp: UdpSocket | null, tcp: Server, isTls: boolean) {
    this.address = address;
    this.port = portOf(tcp);
    this.#udp = udp;
    this.#tcp = tcp;
    this.#isTls = isTls;
    udp?.on('message', (bytes, from) => void this.#takeDatagram(bytes, from));
    tcp.on(isTls ? 'secureConnection' : 'connection', (socket: Socket) => this.#accept(socket));
    // A client that does not trust the certificate ends the handshake.
    tcp.on('tlsClientError', () => undefined);
  }

  static async start(options: FakeUpstreamOptions = {}): Promise<FakeUpstream> {
    const { address = '127.0.0.1', port = 0, tls } = options;
    for (let tries = 1; ; tries++) {
      const tcp =
        tls === undefined ? createServer() : createTlsServer({ ...tls, ALPNProtocols: ['dot'] });
      tcp.listen(port, address);
      await once(tcp, 'listening');
      if (tls !== undefined) return new FakeUpstream(address, null, tcp, true);
      const udp = createSocket('udp4');
      try {
        udp.bind(portOf(tcp), address);
        await once(udp, 'listening');
        return new FakeUpstream(address, udp, tcp, false);
      } catch (error) {
        tcp.close();
        udp.close();
        if (port !== 0 || tries === MAX_PORT_TRIES) throw error;
      }
    }
  }

  /** As the configuration writes it. */
  get url(): string {
    return `${this.address}:${this.port}`;
  }

  /** What it answers: keys are `name` or `name TYPE`, in lower case without the closing dot. */
  answers(table: Readonly<Record<string, Script>>): this {
    for (const [key, script] of Object.entries(table)) this.#scripts.set(key, script);
    return this;
  }

  /** What it answers to all else; at first NXDOMAIN. */
  otherwise(script: Script): this {
    this.#other = script;
    return this;
  }

  /** How often it was asked for a name, in any spelling and over any transport. */
  countOf(name: string, type?: string): number {
    return this.seen.filter(
      (asked) => asked.name.toLowerCase() === name && (type === undefined || asked.type === type),
    ).length;
  }

  /** Names of one label that it was asked for: there must be none. */
  get bareNames(): readonly string[] {
    return this.seen.map(({ name }) => name).filter((name) => name !== '' && !name.includes('.'));
  }

  /** Resolves when it was asked for that name that often. */
  async wasAsked(name: string, times = 1, timeoutMs = 10_000): Promise<void> {
    const signal = AbortSignal.timeout(timeoutMs);
    while (this.countOf(name) < times) {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.add(resolve);
        signal.onabort = () => reject(new Error(`not asked for ${name} ${times} times in time`));
      });
    }
  }

  async #takeDatagram(bytes: Buffer, from: RemoteInfo): Promise<void> {
    const sent = await this.#answerTo(bytes, 'udp', from.port);
    if (sent === 'close') return;
    for (const reply of sent) this.#udp?.send(reply, from.port, from.address, () => undefined);
  }

  #accept(socket: Socket): void {
    this.connections++;
    this.#open.add(socket);
    socket.on('close', () => this.#open.delete(socket));
    socket.on('error', () => socket.destroy());
    const via = this.#isTls ? 'tls' : 'tcp';
    const port = socket.remotePort ?? 0;
    let received = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0);
        void this.#answerTo(received.subarray(2, end), via, port).then((sent) => {
          if (sent === 'close') socket.destroy();
          else for (const reply of sent) socket.write(withLength(reply));
        });
        received = received.subarray(end);
      }
    });
  }

  async #answerTo(bytes: Buffer, via: Asked['via'], port: number): Promise<Sent> {
    const asked = {
      ...questionOf(bytes),
      via,
      bytes: Buffer.from(bytes),
      port,
      atMs: performance.now(),
    };
    this.seen.push(asked);
    this.told(asked);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
    const key = asked.name.toLowerCase();
    const script =
      this.#scripts.get(`${key} ${asked.type}`) ?? this.#scripts.get(key) ?? this.#other;
    return await script(asked);
  }

  /** Ends every open connection; the next query may open another. */
  cutConnections(): void {
    for (const socket of this.#open) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cutConnections();
    const closed = once(this.#tcp, 'close');
    this.#tcp.close();
    this.#udp?.close();
    await closed;
  }
}

/** The question alone: what follows it may be malformed. */
function questionOf(bytes: Buffer): { readonly name: string; readonly type: string } {
  const labels: string[] = [];
  let at = 12;
  for (let size = bytes.readUInt8(at); size > 0; size = bytes.readUInt8(at)) {
    labels.push(bytes.toString('latin1', at + 1, at + 1 + size));
    at += size + 1;
  }
  return { name: labels.join('.'), type: typeName(bytes.readUInt16BE(at + 1)) };
}

/** A message as it goes over a stream (RFC 1035 §4.2.2). */
export function withLength(bytes: Uint8Array): Buffer {
  const frame = Buffer.alloc(2 + bytes.length);
  frame.writeUInt16BE(bytes.length);
  frame.set(bytes, 2);
  return frame;
}

function portOf(server: Server): number {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the server is not bound');
  return bound.port;
}
