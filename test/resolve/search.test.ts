/** What leaves for a bare name, however it was asked: the same query under the search domain. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { query, replyTo, show } from '../support/message.ts';
import { Harness } from '../support/resolver-harness.ts';

const REGION = 'us-east-1.domain.com';
const cookie = Buffer.from('000a00080123456789abcdef', 'hex');
const subnet = Buffer.from('00080007000118000a0000', 'hex');
const padding = Buffer.from('000c00080000000000000000', 'hex');

const cases: readonly { readonly name: string; readonly asked: Buffer; readonly opt: string }[] = [
  { name: 'without EDNS', asked: query('billing', 'A'), opt: '' },
  {
    name: 'with EDNS',
    asked: query('billing', 'A', { edns: 4096 }),
    opt: '00002904d0000000000000',
  },
  {
    name: 'with DO',
    asked: query('billing', 'AAAA', { edns: 512, dnssecOk: true }),
    opt: '00002904d0000080000000',
  },
  {
    name: 'with a cookie, as dig asks, which stays here',
    asked: query('billing', 'A', { edns: 1232, options: cookie }),
    opt: '00002904d0000000000000',
  },
  {
    name: 'with a client subnet between a cookie and padding',
    asked: query('billing', 'A', { edns: 1232, options: Buffer.concat([cookie, subnet, padding]) }),
    opt: `00002904d000000000000b${subnet.toString('hex')}`,
  },
  { name: 'without recursion desired', asked: query('billing', 'A', { flags: 0 }), opt: '' },
  {
    name: 'in the longest spelling that a search domain leaves room for',
    asked: query('x'.repeat(63), 'TXT', { edns: 1232, options: cookie }),
    opt: '00002904d0000000000000',
  },
];

describe('a bare name that goes upstream', () => {
  for (const { name, asked, opt } of cases) {
    it(`goes under the region, ${name}`, () => {
      const harness = new Harness();
      harness.upstreams({ '': ['10.0.0.2'] });
      harness.ask(asked);
      const sent = harness.sent[0]?.message ?? Buffer.alloc(0);
      const [bare, type] = show(asked).question.split(' ');
      assert.equal(show(sent).question, `${bare}${REGION}. ${type}`);
      assert.equal(sent.readUInt16BE(2), asked.readUInt16BE(2), 'flags as they came');
      const questionEnd = 12 + String(bare).length + REGION.length + 2 + 4;
      assert.equal(sent.subarray(questionEnd).toString('hex'), opt);
      const answer = `${bare}${REGION}. 60 IN TXT hello`;
      harness.answer(harness.sent[0], replyTo(sent, { answers: [answer] }));
      assert.equal(harness.last.answers[0], `${bare} 0 IN CNAME ${bare}${REGION}.`);
      assert.equal(harness.last.question, `${bare} ${type}`);
    });
  }

  it('is kept under the name that was asked, for whoever asks that', () => {
    const harness = new Harness({
      cache: { size: 10, maxTtlSeconds: 60, negativeMaxTtlSeconds: 60, serveStaleSeconds: 0 },
    });
    harness.upstreams({ '': ['10.0.0.2'] });
    harness.ask(query('billing', 'A', { edns: 1232, options: cookie }));
    const sent = harness.sent[0];
    const answers = [`billing.${REGION}. 60 IN A 10.66.6.6`];
    harness.answer(sent, replyTo(sent?.message ?? Buffer.alloc(0), { answers }));
    assert.deepEqual(
      harness.ask(query(`billing.${REGION}`, 'A', { edns: 1232 }))?.answers,
      answers,
    );
    assert.equal(
      harness.ask(query('BILLING', 'A', { edns: 512, options: cookie }))?.answers.length,
      2,
    );
    assert.equal(harness.sent.length, 1);
  });
});
