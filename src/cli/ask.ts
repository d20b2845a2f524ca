/** Asks a DNS server one question as a client would: UDP, again after a while, TCP where it says so (RFC 7766). */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { CLASS_IN, TYPE } from '../dns/codes.ts';
import { type DomainName, toWire } from '../dns/name.ts';
import { codeOf, messageOf } from '../errors.ts';
import { FrameReader, framed } from '../wire/frames.ts';
import { HEADER_BYTES, putUint16, uint16 } from '../wire/query.ts';
import { type RelayedReply, readRelayed } from '../wire/relayed.ts';

export interface ServerAddress {
  readonly address: string;
  readonly port: number;
}

/** What came of a question. */
export type Asked =
  | { readonly kind: 'reply'; readonly reply: RelayedReply }
  /** In words: nobody listens there, no answer in time. */
  | { readonly kind: 'silent'; readonly reason: string };

export interface AskTimes {
  /** For each attempt. */
  readonly timeoutMs?: number;
  readonly attempts?: number;
}

/** As glibc waits (resolv.conf(5)): a server whose upstreams are silent takes seconds to say so. */
const TIMEOUT_MS = 5_000;
const ATTEMPTS = 2;
const UDP_PAYLOAD_BYTES = 1_232;
const MAX_ID = 0x10000;

/** Asks one question. Never rejects. */
export async function ask(
  server: ServerAddress,
  name: DomainName,
  type: number,
  { timeoutMs = TIMEOUT_MS, attempts = ATTEMPTS }: AskTimes = {},
): Promise<Asked> {
  const query = queryFor(name, type);
  let asked: Asked = { kind: 'silent', reason: 'it was not asked' };
  for (let attempt = 0; attempt < attempts; attempt++) {
    asked = await askUdp(server, query, timeoutMs);
    if (asked.kind === 'reply') break;
  }
  if (asked.kind === 'reply' && asked.reply.isTruncated)
    return await askTcp(server, query, timeoutMs);
  return asked;
}

function queryFor(name: DomainName, type: number): Buffer {
  const question = toWire(name);
  const query = Buffer.alloc(HEADER_BYTES + question.length + 4 + 11);
  putUint16(query, 0, randomInt(MAX_ID));
  putUint16(query, 2, 0x0100); // RD
  putUint16(query, 4, 1);
  putUint16(query, 10, 1);
  question.copy(query, HEADER_BYTES);
  let at = HEADER_BYTES + question.length;
  putUint16(query, at, type);
  putUint16(query, at + 2, CLASS_IN);
  at += 5; // and the OPT record's root name
  putUint16(query, at, TYPE.OPT);
  putUint16(query, at + 2, UDP_PAYLOAD_BYTES);
  return query;
}

/** The reply to this query, or undefined for anything else that arrives (RFC 5452 §9.1). */
function replyTo(query: Buffer, bytes: Buffer): RelayedReply | undefined {
  const reply = readRelayed(bytes);
  if (reply === undefined || uint16(bytes, 0) !== uint16(query, 0)) return undefined;
  const question = query.subarray(HEADER_BYTES, query.length - 11);
  const echoed = Buffer.from(bytes.subarray(HEADER_BYTES, reply.questionEnd));
  // Names are compared without regard to case; lengths and numbers have no letters' values.
  return echoed.toString('latin1').toLowerCase() === question.toString('latin1').toLowerCase()
    ? reply
    : undefined;
}

function askUdp(server: ServerAddress, query: Buffer, timeoutMs: number): Promise<Asked> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
    let isDone = false;
    const finish = (asked: Asked): void => {
      if (isDone) return;
      isDone = true;
      clearTimeout(timer);
      socket.close();
      resolve(asked);
    };
    const timer = setTimeout(
      () => finish({ kind: 'silent', reason: `no answer within ${timeoutMs / 1000} s` }),
      timeoutMs,
    );
    socket.on('message', (bytes) => {
      const reply = replyTo(query, bytes);
      if (reply !== undefined) finish({ kind: 'reply', reply });
    });
    socket.on('error', (error) => finish({ kind: 'silent', reason: reasonOf(error) }));
    // Connected: only its replies arrive, and a closed port is told at once.
    socket.connect(server.port, server.address, () => {
      if (!isDone) socket.send(query);
    });
  });
}

function askTcp(server: ServerAddress, query: Buffer, timeoutMs: number): Promise<Asked> {
  return new Promise((resolve) => {
    const socket = connect({ host: server.address, port: server.port });
    const finish = (asked: Asked): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(asked);
    };
    const timer = setTimeout(
      () => finish({ kind: 'silent', reason: `no answer over TCP within ${timeoutMs / 1000} s` }),
      timeoutMs,
    );
    const reader = new FrameReader((bytes) => {
      const reply = replyTo(query, bytes);
      if (reply !== undefined) finish({ kind: 'reply', reply });
    });
    socket.on('data', (chunk) => reader.push(chunk));
    socket.once('error', (error) => finish({ kind: 'silent', reason: `TCP: ${reasonOf(error)}` }));
    socket.once('close', () => finish({ kind: 'silent', reason: 'it closed the TCP connection' }));
    socket.once('connect', () => socket.write(framed(query)));
  });
}

function reasonOf(error: unknown): string {
  switch (codeOf(error)) {
    case 'ECONNREFUSED':
      return 'nobody listens there';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'no route leads there';
    default:
      return messageOf(error);
  }
}
