/** A DNS server on 127.0.0.1, UDP and TCP on one port, that answers with what it is told. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { FrameReader, framed } from '../../src/wire/frames.ts';

/** What to answer a query with; null: nothing. */
export type Answerer = (query: Buffer, isTcp: boolean) => Buffer | readonly Buffer[] | null;

export interface DnsServer {
  readonly port: number;
  readonly address: string;
  close(): Promise<void>;
}

/** Starts one. */
export async function startDnsServer(answer: Answerer): Promise<DnsServer> {
  const tcp = createServer((socket) => {
    const reader = new FrameReader((query) => {
      for (const reply of repliesOf(answer(query, true))) socket.write(framed(reply));
    });
    socket.on('data', (chunk) => reader.push(chunk));
    socket.on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const bound = tcp.address();
  if (bound === null || typeof bound === 'string') throw new Error('not bound to a port');
  const udp = createSocket('udp4');
  udp.on('message', (query, from) => {
    for (const reply of repliesOf(answer(query, false))) udp.send(reply, from.port, from.address);
  });
  udp.bind(bound.port, '127.0.0.1');
  await once(udp, 'listening');
  return {
    port: bound.port,
    address: '127.0.0.1',
    close: async () => {
      udp.close();
      tcp.close();
      await once(tcp, 'close');
    },
  };
}

function repliesOf(replies: Buffer | readonly Buffer[] | null): readonly Buffer[] {
  if (replies === null) return [];
  return Buffer.isBuffer(replies) ? [replies] : replies;
}
