/** Asks a DNS server an address question over UDP, as a plain stub does. */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { canonicalAddress } from '../../dns/address.ts';
import { codeOf } from '../../errors.ts';
import type { AddressType } from '../answer.ts';
import { type AddressReply, decodeReply, encodeQuestion } from './dns-message.ts';

/** What came back. `closed`: nobody listens there. */
export type Asked =
  | { readonly kind: 'reply'; readonly reply: AddressReply }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'closed' };

/** Asks one question of one server. Never rejects. */
export type Ask = (server: string, name: string, type: AddressType) => Promise<Asked>;

/** How long to wait, and how often to ask. */
export interface AskOptions {
  readonly timeoutMs?: number;
  readonly attempts?: number;
  readonly port?: number;
  readonly signal?: AbortSignal;
}

const DNS_PORT = 53;
const TIMEOUT_MS = 2000;
const ATTEMPTS = 2;
/** Questions that are under way at a time: a courtesy to production's servers. */
const PARALLEL = 16;

/** Makes an `Ask` with at most sixteen questions under way. */
export function asker(options: AskOptions = {}): Ask {
  const turn = turns(PARALLEL);
  return (server, name, type) => turn(() => askOnce(server, name, type, options));
}

async function askOnce(
  server: string,
  name: string,
  type: AddressType,
  { timeoutMs = TIMEOUT_MS, attempts = ATTEMPTS, port = DNS_PORT, signal }: AskOptions,
): Promise<Asked> {
  let query: Buffer;
  try {
    query = encodeQuestion(randomInt(0x10000), name, type);
  } catch {
    // What DNS cannot carry is never answered.
    return { kind: 'timeout' };
  }
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (signal?.aborted) break;
    const asked = await exchange(server, port, query, timeoutMs, signal);
    if (asked.kind !== 'timeout') return asked;
  }
  return { kind: 'timeout' };
}

function exchange(
  server: string,
  port: number,
  query: Buffer,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Asked> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(server.replace(/%.*$/, '')) ? 'udp6' : 'udp4');
    const timer = setTimeout(() => finish({ kind: 'timeout' }), timeoutMs);
    const onAbort = (): void => finish({ kind: 'timeout' });
    let isDone = false;
    const finish = (asked: Asked): void => {
      if (isDone) return;
      isDone = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.close();
      resolve(asked);
    };
    signal?.addEventListener('abort', onAbort);
    socket.on('message', (message, from) => {
      if (canonicalAddress(from.address) !== canonicalAddress(server) || from.port !== port) return;
      const reply = decodeReply(message, query);
      if (reply !== undefined) finish({ kind: 'reply', reply });
    });
    socket.on('error', (error) => {
      finish({ kind: codeOf(error) === 'ECONNREFUSED' ? 'closed' : 'timeout' });
    });
    // Connected, so that a refused port is told at once.
    socket.connect(port, server, () => {
      if (!isDone) socket.send(query);
    });
  });
}

/** Lets `most` run at a time, the rest in their order. */
function turns(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    running++;
    try {
      return await work();
    } finally {
      running--;
      waiting.shift()?.();
    }
  };
}

/** An answer as profiles write it. */
export function writtenAnswer(asked: Asked): string | readonly string[] {
  if (asked.kind === 'timeout') return 'TIMEOUT';
  if (asked.kind === 'closed') return 'CLOSED';
  const { reply } = asked;
  const PLAIN_UDP_BYTES = 512;
  const words = [
    ...(reply.rcode === 'NOERROR' ? [] : [reply.rcode]),
    ...reply.addresses,
    ...(reply.rcode === 'NOERROR' && reply.addresses.length === 0 ? ['NODATA'] : []),
    ...(reply.cname === undefined ? [] : [`CNAME ${reply.cname}`]),
    ...(reply.isAuthoritative ? ['AA'] : []),
    ...(reply.isRecursionAvailable ? [] : ['noRA']),
    ...(reply.isTruncated ? ['TC'] : []),
    ...(reply.ttlSeconds === undefined ? [] : [`TTL:${reply.ttlSeconds}`]),
    ...(reply.bytes > PLAIN_UDP_BYTES ? [`SIZE:${reply.bytes}`] : []),
  ];
  return words.length === 1 ? (words[0] ?? '') : words;
}
