/** Leases on a running server: answered, shown, kept over SIGKILL, refused on a full disk. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ControlClient } from '../../src/control/client.ts';
import { ask } from '../support/ask.ts';
import { Homeport } from '../support/homeport.ts';

describe('leases', () => {
  let folder: string;
  let server: Homeport;
  const start = () =>
    Homeport.start({
      config: {
        state: join(folder, 'state'),
        region: 'us-east-1.domain.com',
        ttl: 30,
        records: { '*.env.dev.internal': '10.0.0.99', 'fixed.dev.internal': '10.0.0.98' },
      },
    });
  const answers = async (name: string) => (await ask(server.port, name)).answers;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'homeport-leases-'));
    server = await start();
  });
  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('are answered with TTL 0 before the command returns, over wildcards and records', async () => {
    const args = ['lease', 'add', 'demo.env.dev.internal', '10.0.0.7', '--for', '5d'];
    const added = await server.run(...args);
    assert.equal(added.code, 0, added.stderr);
    const client = new ControlClient([server.control]);
    for (const name of ['fixed.dev.internal', 'plain', '*.b.dev.internal']) {
      await client.addLease({ name, addresses: ['10.0.0.7'], for: '5d' });
    }
    for (const name of [
      'demo.env.dev.internal',
      'fixed.dev.internal',
      'plain',
      'plain.us-east-1.domain.com',
      'any.b.dev.internal',
    ]) {
      assert.deepEqual(await answers(name), [`${name}. 0 IN A 10.0.0.7`]);
    }
    assert.deepEqual(await answers('other.env.dev.internal'), [
      'other.env.dev.internal. 30 IN A 10.0.0.99',
    ]);
  });

  it('are shown by names and explain, with their end', async () => {
    const client = new ControlClient([server.control]);
    const [lease] = (await client.leases()).leases.filter(({ name }) => name === 'plain');
    const report = (await client.names()).names.find(({ name }) => name === 'plain');
    assert.deepEqual(
      report?.groups.map(({ kind, addresses, until }) => [kind, addresses, until]),
      [['lease', [{ address: '10.0.0.7', network: null }], lease?.until]],
    );
    const { verdict, steps } = await client.explain('plain');
    assert.equal(verdict.kind === 'owned' && verdict.source, 'lease');
    assert.ok(steps.some(({ text }) => text === `the lease ends at ${lease?.until}`));
  });

  it('are told as events when they come and go', async () => {
    const client = new ControlClient([server.control]);
    const aborter = new AbortController();
    const events = await client.events(aborter.signal);
    await client.addLease({ name: 'short', addresses: ['10.0.0.8'], for: '500ms' });
    const seen: unknown[] = [];
    for await (const event of events) {
      if (event.kind !== 'name' || event.name !== 'short') continue;
      seen.push(event.report?.groups[0]?.kind ?? null);
      if (event.report === null) break;
    }
    aborter.abort();
    assert.deepEqual(seen, ['lease', null]);
  });

  it('survive SIGKILL right after they were told', async () => {
    for (const round of [1, 2]) {
      const client = new ControlClient([server.control]);
      await client.addLease({ name: `kept-${round}`, addresses: ['10.0.0.7'], for: '1h' });
      server.child.kill('SIGKILL');
      await server.exited;
      rmSync(server.directory, { recursive: true, force: true });
      server = await start();
      assert.deepEqual(await answers(`kept-${round}`), [`kept-${round}. 0 IN A 10.0.0.7`]);
    }
  });

  it('are gone at once when they are removed, and the wildcard is back', async () => {
    const client = new ControlClient([server.control]);
    await client.removeLease('demo.env.dev.internal');
    assert.deepEqual(await answers('demo.env.dev.internal'), [
      'demo.env.dev.internal. 30 IN A 10.0.0.99',
    ]);
    await assert.rejects(client.removeLease('demo.env.dev.internal'), { code: 'LEASE_UNKNOWN' });
  });

  it('that cannot be read are kept aside with one line, and everything else is served', async () => {
    await server.stop();
    writeFileSync(join(folder, 'state', 'leases.json'), '{"version":1,"lea');
    server = await start();
    const line = await server.waitFor(({ msg }) => msg === 'leases that cannot be read are lost');
    assert.equal(line.level, 'error');
    assert.match(String(line.reason), /leases\.json: /);
    assert.equal(readFileSync(String(line.keptAs), 'utf8'), '{"version":1,"lea');
    assert.deepEqual(await answers('fixed.dev.internal'), [
      'fixed.dev.internal. 30 IN A 10.0.0.98',
    ]);
    const words = { name: 'a', addresses: ['10.0.0.7'], for: '1h' };
    await new ControlClient([server.control]).addLease(words);
    assert.deepEqual(await answers('a'), ['a. 0 IN A 10.0.0.7']);
  });
});

const isRoot = process.getuid?.() === 0;

describe('leases on a full disk', {
  skip: isRoot ? false : 'mounting a small disk needs root',
}, () => {
  it('fail and say so, and what was there stays; with room again they are taken', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'homeport-full-'));
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
    const server = await Homeport.start({ config: { state: disk } });
    const client = new ControlClient([server.control]);
    const words = (name: string) => ({ name, addresses: ['10.0.0.7'], for: '1h' });
    try {
      await client.addLease(words('a'));
      const { bavail, bsize } = statfsSync(disk);
      writeFileSync(join(disk, 'filling'), Buffer.alloc(bavail * bsize));
      const failed = await server.run('lease', 'add', 'b', '10.0.0.7', '--for', '1h');
      assert.equal(failed.code, 1);
      assert.match(
        failed.stderr,
        /^homeport: cannot write .*leases\.json: ENOSPC: no space left on device.*; nothing has changed\n$/,
      );
      assert.deepEqual((await ask(server.port, 'a')).answers, ['a. 0 IN A 10.0.0.7']);
      rmSync(join(disk, 'filling'));
      await client.addLease(words('c'));
      assert.deepEqual(
        (await client.leases()).leases.map(({ name }) => name),
        ['a', 'c'],
      );
    } finally {
      await server.stop();
      execFileSync('umount', [disk]);
      rmSync(folder, { recursive: true });
    }
  });
});
