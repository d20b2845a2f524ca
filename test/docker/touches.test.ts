import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { Touches } from '../../src/docker/touches.ts';

describe('names that an event touched', () => {
  let waiting: Map<number, readonly string[]>;
  let touches: Touches;

  beforeEach(() => {
    waiting = new Map();
    touches = new Touches(
      (token, names) => void waiting.set(token, names),
      (token) => assert.ok(waiting.delete(token), 'settled once'),
    );
  });

  const names = (): readonly string[] => [...waiting.values()].flat();

  it('wait until they are let go, which may be said twice', () => {
    const settle = touches.touch(['web', 'shop', 'web']);
    assert.deepEqual(names(), ['web', 'shop']);
    settle();
    settle();
    assert.deepEqual(names(), []);
    touches.touch([])();
    assert.deepEqual(names(), []);
  });

  it('of a container are let go together, but for those that come later', () => {
    touches.touchFor('a', ['web']);
    touches.touchFor('a', ['shop']);
    touches.touchFor('b', ['db']);
    const settle = touches.settleOf('a');
    touches.touchFor('a', ['late']);
    settle();
    assert.deepEqual(names(), ['db', 'late']);
  });

  it('of a container are nobody’s any more once it is forgotten', () => {
    touches.touchFor('a', ['web']);
    touches.forget('a');
    touches.settleOf('a')();
    assert.deepEqual(names(), ['web']);
  });

  it('that a rename took away wait for their heir, or for 200 ms', () => {
    touches.leave('web', 0);
    assert.equal(touches.nextMs, 200);
    touches.inherit('web')();
    assert.deepEqual([names(), touches.nextMs], [[], Number.POSITIVE_INFINITY]);
    touches.leave('web', 0);
    touches.endSuccessions(199);
    assert.deepEqual(names(), ['web']);
    touches.endSuccessions(200);
    assert.deepEqual(names(), []);
  });

  it('that were taken away twice wait once', () => {
    touches.leave('web', 0);
    touches.leave('web', 100);
    assert.deepEqual([names(), touches.nextMs], [['web'], 300]);
    touches.clear();
    assert.deepEqual(names(), []);
  });
});
