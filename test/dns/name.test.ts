import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseType, typeName } from '../../src/dns/codes.ts';
import {
  display,
  isBare,
  labelsOf,
  nameProblem,
  parseName,
  textOfWire,
  toWire,
  tryParseName,
  under,
} from '../../src/dns/name.ts';
import { NameIndex } from '../../src/wire/name-index.ts';

describe('names', () => {
  for (const [text, want] of [
    ['Web', 'web.'],
    ['a.B.', 'a.b.'],
    ['.', '.'],
    ['_srv._tcp.x', '_srv._tcp.x.'],
    ['*.env', '*.env.'],
    ['99', '99.'],
    ['a_b', 'a_b.'],
  ] as const) {
    it(`reads ${text} as ${want}`, () => assert.equal(parseName(text), want));
  }
  for (const [text, why] of [
    ['', /empty/],
    ['a..b', /empty label/],
    ['..', /empty label/],
    ['-a', /letters, digits/],
    ['a-', /letters, digits/],
    ['a b', /letters, digits/],
    ['ä', /letters, digits/],
    ['a*', /letters, digits/],
    ['x'.repeat(64), /63 bytes/],
    [Array.from({ length: 64 }, () => 'abc').join('.'), /255 bytes/],
  ] as const) {
    it(`refuses "${text.slice(0, 20)}" and says why`, () => {
      assert.match(nameProblem(text) ?? '', why);
      assert.throws(() => parseName(text), { code: 'NAME_INVALID' });
    });
  }
  it('has a wire form that reads back', () => {
    const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
    fc.assert(
      fc.property(fc.array(label, { maxLength: 8 }), (labels) => {
        const name = tryParseName(labels.length === 0 ? '.' : labels.join('.'));
        assert.ok(name);
        assert.equal(textOfWire(toWire(name), 0), name);
        assert.deepEqual(labelsOf(name), labels);
        assert.equal(isBare(name), labels.length === 1);
      }),
    );
  });
  it('writes odd bytes so that two names never look alike', () => {
    assert.equal(textOfWire(Buffer.from('\x03a.b\x01\x00\x00', 'latin1'), 0), 'a\\046b.\\000.');
  });
  it('joins and displays', () => {
    assert.equal(under(parseName('web'), parseName('example.com')), 'web.example.com.');
    assert.equal(under(parseName('web'), parseName('.')), 'web.');
    assert.equal(display(parseName('web.')), 'web');
  });
});

describe('types', () => {
  it('have names and numbers', () => {
    assert.equal(parseType('aaaa'), 28);
    assert.equal(parseType('type65280'), 65280);
    assert.equal(parseType('TYPE65536'), undefined);
    assert.equal(parseType('constructor'), undefined);
    assert.equal(typeName(28), 'AAAA');
    assert.equal(typeName(65280), 'TYPE65280');
  });
});

describe('NameIndex', () => {
  it('behaves as a map with folded keys, whatever the order of changes', () => {
    const key = fc.constantFrom('web', 'WEB', 'a.b', 'a', 'b', 'ab', 'x.y.z', '*.e');
    const step = fc.record({ key, value: fc.option(fc.nat(9), { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const index = new NameIndex<number>();
        const model = new Map<string, number>();
        for (const { key, value } of steps) {
          if (value === undefined) {
            index.delete(key);
            model.delete(key.toLowerCase());
          } else {
            index.set(key, value);
            model.set(key.toLowerCase(), value);
          }
        }
        assert.equal(index.size, model.size);
        for (const text of ['web', 'a.b', 'a', 'b', 'ab', 'x.y.z', '*.e'])
          assert.equal(index.get(text), model.get(text));
      }),
    );
  });
  it('keeps names apart whose hashes collide', () => {
    const index = new NameIndex<number>();
    for (let i = 0; i < 100_000; i++) index.set(`n${i}`, i);
    for (let i = 0; i < 100_000; i += 997) assert.equal(index.get(`N${i}`), i);
    for (let i = 0; i < 100_000; i += 2) index.delete(`n${i}`);
    assert.equal(index.size, 50_000);
    assert.equal(index.get('n10'), undefined);
    assert.equal(index.get('n11'), 11);
  });
});
