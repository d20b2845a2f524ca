import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { backoffMs } from '../../src/docker/backoff.ts';
import type { EngineEvent } from '../../src/docker/engine-event.ts';
import { StreamWitness } from '../../src/docker/stream-witness.ts';

const OPENED_MS = 1_000_000;
const event = (afterMs: number): EngineEvent => ({
  key: String(afterMs),
  atMs: OPENED_MS + afterMs,
  kind: 'networks',
});

describe('a witness of an event stream', () => {
  it('has missed nothing where it saw all that another connection tells', () => {
    const witness = new StreamWitness(OPENED_MS);
    for (const ms of [2000, 3000]) witness.see(event(ms));
    assert.equal(witness.missed([event(2000), event(3000)]), undefined);
    assert.equal(witness.missed([]), undefined, 'what is not told proves nothing');
  });

  it('has missed what it did not see', () => {
    const witness = new StreamWitness(OPENED_MS);
    witness.see(event(2000));
    assert.equal(witness.missed([event(2000), event(3000)])?.key, '3000');
  });

  it('says nothing of events at the time when the stream was opened', () => {
    assert.equal(new StreamWitness(OPENED_MS).missed([event(-500), event(500)]), undefined);
  });

  it('remembers more than an engine can tell', () => {
    const witness = new StreamWitness(OPENED_MS);
    for (let i = 0; i < 5000; i++) witness.see(event(2000 + i));
    assert.equal(witness.missed(Array.from({ length: 256 }, (_, i) => event(6999 - i))), undefined);
  });
});

describe('the wait before the next try', () => {
  it('doubles from 50 ms to 5 s, and up to half of it is left out', () => {
    const longest = [1, 2, 3, 7, 8, 100].map((failures) => backoffMs(failures, 1));
    assert.deepEqual(longest, [50, 100, 200, 3200, 5000, 5000]);
    assert.equal(backoffMs(1, 0), 25);
  });
});
