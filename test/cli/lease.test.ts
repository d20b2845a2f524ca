import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { spanText } from '../../src/cli/span-text.ts';
import { type ControlServer, startControlServer } from '../../src/control/server.ts';
import { silentLogger } from '../../src/log.ts';
import { FakeControlSource } from '../support/control-source.ts';
import { homeport, type Written } from '../support/terminal.ts';

let folder = '';
let control = '';
let source: FakeControlSource;
let server: ControlServer;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'homeport-lease-'));
  control = join(folder, 'c.sock');
  source = new FakeControlSource();
  server = await startControlServer(control, source, silentLogger());
});
afterEach(async () => {
  mock.timers.reset();
  await server.close();
  rmSync(folder, { recursive: true });
});

function run(...argv: readonly string[]): Promise<Written> {
  return homeport(argv, { env: { HOMEPORT_CONTROL: control } });
}

const ADD = [
  'lease',
  'add',
  'demo.env.dev.internal',
  '10.0.0.7',
  'fd00::7',
  '--for',
  '5d',
] as const;

describe('homeport lease', () => {
  it('add says until when the name has the addresses', async () => {
    assert.deepEqual(await run(...ADD), {
      exitCode: 0,
      out: 'added demo.env.dev.internal 10.0.0.7 fd00::7 until 2026-01-07T03:04:05.000Z\n',
      err: '',
    });
  });

  it('list is a table with what is left of each', async () => {
    await run(...ADD);
    mock.timers.enable({ apis: ['Date'], now: Date.parse('2026-01-02T04:00:00.000Z') });
    const { out, exitCode } = await run('lease', 'list');
    assert.equal(exitCode, 0);
    assert.equal(
      out,
      'NAME                   ADDRESSES         UNTIL                     LEFT\n' +
        'demo.env.dev.internal  10.0.0.7 fd00::7  2026-01-07T03:04:05.000Z  4d 23h\n',
    );
  });

  it('list says so where there are none', async () => {
    assert.deepEqual(await run('lease', 'list'), {
      exitCode: 0,
      out: 'no names are leased\n',
      err: '',
    });
  });

  it('list --json is the report as the server gives it', async () => {
    await run(...ADD);
    const { out } = await run('lease', 'list', '--json');
    assert.deepEqual(JSON.parse(out), { leases: source.leaseReports });
  });

  it('remove says what was removed, and exits with 2 where nothing was', async () => {
    await run(...ADD);
    assert.deepEqual(await run('lease', 'remove', 'Demo.env.dev.internal'), {
      exitCode: 0,
      out: 'removed demo.env.dev.internal 10.0.0.7 fd00::7\n',
      err: '',
    });
    assert.deepEqual(await run('lease', 'remove', 'other'), {
      exitCode: 2,
      out: '',
      err: 'homeport: there is no lease of other\n',
    });
  });

  it('add exits with 1 where the server cannot keep it', async () => {
    source.leaseOutcome = {
      kind: 'unkept',
      message: 'cannot write x: ENOSPC; nothing has changed',
    };
    const { exitCode, err } = await run(...ADD);
    assert.deepEqual(
      [exitCode, err],
      [1, 'homeport: cannot write x: ENOSPC; nothing has changed\n'],
    );
  });

  const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['a bad name', ['add', 'a b', '10.0.0.7', '--for', '5d'], /^homeport: the name "a b" /],
    ['a bad address', ['add', 'a', 'web', '--for', '5d'], /^homeport: the address "web" is no/],
    ['a bad time', ['add', 'a', '10.0.0.7', '--for', '5'], /^homeport: the time "5" has no unit/],
    ['no time', ['add', 'a', '10.0.0.7'], /^homeport: required option '--for <time>'/],
    ['no address', ['add', 'a', '--for', '5d'], /^homeport: missing required argument 'address'/],
    ['a bad name to remove', ['remove', 'a..b'], /^homeport: the name "a\.\.b" /],
    ['no verb', [], /Usage: homeport lease/],
  ];
  for (const [what, argv, err] of wrong) {
    it(`exits with 64 for ${what}, whether there is a server or not`, async () => {
      await server.close();
      const written = await run('lease', ...argv);
      assert.deepEqual([written.exitCode, written.out], [64, '']);
      assert.match(written.err, err);
    });
  }

  it('exits with 3 without a server', async () => {
    await server.close();
    for (const argv of [ADD, ['lease', 'list'], ['lease', 'remove', 'a']]) {
      const { exitCode, err } = await run(...argv);
      assert.equal(exitCode, 3);
      assert.match(err, /^homeport: no server: /);
    }
  });
});

describe('a span of time for people', () => {
  for (const [ms, want] of [
    [431_999_999, '4d 23h'],
    [86_400_000, '1d'],
    [90_061_000, '1d 1h'],
    [90_000, '1m 30s'],
    [59_999, '59s'],
    [999, '0s'],
    [-5, '0s'],
  ] as const) {
    it(`of ${ms} ms is ${want}`, () => assert.equal(spanText(ms), want));
  }
});
