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
/** Far above what was measured, for other tests run beside this one on the same two cores. */
const SYNC_LIMIT_MS = 15_000;
const BLOCK_LIMIT_MS = 500;

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

  it('is known within seconds, and the thread is never blocked for long', async (test) => {
    const delays = monitorEventLoopDelay({ resolution: 5 });
    delays.enable();
    const began = performance.now();
    watch.start();
    await sink.until('connected', () => watch.state.kind === 'connected', 30_000);
    const tookMs = performance.now() - began;
    delays.disable();
    const blockMs = delays.max / 1e6;
    test.diagnostic(`synced in ${Math.round(tookMs)} ms, longest block ${Math.round(blockMs)} ms`);
    assert.equal(sink.owners.size, CONTAINERS);
    assert.ok(tookMs < SYNC_LIMIT_MS, `${tookMs} ms`);
    assert.ok(blockMs < BLOCK_LIMIT_MS, `${blockMs} ms`);
  });

  it('is refreshed without telling anything where nothing changed', async () => {
    const before = sink.changes.length;
    await watch.refresh();
    assert.equal(sink.changes.length, before);
  });
});
