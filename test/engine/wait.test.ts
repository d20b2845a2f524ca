/** `homeport wait` on a real engine: health checks, ports, and a server that restarts meanwhile. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { engineAvailable, startEngine, type TestEngine } from '../support/engine.ts';
import type { Homeport } from '../support/homeport.ts';
import { type Ran, ran, startBeside } from './scene.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

describe('homeport wait with an engine', { skip: engineAvailable() ?? false }, () => {
  let engine: TestEngine;
  let server: Homeport;
  let control = '';

  before(async () => {
    engine = await startEngine({ name: 'wait' });
    await engine.importBusybox();
    server = await startBeside(engine, { expected: { names: ['db', 'web'] } });
    control = server.control;
  });
  after(async () => {
    await server?.stop();
    await engine?.stop();
  });

  /** The command on the engine's host, from where ports are connected. */
  function argv(...args: readonly string[]): readonly string[] {
    const command = [process.execPath, '--import', import.meta.resolve('tsx'), MAIN, 'wait'];
    return engine.namespaceArgv([...command, ...args, '--control', control]);
  }

  function wait(...args: readonly string[]): Promise<Ran> {
    return ran(argv(...args));
  }

  it('says at once who is missing and why', async () => {
    const { code, stdout } = await wait('db', 'web', '--timeout', '0');
    assert.equal(code, 4);
    assert.deepEqual(stdout.trim().split('\n'), [
      'missing db: db must run on this host, and no container owns the name: start it',
      'missing web: web must run on this host, and no container owns the name: start it',
    ]);
  });

  it('returns once the health check has passed and the port accepts', async () => {
    const waiting = wait('db', '--port', '27017', '--timeout', '60s');
    const health = [
      '--health-cmd',
      'test -e /tmp/healthy',
      '--health-interval',
      '500ms',
      '--health-retries',
      '1000',
    ];
    await engine.run('db', {
      args: health,
      command: [
        'sh',
        '-c',
        'while ! test -e /tmp/open; do sleep 0.1; done; exec httpd -f -p 27017',
      ],
    });
    const starting = await wait('db', '--timeout', '0');
    assert.equal(
      starting.stdout,
      'missing db: db is starting: its health check has not passed yet\n',
    );
    await engine.docker('exec', 'db', 'touch', '/tmp/healthy');
    const healthy = await wait('db', '--timeout', '60s');
    assert.match(healthy.stdout, /^ready {3}db: 172\.17\.0\.\d+, container db, after \d+\.\d s\n$/);
    const closed = await wait('db', '--port', '27017', '--timeout', '0');
    assert.match(closed.stdout, /^missing db: container db is ready, but [\d.]+:27017 refuses /);
    await engine.docker('exec', 'db', 'touch', '/tmp/open');
    const { code, stdout } = await waiting;
    assert.equal(code, 0);
    assert.match(stdout, /^ready {3}db: 172\.17\.0\.\d+ port 27017, container db, after /);
  });

  it('outlives a homeport that is killed and started again', async () => {
    const [program = '', ...args] = argv('db', 'web', '--timeout', '60s');
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const closed = once(child, 'close');
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    // It listens to the server when it has told of the first name.
    assert.match((await lines.next()).value ?? '', /^ready {3}db: /);
    server.child.kill('SIGKILL');
    await server.exited;
    server = await startBeside(engine, { control });
    await engine.run('web');
    assert.match((await lines.next()).value ?? '', /^ready {3}web: /);
    assert.deepEqual((await closed)[0], 0);
  });
});
