/** Forwarding through the running server, over both transports: the upstream's bytes, the client's ID and size. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ask, askBytes, askTcp } from '../support/ask.ts';
import {
  answer,
  cutOverUdp,
  FakeUpstream,
  late,
  message,
  type Script,
} from '../support/fake-upstream.ts';
import { Homeport } from '../support/homeport.ts';
import { optRecord, query, recordBytes, replyTo, show } from '../support/message.ts';

const REGION = 'us-east-1.domain.com';
const TRANSPORTS = process.platform === 'linux' ? ['batch', 'dgram'] : ['dgram'];

/** A reply as name servers compress it: every owner a pointer, an exchange that points into an owner's tail. */
function compressedMx(asked: Buffer): Buffer {
  const head = replyTo(asked, { flags: 0x8580 });
  head.writeUInt16BE(2, 6);
  head.writeUInt16BE(1, 10);
  const mx = Buffer.from('c00c000f00010000003c0009000a04' + '6d61696c' + 'c00c', 'hex');
  const second = Buffer.from('c00c000f00010000003c00040014c00c', 'hex');
  // mail.<qname> stands 14 bytes behind the question's end.
  const mailAt = 0xc000 | (head.length + 14);
  const glue = Buffer.from(`${mailAt.toString(16)}000100010000003c00040a000019`, 'hex');
  return Buffer.concat([head, mx, second, glue]);
}

/** A record of a type that nobody knows, with rdata that looks like a pointer. */
const unknownType: Script = ({ bytes }) => {
  const head = replyTo(bytes);
  head.writeUInt16BE(1, 6);
  return [Buffer.concat([head, Buffer.from('c00cff000001000000050004c00cc0ff', 'hex')])];
};

const manyAddresses = (count: number, name: string): string[] =>
  Array.from({ length: count }, (_, i) => `${name}. 60 IN A 10.9.${i >> 8}.${i & 255}`);

for (const transport of TRANSPORTS) {
  describe(`forwarding over ${transport}`, () => {
    let upstream: FakeUpstream;
    let server: Homeport;

    before(async () => {
      upstream = await FakeUpstream.start();
      upstream.answers({
        'www.example.com': answer('www.example.com. 60 IN A 10.9.8.7'),
        'mx.example.com': ({ bytes }) => [compressedMx(bytes)],
        'odd.example.com': unknownType,
        'big.example.com': cutOverUdp(answer(...manyAddresses(400, 'big.example.com'))),
        'twelve.example.com': cutOverUdp(answer(...manyAddresses(30, 'twelve.example.com'))),
        'slow.example.com': late(300, answer('slow.example.com. 60 IN A 10.9.8.6')),
        'opt.example.com': ({ bytes }) => [
          replyTo(bytes, {
            answers: ['opt.example.com. 60 IN A 10.9.8.5'],
            // An NSID option: not ours to read, the client's to have.
            opt: optRecord(4096, false, Buffer.from('00030004abcdef01', 'hex')),
          }),
        ],
        [`db.${REGION}`]: answer(`db.${REGION}. 60 IN A 10.1.1.1`),
      });
      server = await Homeport.start({
        config: { transport, region: REGION, upstreams: [upstream.url], cache: { size: 0 } },
      });
    });
    after(async () => {
      assert.deepEqual(upstream?.bareNames, []);
      await server?.stop();
      await upstream?.stop();
    });

    /** What the upstream would have sent to this very query. */
    const expected = async (script: Script, bytes: Buffer): Promise<Buffer> => {
      const [name = '', type = ''] = show(bytes).question.split(' ');
      const sent = await script({ name, type, via: 'tcp', bytes, port: 0, atMs: 0 });
      return sent === 'close' ? Buffer.alloc(0) : (sent[0] ?? Buffer.alloc(0));
    };

    const relayed: readonly { name: string; ask: Buffer; script: Script }[] = [
      {
        name: 'an address',
        ask: query('www.example.com', 'A', { id: 7 }),
        script: answer('www.example.com. 60 IN A 10.9.8.7'),
      },
      {
        name: 'compressed names, authority and glue as they came',
        ask: query('mx.example.com', 'MX', { id: 0xffff }),
        script: ({ bytes }) => [compressedMx(bytes)],
      },
      {
        name: 'a type that nobody knows, its rdata untouched (RFC 3597)',
        ask: query('odd.example.com', 'TYPE65280', { id: 0 }),
        script: unknownType,
      },
      {
        name: "the upstream's own EDNS options",
        ask: query('opt.example.com', 'A', { id: 9, edns: 4096 }),
        script: ({ bytes }) => [
          replyTo(bytes, {
            answers: ['opt.example.com. 60 IN A 10.9.8.5'],
            opt: optRecord(4096, false, Buffer.from('00030004abcdef01', 'hex')),
          }),
        ],
      },
      {
        name: 'a spelling of mixed case (0x20) as the client spelled it',
        ask: query('wWw.ExAmple.cOm', 'A', { id: 11 }),
        script: answer('www.example.com. 60 IN A 10.9.8.7'),
      },
    ];
    for (const { name, ask: bytes, script } of relayed) {
      it(`relays ${name}, byte for byte`, async () => {
        assert.deepEqual(await askBytes(server.port, bytes), await expected(script, bytes));
      });
    }

    it('denies a name as the upstream does, SOA and all', async () => {
      const reply = await ask(server.port, 'nowhere.example.com', 'AAAA');
      assert.equal(reply.rcode, 'NXDOMAIN');
      assert.match(reply.authority.join(), /SOA .*minimum=60/);
    });

    it('fetches over TCP what the upstream cuts, and cuts to the client by whole RRsets', async () => {
      for (const { edns, length } of [
        { edns: undefined, length: 512 },
        { edns: 1232, length: 1232 },
        { edns: 4096, length: 4096 },
      ]) {
        const bytes = query('big.example.com', 'A', edns === undefined ? {} : { edns });
        const reply = await askBytes(server.port, bytes);
        assert.ok(reply.length <= length, `${reply.length} bytes for ${length}`);
        assert.match(show(reply).flags, /tc/);
        assert.deepEqual(show(reply).answers, []);
      }
      const [whole] = await askTcp(server.port, [query('big.example.com', 'A')]);
      assert.equal(show(whole ?? Buffer.alloc(0)).answers.length, 400);
      assert.doesNotMatch(show(whole ?? Buffer.alloc(0)).flags, /tc/);
    });

    it('gives a client with EDNS what fits its size, and one without what fits 512 bytes', async () => {
      const large = await ask(server.port, 'twelve.example.com', 'A', { edns: 4096 });
      assert.equal(large.answers.length, 30);
      assert.doesNotMatch(large.flags, /tc/);
      const small = await ask(server.port, 'twelve.example.com', 'A');
      assert.deepEqual([small.answers, /tc/.test(small.flags)], [[], true]);
    });

    it('treats a payload size below 512 as 512 (RFC 6891 §6.2.3)', async () => {
      const reply = await ask(server.port, 'www.example.com', 'A', { edns: 0 });
      assert.deepEqual(reply.answers, ['www.example.com. 60 IN A 10.9.8.7']);
    });

    it('asks once for identical questions in flight, and answers each client', async () => {
      const clients = Array.from({ length: 40 }, () => ask(server.port, 'slow.example.com'));
      for (const reply of await Promise.all(clients)) {
        assert.deepEqual(reply.answers, ['slow.example.com. 60 IN A 10.9.8.6']);
      }
      assert.equal(upstream.countOf('slow.example.com'), 1);
    });

    it('puts the alias in front of what the region says of a bare name', async () => {
      const reply = await ask(server.port, 'dB');
      assert.deepEqual(reply.answers, [
        `dB. 0 IN CNAME dB.${REGION}.`,
        `db.${REGION}. 60 IN A 10.1.1.1`,
      ]);
    });

    it('asks from many ports with unpredictable IDs (RFC 5452 §9.2)', async () => {
      const from = upstream.seen.length;
      for (let i = 0; i < 60; i++) await ask(server.port, `n${i}.example.com`);
      const seen = upstream.seen.slice(from);
      const ports = new Set(seen.map(({ port }) => port));
      const ids = new Set(seen.map(({ bytes }) => bytes.readUInt16BE(0)));
      assert.ok(ports.size > 4, `${ports.size} ports`);
      assert.ok(ids.size > 50, `${ids.size} IDs`);
    });

    it('relays a message of 65,535 bytes over TCP', async () => {
      const asked = query('huge.example.com', 'TXT');
      const record = recordBytes(`huge.example.com. 60 IN TXT ${'x'.repeat(200)}`);
      const head = replyTo(asked);
      const count = Math.floor((65_535 - head.length) / record.length);
      head.writeUInt16BE(count, 6);
      const whole = Buffer.concat([head, ...Array.from({ length: count }, () => record)]);
      upstream.answers({ 'huge.example.com': cutOverUdp(message(whole)) });
      const [reply] = await askTcp(server.port, [asked]);
      assert.deepEqual(reply, whole);
    });
  });
}
