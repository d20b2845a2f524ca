import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { CallConnections } from '../../src/docker/call-connections.ts';

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
  function get(path = '/x', timeoutMs = 10_000): Promise<string> {
    return new Promise((resolve) => {
      calls.get(path, timeoutMs, (error, reply) => resolve(error?.message ?? String(reply?.body)));
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

  for (const path of ['x', '/a b', '/a\r\nHost: b', '/ä']) {
    it(`refuse the path ${JSON.stringify(path)}`, async () => {
      assert.match(await get(path), /is no path/);
      assert.equal(accepted.length, 0);
    });
  }
});
