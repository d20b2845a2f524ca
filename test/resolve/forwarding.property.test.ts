/** What is used again for one question after the other must never show: each query gets its own answer, once, whatever upstreams do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { query, replyTo, show } from '../support/message.ts';
import { entry, Harness, type Sent } from '../support/resolver-harness.ts';

const LONG = `${'l'.repeat(63)}.${'m'.repeat(63)}.${'n'.repeat(63)}.example.com`;
const NAMES = ['a.example.com', 'b.example.com', 'Cc.example.com', 'bare', 'other', 'alias', LONG];
const COOKIE = Buffer.from('000a00080123456789abcdef', 'hex');
/** An option that makes a query longer than the room that is kept for one. */
const PADDED = Buffer.concat([Buffer.from('fde90258', 'hex'), Buffer.alloc(600, 7)]);

/** What every upstream says of a name: an address that is made of it. */
function addressOf(name: string): string {
  let hash = 7;
  for (const letter of name.toLowerCase()) hash = (hash * 31 + letter.charCodeAt(0)) & 0xffff;
  return `192.0.${hash >> 8}.${hash & 255}`;
}

function answerTo(sent: Sent, ttl: number): Buffer {
  const name = show(sent.message).question.split(' ')[0] ?? '';
  return replyTo(sent.message, { answers: [`${name} ${ttl} IN A ${addressOf(name)}`] });
}

/** The name whose address a client is told that asks for `name`. */
function answered(name: string): string {
  if (name === 'alias') return addressOf('a.example.com.');
  return addressOf(name.includes('.') ? `${name}.` : `${name}.us-east-1.domain.com.`);
}

type Step = (harness: Harness, asked: Map<number, string>) => void;

const asking: fc.Arbitrary<Step> = fc
  .record({
    names: fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 6 }),
    isTcp: fc.boolean(),
    options: fc.constantFrom(undefined, undefined, Buffer.alloc(0), COOKIE, PADDED),
  })
  .map(({ names, isTcp, options }) => (harness, asked) => {
    for (const name of names) {
      const id = asked.size + 1;
      asked.set(id, name);
      const bytes = query(name, 'A', {
        id,
        ...(options === undefined ? {} : { edns: 1232, options }),
      });
      harness.ask(bytes, { address: '127.0.0.1', isTcp });
    }
  });

const sentBefore = fc.nat(20);

/** The upstream says something about one of the queries that it was sent lately. */
const hearing: fc.Arbitrary<Step> = fc
  .record({
    back: sentBefore,
    what: fc.constantFrom('answer', 'answer', 'answer', 'refuse', 'cut', 'forge', 'error', 'gone'),
    ttl: fc.constantFrom(0, 0, 5, 300),
  })
  .map(({ back, what, ttl }) => (harness) => {
    const sent = harness.sent.at(-1 - back);
    if (sent === undefined) return;
    const { resolver } = harness;
    if (what === 'answer') harness.answer(sent, answerTo(sent, ttl));
    else if (what === 'refuse') harness.answer(sent, replyTo(sent.message, { rcode: 5 }));
    else if (what === 'cut') harness.answer(sent, replyTo(sent.message, { flags: 0x8380 }));
    else if (what === 'gone' && sent.token > 0) resolver.onStreamReply(sent.token, null, 'gone');
    else if (what === 'error' && sent.token === 0)
      resolver.onUpstreamError(sent.server.id, sent.socket, 'ECONNREFUSED');
    else if (what === 'forge') {
      const forged = answerTo(sent, 300);
      forged[15] = (forged[15] ?? 0) ^ 1;
      harness.answer(sent, forged);
    }
  });

const passing: fc.Arbitrary<Step> = fc
  .constantFrom(10, 500, 1_100, 5_000)
  .map((ms) => (harness) => harness.pass(ms));

const step = fc.oneof(
  { weight: 5, arbitrary: asking },
  { weight: 8, arbitrary: hearing },
  { weight: 1, arbitrary: passing },
);

describe('queries that are forwarded', () => {
  it('get their own answers, once each, whatever upstreams do in whatever order', () => {
    let answers = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 150 }), (steps) => {
        const harness = new Harness({
          cache: { size: 5, maxTtlSeconds: 60, negativeMaxTtlSeconds: 60, serveStaleSeconds: 60 },
        });
        harness.upstreams({ '': ['10.0.0.2', '10.0.0.3'] });
        harness.apply({ entries: [entry('alias', [], { cname: 'a.example.com' })] });
        const asked = new Map<number, string>();
        for (const happen of steps) happen(harness, asked);
        harness.pass(30_000);
        assert.deepEqual(harness.failures, []);
        assert.equal(harness.resolver.pendingCount, 0);
        assert.equal(harness.replies.length, asked.size, 'one reply each');
        for (const { bytes } of harness.replies) {
          const { id, question, rcode, flags, answers: records } = show(bytes);
          const name = asked.get(id);
          assert.ok(name !== undefined, 'nobody is answered twice');
          asked.delete(id);
          assert.equal(question, `${name}. A`);
          // An upstream that cuts its answer over TCP too has said nothing.
          if (rcode !== 'NOERROR' || flags.includes('tc')) continue;
          answers++;
          assert.equal(records.at(-1)?.split(' ').at(-1), answered(name), name);
        }
      }),
      { numRuns: 60 },
    );
    assert.ok(answers > 200, `${answers} answers`);
  });
});
