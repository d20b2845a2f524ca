import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { query, replyTo } from '../support/message.ts';
import { Harness } from '../support/resolver-harness.ts';

const CACHE = { size: 100, maxTtlSeconds: 3600, negativeMaxTtlSeconds: 60, serveStaleSeconds: 600 };

function caching(settings: Partial<typeof CACHE> = {}): Harness {
  const harness = new Harness({ cache: { ...CACHE, ...settings } });
  harness.upstreams({ '': ['10.0.0.2'] });
  return harness;
}

/** Asks; where the question goes upstream, that answers with these records. */
function fetch(
  harness: Harness,
  bytes: Buffer,
  reply: Parameters<typeof replyTo>[1],
): ReturnType<Harness['ask']> {
  const before = harness.sent.length;
  const told = harness.ask(bytes);
  const sent = harness.sent[before];
  if (sent === undefined) return told;
  harness.answer(sent, replyTo(sent.message, reply));
  return harness.last;
}

describe('kept answers', () => {
  const www = query('www.example.com', 'A');
  const answers = [
    'www.example.com. 300 IN CNAME host.example.com.',
    'host.example.com. 60 IN A 192.0.2.1',
  ];

  it("count their TTLs down, keep the client's spelling and ID, and lose the authority", () => {
    const harness = caching();
    fetch(harness, www, { answers, flags: 0x8580 });
    assert.equal(harness.last.flags, 'qr aa rd ra');
    harness.pass(20_000);
    const told = harness.ask(query('WWW.example.com', 'A', { id: 9 }));
    assert.deepEqual(told?.answers, [
      'www.example.com. 280 IN CNAME host.example.com.',
      'host.example.com. 40 IN A 192.0.2.1',
    ]);
    assert.deepEqual(
      [told?.question, told?.id, told?.flags],
      ['WWW.example.com. A', 9, 'qr rd ra'],
    );
    assert.equal(harness.sent.length, 1);
  });

  it('end with the shortest TTL of their records', () => {
    const harness = caching();
    fetch(harness, www, { answers });
    harness.pass(59_999);
    assert.ok(harness.ask(www));
    harness.pass(1);
    assert.equal(harness.ask(www), undefined);
    assert.equal(harness.sent.length, 2);
  });

  const apart = [
    { name: 'another type', other: query('www.example.com', 'AAAA') },
    { name: 'DO', other: query('www.example.com', 'A', { edns: 1232, dnssecOk: true }) },
    { name: 'no EDNS where there was some', other: query('www.example.com', 'A', { edns: 1232 }) },
    { name: 'CD', other: query('www.example.com', 'A', { flags: 0x0110 }) },
    { name: 'another name', other: query('ww.example.com', 'A') },
  ];
  for (const { name, other } of apart) {
    it(`are not given to a question with ${name}`, () => {
      const harness = caching();
      fetch(harness, www, { answers });
      assert.equal(harness.ask(other), undefined);
    });
  }

  it('keep a denial as long as its SOA says, at most as long as configured (RFC 2308 §5)', () => {
    const harness = caching();
    const denial = { rcode: 3, authority: ['example.com. 3600 IN SOA 3600'] };
    fetch(harness, www, denial);
    harness.pass(59_999);
    assert.equal(harness.ask(www)?.rcode, 'NXDOMAIN');
    assert.match(harness.last.authority[0] ?? '', /^example\.com\. 1 IN SOA/);
    harness.pass(1);
    assert.equal(harness.ask(www), undefined);
  });

  const unkept = [
    { name: 'a denial without SOA', reply: { rcode: 3 } },
    { name: 'a TTL of 0', reply: { answers: ['www.example.com. 0 IN A 192.0.2.1'] } },
    { name: 'a failure', reply: { rcode: 2 } },
    {
      name: 'a TTL with its top bit set',
      reply: { answers: ['www.example.com. 2147483648 IN A 192.0.2.1'] },
    },
  ];
  for (const { name, reply } of unkept) {
    it(`do not include ${name}`, () => {
      const harness = caching();
      fetch(harness, www, reply);
      assert.equal(harness.ask(www), undefined);
    });
  }

  it('are given past their time where no upstream answers, and at once for a while after that (RFC 8767)', () => {
    const harness = caching();
    fetch(harness, www, { answers });
    harness.pass(61_000);
    assert.equal(harness.ask(www), undefined);
    harness.pass(5_000);
    assert.deepEqual(harness.last.answers[1], 'host.example.com. 30 IN A 192.0.2.1');
    assert.ok(harness.ask(www), 'without asking again');
    harness.pass(601_000);
    assert.equal(harness.ask(www), undefined);
    harness.pass(10_000);
    assert.equal(harness.last.rcode, 'SERVFAIL', 'too old to be given');
  });

  it('are fetched anew in the last tenth of their time, if asked for then', () => {
    const harness = caching();
    fetch(harness, www, { answers });
    harness.pass(55_000);
    assert.ok(harness.ask(www), 'answered from what is kept');
    assert.equal(harness.sent.length, 2, 'and asked beside it');
    assert.ok(harness.ask(www));
    assert.equal(harness.sent.length, 2, 'once');
    harness.answer(
      harness.sent[1],
      replyTo(harness.sent[1]?.message ?? Buffer.alloc(0), { answers }),
    );
    harness.pass(30_000);
    assert.deepEqual(harness.ask(www)?.answers[1], 'host.example.com. 30 IN A 192.0.2.1');
  });

  it('are forgotten when the upstreams or the search domains change', () => {
    const harness = caching();
    fetch(harness, www, { answers });
    harness.upstreams({ '': ['10.0.0.3'] });
    assert.equal(harness.ask(www), undefined);
  });

  it('serve a bare name under the region, with the alias in front', () => {
    const harness = caching();
    const asked = query('redis', 'A');
    fetch(harness, asked, { answers: ['redis.us-east-1.domain.com. 60 IN A 192.0.2.5'] });
    assert.equal(harness.ask(asked)?.answers.length, 2);
    assert.equal(harness.sent.length, 1);
  });

  it('stay within their bounds, whatever is asked, and keep what is used', () => {
    const harness = caching({ size: 50 });
    fetch(harness, www, { answers: ['www.example.com. 3600 IN A 192.0.2.1'] });
    for (let i = 0; i < 500; i++) {
      const asked = query(`n${i}.example.com`, 'A');
      fetch(harness, asked, { answers: [`n${i}.example.com. 3600 IN A 192.0.2.1`] });
      assert.ok(harness.ask(www), 'the one that is used stays');
      assert.ok(harness.resolver.cachedCount <= 50);
    }
    assert.equal(harness.sent.length, 501);
  });

  it('are cut for a client that takes less than the answer', () => {
    const harness = caching();
    const many = Array.from({ length: 60 }, (_, i) => `big.example.com. 60 IN A 10.0.0.${i + 1}`);
    const asked = query('big.example.com', 'A', { edns: 4096 });
    fetch(harness, asked, { answers: many });
    const small = harness.ask(query('big.example.com', 'A', { edns: 512 }));
    assert.match(small?.flags ?? '', /tc/);
    assert.ok((harness.replies.at(-1)?.bytes.length ?? 9999) <= 512);
    assert.equal(harness.sent.length, 1);
  });
});
