/**
 * Hostile messages against the answering thread as it is shipped, over both transports, with a hostile
 * upstream behind it. Seeded; HOMEPORT_FUZZ=5000000 sends that many over each, HOMEPORT_FUZZ_SEED others.
 */
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { Answering } from '../../src/daemon/answering.ts';
import type { FromAnswering } from '../../src/daemon/messages.ts';
import { sealDelta } from '../../src/names/sealed-delta.ts';
import { entry, SETTINGS } from '../support/resolver-harness.ts';
import { HostileMessages, numbersFrom } from './hostile-messages.ts';
import { queryMessage } from './scripted-thread.ts';

const MESSAGES = Number(process.env.HOMEPORT_FUZZ ?? 30_000);
const SEED = Number(process.env.HOMEPORT_FUZZ_SEED ?? 20_260_101);
/** Sent between two queries that must be answered, so that no buffer overflows. */
const VOLLEY = 128;
const HEADER_BYTES = 12;
const MAX_REPLY_BYTES = 4096;

const DELTA = sealDelta({
  entries: [entry('web', ['10.0.0.1'])],
  forgotten: [],
  clients: [],
  leftClients: [],
  networks: null,
  reverse: [],
});

/** An upstream whose replies are bent as well: some the query itself as a reply, most not what anybody asked. */
async function hostileUpstream(): Promise<Socket> {
  const socket = createSocket('udp4');
  const random = numbersFrom(SEED);
  const messages = new HostileMessages(SEED + 1);
  socket.on('message', (query, { port, address }) => {
    const reply = Buffer.from(query);
    if (reply.length > 3) reply[2] = (reply[2] ?? 0) | 0x80;
    for (let i = random(4); i > 0; i--) reply[random(reply.length)] = random(256);
    const length = messages.next();
    const bent = random(3) === 0 ? messages.bytes.subarray(0, length) : reply;
    if (random(8) > 0) socket.send(bent, port, address, () => {});
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

for (const kind of ['batch', 'dgram'] as const) {
  const skip = kind === 'batch' && process.platform !== 'linux' ? 'not Linux' : false;
  describe(`the answering thread over ${kind}, asked by strangers`, { skip }, () => {
    const told: FromAnswering[] = [];
    const deaths: string[] = [];
    let answering: Answering;
    let upstream: Socket;
    let client: Socket;
    let port = 0;

    before(async () => {
      upstream = await hostileUpstream();
      answering = new Answering(
        {
          transport: kind,
          settings: { ...SETTINGS, cache: { ...SETTINGS.cache, size: 1000 } },
          isShared: false,
        },
        {
          refresh: () => Promise.resolve(),
          askStream: (_server, _message, done) => done(null, 'no streams here'),
          told: (message) => told.push(message),
          died: (reason) => deaths.push(reason),
        },
      );
      const server = { id: 1, address: '127.0.0.1', port: upstream.address().port, tlsName: null };
      answering.post({ kind: 'upstreams', groups: [{ domain: '', servers: [server] }] });
      answering.post({ kind: 'delta', delta: DELTA });
      ({ port } = await answering.listen({ address: '127.0.0.1', port: 0 }));
      client = createSocket('udp4');
      client.bind(0, '127.0.0.1');
      await once(client, 'listening');
      client.connect(port, '127.0.0.1');
      await once(client, 'connect');
      client.setRecvBufferSize(4 * 1024 * 1024);
    });

    after(async () => {
      client.close();
      await answering.close();
      upstream.close();
    });

    /** Asks for the owned name; what else arrives meanwhile goes to `other`. */
    async function isServing(id: number, other: (reply: Buffer) => void): Promise<void> {
      const query = queryMessage(id, 'web');
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          clearInterval(again);
          reject(new Error('it answers no more'));
        }, 10_000);
        const hear = (reply: Buffer): void => {
          const isOurs = reply.readUInt16BE(0) === id && reply.includes(Buffer.from([10, 0, 0, 1]));
          if (!isOurs) {
            other(reply);
            return;
          }
          clearTimeout(timer);
          clearInterval(again);
          client.off('message', hear);
          resolve();
        };
        client.on('message', hear);
        client.send(query);
        // A volley's replies may be more than this socket holds, and this one's among those that are lost.
        const again = setInterval(() => client.send(query), 500);
      });
    }

    it(`answers on, through ${MESSAGES} hostile messages, and says nothing that is no reply`, async () => {
      const hostile = new HostileMessages(SEED);
      const check = (reply: Buffer): void => {
        assert.ok(reply.length >= HEADER_BYTES && reply.length <= MAX_REPLY_BYTES);
        assert.ok(((reply[2] ?? 0) & 0x80) !== 0, 'a reply without QR');
      };
      for (let sent = 0; sent < MESSAGES; sent += VOLLEY) {
        for (let i = 0; i < VOLLEY; i++) {
          const length = hostile.next();
          client.send(Buffer.from(hostile.bytes.subarray(0, length)));
        }
        await isServing(sent & 0xffff, check);
      }
      const report = await answering.report();
      assert.equal(report.transport, kind);
      assert.ok(report.counters.malformed > MESSAGES / 20, 'hardly anything was malformed');
      assert.ok(report.counters.forwarded > MESSAGES / 100, 'hardly anything was forwarded');
      assert.deepEqual(
        told.filter((message) => message.kind === 'failed'),
        [],
      );
      assert.deepEqual(deaths, []);
    });

    it('never answers a reply', async () => {
      const hostile = new HostileMessages(SEED + 2);
      const replies: Buffer[] = [];
      for (let volley = 0; volley < 20; volley++) {
        for (let i = 0; i < VOLLEY; i++) {
          const length = hostile.next();
          const message = Buffer.from(hostile.bytes.subarray(0, length));
          // Nothing that could be taken for the question that shows that it serves.
          if (length < 3 || message.includes('web')) continue;
          message[2] = (message[2] ?? 0) | 0x80;
          message.writeUInt16BE(0xffff, 0);
          client.send(message);
        }
        await isServing(volley, (reply) => {
          if (reply.readUInt16BE(0) === 0xffff) replies.push(reply);
        });
      }
      assert.deepEqual(replies, []);
    });
  });
}
