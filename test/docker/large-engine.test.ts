import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EngineWatch } from '../../src/docker/engine-watch.ts';
import { silentLogger } from '../../src/log.ts';
import { engineAt } from '../support/engine/at.ts';
import { AwaitedOwners } from '../support/engine/kept-owners.ts';

const CONTAINERS = 10_000;
/** Of this process. Far above what was measured, 2 to 4 s on a busy host; the time on the wall is that of whatever else runs. */
const CPU_LIMIT_MS = 10_000;
/** An answering thread takes over so many containers between two queries. */
const MAX_PIECE = 64;
const PATIENCE_MS = 120_000;

describe('an engine with 10,000 containers', () => {
  let engine: ChildProcessWithoutNullStreams;
  let watch: EngineWatch;
  const sink = new AwaitedOwners();

  before(async () => {
    const script = fileURLToPath(new URL('../support/engine/large.ts', import.meta.url));
    engine = spawn(process.execPath, ['--import', 'tsx', script, String(CONTAINERS)]);
    const [url] = await once(createInterface({ input: engine.stdout }), 'line');
    watch = new EngineWatch({ name: 'local', ...engineAt(String(url)), sink, log: silentLogger() });
  });

  after(async () => {
    await watch.close();
    engine.stdin.end();
    await once(engine, 'close');
  });

  it('is known within seconds of a core, and told in small pieces', async (test) => {
    const delays = monitorEventLoopDelay({ resolution: 5 });
    delays.enable();
    const began = performance.now();
    const before = process.cpuUsage();
    watch.start();
    await sink.until('connected', () => watch.state.kind === 'connected', PATIENCE_MS);
    const tookMs = performance.now() - began;
    delays.disable();
    const { user, system } = process.cpuUsage(before);
    const cpuMs = (user + system) / 1000;
    const blockMs = delays.max / 1e6;
    const [took, cpu, block] = [tookMs, cpuMs, blockMs].map(Math.round);
    test.diagnostic(`synced in ${took} ms, ${cpu} ms of a core, longest block ${block} ms`);
    assert.equal(sink.owners.size, CONTAINERS);
    assert.ok(cpuMs < CPU_LIMIT_MS, `${cpuMs} ms of a core`);
    const largest = Math.max(...sink.changes.map(({ upserts }) => upserts.length));
    assert.ok(largest <= MAX_PIECE, `${largest} containers were told at once`);
  });

  it('is refreshed without telling anything where nothing changed', async () => {
    const before = sink.changes.length;
    await watch.refresh();
    assert.equal(sink.changes.length, before);
  });
});
