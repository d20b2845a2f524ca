import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { type ControlServer, startControlServer } from '../../src/control/server.ts';
import { silentLogger } from '../../src/log.ts';
import { FakeControlSource } from '../support/control-source.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { replyTo } from '../support/message.ts';

let folder = '';
let control = '';
let server: ControlServer;
let dns: DnsServer;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'homeport-process-'));
  control = join(folder, 'c.sock');
  const source = new FakeControlSource();
  dns = await startDnsServer((query) => replyTo(query, { answers: ['web. 5 IN A 10.0.0.1'] }));
  source.listen = [{ address: '127.0.0.1', port: dns.port }];
  server = await startControlServer(control, source, silentLogger());
});
after(async () => {
  await server.close();
  await dns.close();
  rmSync(folder, { recursive: true });
});

/** Runs a program of ours as a shell would. */
async function run(
  program: 'main' | 'resolve',
  argv: readonly string[],
  env: Record<string, string> = {},
) {
  const child = spawn(process.execPath, ['--import', 'tsx', `src/${program}.ts`, ...argv], {
    env: { PATH: process.env.PATH ?? '', HOME: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return { exitCode, out, err };
}

describe('the program homeport', () => {
  it('exits with the command’s code, and writes results to stdout alone', async () => {
    const { exitCode, out, err } = await run('main', ['names', '--control', control]);
    assert.deepEqual([exitCode, err], [2, '']);
    assert.match(out, /^NAME +ADDRESS +NETWORK +OWNER\n/);
  });

  it('exits with 64 for wrong use, 78 for a wrong file, 3 without a server', async () => {
    const file = join(folder, 'h.yaml');
    writeFileSync(file, 'tll: 0\n');
    const results = await Promise.all([
      run('main', ['frobnicate']),
      run('main', ['serve'], { HOMEPORT_CONFIG: file }),
      run('main', ['status'], { HOMEPORT_CONTROL: join(folder, 'none.sock') }),
    ]);
    assert.deepEqual(
      results.map(({ exitCode, out, err }) => [exitCode, out, err.split('\n').length]),
      [
        [64, '', 2],
        [78, '', 2],
        [3, '', 2],
      ],
    );
  });

  it('ends quietly where its reader has seen enough', async () => {
    const child = spawn(
      'sh',
      ['-c', '"$0" --import tsx src/main.ts config schema | head -c 10', process.execPath],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    assert.deepEqual([out.length, err], [10, '']);
  });
});

describe('the program resolve', () => {
  it('is homeport resolve', async () => {
    const { exitCode, out } = await run('resolve', ['web', 'A'], { HOMEPORT_CONTROL: control });
    assert.equal(exitCode, 0);
    assert.match(out, /^10\.0\.0\.1 {2}A {2}ttl 5 {2}web\n/);
  });
});
