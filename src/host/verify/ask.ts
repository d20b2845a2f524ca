/** Asks one DNS server one question over UDP, as a stub resolver would. */
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';

const DNS_PORT = 53;
const ATTEMPT_MS = 500;

export interface Reply {
  readonly rcode: number;
  /** IPv4 addresses of the answer section. */
  readonly addresses: readonly string[];
  readonly ms: number;
}

/**
 * Sends one query and waits for its reply.
 *
 * @param name as written, `.` for the root
 * @returns null: no reply in that time, or a refused port
 */
export function ask(
  server: string,
  name: string,
  options: { readonly type?: 'A' | 'NS'; readonly timeoutMs?: number } = {},
): Promise<Reply | null> {
  const { type = 'A', timeoutMs = ATTEMPT_MS } = options;
  const id = Math.floor(Math.random() * 0x10000);
  const query = queryBytes(id, name, type === 'A' ? 1 : 2);
  const begun = performance.now();
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(server) ? 'udp6' : 'udp4');
    const end = (reply: Reply | null): void => {
      clearTimeout(timer);
      socket.close();
      resolve(reply);
    };
    const timer = setTimeout(() => end(null), timeoutMs);
    socket.once('error', () => end(null));
    socket.on('message', (message) => {
      if (message.length < 12 || message.readUInt16BE(0) !== id || (message[2] ?? 0) < 0x80) return;
      const rcode = (message[3] ?? 0) & 0x0f;
      end({ rcode, addresses: addressesIn(message), ms: performance.now() - begun });
    });
    // Connected, a closed port is told at once.
    socket.connect(DNS_PORT, server, () => socket.send(query));
  });
}

/** Asks the root's nameservers until anything answers; that it answers is the point. */
export async function answersSoon(server: string, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    if ((await ask(server, 'localhost.')) !== null) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

function queryBytes(id: number, name: string, type: number): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  const parts = labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]);
  const head = Buffer.from([id >> 8, id & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([head, ...parts, Buffer.from([0, 0, type, 0, 1])]);
}

function addressesIn(message: Buffer): readonly string[] {
  const addresses: string[] = [];
  let at = 12;
  for (let left = message.readUInt16BE(4); left > 0; left -= 1) at = afterName(message, at) + 4;
  for (let left = message.readUInt16BE(6); left > 0 && at < message.length; left -= 1) {
    at = afterName(message, at);
    if (at + 10 > message.length) break;
    const type = message.readUInt16BE(at);
    const length = message.readUInt16BE(at + 8);
    if (type === 1 && length === 4) addresses.push(message.subarray(at + 10, at + 14).join('.'));
    at += 10 + length;
  }
  return addresses;
}

function afterName(message: Buffer, from: number): number {
  let at = from;
  while (at < message.length) {
    const length = message[at] ?? 0;
    if (length >= 0xc0) return at + 2;
    if (length === 0) return at + 1;
    at += 1 + length;
  }
  return at;
}
