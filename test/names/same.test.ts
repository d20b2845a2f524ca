import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isSame } from '../../src/names/same.ts';

describe('whether plain data is the same', () => {
  const cases: readonly [unknown, unknown, boolean][] = [
    [1, 1, true],
    [1, '1', false],
    [null, undefined, false],
    [null, {}, false],
    [[], {}, false],
    [{}, [], false],
    [[1, [2]], [1, [2]], true],
    [[1], [1, 2], false],
    [{ a: 1, b: { c: [] } }, { b: { c: [] }, a: 1 }, true],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [{ a: 1, b: 2 }, { a: 1 }, false],
    [{ a: undefined }, { b: 1 }, false],
  ];
  for (const [a, b, want] of cases) {
    it(`says ${want} of ${JSON.stringify(a)} and ${JSON.stringify(b)}`, () => {
      assert.equal(isSame(a, b), want);
    });
  }

  it('says of a copy that it is', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => isSame(value, structuredClone(value))));
  });
});
