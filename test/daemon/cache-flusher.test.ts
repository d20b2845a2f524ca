import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { promisify } from 'node:util';
import type { FlushableCache } from '../../src/config/config.ts';
import { CacheFlusher } from '../../src/daemon/cache-flusher.ts';
import type { CommandResult, Machine } from '../../src/host/machine.ts';
import type { Logger } from '../../src/log.ts';
import { silentLogger } from '../../src/log.ts';
import { NameTable } from '../../src/names/name-table.ts';
import type { Owner } from '../../src/names/owner.ts';
import { change, lease, owner, record } from '../names/builders.ts';

/** Files are written in real time. */
const delay = promisify(setTimeout);

const SOCKETS = {
  'systemd-resolved': '/run/systemd/resolve/io.systemd.Resolve',
  nscd: '/run/nscd/socket',
} as const;
const RESOLVED = 'resolvectl flush-caches';
const NSCD = 'nscd --invalidate=hosts';

let root = '';
let ran: string[];
let warned: Record<string, unknown>[];
let result: CommandResult;
let flusher: CacheFlusher;
let names: NameTable;

/** A host on which these caches run. */
function start(
  running: readonly FlushableCache[],
  caches: readonly FlushableCache[] = ['systemd-resolved', 'nscd'],
  requestFile?: string,
): void {
  for (const cache of running) {
    mkdirSync(dirname(join(root, SOCKETS[cache])), { recursive: true });
    writeFileSync(join(root, SOCKETS[cache]), '');
  }
  const machine: Machine = {
    at: (path) => join(root, path),
    run: (argv) => {
      ran.push(argv.join(' '));
      return Promise.resolve(result);
    },
  };
  const log = Object.assign(silentLogger(), {
    warn: (fields: Record<string, unknown>) => warned.push(fields),
  }) as Logger;
  flusher = new CacheFlusher({ caches, machine, log, requestFile });
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'homeport-flush-'));
  ran = [];
  warned = [];
  result = { code: 0, stdout: '', stderr: '' };
  names = new NameTable({ departedForMs: 600_000 });
  mock.timers.enable({ apis: ['setTimeout'] });
});
afterEach(async () => {
  await flusher.close();
  mock.timers.reset();
  rmSync(root, { recursive: true });
});

function own(...owners: readonly Owner[]): void {
  flusher.changed(names.apply(change({ upserts: owners }), 0));
}

function disown(...ids: readonly string[]): void {
  flusher.changed(names.apply(change({ removals: ids }), 0));
}

/** Lets commands end and the pause pass. */
async function pass(ms = 1_000): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  mock.timers.tick(ms);
  await new Promise((resolve) => setImmediate(resolve));
}

describe('the caches of the host', () => {
  it('are emptied when an address goes, and when a name comes', async () => {
    start(['systemd-resolved', 'nscd']);
    own(owner('redis', { addresses: ['172.18.0.2'] }));
    assert.deepEqual(ran.splice(0), [RESOLVED, NSCD]);
    await pass();
    disown('local/redis');
    assert.deepEqual(ran.splice(0), [RESOLVED, NSCD]);
    await pass();
    own(owner('redis', { addresses: ['172.18.0.3'] }));
    assert.deepEqual(ran, [RESOLVED, NSCD]);
  });

  it('are emptied when an address becomes another, a lease ends, an alias turns', async () => {
    start(['systemd-resolved']);
    own(
      owner('redis', { addresses: ['172.18.0.2'] }),
      lease('demo', ['10.0.0.7']),
      record('cache', [], { cname: 'redis' }),
    );
    await pass();
    ran = [];
    own(owner('redis', { addresses: ['172.18.0.3'] }));
    await pass();
    disown('lease/demo');
    await pass();
    own(record('cache', [], { cname: 'other' }));
    await pass();
    assert.deepEqual(ran, [RESOLVED, RESOLVED, RESOLVED]);
  });

  it('are left alone while every answer that was given is right', async () => {
    start(['systemd-resolved', 'nscd']);
    own(owner('redis', { addresses: ['172.18.0.2'] }));
    await pass();
    ran = [];
    own(owner('redis', { addresses: ['172.18.0.2'], condition: 'unhealthy' }));
    own(owner('redis', { addresses: ['172.18.0.2', '172.18.0.9'] }));
    flusher.changed({ entries: [], forgotten: ['never-owned'] });
    await pass();
    assert.deepEqual(ran, []);
  });

  it('are emptied once a second at most, and once more after the last change', async () => {
    start(['nscd']);
    for (let i = 2; i < 200; i++) own(owner('redis', { addresses: [`172.18.0.${i}`] }));
    assert.deepEqual(ran, [NSCD]);
    await pass(999);
    assert.equal(ran.length, 1);
    await pass(1);
    assert.equal(ran.length, 2);
    await pass(5_000);
    assert.equal(ran.length, 2);
  });

  it('that do not run, or are not listed, are not asked', async () => {
    start(['nscd'], ['systemd-resolved', 'nscd']);
    own(owner('a', { addresses: ['172.18.0.2'] }));
    await pass();
    flusher.configure([]);
    disown('local/a');
    await pass();
    assert.deepEqual(ran, [NSCD]);
  });

  it('are named to who may empty them, where homeport may not', async () => {
    const file = join(root, 'flush');
    start(['nscd'], ['systemd-resolved', 'nscd'], file);
    own(owner('a', { addresses: ['172.18.0.2'] }));
    await flusher.close();
    assert.equal(readFileSync(file, 'utf8'), 'nscd\n');
    assert.deepEqual([ran, warned], [[], []]);
  });

  it('that cannot be named are told of once', async () => {
    const folder = join(root, 'missing');
    start(['nscd'], ['nscd'], join(folder, 'flush'));
    /** Another address, and the wish that follows from it. */
    const wish = async (host: number): Promise<void> => {
      own(owner('a', { addresses: [`172.18.0.${host}`] }));
      await delay(50);
      await pass();
    };
    await wish(2);
    await wish(3);
    assert.equal(warned.length, 1);
    mkdirSync(folder);
    await wish(4);
    assert.equal(readFileSync(join(folder, 'flush'), 'utf8'), 'nscd\n');
    rmSync(folder, { recursive: true });
    await wish(5);
    assert.equal(warned.length, 2, 'and again, once it has worked');
    assert.match(String(warned[0]?.reason), /ENOENT/);
    assert.match(String(warned[0]?.wayOut), /HOMEPORT_FLUSH_REQUEST/);
  });

  it('that refuse are told of once, until they obey again', async () => {
    start(['nscd']);
    const stderr = 'nscd: Only root is allowed to use this option!\n';
    for (const code of [4, 4, 0, 4]) {
      result = { code, stdout: '', stderr };
      own(owner('a', { addresses: [`172.18.0.${ran.length + 2}`] }));
      await pass();
    }
    assert.equal(ran.length, 4);
    assert.deepEqual(
      warned.map(({ cache, reason }) => [cache, reason]),
      [
        ['nscd', 'nscd: Only root is allowed to use this option!'],
        ['nscd', 'nscd: Only root is allowed to use this option!'],
      ],
    );
  });
});
