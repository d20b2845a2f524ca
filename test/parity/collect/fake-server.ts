/** A DNS server on 127.0.0.1 for tests: answers from a table in the notation of profiles, and counts what it is asked. */
import { createSocket, type Socket } from 'node:dgram';
import { addressBytes } from '../../../src/dns/address.ts';
import { textOfWire } from '../../../src/dns/name.ts';

const HEADER_BYTES = 12;
const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

export interface FakeServer {
  readonly port: number;
  readonly asked: string[];
  close(): void;
}

/** `NAME TYPE` to an address, or a rcode, or `TIMEOUT`; anything else is NXDOMAIN. */
export async function fakeServer(
  answers: Readonly<Record<string, string>>,
  address = '127.0.0.1',
  port = 0,
): Promise<FakeServer> {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (query, from) => {
    const question = questionOf(query);
    asked.push(question);
    const reply = replyTo(query, answers[question] ?? 'NXDOMAIN');
    if (reply !== undefined) socket.send(reply, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(port, address, resolve));
  return { port: portOf(socket), asked, close: () => socket.close() };
}

function portOf(socket: Socket): number {
  return socket.address().port;
}

function questionOf(query: Buffer): string {
  const name = textOfWire(query, HEADER_BYTES);
  const type = query.readUInt16BE(query.length - 4) === 1 ? 'A' : 'AAAA';
  return `${name.replace(/\.$/, '')} ${type}`;
}

function replyTo(query: Buffer, answer: string): Buffer | undefined {
  if (answer === 'TIMEOUT') return undefined;
  const reply = Buffer.from(query);
  const rcode = RCODES.indexOf(answer);
  reply.writeUInt16BE(0x8180 | Math.max(rcode, 0), 2);
  const bytes = addressBytes(answer);
  if (bytes === undefined) return reply;
  reply.writeUInt16BE(1, 6);
  const record = Buffer.alloc(12);
  record.writeUInt16BE(0xc00c, 0);
  record.writeUInt16BE(bytes.length === 4 ? 1 : 28, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(60, 6);
  record.writeUInt16BE(bytes.length, 10);
  return Buffer.concat([reply, record, bytes]);
}
