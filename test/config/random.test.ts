import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { checkReading } from '../../src/config/load.ts';
import { printProblem } from '../../src/config/problem.ts';

const EXAMPLE = readFileSync('config/homeport.yaml', 'utf8');

/** Never throws; every problem is one line that says where. */
function check(text: string): void {
  const result = checkReading({ text }, 'h.yaml', { env: {} });
  if ('config' in result) return;
  assert.ok(result.problems.length > 0);
  for (const problem of result.problems) {
    assert.match(printProblem(problem), /^h\.yaml:\d+:\d+: [^\n]+$/);
  }
}

describe('whatever a file holds', () => {
  it('is told in lines: the example with something cut out', () => {
    const cut = fc.tuple(fc.nat(EXAMPLE.length), fc.nat(60));
    fc.assert(
      fc.property(cut, ([at, length]) => check(EXAMPLE.slice(0, at) + EXAMPLE.slice(at + length))),
      { numRuns: 300, seed: 7 },
    );
  });

  it('is told in lines: the example with something put in', () => {
    const word = fc.constantFrom(
      ...[
        '[',
        ']',
        '{',
        '}',
        ': ',
        '- ',
        '\n',
        '\t',
        '"',
        '&a ',
        '*a',
        '<<: ',
        '!!str ',
        '? ',
        '| ',
        '# ',
        '---\n',
        '\u0000',
        '\u001b',
        'null',
        '1e999',
        '.nan',
        '~',
      ],
    );
    fc.assert(
      fc.property(fc.nat(EXAMPLE.length), word, (at, text) =>
        check(EXAMPLE.slice(0, at) + text + EXAMPLE.slice(at)),
      ),
      { numRuns: 300, seed: 8 },
    );
  });

  it('is told in lines: any JSON under known keys', () => {
    const keys = [
      'listen',
      'region',
      'search',
      'upstreams',
      'engines',
      'records',
      'expected',
      'allow',
      'cache',
      'log',
      'parity',
    ];
    const value = fc.jsonValue({ maxDepth: 4 });
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), value, { minKeys: 1 }), (data) =>
        check(JSON.stringify(data)),
      ),
      { numRuns: 500, seed: 9 },
    );
  });

  it('is told in lines: any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200, minLength: 1 }), check), {
      numRuns: 500,
      seed: 10,
    });
  });
});
