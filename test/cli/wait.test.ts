import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Verdict } from '../../src/control/reports.ts';
import { type ControlServer, startControlServer } from '../../src/control/server.ts';
import { silentLogger } from '../../src/log.ts';
import { FakeControlSource } from '../support/control-source.ts';
import { type CaptureOptions, homeport, type Written } from '../support/terminal.ts';

let folder = '';
let control = '';
let source: FakeControlSource;
let server: ControlServer;
let listener: Server | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'homeport-wait-'));
  control = join(folder, 'c.sock');
  source = new FakeControlSource();
  source.verdict = { kind: 'nonexistent', reason: 'no container owns this name' };
  server = await startControlServer(control, source, silentLogger());
});
afterEach(async () => {
  await server.close();
  listener?.close();
  listener = undefined;
  rmSync(folder, { recursive: true });
});

function run(argv: readonly string[], options: CaptureOptions = {}): Promise<Written> {
  return homeport(['wait', ...argv], { ...options, env: { HOMEPORT_CONTROL: control } });
}

function owned(owner: string, words: Partial<Verdict & { kind: 'owned' }> = {}): Verdict {
  return {
    kind: 'owned',
    owner,
    ready: true,
    ownerKind: 'container',
    engine: 'local',
    project: null,
    source: 'name',
    addresses: [{ address: '127.0.0.1', network: 'bridge' }],
    cname: null,
    ttlSeconds: 0,
    note: null,
    ...words,
  };
}

const starting = owned('db', {
  ready: false,
  note: 'db is starting: its health check has not passed yet',
});

/** What happens to a name, as the server tells it. */
function change(name: string, verdict: Verdict): void {
  source.verdicts.set(name, verdict);
  source.emit({ kind: 'name', name, report: null });
}

/** The command listens, and has asked for each name. */
async function asked(count: number): Promise<void> {
  while (source.listeners.size === 0 || source.explained.length < count) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function listen(port = 0): Promise<number> {
  listener = createServer((socket) => socket.end()).listen(port, '127.0.0.1');
  await once(listener, 'listening');
  return (listener.address() as AddressInfo).port;
}

/** Times differ from run to run. */
const told = (text: string) => text.replaceAll(/\d+\.\d s/g, 'N s');

describe('homeport wait', () => {
  it('returns at once where all are ready, with a line for each', async () => {
    source.verdicts.set('redis', owned('redis-1')).set('db', owned('db'));
    const { exitCode, out, err } = await run(['redis', 'db']);
    assert.equal(
      told(out),
      'ready   redis: 127.0.0.1, container redis-1, after N s\n' +
        'ready   db: 127.0.0.1, container db, after N s\n',
    );
    assert.deepEqual([exitCode, err], [0, '']);
  });

  it('returns when the last one is ready, told by events alone', async () => {
    source.verdicts.set('redis', owned('redis-1')).set('db', starting);
    const waiting = run(['redis', 'db', '--timeout', '1h']);
    await asked(2);
    change('other', owned('other'));
    change('db', owned('db'));
    const { exitCode, out } = await waiting;
    assert.deepEqual([exitCode, out.split('\n').length - 1], [0, 2]);
    // redis was asked for once, db again after its event, the other never.
    assert.deepEqual(source.explained.map(({ name }) => name).sort(), ['db', 'db', 'redis']);
  });

  it('says at the end who is missing and why, and exits with 4', async () => {
    source.verdicts.set('redis', owned('redis-1')).set('db', starting);
    source.verdicts.set('out', { kind: 'forwarded', asks: [], upstreams: [], isLeak: false });
    const { exitCode, out } = await run(['redis', 'db', 'nobody', 'out', '--timeout', '0']);
    assert.equal(exitCode, 4);
    assert.equal(
      told(out),
      'ready   redis: 127.0.0.1, container redis-1, after N s\n' +
        'missing db: db is starting: its health check has not passed yet\n' +
        'missing nobody: no container owns this name\n' +
        'missing out: nobody on this host owns it\n',
    );
  });

  it('ends with the timeout, and not before', async () => {
    const begun = performance.now();
    const { exitCode } = await run(['nobody', '--timeout', '300ms']);
    assert.equal(exitCode, 4);
    assert.ok(performance.now() - begun >= 295);
  });

  it('ends when the person ends it', async () => {
    const aborter = new AbortController();
    const waiting = run(['nobody', '--timeout', '1h'], { interrupted: aborter.signal });
    await asked(1);
    aborter.abort();
    assert.equal((await waiting).exitCode, 4);
  });

  it('waits on where one that was ready is so no more, and says so', async () => {
    source.verdicts.set('redis', owned('redis-1'));
    let all = '';
    const said = async (text: string) => {
      while (!all.includes(text)) await new Promise((resolve) => setImmediate(resolve));
    };
    const waiting = run(['redis', 'db', '--timeout', '1h'], {
      onOut: (text) => {
        all = text;
      },
    });
    await asked(2);
    await said('ready   redis');
    change('redis', owned('redis-1', { ready: false, note: 'redis-1 is unhealthy' }));
    await said('lost    redis');
    change('db', owned('db'));
    await said('ready   db');
    change('redis', owned('redis-2'));
    const { exitCode, out } = await waiting;
    assert.equal(exitCode, 0);
    assert.deepEqual(
      out.split('\n').map((line) => line.split(/[:,]/)[0]),
      ['ready   redis', 'lost    redis', 'ready   db', 'ready   redis', ''],
    );
  });

  it('waits until the port accepts', async () => {
    const port = await listen();
    listener?.close();
    await once(listener as Server, 'close');
    source.verdicts.set('db', owned('db'));
    const refused = await run(['db', '--port', String(port), '--timeout', '0']);
    assert.deepEqual(
      [refused.exitCode, refused.out],
      [4, `missing db: container db is ready, but 127.0.0.1:${port} refuses connections\n`],
    );
    const waiting = run(['db', '--port', String(port), '--timeout', '1h']);
    await asked(2);
    await listen(port);
    const { exitCode, out } = await waiting;
    assert.deepEqual(
      [exitCode, told(out)],
      [0, `ready   db: 127.0.0.1 port ${port}, container db, after N s\n`],
    );
  });

  it('follows an alias to who it stands for', async () => {
    source.verdicts.set('cache', owned('cache', { cname: 'redis', addresses: [] }));
    const waiting = run(['cache', '--timeout', '1h']);
    await asked(2);
    change('redis', owned('redis-1'));
    assert.match((await waiting).out, /^ready {3}cache: 127\.0\.0\.1, container redis-1, /);
  });

  it('ends where aliases go in a circle', async () => {
    source.verdicts.set('a', owned('a', { cname: 'b' })).set('b', owned('b', { cname: 'a' }));
    const { exitCode, out } = await run(['a', '--timeout', '0']);
    assert.deepEqual([exitCode, out], [4, 'missing a: its aliases do not end: b is one still\n']);
  });

  it('outlives a restart of the server, and asks anew', async () => {
    const waiting = run(['db', '--timeout', '1h']);
    await asked(1);
    await server.close();
    // What happens now is told to nobody.
    source.verdicts.set('db', owned('db'));
    server = await startControlServer(control, source, silentLogger());
    assert.equal((await waiting).exitCode, 0);
  });

  it('exits with 3 where the server went and did not come back', async () => {
    const waiting = run(['db', '--timeout', '400ms']);
    await asked(1);
    await server.close();
    const { exitCode, err } = await waiting;
    assert.equal(exitCode, 3);
    assert.match(err, /^homeport: no server: |^homeport: the server .* went away/);
  });

  it('--json is one object at the end', async () => {
    source.verdicts.set('redis', owned('redis-1'));
    const { exitCode, out } = await run(['redis', 'db', '--json', '--timeout', '0']);
    const { names, ...rest } = JSON.parse(out);
    assert.equal(exitCode, 4);
    assert.deepEqual(rest, { ready: false, port: null });
    assert.deepEqual(names[1], {
      name: 'db',
      ready: false,
      reason: 'no container owns this name',
    });
    const { ms, ...redis } = names[0];
    assert.equal(typeof ms, 'number');
    assert.deepEqual(redis, {
      name: 'redis',
      ready: true,
      owner: 'container redis-1',
      addresses: ['127.0.0.1'],
    });
  });

  it('--from asks with that client’s view', async () => {
    source.verdicts.set('db', owned('db'));
    await run(['db', '--from', '172.18.0.9']);
    assert.equal(source.explained[0]?.from, '172.18.0.9');
  });

  for (const [what, argv, err] of [
    ['no name', [], /missing required argument 'name'/],
    ['a name that is none', ['a..b'], /"a\.\.b" is no domain name/],
    ['a bad timeout', ['db', '--timeout', '5'], /--timeout "5" has no unit; write 5s/],
    ['a bad port', ['db', '--port', '0'], /--port "0" is no TCP port; write one like 27017/],
    ['a bad client', ['db', '--from', 'web'], /--from "web" is no IP address/],
  ] as const) {
    it(`exits with 64 for ${what}`, async () => {
      const written = await run(argv);
      assert.deepEqual([written.exitCode, written.out], [64, '']);
      assert.match(written.err, err);
    });
  }

  it('exits with 3 without a server', async () => {
    await server.close();
    const { exitCode, err } = await run(['db']);
    assert.equal(exitCode, 3);
    assert.match(err, /^homeport: no server: /);
  });
});
