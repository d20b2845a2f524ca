import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { Inspections } from '../../src/docker/inspections.ts';

describe('inspections', () => {
  let inspections: Inspections;
  let told: string[];
  const tell = (what: string) => () => told.push(what);
  const ids = (nowMs = 0) => inspections.take(nowMs).map(({ id }) => id);
  const finish = (id: string, outcome: 'known' | 'gone' | 'silent', nowMs = 0) => {
    for (const done of inspections.finish(id, outcome, nowMs, 1)) done();
  };

  beforeEach(() => {
    inspections = new Inspections();
    told = [];
  });

  it('are one at a time for each container, and one more for what happened meanwhile', () => {
    inspections.mark('a', 'urgent', tell('first'));
    assert.deepEqual(ids(), ['a']);
    inspections.mark('a', 'urgent', tell('second'));
    inspections.mark('a', 'urgent', tell('third'));
    assert.deepEqual(ids(), []);
    finish('a', 'known');
    assert.deepEqual(told, ['first']);
    assert.deepEqual(ids(), ['a']);
    finish('a', 'known');
    assert.deepEqual(told, ['first', 'second', 'third']);
    assert.deepEqual(ids(), []);
    assert.equal(inspections.pendingCount, 0);
  });

  it('tell everybody when the container is gone', () => {
    inspections.mark('a', 'urgent', tell('first'));
    ids();
    inspections.mark('a', 'urgent', tell('second'));
    finish('a', 'gone');
    assert.deepEqual(told, ['first', 'second']);
    assert.deepEqual(ids(), []);
  });

  it('are tried again with growing patience where the engine is silent, and nobody waits for that', () => {
    inspections.mark('a', 'urgent', tell('asked'));
    const waits: number[] = [];
    let nowMs = 0;
    for (let tries = 0; tries < 8; tries++) {
      assert.deepEqual(ids(nowMs), ['a']);
      finish('a', 'silent', nowMs);
      assert.deepEqual(ids(nowMs), []);
      waits.push(inspections.nextMs - nowMs);
      nowMs = inspections.nextMs;
    }
    assert.deepEqual(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    assert.deepEqual(told, ['asked']);
    inspections.wait('a', tell('looked'));
    assert.deepEqual(told, ['asked', 'looked']);
  });

  it('are tried at once where an event comes in the time of patience', () => {
    inspections.mark('a', 'urgent');
    ids();
    finish('a', 'silent');
    inspections.mark('a', 'urgent');
    assert.deepEqual(ids(), ['a']);
  });

  it('of many at once leave room for those that events ask for', () => {
    for (let i = 0; i < 100; i++) inspections.mark(`bulk${i}`, 'bulk');
    assert.equal(ids().length, 32);
    inspections.mark('urgent', 'urgent');
    inspections.mark('bulk99', 'urgent');
    assert.deepEqual(ids(), ['urgent', 'bulk99']);
    finish('bulk0', 'known');
    assert.deepEqual(ids(), ['bulk32']);
  });

  it('let everybody go when the connection is lost', () => {
    inspections.mark('a', 'urgent', tell('first'));
    ids();
    inspections.mark('b', 'bulk', tell('second'));
    for (const done of inspections.clear()) done();
    assert.deepEqual(told, ['first', 'second']);
    assert.deepEqual(ids(), []);
    finish('a', 'known'); // a reply that comes too late
    inspections.mark('a', 'bulk');
    assert.deepEqual(ids(), ['a']);
  });
});
