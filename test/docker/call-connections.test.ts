import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { CallConnections, type CallDone } from '../../src/docker/call-connections.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('connections for calls', () => {
  let folder: string;
  let server: Server;
  let calls: CallConnections;
  let accepted: Socket[];
  let requests: string[];
  /** What the server does with a request. */
  let answer: (socket: Socket, request: string) => void;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'hp-calls-'));
  });

  after(() => rmSync(folder, { recursive: true }));

  beforeEach(async () => {
    accepted = [];
    requests = [];
    answer = (socket) => socket.write(OK);
    server = createServer((socket) => {
      accepted.push(socket);
      socket.on('error', () => undefined);
      socket.on('data', (bytes: Buffer) => {
        requests.push(bytes.toString());
        answer(socket, bytes.toString());
      });
    });
    const path = join(folder, 'sock');
    server.listen(path);
    await once(server, 'listening');
    calls = new CallConnections(() => connect(path), true);
  });

  afterEach(async () => {
    calls.close();
    for (const socket of accepted) socket.destroy();
    server.close();
    await once(server, 'close');
  });

  /** The body, or the reason why there is none. */
  function get(path = '/x', timeoutMs = 10_000, isOneOfMany = false): Promise<string> {
    return new Promise((resolve) => {
      const done: CallDone = (error, reply) => resolve(error?.message ?? String(reply?.body));
      calls.get(path, timeoutMs, done, isOneOfMany);
    });
  }

  it('ask for a path, and are used again', async () => {
    assert.equal(await get('/a?b=c'), 'ok');
    assert.equal(await get('/d'), 'ok');
    assert.equal(accepted.length, 1);
    assert.deepEqual(requests, [
      'GET /a?b=c HTTP/1.1\r\nHost: docker\r\n\r\n',
      'GET /d HTTP/1.1\r\nHost: docker\r\n\r\n',
    ]);
  });

  it('are as many as calls are under way', async () => {
    assert.deepEqual(await Promise.all([get(), get(), get()]), ['ok', 'ok', 'ok']);
    assert.equal(accepted.length, 3);
  });

  it('are not used again where the server ends each', async () => {
    answer = (socket) => socket.write(OK.replace('\r\n', '\r\nConnection: close\r\n'));
    await get();
    await get();
    assert.equal(accepted.length, 2);
  });

  it('repeat a call whose connection was closed at the moment of its use', async () => {
    await get();
    let isFirst = true;
    answer = (socket) => {
      if (isFirst) socket.destroy();
      else socket.write(OK);
      isFirst = false;
    };
    assert.equal(await get(), 'ok');
    assert.equal(accepted.length, 2);
  });

  it('do not repeat a call that a new connection failed', async () => {
    answer = (socket) => socket.destroy();
    assert.equal(await get(), 'the engine closed the connection');
    assert.equal(accepted.length, 1);
  });

  it('do not take half a reply for a whole one, nor ask again', async () => {
    await get();
    answer = (socket) => socket.write(OK.slice(0, -1), () => socket.destroy());
    assert.equal(await get(), 'a reply ended early');
    assert.equal(requests.length, 2);
  });

  it('are given up with a server that does not answer in time', async () => {
    answer = () => undefined;
    assert.equal(await get('/x', 20), 'the engine did not answer within 20 ms');
    answer = (socket) => socket.write(OK);
    assert.equal(await get(), 'ok');
    assert.equal(accepted.length, 2);
  });

  it('are given up with a server that says what nobody asked', async () => {
    answer = (socket) => socket.write(OK + OK);
    assert.equal(await get(), 'ok');
    answer = (socket) => socket.write(OK);
    assert.equal(await get(), 'ok');
    assert.equal(accepted.length, 2);
  });

  it('end their calls when they are closed, and open new ones after that', async () => {
    answer = () => undefined;
    const call = get();
    calls.close();
    assert.equal(await call, 'the connection was given up');
    answer = (socket) => socket.write(OK);
    assert.equal(await get(), 'ok');
  });

  describe('carry many calls in queues', () => {
    /** Answers each request of a piece with its own path. */
    function echo(socket: Socket, request: string): void {
      for (const [, path = ''] of request.matchAll(/GET (\S+) HTTP/g)) {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
      }
    }

    const paths = Array.from({ length: 100 }, (_, i) => `/${i}`);
    const all = (): Promise<string[]> => Promise.all(paths.map((path) => get(path, 10_000, true)));

    it('each of which is answered with its own reply', async () => {
      answer = echo;
      assert.deepEqual(await all(), paths);
    });

    it('on few connections, as long as they come as fast as they are answered', async () => {
      answer = echo;
      // Not a matter of how busy the host is.
      calls = new CallConnections(() => connect(join(folder, 'sock')), true, 60_000);
      let next = 0;
      const one = async (): Promise<void> => {
        for (let path = paths[next++]; path !== undefined; path = paths[next++]) {
          assert.equal(await get(path, 10_000, true), path);
        }
      };
      await Promise.all(Array.from({ length: 32 }, one));
      assert.equal(accepted.length, 4);
      assert.ok(requests.length < paths.length / 2, `${requests.length} pieces`);
    });

    it('and send again what waits behind one that the engine is slow to answer', async () => {
      let hasStalled = false;
      answer = (socket, request) => {
        if (hasStalled) echo(socket, request);
        hasStalled = true;
      };
      assert.deepEqual(await Promise.all(paths.slice(0, 8).map((at) => get(at, 10_000, true))), [
        ...paths.slice(0, 8),
      ]);
    });

    const ends = [
      { name: 'closes the connection', end: (socket: Socket) => socket.destroy() },
      { name: 'says nonsense', end: (socket: Socket) => socket.write('nonsense') },
      {
        name: 'answers one call and ends',
        end: (socket: Socket) =>
          socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n/0'),
      },
    ];
    for (const { name, end } of ends) {
      it(`and send again what is left where the engine ${name}`, async () => {
        let isFirst = true;
        answer = (socket, request) => {
          if (isFirst) end(socket);
          else echo(socket, request);
          isFirst = false;
        };
        // As many as the queues hold: a call beside them would fail by what it is told.
        const held = paths.slice(0, 32);
        const told = await Promise.all(held.map((path) => get(path, 10_000, true)));
        assert.deepEqual(told, held);
      });
    }

    it('and end with them', async () => {
      answer = () => undefined;
      const calls8 = Promise.all(paths.slice(0, 8).map((path) => get(path, 10_000, true)));
      calls.close();
      assert.deepEqual(new Set(await calls8), new Set(['the connection was given up']));
    });
  });

  for (const path of ['x', '/a b', '/a\r\nHost: b', '/ä']) {
    it(`refuse the path ${JSON.stringify(path)}`, async () => {
      assert.match(await get(path), /is no path/);
      assert.equal(accepted.length, 0);
    });
  }
});
