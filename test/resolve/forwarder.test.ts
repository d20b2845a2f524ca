/** Faults of upstreams, and of those who ask, in simulated time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { optRecord, query, replyTo, show } from '../support/message.ts';
import { Harness, type Sent } from '../support/resolver-harness.ts';

const ANSWER = { answers: ['www.example.com. 60 IN A 10.0.0.9'] };

function harnessWith(...upstreams: readonly string[]): Harness {
  const harness = new Harness();
  harness.upstreams({ '': upstreams });
  return harness;
}

/** The upstream answers a query of long ago, whichever was sent since. */
function answerOf(sent: Sent | undefined, options: Parameters<typeof replyTo>[1] = ANSWER): Buffer {
  return replyTo(sent?.message ?? Buffer.alloc(0), options);
}

describe('a slow upstream', () => {
  it('is believed also when it answers after others were asked', () => {
    const harness = harnessWith('10.0.0.2', '10.0.0.3');
    harness.lookUp('www.example.com');
    harness.pass(1_500);
    assert.equal(harness.sent.length, 2, 'the next one was asked meanwhile');
    harness.answer(harness.sent[0], answerOf(harness.sent[0]));
    assert.deepEqual(harness.last.answers, ANSWER.answers);
    harness.answer(harness.sent[1], answerOf(harness.sent[1]));
    harness.pass(10_000);
    assert.equal(harness.replies.length, 1);
    assert.equal(harness.resolver.pendingCount, 0);
  });

  it('has as long as a stub waits, also after the last attempt', () => {
    const harness = harnessWith('10.0.0.2');
    harness.lookUp('www.example.com');
    harness.pass(4_300);
    assert.equal(harness.replies.length, 0);
    harness.answer(harness.sent[0], answerOf(harness.sent[0]));
    assert.deepEqual(harness.last.answers, ANSWER.answers);
  });

  it('is told apart from a dead one before the stub gives up', () => {
    const harness = harnessWith('10.0.0.2');
    harness.lookUp('www.example.com');
    harness.pass(4_600);
    assert.equal(harness.last.rcode, 'SERVFAIL');
    harness.answer(harness.sent[0], answerOf(harness.sent[0]));
    assert.equal(harness.replies.length, 1);
  });

  it('whose late answer is cut is asked again over TCP', () => {
    const harness = harnessWith('10.0.0.2', '10.0.0.3');
    harness.lookUp('www.example.com');
    harness.pass(1_500);
    harness.answer(harness.sent[0], answerOf(harness.sent[0], { flags: 0x8380 }));
    const stream = harness.sent.at(-1);
    assert.deepEqual([stream?.server.address, (stream?.token ?? 0) > 0], ['10.0.0.2', true]);
    harness.answer(stream, answerOf(stream));
    assert.deepEqual(harness.last.answers, ANSWER.answers);
  });

  it('does not end a question with a late refusal while another is being asked', () => {
    const harness = harnessWith('10.0.0.2', '10.0.0.3');
    harness.lookUp('www.example.com');
    harness.pass(1_100);
    harness.answer(harness.sent[0], answerOf(harness.sent[0], { rcode: 5 }));
    assert.equal(harness.replies.length, 0);
    harness.answer(harness.sent[1], answerOf(harness.sent[1]));
    assert.deepEqual(harness.last.answers, ANSWER.answers);
  });
});

describe('an upstream over TLS that was down', () => {
  it('is noticed when it is back, although another one serves', () => {
    const harness = new Harness();
    const server = { port: 853, tlsName: 'dns.example.com' };
    harness.resolver.setUpstreams([
      {
        domain: '',
        servers: [
          { ...server, id: 1, address: '10.0.0.2' },
          { ...server, id: 2, address: '10.0.0.3' },
        ],
      },
    ]);
    const serve = (name: string, isFirstDead: boolean) => {
      const from = harness.sent.length;
      harness.lookUp(name);
      for (let at = from; at < harness.sent.length; at++) {
        const sent = harness.sent[at];
        const isDead = isFirstDead && sent?.server.address === '10.0.0.2';
        if (isDead) harness.resolver.onStreamReply(sent?.token ?? 0, null, 'ECONNREFUSED');
        else harness.answer(sent, answerOf(sent, {}));
      }
      return harness.sent.slice(from).map((sent) => sent.server.address);
    };
    serve('one.example', true);
    serve('two.example', true);
    assert.deepEqual(harness.upstreamChanges, ['10.0.0.2 down']);
    assert.deepEqual(serve('three.example', true), ['10.0.0.3']);
    harness.pass(5_000);
    assert.deepEqual(serve('four.example', false), ['10.0.0.3', '10.0.0.2']);
    assert.deepEqual(harness.upstreamChanges, ['10.0.0.2 down', '10.0.0.2 up']);
    assert.deepEqual(serve('five.example', false), ['10.0.0.2']);
  });
});

describe('a flood of one question', () => {
  it('is turned away beyond a bound, and leaves nothing behind', () => {
    const harness = harnessWith('10.0.0.2');
    for (let i = 0; i < 20_100; i++) harness.ask(query('www.example.com', 'A', { id: i }));
    assert.equal(harness.sent.length, 1);
    const turnedAway = harness.replies.length;
    assert.equal(turnedAway, 100);
    assert.equal(harness.last.rcode, 'SERVFAIL');
    harness.answer(harness.sent[0], answerOf(harness.sent[0]));
    assert.equal(harness.replies.length, 20_100);
    harness.lookUp('www.example.com');
    assert.equal(harness.sent.length, 2, 'and serves again afterwards');
  });
});

describe('questions with options', () => {
  const withSubnet = (subnet: string) =>
    query('www.example.com', 'A', { edns: 1232, options: Buffer.from(subnet, 'hex') });
  it('are asked once where they are the same, as in a loop that leads back to us', () => {
    const harness = harnessWith('10.0.0.2');
    harness.ask(withSubnet('00080007000118000a0000'));
    // What the upstream would do that forwards to us.
    for (let i = 0; i < 50; i++) harness.ask(harness.sent.at(-1)?.message ?? Buffer.alloc(0));
    assert.equal(harness.sent.length, 1);
    harness.answer(harness.sent[0], answerOf(harness.sent[0]));
    assert.equal(harness.replies.length, 51);
  });
  it('are asked each where they differ', () => {
    const harness = harnessWith('10.0.0.2');
    harness.ask(withSubnet('00080007000118000a0000'));
    harness.ask(withSubnet('00080007000118000a0001'));
    harness.ask(query('www.example.com', 'A', { edns: 1232 }));
    assert.equal(harness.sent.length, 3);
  });
});

describe('a clock that is set back by an hour', () => {
  const stepBack = (harness: Harness) => {
    harness.clockStepMs = -3_600_000;
  };
  it('does not keep questions waiting for a dead upstream', () => {
    const harness = harnessWith('10.0.0.2', '10.0.0.3');
    harness.lookUp('www.example.com');
    stepBack(harness);
    harness.pass(1_000);
    assert.equal(harness.sent[1]?.server.address, '10.0.0.3');
  });
  it('does not hold queries longer than hold_ms', () => {
    const harness = harnessWith('10.0.0.2');
    harness.resolver.setEngines([{ engine: 'local', isAskable: true, stale: null }]);
    harness.lookUp('web');
    assert.equal(harness.sent.length, 0);
    stepBack(harness);
    harness.pass(250);
    assert.equal(harness.sent.length, 1);
  });
  it('does not make kept answers live longer', () => {
    const harness = new Harness({
      cache: { size: 10, maxTtlSeconds: 60, negativeMaxTtlSeconds: 60, serveStaleSeconds: 0 },
    });
    harness.upstreams({ '': ['10.0.0.2'] });
    harness.lookUp('www.example.com');
    harness.answer(harness.sent[0], answerOf(harness.sent[0]));
    stepBack(harness);
    harness.pass(59_000);
    assert.deepEqual(harness.lookUp('www.example.com')?.answers, [
      'www.example.com. 1 IN A 10.0.0.9',
    ]);
    harness.pass(2_000);
    assert.equal(harness.lookUp('www.example.com'), undefined);
  });
});

describe('what an upstream sends that nobody asked for', () => {
  it('changes nothing, byte by byte through a whole reply', () => {
    const harness = harnessWith('10.0.0.2');
    harness.ask(query('www.example.com', 'A', { edns: 1232 }));
    const sent = harness.sent[0];
    const reply = replyTo(sent?.message ?? Buffer.alloc(0), {
      ...ANSWER,
      opt: optRecord(1232, false, Buffer.alloc(0)),
    });
    // Every header and question byte changed, the flags and counts aside, which may differ.
    for (const at of [0, 1, ...Array.from({ length: 21 }, (_, i) => 12 + i)]) {
      const forged = Buffer.from(reply);
      forged[at] = (forged[at] ?? 0) ^ 0x81;
      harness.answer(sent, forged);
    }
    assert.equal(harness.replies.length, 0);
    harness.answer(sent, reply);
    assert.deepEqual(harness.last.answers, ANSWER.answers);
  });

  it('is no answer where it is cut anywhere', () => {
    for (let length = 0; length < 60; length++) {
      const harness = harnessWith('10.0.0.2');
      harness.lookUp('www.example.com');
      const reply = answerOf(harness.sent[0]);
      if (length >= reply.length) break;
      harness.answer(harness.sent[0], reply.subarray(0, length));
      for (const { bytes } of harness.replies) assert.deepEqual(show(bytes).answers, []);
      harness.pass(10_000);
      assert.equal(harness.replies.length, 1, `cut at ${length}`);
      assert.deepEqual(harness.failures, []);
    }
  });
});
