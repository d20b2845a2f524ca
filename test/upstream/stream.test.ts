import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { UpstreamStreams } from '../../src/upstream/stream.ts';
import { makeCertificate } from '../support/certificate.ts';
import { answer, closing, FakeUpstream, inTurn, late, silence } from '../support/fake-upstream.ts';
import { query, show } from '../support/message.ts';

const opened: { close(): void }[] = [];
const started: FakeUpstream[] = [];
afterEach(async () => {
  for (const streams of opened.splice(0)) streams.close();
  for (const upstream of started.splice(0)) await upstream.stop();
});

async function start(
  options: Parameters<typeof FakeUpstream.start>[0] = {},
): Promise<FakeUpstream> {
  const upstream = await FakeUpstream.start(options);
  started.push(upstream);
  return upstream;
}

interface Came {
  readonly reply: Buffer | null;
  readonly reason: string;
}

function streamsTo(upstream: FakeUpstream, tlsName: string | null = null) {
  const streams = new UpstreamStreams();
  opened.push(streams);
  const { address, port } = upstream;
  return (name: string, id = 7): Promise<Came> =>
    new Promise((resolve) => {
      streams.ask({ id: 1, address, port, tlsName }, query(name, 'A', { id }), (reply, reason) =>
        resolve({ reply, reason }),
      );
    });
}

describe('queries over a stream', () => {
  it('share one connection, are matched by their own IDs, and come back with the ID that was asked', async () => {
    const upstream = await start();
    upstream.answers({
      'slow.example': late(60, answer('slow.example. 1 IN A 10.0.0.1')),
      'fast.example': answer('fast.example. 1 IN A 10.0.0.2'),
    });
    const ask = streamsTo(upstream);
    const order: string[] = [];
    const [slow, fast] = await Promise.all(
      ['slow.example', 'fast.example'].map(async (name) => {
        const { reply } = await ask(name, 42);
        order.push(name);
        return show(reply ?? Buffer.alloc(0));
      }),
    );
    assert.deepEqual(order, ['fast.example', 'slow.example']);
    assert.deepEqual([slow?.id, fast?.id], [42, 42]);
    assert.deepEqual(slow?.answers, ['slow.example. 1 IN A 10.0.0.1']);
    assert.equal(upstream.connections, 1);
  });

  it('fail when the server closes, and the next one opens another connection', async () => {
    const upstream = await start();
    upstream.otherwise(inTurn(closing, answer('a.example. 1 IN A 10.0.0.1')));
    const ask = streamsTo(upstream);
    const first = await ask('a.example');
    assert.deepEqual(first, { reply: null, reason: 'it closed the connection' });
    assert.notEqual((await ask('a.example')).reply, null);
    assert.equal(upstream.connections, 2);
  });

  it('fail at once where nobody listens', async () => {
    const upstream = await start();
    await upstream.stop();
    started.length = 0;
    const { reply, reason } = await streamsTo(upstream)('a.example');
    assert.equal(reply, null);
    assert.match(reason, /ECONNREFUSED/);
  });

  it('give up a connection that is dead although queries keep coming', async () => {
    const upstream = await start();
    // Alive again only on another connection: as after a reboot behind a firewall that drops.
    const dead = new Set<number>();
    upstream.otherwise((asked) => {
      if (upstream.connections === 1) dead.add(asked.port);
      return dead.has(asked.port) ? [] : answer('a.example. 1 IN A 10.0.0.1')(asked);
    });
    const ask = streamsTo(upstream);
    const outcomes: Promise<Came>[] = [];
    for (let i = 0; i < 40; i++) {
      outcomes.push(ask(`n${i}.example`));
      await delay(100);
    }
    const answered = (await Promise.all(outcomes)).filter(({ reply }) => reply !== null);
    assert.ok(answered.length > 0, 'every query went the way of the first');
  });

  it('fail after a while when nothing comes', async () => {
    const upstream = await start();
    upstream.otherwise(silence);
    assert.deepEqual(await streamsTo(upstream)('a.example'), {
      reply: null,
      reason: 'no answer in time',
    });
  });
});

describe('DNS over TLS', () => {
  const name = 'dns.example.com';
  const own = makeCertificate(name);

  it('refuses a certificate that nobody vouches for', async () => {
    const upstream = await start({ tls: own });
    const { reply, reason } = await streamsTo(upstream, name)('a.example');
    assert.equal(reply, null);
    assert.match(reason, /self.signed/);
    assert.equal(upstream.seen.length, 0);
  });

  it('fails where the server speaks no TLS', async () => {
    const upstream = await start();
    const { reply } = await streamsTo(upstream, name)('a.example');
    assert.equal(reply, null);
    assert.equal(upstream.seen.length, 0);
  });
});
