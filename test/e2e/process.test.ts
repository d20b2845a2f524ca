/** homeport as an operator's process: how it starts, ends, fails and what it writes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ask } from '../support/ask.ts';
import { FakeUpstream } from '../support/fake-upstream.ts';
import { Homeport, runHomeport } from '../support/homeport.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const SERVE = ['--import', 'tsx', MAIN, 'serve'];

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'homeport-process-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** A configuration of its own in a file of its own. */
function configFile(name: string, text = ''): string {
  const file = join(folder, `${name}.yaml`);
  const own = `control: ${join(folder, name)}.sock\nstate: ${join(folder, name)}-state\n`;
  writeFileSync(
    file,
    `listen: ["127.0.0.1:0"]\nengines: []\nupstreams: [127.0.0.1:9]\n${own}${text}`,
  );
  return file;
}

describe('a server that cannot start', () => {
  it('exits 1 with one line that names the port in use', async () => {
    const holder = await FakeUpstream.start();
    const file = configFile('in-use');
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace('127.0.0.1:0', `127.0.0.1:${holder.port}`),
    );
    const { code, stdout, stderr } = await runHomeport(['serve', '--config', file]);
    await holder.stop();
    assert.equal(code, 1);
    assert.equal(stdout, '');
    const said = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
    assert.equal(said.length, 1, stderr);
    assert.match(
      said[0] ?? '',
      new RegExp(`cannot bind .*127\\.0\\.0\\.1:${holder.port}: address in use`),
    );
  });

  it('exits 78 with all that is wrong in the configuration, each with its place', async () => {
    const file = configFile('wrong', 'ttl: many\nregoin: example.com\n');
    const { code, stderr } = await runHomeport(['serve', '--config', file]);
    assert.equal(code, 78);
    const lines = stderr.trim().split('\n');
    assert.match(stderr, new RegExp(`${file}:6:\\d+: .*ttl`));
    assert.match(stderr, new RegExp(`${file}:7:\\d+: .*region`));
    assert.ok(lines.length <= 3, stderr);
  });

  it('exits 78 where there is no such file', async () => {
    const { code, stderr } = await runHomeport(['serve', '--config', join(folder, 'nowhere.yaml')]);
    assert.equal(code, 78);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  });

  it('exits 1 where another server answers on the control socket, and leaves it alone', async () => {
    const first = await Homeport.start();
    const file = configFile('second');
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace(/control: .*/, `control: ${first.control}`),
    );
    const { code, stderr } = await runHomeport(['serve', '--config', file]);
    assert.equal(code, 1);
    assert.match(stderr, /a server answers there already/);
    assert.equal((await first.run('status')).code, 0);
    assert.equal(await first.stop(), 0);
  });
});

describe('a server that ends', () => {
  it('exits 0 on SIGTERM, leaves no control socket behind, and has logged JSON with time, level and room', async () => {
    const server = await Homeport.start();
    assert.equal(statSync(server.control).mode & 0o777, 0o660);
    server.child.kill('SIGTERM');
    assert.equal(await server.exited, 0);
    assert.equal(existsSync(server.control), false);
    assert.ok(server.lines.length >= 2);
    for (const line of server.lines) {
      assert.match(String(line.time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      assert.match(line.level, /^(info|warn)$/);
      assert.equal(typeof line.room, 'string');
    }
    assert.equal(server.lines.at(-1)?.msg, 'stopped');
    await server.stop();
  });

  it('starts again where it was killed, over what it left behind', async () => {
    const file = configFile('killed', 'records: { web: 10.0.0.1 }\n');
    for (let round = 0; round < 2; round++) {
      const child = spawn(process.execPath, [...SERVE, '--config', file], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const port = await portOf(child.stderr);
      assert.deepEqual((await ask(port, 'web')).answers, ['web. 0 IN A 10.0.0.1']);
      child.kill('SIGKILL');
      await once(child, 'exit');
      assert.ok(existsSync(join(folder, 'killed.sock')));
    }
  });
});

/** Reads the log up to the line that says where the server listens. */
async function portOf(log: NodeJS.ReadableStream): Promise<number> {
  let text = '';
  for await (const chunk of log) {
    text += chunk;
    const port = /127\.0\.0\.1:(\d+)"\],"transport/.exec(text)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error(`it ended: ${text}`);
}

describe('the log', () => {
  it('is readable on a terminal', {
    skip: existsSync('/usr/bin/script') ? false : 'no script(1) here',
  }, async () => {
    const file = configFile('terminal');
    const typescript = join(folder, 'typescript');
    // script(1) runs it in $SHELL, and a shell that stays in between dies of the Ctrl-C itself.
    const command = ['exec', process.execPath, ...SERVE, '--config', file].join(' ');
    const child = spawn('script', ['-q', '-e', '-f', '-c', command, typescript], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, NO_COLOR: '1' },
    });
    let seen = '';
    await new Promise<void>((resolve) => {
      child.stdout.on('data', (chunk) => {
        seen += chunk;
        if (seen.includes('ready')) resolve();
      });
      child.once('exit', () => resolve());
    });
    assert.doesNotMatch(seen, /^\{/m);
    assert.match(seen, /INFO: daemon: ready/);
    assert.match(seen, /127\.0\.0\.1:\d+/);
    // Ctrl-C, that is SIGINT.
    child.stdin.write('\u0003');
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
  });

  it('may end before the server does', async () => {
    const file = configFile('no-reader', 'records: { web: 10.0.0.1 }\nlog: { queries: true }\n');
    const child = spawn(process.execPath, [...SERVE, '--config', file], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const port = await portOf(child.stderr);
    child.stderr.destroy();
    for (let i = 0; i < 20; i++) assert.equal((await ask(port, 'web')).rcode, 'NOERROR');
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
  });

  it('may go to a full disk', {
    skip: existsSync('/dev/full') ? false : 'no /dev/full here',
  }, async () => {
    const probe = await FakeUpstream.start();
    await probe.stop();
    const file = configFile('full', 'records: { web: 10.0.0.1 }\nlog: { queries: true }\n');
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace('127.0.0.1:0', `127.0.0.1:${probe.port}`),
    );
    const child = spawn(process.execPath, [...SERVE, '--config', file], {
      stdio: ['ignore', 'ignore', openSync('/dev/full', 'w')],
    });
    const exited = once(child, 'exit');
    const answered = await untilAnswered(probe.port);
    assert.deepEqual(answered, ['web. 0 IN A 10.0.0.1']);
    for (let i = 0; i < 20; i++) assert.equal((await ask(probe.port, 'web')).rcode, 'NOERROR');
    child.kill('SIGTERM');
    const [code] = await exited;
    assert.equal(code, 0);
  });
});

async function untilAnswered(port: number): Promise<readonly string[]> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    try {
      return (await ask(port, 'web', 'A', { timeoutMs: 100 })).answers;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}
