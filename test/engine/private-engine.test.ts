import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { output } from '../support/engine/run.ts';
import { engineAvailable, startEngine, type TestEngine } from '../support/engine.ts';

describe('the private engine', { skip: engineAvailable() ?? false }, () => {
  let engine: TestEngine;
  before(async () => {
    engine = await startEngine({ name: 'itself' });
    await engine.importBusybox();
  });
  after(() => engine.stop());

  it('runs containers that the engine’s network namespace reaches', async () => {
    await engine.run('web', {
      command: [
        'sh',
        '-c',
        'echo hello >/www/index.html; httpd -h /www; trap exit TERM; sleep 1000 & wait',
      ],
    });
    const { NetworkSettings } = await engine.api.getContainer('web').inspect();
    const address = NetworkSettings.Networks.bridge?.IPAddress;
    const page = await engine.inNamespace([
      'busybox',
      'sh',
      '-c',
      `for i in 1 2 3 4 5 6 7 8 9; do busybox wget -q -O - http://${address}/ 2>/dev/null && exit; sleep 0.1; done; exit 1`,
    ]);
    assert.equal(page, 'hello\n');
  });

  it('stops a container of the default command at once', async () => {
    await engine.run('quick');
    const began = performance.now();
    await engine.docker('stop', '-t', '20', 'quick');
    assert.ok(performance.now() - began < 10_000);
  });

  it('has an image whose names are looked up by glibc', async () => {
    await engine.importGlibc();
    const hosts = await engine.docker(
      'run',
      '--rm',
      '--add-host',
      'db:10.1.2.3',
      'glibc',
      'getent',
      'ahostsv4',
      'db',
    );
    assert.match(hosts, /^10\.1\.2\.3 /);
  });

  it('comes back after a kill and a restart', async () => {
    await engine.kill();
    await assert.rejects(engine.docker('ps'));
    await engine.restart();
    assert.match(await engine.docker('ps', '-a', '--format', '{{.Names}}'), /^web$/m);
  });

  it('hangs while it is frozen and answers again when thawed', async () => {
    await engine.freeze();
    const ping = engine.api.ping();
    const first = await Promise.race([
      ping.then(() => 'answer'),
      new Promise((resolve) => setTimeout(resolve, 200, 'silence')),
    ]).finally(() => engine.thaw());
    assert.equal(first, 'silence');
    await ping;
  });

  it('leaves nothing behind when it is stopped, not even with a paused container', async () => {
    await engine.run('paused');
    await engine.docker('pause', 'paused');
    await engine.stop();
    await assertNothingLeft(engine.directory, engine.pid1);
  });

  it('leaves nothing behind when the test process is killed', async () => {
    const script = `
      const { startEngine } = await import('./test/support/engine.ts');
      const engine = await startEngine({ name: 'orphan' });
      await engine.importBusybox();
      await engine.run('web');
      console.log(JSON.stringify([engine.directory, engine.pid1]));
      process.kill(process.pid, 'SIGKILL');
    `;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script]);
    let printed = '';
    child.stdout.on('data', (text) => {
      printed += text;
    });
    await once(child, 'close');
    const [directory, pid1] = JSON.parse(printed);
    for (let tries = 0; existsSync(directory) && tries < 200; tries++) await delay(20);
    await assertNothingLeft(directory, pid1);
  });
});

async function assertNothingLeft(directory: string, pid1: number): Promise<void> {
  assert.equal(existsSync(directory), false);
  assert.equal(existsSync(`/proc/${pid1}`), false);
  const left = await output([
    'find',
    '/sys/fs/cgroup',
    '-type',
    'd',
    '-name',
    `*${basename(directory)}*`,
  ]);
  assert.equal(left, '');
}
