import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { editJson, readJsonObject } from '../../src/host/plan/json-edit.ts';

const cases: readonly {
  name: string;
  text: string;
  keys: Readonly<Record<string, unknown>>;
  want: string;
}[] = [
  {
    name: 'makes an object of nothing',
    text: '',
    keys: { dns: ['a'] },
    want: '{\n  "dns": ["a"]\n}\n',
  },
  {
    name: 'fills an empty object',
    text: '{}\n',
    keys: { dns: ['a'] },
    want: '{\n  "dns": ["a"]\n}\n',
  },
  {
    name: 'adds a line after the last, indented as its neighbours',
    text: '{\n    "debug": true\n}\n',
    keys: { dns: ['a', 'b'] },
    want: '{\n    "debug": true,\n    "dns": ["a", "b"]\n}\n',
  },
  {
    name: 'adds to one line',
    text: '{"debug":true}',
    keys: { dns: ['a'] },
    want: '{"debug":true, "dns": ["a"]}',
  },
  {
    name: 'replaces a value and nothing around it',
    text: '{ "dns" : [ "x",\n "y" ] , "debug":true }',
    keys: { dns: ['a'] },
    want: '{ "dns" : ["a"] , "debug":true }',
  },
  {
    name: 'is not fooled by the key inside another value',
    text: '{"labels": {"dns": ["x"], "n": "\\"dns\\":"}, "dns": ["y"]}',
    keys: { dns: undefined },
    want: '{"labels": {"dns": ["x"], "n": "\\"dns\\":"}}',
  },
  {
    name: 'removes the first',
    text: '{"dns": 1, "b": 2}',
    keys: { dns: undefined },
    want: '{"b": 2}',
  },
  { name: 'removes the only one', text: '{\n  "dns": 1\n}', keys: { dns: undefined }, want: '{}' },
];

describe('editing JSON in its text', () => {
  for (const { name, text, keys, want } of cases) {
    it(name, () => assert.equal(editJson(text, keys), want));
  }

  it('means the same as setting and deleting keys, whatever the object and its spacing', () => {
    const value = fc.jsonValue({ maxDepth: 2 });
    const object = fc.dictionary(fc.string(), value);
    const changes = fc.dictionary(fc.string(), fc.option(value, { nil: undefined }));
    fc.assert(
      fc.property(object, changes, fc.nat(4), (before, keys, indent) => {
        const wanted: Record<string, unknown> = { ...before, ...keys };
        for (const [key, value] of Object.entries(keys))
          if (value === undefined) delete wanted[key];
        const edited = readJsonObject(editJson(JSON.stringify(before, null, indent), keys));
        assert.deepEqual(edited, { kind: 'object', value: JSON.parse(JSON.stringify(wanted)) });
      }),
      { seed: 53 },
    );
  });
});
