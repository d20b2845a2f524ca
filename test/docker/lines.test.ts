import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Lines } from '../../src/docker/lines.ts';

describe('lines of a stream', () => {
  it('are whole wherever the bytes are cut', () => {
    const line = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((text) => text.trim() === text && !text.includes('\n'));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat()), (texts, cuts) => {
        const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''));
        const places = [
          ...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length]),
        ];
        places.sort((a, b) => a - b);
        const lines = new Lines(1000);
        const read = places.flatMap((from, i) =>
          lines.add(bytes.subarray(from, places[i + 1] ?? bytes.length)),
        );
        assert.deepEqual(read, texts);
      }),
    );
  });

  it('that are too long are left out, and the next is read', () => {
    const lines = new Lines(10);
    assert.deepEqual(lines.add(Buffer.from('12345')), []);
    assert.deepEqual(lines.add(Buffer.from('6789012345')), []);
    assert.deepEqual(lines.add(Buffer.from('x\nshort\n\n')), ['short']);
  });
});
