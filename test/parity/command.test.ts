import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { reportSchema } from '../../src/parity/report/report.ts';

const PROGRAM = fileURLToPath(new URL('program.ts', import.meta.url));
const REGION = 'us-east-1.domain.com';
const directory = mkdtempSync(join(tmpdir(), 'homeport-parity-'));
after(() => rmSync(directory, { recursive: true }));

const path = (name: string): string => join(directory, name);
function file(name: string, text: string | Buffer): string {
  writeFileSync(path(name), text);
  return path(name);
}

const config = file(
  'homeport.yaml',
  `listen: ["127.53.0.1:53"]
region: ${REGION}
control: ${path('no.sock')}
engines: []
records: { db: 172.18.0.5 }
expected: { names: [db] }
parity: { production: production.resolv.conf, stubs: [glibc, musl] }
`,
);
file('production.resolv.conf', `search ${REGION}\nnameserver 10.0.0.2\noptions ndots:1\n`);
const good = file('good.conf', `search ${REGION}\nnameserver 127.53.0.1\noptions ndots:1\n`);
const bad = file('bad.conf', `nameserver 127.53.0.1\nnameserver 10.0.0.2\noptions ndots:1\n`);
const application = file('app.env', 'DB_URL=postgres://db:5432/x\nQUEUE=amqp://queue:5672\n');
symlinkSync('nowhere', path('dangling.conf'));
const here = ['--config', config, '--no-host'];

interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `homeport parity` with a clean environment. */
function parity(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const argv = ['--import', 'tsx', PROGRAM, 'parity', ...args];
    const options = { env: { PATH: process.env.PATH ?? '', ...env }, maxBuffer: 64 * 1024 * 1024 };
    execFile(process.execPath, argv, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      resolve({ exitCode: typeof code === 'number' ? code : -1, stdout, stderr });
    });
  });
}

const runs: {
  name: string;
  args: readonly string[];
  env?: Record<string, string>;
  exitCode: number;
  stdout?: RegExp;
  stderr?: RegExp;
}[] = [
  { name: 'parity', args: [...here, '--resolv-conf', good], exitCode: 0, stdout: /^PARITY: / },
  {
    name: 'differences, the verdict first and each with its fix',
    args: [...here, '--resolv-conf', bad],
    exitCode: 1,
    stdout: /^DIFFERENCES: .*search-missing.*fix: .*bad\.conf:2: nameserver 10\.0\.0\.2/s,
  },
  {
    name: 'no colours where the output is no terminal, whatever CI says',
    args: [...here, '--resolv-conf', good],
    env: { CI: 'true', FORCE_COLOR: '' },
    exitCode: 0,
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what must not be there
    stdout: /^[^\u001b]*$/,
  },
  {
    name: 'milder findings, where errors alone fail',
    args: [...here, '--resolv-conf', good, '--budget', '1', '--fail-on', 'error'],
    exitCode: 0,
    stdout: /timeout-budget/,
  },
  {
    name: 'one kind of finding in full',
    args: [...here, '--resolv-conf', bad, '--explain', 'second-nameserver'],
    exitCode: 1,
    stdout: /^second-nameserver: .*10\.0\.0\.2 is asked as well as homeport/s,
  },
  {
    name: 'names that an application uses, with their places, as expected names',
    args: [...here, '--resolv-conf', good, '--names-from', application],
    exitCode: 1,
    stdout: /queue\n {2}.*app\.env:2 QUEUE.*queue is expected, and nobody runs it/s,
  },
  {
    name: 'names alone, without a profile',
    args: ['--names-from', application],
    exitCode: 0,
    stdout: /^db\n {2}.*app\.env:1 DB_URL\n/,
  },
  {
    name: 'a missing profile',
    args: [...here, '--production', path('nothing')],
    exitCode: 2,
    stderr: /^homeport: production's profile .*nothing does not exist\n$/,
  },
  {
    name: 'a profile of a newer format',
    args: [...here, '--production', file('newer.yaml', 'homeport-profile: 9\n')],
    exitCode: 2,
    stderr: /^homeport: production's profile: .*format 9.*update homeport\n$/,
  },
  {
    name: 'no profile at all',
    args: ['--no-host', '--no-containers'],
    exitCode: 2,
    stderr: /^homeport: no production profile: give --production FILE/,
  },
  {
    name: 'unreadable, binary, empty and dangling files, and goes on with the rest',
    args: [
      ...[...here, '--resolv-conf', path('dangling.conf'), path('nothing.conf'), good],
      ...[file('binary.conf', Buffer.from('a\0b')), file('empty.conf', '')],
    ],
    exitCode: 2,
    stdout: /COULD NOT CHECK/,
    stderr:
      /dangling\.conf is a symbolic link to a file that does not exist\n.*nothing\.conf does not exist\n.*binary\.conf is no text: a NUL byte at offset 1\n.*empty\.conf is empty: nothing to compare\n$/,
  },
  {
    name: 'an engine that is away',
    args: [...here, '--engine', `unix://${path('docker.sock')}`, '--resolv-conf', good],
    exitCode: 2,
    stderr: /^homeport: engine .* cannot be asked: .*ENOENT/,
  },
  {
    name: 'a configuration with an error',
    args: ['--config', file('bad.yaml', 'regoin: x\n')],
    exitCode: 2,
    stderr: /bad\.yaml:1:1: /,
  },
  {
    name: 'a file that cannot be written',
    args: [...here, '--resolv-conf', good, '--junit', path('no/such/directory.xml')],
    exitCode: 2,
    stderr: /^homeport: cannot write .*directory\.xml: /,
  },
  { name: 'an unknown stub', args: ['--stubs', 'bionic'], exitCode: 64, stderr: /bionic/ },
  { name: 'an unknown finding', args: ['--explain', 'nothing'], exitCode: 64, stderr: /there are/ },
  {
    name: 'an unknown severity',
    args: ['--fail-on', 'bad'],
    exitCode: 64,
    stderr: /error, warning, notice/,
  },
  { name: 'the schema', args: ['schema'], exitCode: 0, stdout: /"homeport-parity-report\/1"/ },
  {
    name: 'the schema by a flag',
    args: ['--json-schema'],
    exitCode: 0,
    stdout: /"homeport-parity-report\/1"/,
  },
];

describe('homeport parity', { concurrency: 2 }, () => {
  for (const { name, args, env, exitCode, stdout, stderr } of runs) {
    it(`exits ${exitCode} for ${name}`, async () => {
      const ran = await parity(args, env);
      assert.equal(ran.exitCode, exitCode, `${ran.stdout}${ran.stderr}`);
      if (stdout !== undefined) assert.match(ran.stdout, stdout);
      if (stderr === undefined) assert.equal(ran.stderr, '');
      else assert.match(ran.stderr, stderr);
    });
  }

  it('writes JSON that fits its schema, JUnit and SARIF in one run', async () => {
    const args = [...here, '--resolv-conf', bad, good, '--json'];
    const ran = await parity([...args, '--junit', path('junit.xml'), '--sarif', path('p.sarif')]);
    assert.equal(ran.exitCode, 1, ran.stderr);
    const report = reportSchema.parse(JSON.parse(ran.stdout));
    assert.deepEqual(
      report.targets.map(({ title, same }) => `${title.split('/').at(-1)} ${same}`),
      ['bad.conf 2', 'good.conf 2'],
    );
    assert.match(readFileSync(path('junit.xml'), 'utf8'), /<testsuite name="[^"]*bad\.conf"/);
    assert.equal(JSON.parse(readFileSync(path('p.sarif'), 'utf8')).version, '2.1.0');
  });

  it('captures a profile that it can check against', async () => {
    const out = path('captured.yaml');
    const captured = await parity(['capture', '--out', out, '--names', 'db', '--no-ask']);
    assert.equal(captured.exitCode, 0, captured.stderr);
    const checked = await parity([...here, '--production', out, '--resolv-conf', good, '--json']);
    assert.ok(checked.exitCode === 0 || checked.exitCode === 1, checked.stderr);
    assert.equal(JSON.parse(checked.stdout).production.source, out);
  });
});
