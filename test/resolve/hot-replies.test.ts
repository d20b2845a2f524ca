/** Replies kept by their query: when they are given, and when never again. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { ALWAYS, HotReplies } from '../../src/resolve/hot-replies.ts';
import { replyTo as answerTo, query, show } from '../support/message.ts';
import { Harness } from '../support/resolver-harness.ts';

/** A reply to `message` with these bytes behind the question. */
function replyTo(message: Buffer, questionEnd: number, tail: Buffer): Buffer {
  const reply = Buffer.concat([message.subarray(0, questionEnd), tail]);
  reply.writeUInt16BE(0x8580, 2);
  reply.writeUInt16BE(1, 6);
  return reply;
}

describe('kept replies', () => {
  let hot: HotReplies;
  const out = Buffer.alloc(4096);
  const message = query('web.us-east-1.domain.com', 'A', { id: 7 });
  const tail = Buffer.from('c00c000100010000000000040a000001', 'hex');
  const reply = replyTo(message, message.length, tail);

  beforeEach(() => {
    hot = new HotReplies(1);
    hot.keep(message, 1, reply, reply.length, message.length, ALWAYS);
  });

  it('are given again under the ID of whoever asks', () => {
    const again = query('web.us-east-1.domain.com', 'A', { id: 0xbeef });
    const slot = hot.find(again, 1, 0);
    const length = hot.write(slot, out, again);
    const want = Buffer.from(reply);
    want.writeUInt16BE(0xbeef, 0);
    assert.deepEqual(out.subarray(0, length), want);
  });

  const others = [
    { name: 'another type', ask: query('web.us-east-1.domain.com', 'AAAA'), view: 1 },
    { name: 'another spelling', ask: query('WEB.us-east-1.domain.com', 'A'), view: 1 },
    { name: 'other flags', ask: query('web.us-east-1.domain.com', 'A', { flags: 0 }), view: 1 },
    { name: 'EDNS', ask: query('web.us-east-1.domain.com', 'A', { edns: 1232 }), view: 1 },
    { name: 'a longer name', ask: query('web.us-east-1.domain.com.org', 'A'), view: 1 },
    { name: 'another view', ask: message, view: 2 },
  ];
  for (const { name, ask, view } of others) {
    it(`are not given to ${name}`, () => assert.equal(hot.find(ask, view, 0), -1));
  }

  it('are forgotten all at once', () => {
    hot.flush();
    assert.equal(hot.find(message, 1, 0), -1);
    hot.keep(message, 1, reply, reply.length, message.length, ALWAYS);
    assert.notEqual(hot.find(message, 1, 0), -1);
  });

  it('are not kept where they are too large for a place', () => {
    const large = Buffer.alloc(400);
    hot.keep(query('large', 'TXT'), 1, large, 400, 23, ALWAYS);
    assert.equal(hot.find(query('large', 'TXT'), 1, 0), -1);
  });

  it('take each other’s places without being taken for each other', () => {
    const names = Array.from({ length: 100_000 }, (_, i) => `svc-${i}`);
    for (const [i, name] of names.entries()) {
      const asked = query(name, 'A');
      const address = Buffer.from(tail);
      address.writeUInt32BE(i, 12);
      const made = replyTo(asked, asked.length, address);
      hot.keep(asked, 1, made, made.length, asked.length, ALWAYS);
    }
    let found = 0;
    for (const [i, name] of names.entries()) {
      const asked = query(name, 'A');
      const slot = hot.find(asked, 1, 0);
      if (slot < 0) continue;
      found++;
      const length = hot.write(slot, out, asked);
      assert.equal(out.readUInt32BE(length - 4), i);
    }
    assert.ok(found > 20_000, `${found} of the latest are left`);
  });
});

/** What each change of the world must show at once, although the same was asked a moment before. */
describe('a name that was asked a moment ago', () => {
  it('is answered with its new address at once', () => {
    const harness = new Harness();
    for (let i = 1; i < 50; i++) {
      harness.own({ web: [`10.0.0.${i}`] });
      for (let again = 0; again < 3; again++) {
        assert.deepEqual(harness.lookUp('web')?.answers, [`web. 0 IN A 10.0.0.${i}`]);
      }
    }
  });

  it('is not answered any more once it is gone', () => {
    const harness = new Harness();
    harness.own({ web: ['10.0.0.1'] });
    harness.lookUp('web');
    harness.lookUp('web');
    harness.apply({ forgotten: ['web'] });
    assert.deepEqual(harness.lookUp('web')?.answers ?? [], []);
  });

  it('waits while an event of it is looked into', () => {
    const harness = new Harness();
    harness.own({ web: ['10.0.0.1'] });
    harness.lookUp('web');
    harness.resolver.touch(1, ['web']);
    assert.equal(harness.lookUp('web'), undefined);
    harness.own({ web: ['10.0.0.2'] });
    harness.resolver.settle(1);
    assert.deepEqual(harness.last.answers, ['web. 0 IN A 10.0.0.2']);
  });

  it('waits each time while its owner may be dying', () => {
    const harness = new Harness();
    harness.resolver.setEngines([{ engine: '', isAskable: true, stale: null }]);
    harness.own({ web: ['10.0.0.1'] });
    harness.lookUp('web');
    harness.resolver.suspect(['web'], harness.nowMs + 5_000);
    for (let look = 1; look <= 3; look++) {
      assert.equal(harness.lookUp('web'), undefined, `look ${look}`);
      harness.resolver.onRefreshed(harness.refreshes.at(-1) ?? 0);
      assert.deepEqual(harness.last.answers, ['web. 0 IN A 10.0.0.1']);
      harness.pass(300);
    }
  });

  it('says from the first query on that its engine is not heard any more', () => {
    const harness = new Harness();
    harness.own({ web: ['10.0.0.1'] });
    const asked = query('web', 'A', { edns: 1232 });
    harness.ask(asked);
    harness.ask(asked);
    harness.resolver.setEngines([{ engine: '', isAskable: false, stale: 'not heard' }]);
    assert.deepEqual(harness.ask(asked)?.errors, ['3 not heard']);
  });

  it('is asked of the new upstreams at once', () => {
    const harness = new Harness({
      cache: { size: 10, maxTtlSeconds: 86400, negativeMaxTtlSeconds: 900, serveStaleSeconds: 0 },
    });
    harness.upstreams({ '': ['192.0.2.1'] });
    harness.lookUp('www.example.com');
    const sent = harness.sent[0]?.message ?? Buffer.alloc(0);
    harness.answer(
      harness.sent[0],
      answerTo(sent, { answers: ['www.example.com. 60 IN A 10.0.0.9'] }),
    );
    harness.lookUp('www.example.com');
    assert.ok(harness.lookUp('www.example.com'));
    harness.upstreams({ '': ['192.0.2.2'] });
    assert.equal(harness.lookUp('www.example.com'), undefined);
    assert.equal(harness.sent.at(-1)?.server.address, '192.0.2.2');
  });

  it('is told each time where it goes to production although it should run here', () => {
    const harness = new Harness({
      cache: { size: 10, maxTtlSeconds: 86400, negativeMaxTtlSeconds: 900, serveStaleSeconds: 0 },
      expected: ['gone'],
      whenMissing: 'forward',
    });
    harness.upstreams({ '': ['192.0.2.1'] });
    const name = 'gone.us-east-1.domain.com';
    harness.lookUp(name);
    const sent = harness.sent[0]?.message ?? Buffer.alloc(0);
    harness.answer(harness.sent[0], answerTo(sent, { answers: [`${name}. 60 IN A 10.0.0.9`] }));
    for (let again = 0; again < 3; again++) assert.ok(harness.lookUp(name));
    assert.equal(harness.leaks.length, 4);
    assert.equal(harness.resolver.counters.leaked, 4);
  });

  it('still rotates its addresses', () => {
    const harness = new Harness();
    harness.own({ web: ['10.0.0.1', '10.0.0.2'] });
    const firsts = new Set([1, 2, 3, 4].map(() => harness.lookUp('web')?.answers[0]));
    assert.equal(firsts.size, 2);
  });

  it('is spelled as each client spells it', () => {
    const harness = new Harness();
    harness.own({ web: ['10.0.0.1'] });
    for (const spelling of ['web', 'WEB', 'web', 'wEb', 'WEB']) {
      const reply = harness.ask(query(spelling, 'A'));
      assert.deepEqual(reply?.answers, [`${spelling}. 0 IN A 10.0.0.1`]);
    }
  });

  it('counts its TTL down where it was relayed', () => {
    const harness = new Harness({
      cache: { size: 10, maxTtlSeconds: 86400, negativeMaxTtlSeconds: 900, serveStaleSeconds: 0 },
    });
    harness.upstreams({ '': ['192.0.2.1'] });
    harness.lookUp('www.example.com');
    const sent = harness.sent.at(-1);
    assert.ok(sent !== undefined);
    const answer = Buffer.from('c00c00010001000000640004c0000201', 'hex');
    const message = Buffer.concat([sent.message, answer]);
    message.writeUInt16BE(0x8180, 2);
    message.writeUInt16BE(1, 6);
    harness.answer(sent, message);
    const ttls: string[] = [];
    for (let i = 0; i < 4; i++) {
      harness.pass(1000);
      harness.lookUp('www.example.com');
      ttls.push(harness.lookUp('www.example.com')?.answers[0]?.split(' ')[1] ?? '');
    }
    assert.deepEqual(ttls, ['99', '98', '97', '96']);
    assert.ok(show(harness.replies.at(-1)?.bytes ?? Buffer.alloc(0)).answers.length === 1);
  });
});
