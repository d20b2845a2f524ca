import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ArrayElements } from '../../src/docker/array-elements.ts';

/** The elements of a text that comes in pieces cut at these places; undefined where it is no whole array. */
function elementsOf(text: string, cuts: readonly number[] = []): unknown[] | undefined {
  const bytes = Buffer.from(text);
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])];
  places.sort((a, b) => a - b);
  const reader = new ArrayElements();
  const elements = places.flatMap((from, i) =>
    reader.add(bytes.subarray(from, places[i + 1] ?? bytes.length)),
  );
  return reader.isComplete ? elements.map((element): unknown => JSON.parse(element)) : undefined;
}

describe('the elements of an array in pieces', () => {
  it('are those of the whole text, wherever it is cut', () => {
    const objects = fc.array(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()));
    fc.assert(
      fc.property(objects, fc.array(fc.nat()), fc.constantFrom(0, 2), (list, cuts, indent) => {
        const text = JSON.stringify(list, null, indent);
        assert.deepEqual(elementsOf(text, cuts), JSON.parse(text));
      }),
      { numRuns: 500 },
    );
  });

  it('are none where a prefix of an array is all that came', () => {
    const text = JSON.stringify([{ a: ['}]"\\'] }, { b: { c: 1 } }]);
    for (let end = 0; end < text.length; end++) {
      assert.equal(elementsOf(text.slice(0, end)), undefined, text.slice(0, end));
    }
  });

  const others = [
    '{}',
    '{"message":"busy"}',
    '[1]',
    '["a"]',
    '[[]]',
    'null',
    '[]]',
    '[] []',
    'x[]',
  ];
  for (const text of others) {
    it(`are none of ${text}`, () => assert.equal(elementsOf(text), undefined));
  }

  it('are none, and that is a whole array, of []', () => {
    assert.deepEqual(elementsOf(' [ ]\n'), []);
  });
});
