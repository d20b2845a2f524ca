/** Both UDP transports, over real sockets on the loopback: one set of tests, one scripted core. */
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { after, before, describe, it } from 'node:test';
import { openKernel } from '../../src/listen/native/kernel.ts';
import { Sockets } from '../../src/listen/native/sockets.ts';
import { queryMessage, ScriptedThread, TestClient, type TransportKind } from './scripted-thread.ts';

const KINDS: readonly TransportKind[] =
  process.platform === 'linux' ? ['batch', 'dgram'] : ['dgram'];
const hasIpv6 = Object.values(networkInterfaces()).some((entries) =>
  entries?.some(({ address }) => address === '::1'),
);

/** An upstream that sends every message back as it came; `silent` keeps what it got. */
async function fakeUpstream(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.on('message', (message, { port, address }) => socket.send(message, port, address));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

for (const kind of KINDS) {
  describe(`the ${kind} transport`, () => {
    let thread: ScriptedThread;
    let port = 0;

    before(async () => {
      thread = new ScriptedThread(kind);
      ({ port } = await thread.listen('127.0.0.1'));
    });
    after(() => thread.stop());

    it('answers a query from where it was asked', async () => {
      const client = await TestClient.connect(port);
      const message = queryMessage(1, 'echo.example');
      assert.deepEqual(await client.ask('echo.example'), message.subarray(2));
      client.close();
    });

    it('gives every client its own replies when many ask at once', async () => {
      const clients = await Promise.all(Array.from({ length: 8 }, () => TestClient.connect(port)));
      await Promise.all(
        clients.flatMap((client, c) =>
          Array.from({ length: 150 }, async (_, i) => {
            const reply = await client.ask(`echo.c${c}.n${i}`);
            assert.ok(reply.toString('latin1').includes(`n${i}\0`));
            assert.ok(reply.toString('latin1').includes(`c${c}`));
          }),
        ),
      );
      for (const client of clients) client.close();
    });

    it('tells the core who asked, as one key for one address', async () => {
      const client = await TestClient.connect(port, '127.0.0.1', '127.3.2.1');
      const who = JSON.parse((await client.ask('who')).toString());
      const own = client.socket.address();
      assert.deepEqual(who, {
        isTcp: false,
        key: 0x7f030201,
        port: own.port,
        address: '127.3.2.1',
        local: '127.0.0.1',
      });
      client.close();
    });

    it('listens on IPv6 too', { skip: hasIpv6 ? false : 'no ::1 here' }, async () => {
      const listening = await thread.listen('::1');
      assert.equal(listening.address, '::1');
      const client = await TestClient.connect(listening.port, '::1');
      const who = JSON.parse((await client.ask('who')).toString());
      assert.equal(who.key, '::1');
      assert.equal(who.address, '::1');
      assert.equal(who.local, '::1');
      client.close();
      thread.post({ kind: 'close', port: listening.port });
    });

    it('listens on IPv6 too, on every address', {
      skip: hasIpv6 ? false : 'no ::1 here',
    }, async () => {
      const listening = await thread.listen('::');
      const client = await TestClient.connect(listening.port, '::1');
      const who = JSON.parse((await client.ask('who')).toString());
      assert.equal(who.local, kind === 'batch' ? '::1' : null);
      client.close();
      thread.post({ kind: 'close', port: listening.port });
    });

    it('answers retained clients later, in any order', async () => {
      const clients = await Promise.all(Array.from({ length: 5 }, () => TestClient.connect(port)));
      const replies = clients.map((client, c) => client.ask(`hold.c${c}`));
      // Whoever was answered after them has seen them arrive.
      await clients[0]?.ask('echo');
      thread.post({ kind: 'release' });
      for (const [c, reply] of replies.entries()) {
        assert.ok((await reply).toString('latin1').includes(`c${c}`));
      }
      for (const client of clients) client.close();
    });

    it('sends queries upstream and hands over the replies', async () => {
      const upstream = await fakeUpstream();
      const server = { id: 7, address: '127.0.0.1', port: upstream.address().port };
      thread.post({ kind: 'upstreams', servers: [server] });
      const ports = new Set<number>();
      upstream.on('message', (_, from) => ports.add(from.port));
      const client = await TestClient.connect(port);
      for (let i = 0; i < 200; i++) {
        const reply = await client.ask(`forward.n${i}`);
        assert.ok(reply.toString('latin1').includes(`n${i}`));
      }
      assert.ok(ports.size > 4, `only ${ports.size} source ports for 200 queries`);
      client.close();
      upstream.close();
      thread.post({ kind: 'upstreams', servers: [] });
    });

    it('says that an upstream refuses', async () => {
      const upstream = await fakeUpstream();
      const server = { id: 8, address: '127.0.0.1', port: upstream.address().port };
      upstream.close();
      thread.post({ kind: 'upstreams', servers: [server] });
      const client = await TestClient.connect(port);
      await client.send(queryMessage(1, 'forward.nobody'));
      const error = await thread.said('upstreamError');
      assert.equal(error.server, 8);
      assert.equal(error.reason, 'ECONNREFUSED');
      assert.ok((await client.ask('echo')).length > 0);
      client.close();
      thread.post({ kind: 'upstreams', servers: [] });
    });

    it('takes messages of 0 bytes and of the most that UDP carries', async () => {
      const client = await TestClient.connect(port);
      await client.send(Buffer.alloc(0));
      await client.send(Buffer.alloc(65_507, 0xff));
      // The scripted core sends back as much as one reply may carry.
      const reply = await client.ask('echo', Buffer.alloc(60_000, 0x5a));
      assert.equal(reply.length, 4096 - 2);
      assert.equal(reply[4000], 0x5a);
      client.close();
    });

    it('applies what was posted before a query before it answers the query', async () => {
      const client = await TestClient.connect(port);
      for (let world = 1; world <= 300; world++) {
        thread.post({ kind: 'world', world });
        assert.equal((await client.ask('world')).toString(), String(world));
      }
      client.close();
    });

    it('does so under load', async () => {
      const noise = await TestClient.connect(port);
      const client = await TestClient.connect(port);
      for (let world = 1000; world < 1100; world++) {
        for (let i = 0; i < 20; i++) void noise.send(queryMessage(9, 'echo.noise'));
        thread.post({ kind: 'world', world });
        assert.equal((await client.ask('world')).toString(), String(world));
      }
      noise.close();
      client.close();
    });

    it('wakes up for mail when nobody asks', async () => {
      thread.post({ kind: 'ping' });
      await thread.said('pong');
    });

    it('wakes up for the core when its time has come', async () => {
      thread.post({ kind: 'wakeIn', ms: 30 });
      const { afterMs } = await thread.said('woken');
      assert.ok(afterMs >= 30 && afterMs < 500, `woken after ${afterMs} ms`);
    });

    it('serves on after a listener was closed under a retained client', async () => {
      const listening = await thread.listen('127.0.0.1');
      const client = await TestClient.connect(listening.port);
      await client.send(queryMessage(1, 'hold'));
      await client.ask('echo');
      thread.post({ kind: 'close', port: listening.port });
      thread.post({ kind: 'release' });
      const other = await TestClient.connect(port);
      assert.ok((await other.ask('echo')).length > 0);
      client.close();
      other.close();
    });

    it('takes a socket that was passed to the process', {
      skip: process.platform !== 'linux',
    }, async () => {
      const sockets = new Sockets(openKernel());
      const passed = sockets.listen({ address: '127.0.0.1', port: 0 }, false);
      thread.post({ kind: 'adopt', fd: passed.fd });
      const listening = await thread.said('listening');
      assert.deepEqual(
        { address: listening.address, port: listening.port },
        { address: passed.own.address, port: passed.own.port },
      );
      const client = await TestClient.connect(listening.port);
      assert.ok((await client.ask('echo')).length > 0);
      client.close();
      thread.post({ kind: 'close', port: listening.port });
    });

    const failures = [
      {
        name: 'an address that is in use',
        address: () => '127.0.0.1',
        port: () => port,
        says: /^cannot bind udp 127\.0\.0\.1:\d+: address in use; another resolver/,
      },
      {
        name: 'an address that the host does not have',
        address: () => '192.0.2.1',
        port: () => 0,
        says: /^cannot bind udp 192\.0\.2\.1:0: this host has no such address/,
      },
    ];
    for (const { name, address, port: portOf, says } of failures) {
      it(`says in one line why it cannot listen on ${name}`, async () => {
        thread.post({ kind: 'listen', address: address(), port: portOf() });
        const failed = await thread.said('failed');
        assert.equal(failed.code, 'BIND_FAILED');
        assert.match(failed.message, says);
      });
    }
  });

  describe(`a thread of the ${kind} transport`, () => {
    it('ends when it is told to, and frees its port', async () => {
      const first = new ScriptedThread(kind);
      const { port } = await first.listen('127.0.0.1');
      await first.stop();
      const second = new ScriptedThread(kind);
      assert.equal((await second.listen('127.0.0.1', port)).port, port);
      await second.stop();
    });

    it('ends when it is terminated and woken', async () => {
      const thread = new ScriptedThread(kind);
      await thread.listen('127.0.0.1');
      const exited = once(thread.worker, 'exit');
      const terminated = thread.worker.terminate();
      thread.post({ kind: 'ping' });
      await terminated;
      await exited;
    });
  });
}

describe('the batched transport alone', { skip: process.platform !== 'linux' }, () => {
  it('answers from the address that was asked when it listens on all', async () => {
    const thread = new ScriptedThread('batch');
    const { port, address } = await thread.listen('0.0.0.0');
    assert.equal(address, '0.0.0.0');
    for (const asked of ['127.0.0.1', '127.0.0.5', '127.44.3.2']) {
      // A connected socket takes replies from that very address only.
      const client = await TestClient.connect(port, asked);
      const who = JSON.parse((await client.ask('who')).toString());
      assert.equal(who.local, asked);
      const held = client.ask('hold');
      await client.ask('echo');
      thread.post({ kind: 'release' });
      assert.ok((await held).length > 0);
      client.close();
    }
    await thread.stop();
  });

  it('shares a port among threads, each with a part of the clients', async () => {
    const threads = [new ScriptedThread('batch', true), new ScriptedThread('batch', true)];
    let port = 0;
    for (const thread of threads) ({ port } = await thread.listen('127.0.0.1', port));
    for (let i = 0; i < 60; i++) {
      const client = await TestClient.connect(port);
      await client.ask('echo');
      client.close();
    }
    const counts: number[] = [];
    for (const thread of threads) {
      thread.post({ kind: 'counters' });
      counts.push((await thread.said('counters')).queries);
    }
    assert.equal((counts[0] ?? 0) + (counts[1] ?? 0), 60);
    assert.ok(
      counts.every((count) => count > 0),
      `one thread got all: ${counts}`,
    );
    for (const thread of threads) await thread.stop();
  });
});
