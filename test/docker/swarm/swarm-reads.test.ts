import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SwarmReads, type SwarmStanding } from '../../../src/docker/swarm/swarm-reads.ts';

const CALM: SwarmStanding = { isChanged: false, isConverging: false, hasRemoteTasks: false };

/** When the swarm is read, if each read takes no time and finds this. */
function readTimes(standing: SwarmStanding | null, untilMs: number): readonly number[] {
  const reads = new SwarmReads();
  reads.want();
  const times: number[] = [];
  for (let nowMs = 0; nowMs <= untilMs; nowMs = reads.nextMs) {
    assert.equal(reads.take(nowMs), true);
    times.push(nowMs);
    reads.finish(standing, nowMs);
  }
  return times;
}

describe('the reads of a swarm', () => {
  it('follow an event until nothing moves any more, and then end', () => {
    assert.deepEqual(readTimes(CALM, 60_000), [0, 100, 300, 700, 1500, 3100]);
  });

  it('go on while a service converges, more and more rarely', () => {
    const times = readTimes({ ...CALM, isConverging: true }, 20_000);
    assert.deepEqual(times.slice(-3), [10300, 14300, 18300]);
  });

  it('go on each second while tasks run on other nodes', () => {
    const times = readTimes({ ...CALM, hasRemoteTasks: true }, 10_000);
    assert.deepEqual(times.slice(-3), [7500, 8500, 9500]);
  });

  it('end at once where the engine manages no swarm', () => {
    assert.deepEqual(readTimes(null, 60_000), [0]);
  });

  it('are one at a time, and one more for what came in meanwhile', () => {
    const reads = new SwarmReads();
    const told: string[] = [];
    reads.want(() => told.push('first'));
    assert.equal(reads.take(0), true);
    reads.want(() => told.push('second'));
    assert.equal(reads.take(0), false);
    for (const done of reads.finish(CALM, 1)) done();
    assert.deepEqual(told, ['first']);
    assert.equal(reads.take(1), true);
    for (const done of reads.finish(CALM, 2)) done();
    assert.deepEqual(told, ['first', 'second']);
  });

  it('let everybody go when the connection is lost', () => {
    const reads = new SwarmReads();
    reads.want();
    reads.want(() => undefined);
    reads.take(0);
    reads.want(() => undefined);
    assert.equal(reads.clear().length, 2);
    assert.equal(reads.take(1), false);
    assert.equal(reads.nextMs, Number.POSITIVE_INFINITY);
  });
});
