/** The TCP listener against clients that misbehave. The daemon's e2e tests ask through the whole server. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type OnTcpQuery, TcpListener, type TcpTimes } from '../../src/listen/tcp.ts';
import { TcpClient } from '../e2e/tcp-client.ts';
import { withLength } from '../support/fake-upstream.ts';

const listeners: TcpListener[] = [];
const clients: TcpClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  for (const listener of listeners.splice(0)) await listener.close();
});

const echo: OnTcpQuery = (bytes, client) => client.send(bytes);

async function listen(
  onQuery: OnTcpQuery = echo,
  times: Partial<TcpTimes> = {},
): Promise<TcpListener> {
  const listener = new TcpListener(onQuery, times);
  await listener.listen({ address: '127.0.0.1', port: 0 });
  listeners.push(listener);
  return listener;
}

async function connect(
  listener: TcpListener,
  options: Parameters<typeof TcpClient.connect>[1] = {},
): Promise<TcpClient> {
  const client = await TcpClient.connect(listener.port, options);
  clients.push(client);
  return client;
}

const text = (buffers: readonly Buffer[]) => buffers.map((bytes) => bytes.toString());

describe('a TCP listener', () => {
  it('puts messages together however they are cut', async () => {
    const listener = await listen();
    const client = await connect(listener);
    client.socket.setNoDelay(true);
    for (const byte of Buffer.concat([
      withLength(Buffer.from('one')),
      withLength(Buffer.from('two')),
    ])) {
      client.socket.write(Buffer.of(byte));
      await delay(1);
    }
    assert.deepEqual(text(await client.came(2)), ['one', 'two']);
  });

  it('answers in the order in which answers come', async () => {
    const listener = await listen((bytes, client) => {
      if (bytes.toString() === 'slow') setTimeout(() => client.send(bytes), 50);
      else client.send(bytes);
    });
    const client = await connect(listener);
    client.ask(Buffer.from('slow'), Buffer.from('fast'));
    assert.deepEqual(text(await client.came(2)), ['fast', 'slow']);
  });

  it('answers a client that has closed its half, then closes the other', async () => {
    const listener = await listen((bytes, client) => void setTimeout(() => client.send(bytes), 50));
    const client = await connect(listener, { allowHalfOpen: true });
    client.socket.end(withLength(Buffer.from('last')));
    assert.deepEqual(text(await client.came(1)), ['last']);
    await once(client.socket, 'end');
  });

  it('closes at once behind a half-closed client whose query gets no answer', async () => {
    const listener = await listen((_, client) => client.drop());
    const client = await connect(listener, { allowHalfOpen: true });
    client.socket.end(withLength(Buffer.from('a reply, which nobody answers')));
    const began = performance.now();
    await once(client.socket, 'end');
    assert.ok(performance.now() - began < 2_000);
  });

  it('goes on after more queries without an answer than may wait for one', async () => {
    const listener = await listen((bytes, client) => {
      if (bytes.length === 0) client.drop();
      else client.send(bytes);
    });
    const client = await connect(listener);
    for (let i = 0; i < 300; i++) {
      client.socket.write(Buffer.of(0, 0));
      if (i % 100 === 0) await delay(1);
    }
    client.ask(Buffer.from('after'));
    assert.deepEqual(text(await client.came(1)), ['after']);
  });

  it('reads no more while 128 queries wait, and goes on when they are answered', async () => {
    const waiting: (() => void)[] = [];
    const listener = await listen((bytes, client) => waiting.push(() => client.send(bytes)));
    const client = await connect(listener);
    for (let i = 0; i < 200; i++) {
      client.ask(Buffer.alloc(1_000, i));
      await delay(0);
    }
    for (let before = -1; before !== waiting.length; ) {
      before = waiting.length;
      await delay(50);
    }
    assert.ok(waiting.length < 200, `${waiting.length} were read`);
    while (client.replies.length < 200) {
      for (const reply of waiting.splice(0)) reply();
      await delay(5);
    }
    assert.equal(client.replies.length, 200);
  });

  it('ends a connection that says nothing', async () => {
    const listener = await listen(echo, { idleMs: 100 });
    const client = await connect(listener);
    client.ask(Buffer.from('hello'));
    await client.came(1);
    await client.ended;
  });

  it('ends a connection whose message comes in drops', async () => {
    const listener = await listen(echo, { idleMs: 200 });
    const client = await connect(listener);
    const drops = setInterval(() => client.socket.write(Buffer.of(1)), 20);
    const began = performance.now();
    client.socket.write(Buffer.of(0xff, 0xff));
    await client.ended;
    clearInterval(drops);
    assert.ok(performance.now() - began < 2_000);
  });

  it('keeps a connection that asks now and then', async () => {
    const listener = await listen(echo, { idleMs: 300 });
    const client = await connect(listener);
    for (let i = 1; i <= 6; i++) {
      client.ask(Buffer.of(i));
      await client.came(i);
      await delay(100);
    }
    assert.equal(client.replies.length, 6);
  });

  it('ends a connection that asks and does not read', async () => {
    const listener = await listen((_, client) => client.send(Buffer.alloc(60_000)), {
      idleMs: 500,
    });
    const client = await connect(listener);
    client.socket.pause();
    const asking = setInterval(() => client.socket.write(withLength(Buffer.from('more'))), 1);
    await client.ended;
    clearInterval(asking);
  });

  it('leaves room for others when one client takes all it can', async () => {
    const listener = await listen();
    const greedy = await Promise.all(Array.from({ length: 80 }, () => connect(listener)));
    for (const client of greedy) client.ask(Buffer.from('hi'));
    await delay(200);
    const served = greedy.filter(({ replies }) => replies.length === 1);
    assert.equal(served.length, 64);
    const other = await connect(listener, { from: '127.0.0.2' });
    other.ask(Buffer.from('hi'));
    await other.came(1);
    served[0]?.close();
    await served[0]?.ended;
    await delay(20);
    const again = await connect(listener);
    again.ask(Buffer.from('hi'));
    await again.came(1);
  });

  it('makes room for a new client by ending the one that has been quiet longest', async () => {
    const listener = await listen();
    const crowd: TcpClient[] = [];
    for (let i = 0; i < 512; i++) {
      crowd.push(await connect(listener, { from: `127.0.1.${1 + (i % 250)}` }));
    }
    // All but the first have asked something since.
    for (const client of crowd.slice(1)) client.ask(Buffer.from('hi'));
    await Promise.all(crowd.slice(1).map((client) => client.came(1)));
    const late = await connect(listener, { from: '127.0.2.1' });
    late.ask(Buffer.from('hi'));
    await late.came(1);
    await crowd[0]?.ended;
    assert.equal(crowd.slice(1).filter(({ socket }) => socket.destroyed).length, 0);
  });
});
