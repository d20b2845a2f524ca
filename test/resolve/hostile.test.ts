/** The core among hostile clients and upstreams, in simulated time: nothing thrown, nothing kept, no reply too many. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HostileMessages, numbersFrom } from '../listen/hostile-messages.ts';
import { replyTo } from '../support/message.ts';
import { clientAt, entry, Harness, type Sent } from '../support/resolver-harness.ts';

const MESSAGES = 15_000;

function populated(): Harness {
  const harness = new Harness({
    cache: { size: 200, maxTtlSeconds: 60, negativeMaxTtlSeconds: 60, serveStaleSeconds: 60 },
  });
  harness.upstreams({ '': ['10.0.0.2', '10.0.0.3'], 'corp.example': ['10.0.0.4'] });
  harness.own({
    web: ['10.1.1.1', 'fd00::1'],
    'svc-7': Array.from({ length: 80 }, (_, i) => `10.2.0.${i + 1}`),
    '*.env.dev': ['10.0.0.1'],
  });
  harness.apply({
    entries: [
      entry('alias', [], { cname: 'www.example.com' }),
      entry('ring', [], { cname: 'ring' }),
      entry('texts', ['10.0.0.1'], { texts: ['x'.repeat(900)] }),
    ],
  });
  return harness;
}

/** What a spoiled upstream says; undefined: nothing. */
function spoiled({ message }: Sent, random: (limit: number) => number): Buffer | undefined {
  if (random(5) === 0 || message.length < 17) return undefined;
  const answers = ['a.example. 1 IN A 10.0.0.1', 'a.example. 1 IN CNAME b.example.'];
  const reply = replyTo(message, { answers, authority: ['a. 5 IN SOA 3'], rcode: random(4) });
  for (let bends = random(5); bends > 0; bends--) {
    reply[2 + random(reply.length - 2)] = random(256);
  }
  return random(6) === 0 ? reply.subarray(0, random(reply.length + 1)) : reply;
}

for (const seed of [1, 2, 3]) {
  describe(`${MESSAGES} hostile messages from seed ${seed}`, () => {
    it('are served without a failure, and at most one reply each', () => {
      const harness = populated();
      const messages = new HostileMessages(seed);
      const random = numbersFrom(seed);
      for (let i = 0; i < MESSAGES; i++) {
        const length = messages.next();
        const bytes = Buffer.from(messages.bytes.subarray(0, length));
        harness.resolver.onQuery(bytes, length, clientAt('127.0.0.1', random(3) === 0));
        for (const sent of harness.sent.splice(0)) {
          const reply = spoiled(sent, random);
          if (reply !== undefined) harness.answer(sent, reply);
        }
        if (i % 50 === 0) harness.pass(random(3_000));
      }
      harness.pass(60_000);
      assert.deepEqual(harness.failures, []);
      assert.deepEqual([harness.resolver.pendingCount, harness.resolver.heldCount], [0, 0]);
      const { queries } = harness.resolver.counters;
      assert.ok(harness.replies.length <= queries);
      assert.ok(harness.replies.length > queries / 10);
      for (const { bytes } of harness.replies) {
        assert.ok(bytes.length >= 12 && (bytes.readUInt8(2) & 0x80) !== 0, bytes.toString('hex'));
      }
    });
  });
}
