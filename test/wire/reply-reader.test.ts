/** The reader that looks at a reply as a whole, against the one that reads each record. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TYPE } from '../../src/dns/codes.ts';
import { uint32 } from '../../src/wire/query.ts';
import { readRelayed } from '../../src/wire/relayed.ts';
import { ReplyReader } from '../../src/wire/reply-reader.ts';
import { optRecord, query, replyTo } from '../support/message.ts';

const asked = query('www.example.com', 'A', { edns: 1232 });
const replies = [
  replyTo(asked, {
    answers: ['www.example.com. 300 IN CNAME a.example.', 'a.example. 60 IN A 10.0.0.1'],
  }),
  replyTo(asked, {
    answers: ['www.example.com. 30 IN CNAME a.example.'],
    authority: ['example. 20 IN SOA 10'],
  }),
  replyTo(asked, {
    rcode: 3,
    authority: ['example. 600 IN SOA 60'],
    opt: optRecord(1232, true, Buffer.from('000300010a', 'hex')),
  }),
  replyTo(asked, {
    rcode: 2,
    flags: 0x8380,
    opt: optRecord(512, false, Buffer.from('000a0008010203040506070800030000', 'hex')),
  }),
];

describe('a reply that is read as a whole', () => {
  const change = fc.record({ at: fc.nat(140), to: fc.nat(255) });
  it('is what it is record by record, whatever bytes it has', () => {
    const reader = new ReplyReader();
    fc.assert(
      fc.property(
        fc.constantFrom(...replies),
        fc.array(change, { maxLength: 4 }),
        fc.nat(8),
        (reply, changes, cut) => {
          const bytes = Buffer.from(reply.subarray(0, reply.length - (cut > 5 ? cut - 5 : 0)));
          for (const { at, to } of changes) bytes[at % bytes.length] = to;
          const read = readRelayed(bytes);
          assert.equal(reader.read(bytes, bytes.length), read !== undefined);
          if (read === undefined) return;
          assert.equal(reader.length, read.bytes.length);
          assert.equal(reader.rcode, read.rcode);
          assert.equal(reader.isTruncated, read.isTruncated);
          assert.equal(reader.questionEnd, read.questionEnd);
          assert.equal(reader.hasOpt, read.opt !== undefined);
          const ttls = read.records
            .filter(({ type }) => type !== TYPE.OPT)
            .map(({ fixed }) => uint32(bytes, fixed + 4))
            .map((ttl) => (ttl > 0x7fffffff ? 0 : ttl));
          assert.equal(reader.ttlSeconds, Math.min(Number.POSITIVE_INFINITY, ...ttls));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  const told = [
    { name: 'an answer behind an alias', reply: replies[0], want: [60, true, false, false] },
    {
      name: 'an alias to a name without the type',
      reply: replies[1],
      want: [20, false, true, false],
    },
    { name: 'a denial', reply: replies[2], want: [600, false, true, false] },
    {
      name: 'options that are for us alone',
      reply: replies[3],
      want: [Number.POSITIVE_INFINITY, false, false, true],
    },
  ];
  for (const { name, reply = asked, want } of told) {
    it(`tells ${name}`, () => {
      const reader = new ReplyReader();
      assert.ok(reader.read(reply, reply.length));
      const { ttlSeconds, hasAnswer, isDenial, hasHopOptions } = reader;
      assert.deepEqual([ttlSeconds, hasAnswer, isDenial, hasHopOptions], want);
    });
  }
});
