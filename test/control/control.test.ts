import assert from 'node:assert/strict';
import { once } from 'node:events';
import { linkSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ControlClient } from '../../src/control/client.ts';
import type { ControlEvent, NameReport } from '../../src/control/reports.ts';
import { type ControlServer, startControlServer } from '../../src/control/server.ts';
import { codeOf, HomeportError } from '../../src/errors.ts';
import { silentLogger } from '../../src/log.ts';
import { FakeControlSource } from '../support/control-source.ts';

let folder = '';
let path = '';
let source: FakeControlSource;
let server: ControlServer | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'homeport-control-'));
  path = join(folder, 'run', 'control.sock');
  source = new FakeControlSource();
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(folder, { recursive: true });
});

async function start(): Promise<void> {
  server = await startControlServer(path, source, silentLogger());
}

interface Answer {
  readonly status: number;
  readonly allow: string | undefined;
  readonly body: unknown;
}

function ask(method: string, target: string, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: path, method, path: target, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          allow: response.headers.allow,
          body: JSON.parse(text),
        }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

describe('the control socket', () => {
  it('has mode 0660 in a directory of mode 0750 that it makes', async () => {
    await start();
    assert.equal(statSync(path).mode & 0o777, 0o660);
    assert.equal(statSync(join(folder, 'run')).mode & 0o777, 0o750);
  });

  it('is gone after the server has closed', async () => {
    await start();
    await server?.close();
    server = undefined;
    assert.throws(() => statSync(path), { code: 'ENOENT' });
  });

  it('takes the place of a socket on which nobody answers', async () => {
    path = join(folder, 'control.sock');
    const child = createServer().listen(path);
    await once(child, 'listening');
    // What a killed server leaves: the file, and nobody behind it.
    const stale = join(folder, 'stale.sock');
    linkSync(path, stale);
    child.close();
    await once(child, 'close');
    path = stale;
    assert.ok(statSync(path).isSocket());
    await start();
    assert.equal((await ask('GET', '/v1/names')).status, 200);
  });

  it('refuses the place of a server that answers, and leaves it serving', async () => {
    await start();
    await assert.rejects(
      startControlServer(path, source, silentLogger()),
      (error) =>
        error instanceof HomeportError &&
        error.code === 'BIND_FAILED' &&
        error.message ===
          `cannot use ${path} as control socket: a server answers there already; stop it, or set control: to another path`,
    );
    assert.equal((await ask('GET', '/v1/status')).status, 200);
  });

  for (const [what, make] of [
    ['a file', (place: string) => writeFileSync(place, 'precious')],
    ['a link', (place: string) => symlinkSync('elsewhere', place)],
  ] as const) {
    it(`never removes ${what}`, async () => {
      path = join(folder, 'control.sock');
      make(path);
      await assert.rejects(start(), /something that is no socket is there; remove it/);
    });
  }

  it('says why its directory cannot be made', async () => {
    writeFileSync(join(folder, 'run'), '');
    await assert.rejects(start(), (error) => codeOf(error) === 'BIND_FAILED');
  });
});

describe('a request', () => {
  const cases: readonly {
    name: string;
    method?: string;
    target: string;
    body?: string;
    status: number;
    error?: RegExp;
  }[] = [
    { name: 'for the names', target: '/v1/names', status: 200 },
    { name: 'for the status', target: '/v1/status', status: 200 },
    {
      name: 'for an explanation',
      target: '/v1/explain?name=redis&from=172.18.0.9&type=aaaa',
      status: 200,
    },
    { name: 'to reload', method: 'POST', target: '/v1/reload', status: 200 },
    {
      name: 'for another path',
      target: '/v2/names',
      status: 404,
      error: /there is no \/v2\/names; there are GET \/v1\/names/,
    },
    {
      name: 'for a path of Object.prototype',
      target: '/constructor',
      status: 404,
      error: /there is no/,
    },
    {
      name: 'with another method',
      method: 'DELETE',
      target: '/v1/names',
      status: 405,
      error: /takes GET, not DELETE/,
    },
    { name: 'for the leases', target: '/v1/leases', status: 200 },
    {
      name: 'for a lease',
      method: 'POST',
      target: '/v1/leases',
      body: '{"name":"a","addresses":["10.0.0.7"],"for":"5d"}',
      status: 200,
    },
    {
      name: 'for a lease without a body',
      method: 'POST',
      target: '/v1/leases',
      status: 400,
      error: /the body is no JSON object; send {"name"/,
    },
    {
      name: 'for a lease that is no JSON',
      method: 'POST',
      target: '/v1/leases',
      body: '{"name',
      status: 400,
      error: /is no JSON object/,
    },
    {
      name: 'for a lease with one address that is no list',
      method: 'POST',
      target: '/v1/leases',
      body: '{"name":"a","addresses":"10.0.0.7","for":"5d"}',
      status: 400,
      error: /has not what a lease needs/,
    },
    {
      name: 'for a lease with a misspelt key',
      method: 'POST',
      target: '/v1/leases',
      body: '{"name":"a","addresses":["10.0.0.7"],"fro":"5d"}',
      status: 400,
      error: /has "fro", which is unknown/,
    },
    {
      name: 'to end a lease that nobody has',
      method: 'DELETE',
      target: '/v1/leases?name=none',
      status: 404,
      error: /"LEASE_UNKNOWN"/,
    },
    {
      name: 'to end a lease without its name',
      method: 'DELETE',
      target: '/v1/leases',
      status: 400,
      error: /name is missing/,
    },
    {
      name: 'to change leases by PUT',
      method: 'PUT',
      target: '/v1/leases',
      status: 405,
      error: /takes GET or POST or DELETE, not PUT/,
    },
    { name: 'to reload by GET', target: '/v1/reload', status: 405, error: /takes POST, not GET/ },
    { name: 'without a name', target: '/v1/explain', status: 400, error: /name is missing/ },
    {
      name: 'with a name that is none',
      target: '/v1/explain?name=a..b',
      status: 400,
      error: /"a\.\.b" is no domain name: it has an empty label/,
    },
    {
      name: 'from what is no address',
      target: '/v1/explain?name=a&from=web',
      status: 400,
      error: /from "web" is no address/,
    },
    {
      name: 'with a type that is none',
      target: '/v1/explain?name=a&type=AA',
      status: 400,
      error: /type "AA" is none/,
    },
    {
      name: 'with a parameter that is none',
      target: '/v1/names?x=1',
      status: 400,
      error: /has no parameter "x"; it has none/,
    },
    {
      name: 'with a target that is no path',
      target: 'http://[',
      status: 400,
      error: /no valid path/,
    },
  ];
  for (const { name, method = 'GET', target, body, status, error } of cases) {
    it(`${name} is answered ${status}`, async () => {
      await start();
      const answer = await ask(method, target, body);
      assert.equal(answer.status, status);
      if (error !== undefined)
        assert.match(JSON.stringify(answer.body).replaceAll('\\"', '"'), error);
      assert.equal(answer.allow !== undefined, status === 405);
    });
  }

  it('for an explanation hands on canonical values', async () => {
    await start();
    await ask('GET', '/v1/explain?name=Redis&from=::ffff:172.18.0.9&type=type28');
    await ask('GET', '/v1/explain?name=redis');
    assert.deepEqual(source.explained, [
      { name: 'Redis', from: '172.18.0.9', type: 'AAAA' },
      { name: 'redis', from: null, type: 'A' },
    ]);
  });

  it('that fails inside is answered 500, and the server serves on', async () => {
    await start();
    source.fails = new Error('boom');
    const answer = await ask('GET', '/v1/names');
    assert.equal(answer.status, 500);
    source.fails = undefined;
    assert.equal((await ask('GET', '/v1/names')).status, 200);
  });

  it('to reload a wrong file is answered 422 with its problems', async () => {
    await start();
    source.reloadReport = { isReloaded: false, problems: ['h.yaml:1:1: tll: unknown key'] };
    assert.deepEqual(await ask('POST', '/v1/reload'), {
      status: 422,
      allow: undefined,
      body: source.reloadReport,
    });
  });

  it('for a lease that cannot be kept is answered 507, and the client tells it apart', async () => {
    await start();
    const message = 'cannot write leases.json: ENOSPC; nothing has changed';
    source.leaseOutcome = { kind: 'unkept', message };
    const words = { name: 'a', addresses: ['10.0.0.7'], for: '5d' };
    assert.equal((await ask('POST', '/v1/leases', JSON.stringify(words))).status, 507);
    await assert.rejects(new ControlClient([path]).addLease(words), {
      code: 'STATE_UNWRITABLE',
      message,
    });
  });

  it('with a body that is too large is answered 413', async () => {
    await start();
    const socket = connect(path);
    socket.write('POST /v1/reload HTTP/1.1\r\nhost: x\r\ncontent-length: 900000\r\n\r\n');
    socket.write('x'.repeat(200_000));
    const [data] = (await once(socket, 'data')) as [Buffer];
    assert.match(data.toString(), /^HTTP\/1\.1 413 /);
    socket.destroy();
  });

  it('that is no HTTP is answered 400 and closed', async () => {
    await start();
    const socket = connect(path);
    socket.write('\x16\x03\x01 what is this\r\n\r\n');
    const [data] = (await once(socket, 'data')) as [Buffer];
    assert.match(data.toString(), /^HTTP\/1\.1 400 /);
    await once(socket, 'close');
  });
});

describe('events', () => {
  it('reach a reader as they come, and the subscription ends with the reader', async () => {
    await start();
    const aborter = new AbortController();
    const reader = await new ControlClient([path]).events(aborter.signal);
    const first = reader.next();
    await subscribed();
    source.emit({ kind: 'name', name: 'web', report: null });
    assert.deepEqual((await first).value, { kind: 'name', name: 'web', report: null });
    const second = reader.next();
    source.emit({ kind: 'engine', engine: 'local', state: 'stale', reason: 'gone' });
    assert.equal((await second).value?.kind, 'engine');
    aborter.abort();
    assert.equal((await reader.next()).done, true);
    while (source.listeners.size > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  it('end when the server closes', async () => {
    await start();
    const reader = await new ControlClient([path]).events(AbortSignal.timeout(5_000));
    const first = reader.next();
    await subscribed();
    await server?.close();
    server = undefined;
    await assert.rejects(first, (error) => codeOf(error) === 'CONTROL_UNAVAILABLE');
  });

  it('are left out for a reader that does not read, which is told of it', async () => {
    await start();
    const socket = connect(path);
    socket.write('GET /v1/events HTTP/1.1\r\nhost: x\r\n\r\n');
    await subscribed();
    socket.pause();
    const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
    const event: ControlEvent = { kind: 'name', name: 'web', report: wideReport() };
    for (let i = 0; i < 3_000; i++) source.emit(event);
    const grown = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed - before;
    assert.ok(grown < 30 << 20, `grew by ${grown} bytes for 30 MB of events`);
    assert.equal((await ask('GET', '/v1/status')).status, 200);
    assert.ok(await hasLine(socket, '{"kind":"lost"}'));
    socket.destroy();
  });
});

async function subscribed(): Promise<void> {
  while (source.listeners.size === 0) await new Promise((resolve) => setImmediate(resolve));
}

function wideReport(): NameReport {
  const addresses = Array.from({ length: 200 }, (_, i) => ({
    address: `10.0.${i}.1`,
    network: 'n',
  }));
  return {
    name: 'web',
    groups: [{ owner: 'w', kind: 'service', engine: 'e', project: null, ready: true, addresses }],
    collision: false,
    expected: false,
  };
}

async function hasLine(socket: Socket, line: string): Promise<boolean> {
  let tail = '';
  for await (const chunk of socket) {
    tail = (tail + String(chunk)).slice(-1_000);
    if (tail.includes(line)) return true;
  }
  return false;
}

describe('the client', () => {
  it('asks the first socket on which somebody answers', async () => {
    await start();
    const client = new ControlClient([join(folder, 'none.sock'), path]);
    assert.deepEqual((await client.status()).pid, 4711);
    assert.deepEqual(await client.names(), source.namesReport);
    assert.equal((await client.explain('redis', { from: '172.18.0.9' })).client.title, 'web');
    assert.deepEqual(await client.reload(), { isReloaded: true, problems: [] });
    await client.addLease({ name: 'a', addresses: ['10.0.0.7'], for: '5d' });
    assert.deepEqual(
      (await client.leases()).leases.map(({ name }) => name),
      ['a'],
    );
    assert.equal((await client.removeLease('a')).lease.name, 'a');
    await assert.rejects(client.removeLease('b'), { code: 'LEASE_UNKNOWN' });
  });

  const failures: readonly { name: string; make: (place: string) => void; want: RegExp }[] = [
    {
      name: 'nothing is there',
      make: () => undefined,
      want: /^no server: there is no control socket .*; start one with `homeport serve`/,
    },
    {
      name: 'a file is there',
      make: (place) => writeFileSync(place, ''),
      want: /nobody answers on|is no socket/,
    },
  ];
  for (const { name, make, want } of failures) {
    it(`says what to do where ${name}`, async () => {
      const place = join(folder, 'x.sock');
      make(place);
      await assert.rejects(
        new ControlClient([place]).status(),
        (error) =>
          error instanceof HomeportError &&
          error.code === 'CONTROL_UNAVAILABLE' &&
          want.test(error.message),
      );
    });
  }

  it('hands on what the server says is wrong', async () => {
    await start();
    await assert.rejects(
      new ControlClient([path]).explain('a..b'),
      (error) => codeOf(error) === 'CONTROL_REPLY_INVALID' && /empty label/.test(String(error)),
    );
  });

  it('tells what is no homeport', async () => {
    path = join(folder, 'other.sock');
    const other = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nhello')).listen(path);
    await once(other, 'listening');
    await assert.rejects(new ControlClient([path]).status(), /is no homeport/);
    other.close();
  });
});
