/** The table of names, against a Map with the same operations. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { keyOfText, NameIndex } from '../../src/wire/name-index.ts';

const label = fc.string({
  unit: fc.constantFrom('a', 'b', '-', '9', '@', '`'),
  minLength: 1,
  maxLength: 3,
});
const name = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
const step = fc.record({ kind: fc.constantFrom('set', 'set', 'delete'), name });

describe('the table of names', () => {
  it('holds what a map would hold, whatever is set and deleted in whatever order', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const index = new NameIndex<number>();
        const map = new Map<string, number>();
        for (const [i, { kind, name: at }] of steps.entries()) {
          if (kind === 'set') {
            index.set(at, i);
            map.set(at, i);
          } else {
            index.delete(at);
            map.delete(at);
          }
        }
        assert.equal(index.size, map.size);
        for (const { name: at } of steps) assert.equal(index.get(at), map.get(at), at);
        for (let labels = 1; labels <= 3; labels++) {
          const hasAny = [...map.keys()].some((at) => at.split('.').length === labels);
          assert.equal(index.hasLabelCount(labels), hasAny);
        }
      }),
    );
  });

  it('finds a name in any case, and no other that differs in bit 5 alone', () => {
    const index = new NameIndex<number>();
    index.set('web-1.@.example', 1);
    const spelled = Buffer.from(keyOfText('web-1.@.example'));
    spelled.write('WeB', 1, 'latin1');
    assert.equal(index.find(spelled, 0, spelled.length), 1);
    assert.equal(index.get('web-1.`.example'), undefined);
  });

  it('finds all of 10,000 names, and nothing after it is cleared', () => {
    const index = new NameIndex<number>();
    for (let i = 0; i < 10_000; i++) index.set(`svc-${i}`, i);
    for (let i = 0; i < 10_000; i++) assert.equal(index.get(`svc-${i}`), i);
    index.clear();
    assert.equal(index.get('svc-1'), undefined);
    assert.equal(index.size, 0);
  });
});
