/** Thousands of malformed messages over UDP and TCP: an error or silence, never a hang, and nobody else notices. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { HostileMessages, numbersFrom } from '../listen/hostile-messages.ts';
import { ask, askBytes } from '../support/ask.ts';
import { answer, FakeUpstream, type Script, withLength } from '../support/fake-upstream.ts';
import { Homeport } from '../support/homeport.ts';
import { query, replyTo, show } from '../support/message.ts';
import { TcpClient } from './tcp-client.ts';

const TRANSPORTS = process.platform === 'linux' ? ['batch', 'dgram'] : ['dgram'];
const DATAGRAMS = 6_000;
const STREAMS = 60;
const SEED = 20_240_611;

/** Upstreams may be hostile, too: replies bent as queries are. */
function hostileReplies(seed: number): Script {
  const random = numbersFrom(seed);
  return ({ bytes }) => {
    const reply = replyTo(bytes, {
      answers: ['a.example. 1 IN A 10.0.0.1', 'a.example. 1 IN CNAME b.example.'],
    });
    for (let i = random(8); i > 0; i--) reply[2 + random(reply.length - 2)] = random(256);
    return [reply.subarray(0, random(4) === 0 ? random(reply.length + 1) : reply.length)];
  };
}

for (const transport of TRANSPORTS) {
  describe(`malformed messages over ${transport}`, () => {
    let upstream: FakeUpstream;
    let server: Homeport;
    before(async () => {
      upstream = await FakeUpstream.start();
      upstream
        .answers({ 'good.example.com': answer('good.example.com. 0 IN A 10.0.0.1') })
        .otherwise(hostileReplies(SEED));
      server = await Homeport.start({
        config: {
          transport,
          region: 'us-east-1.domain.com',
          upstreams: [upstream.url],
          records: { web: '10.0.0.2' },
        },
      });
    });
    after(async () => {
      await server?.stop();
      await upstream?.stop();
    });

    const wellServed = async () => {
      assert.deepEqual((await ask(server.port, 'web')).answers, ['web. 0 IN A 10.0.0.2']);
      assert.deepEqual((await ask(server.port, 'good.example.com')).answers, [
        'good.example.com. 0 IN A 10.0.0.1',
      ]);
    };

    it(`answers well-formed queries among ${DATAGRAMS} malformed datagrams`, async () => {
      const messages = new HostileMessages(SEED);
      const socket = createSocket('udp4');
      let replies = 0;
      const bad: string[] = [];
      socket.on('message', (bytes) => {
        replies++;
        // What a client would choke on, or answer in turn.
        if (bytes.length < 12 || (bytes.readUInt8(2) & 0x80) === 0) bad.push(bytes.toString('hex'));
      });
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
      for (let i = 0; i < DATAGRAMS; i++) {
        const length = messages.next();
        socket.send(Buffer.from(messages.bytes.subarray(0, length)), server.port, '127.0.0.1');
        if (i % 100 === 99) await wellServed();
      }
      await wellServed();
      socket.close();
      assert.deepEqual(bad, []);
      assert.ok(replies > DATAGRAMS / 10, `${replies} replies`);
    });

    it(`serves others while ${STREAMS} connections carry rubbish`, async () => {
      const messages = new HostileMessages(SEED + 1);
      const random = numbersFrom(SEED);
      for (let i = 0; i < STREAMS; i++) {
        const client = await TcpClient.connect(server.port);
        for (let n = random(12); n >= 0; n--) {
          const bytes = Buffer.from(messages.bytes.subarray(0, messages.next()));
          const framed = withLength(bytes.subarray(0, 0xffff));
          // Now and then a length that promises more than comes, or a message cut short by the end.
          if (random(10) === 0) framed.writeUInt16BE(random(0x10000));
          client.socket.write(framed);
        }
        if (random(2) === 0) client.socket.end();
        await wellServed();
        client.close();
      }
    });

    it('answers malformed queries over TCP on one connection, and the good one behind them', async () => {
      const client = await TcpClient.connect(server.port);
      const noQuestion = Buffer.from('000101000000000000000000', 'hex');
      const twoQuestions = query('web', 'A', { id: 2 });
      twoQuestions.writeUInt16BE(2, 4);
      const status = query('web', 'A', { id: 3, flags: 0x1000 });
      const isReply = query('web', 'A', { id: 4, flags: 0x8000 });
      client.ask(noQuestion, twoQuestions, status, isReply, query('web', 'A', { id: 5 }));
      const replies = (await client.came(4)).map((bytes) => {
        const { id, rcode } = show(bytes);
        return `${id} ${rcode}`;
      });
      assert.deepEqual(replies, ['1 FORMERR', '2 FORMERR', '3 NOTIMP', '5 NOERROR']);
      client.close();
    });

    it('says nothing to a message without a whole header', async () => {
      for (const length of [0, 1, 11]) {
        const bytes = query('web', 'A').subarray(0, length);
        await assert.rejects(askBytes(server.port, bytes, { timeoutMs: 100 }));
      }
    });

    it('has counted them, and failed at none', async () => {
      const { counters } = JSON.parse((await server.run('status', '--json')).stdout);
      assert.equal(counters.failed, 0);
      assert.ok(counters.malformed > DATAGRAMS / 10, `${counters.malformed} were malformed`);
      assert.deepEqual(
        server.lines.filter(({ level }) => level === 'error'),
        [],
      );
    });
  });
}
