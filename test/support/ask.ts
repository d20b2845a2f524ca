/** Asks a server over real sockets, and reads the reply into lines. */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { query, type Shown, show } from './message.ts';

export interface AskOptions {
  readonly address?: string;
  readonly edns?: number;
  readonly timeoutMs?: number;
  /** The source address. */
  readonly from?: string;
}

/** One question over UDP. Rejects when nothing comes in time. */
export function ask(
  port: number,
  name: string,
  type = 'A',
  options: AskOptions = {},
): Promise<Shown> {
  const edns = options.edns === undefined ? {} : { edns: options.edns };
  return askBytes(
    port,
    query(name, type, { id: Math.floor(Math.random() * 0x10000), ...edns }),
    options,
  ).then(show);
}

/** Any bytes over UDP; resolves to the reply's bytes. */
export function askBytes(
  port: number,
  bytes: Uint8Array,
  options: AskOptions = {},
): Promise<Buffer> {
  const address = options.address ?? '127.0.0.1';
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const { promise, resolve, reject } = deferred<Buffer>();
  const timer = setTimeout(() => reject(new Error('no reply in time')), options.timeoutMs ?? 5_000);
  socket.on('message', resolve);
  socket.on('error', reject);
  const send = () => socket.send(bytes, port, address);
  if (options.from === undefined) send();
  else socket.bind(0, options.from, send);
  return promise.finally(() => {
    clearTimeout(timer);
    socket.close();
  });
}

/** Several queries over one TCP connection, pipelined; resolves to the replies in the order in which they came. */
export function askTcp(
  port: number,
  queries: readonly Uint8Array[],
  options: AskOptions = {},
): Promise<Buffer[]> {
  const socket = connect(port, options.address ?? '127.0.0.1');
  const { promise, resolve, reject } = deferred<Buffer[]>();
  const timer = setTimeout(() => reject(new Error('no reply in time')), options.timeoutMs ?? 5_000);
  let received = Buffer.alloc(0);
  const replies: Buffer[] = [];
  socket.on('error', reject);
  socket.on('close', () =>
    reject(new Error(`the connection ended after ${replies.length} replies`)),
  );
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const size = received.readUInt16BE(0);
      replies.push(received.subarray(2, 2 + size));
      received = received.subarray(2 + size);
    }
    if (replies.length === queries.length) resolve(replies);
  });
  for (const bytes of queries) {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    socket.write(Buffer.concat([length, bytes]));
  }
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

/** `Promise.withResolvers` comes with Node 22. */
function deferred<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: Error) => void;
} {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
