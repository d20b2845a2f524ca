import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mentionsIn } from '../../../src/parity/names-from/mentions.ts';

const files = ['a.yaml', 'docker-compose.yml', 'a.json', 'a.toml', 'a.properties', '.env', 'a'];

const piece = fc.constantFrom(
  ...[
    'web:80',
    'http://',
    'mongodb://',
    'jdbc:',
    '@',
    'a-1:27017',
    ',',
    ';',
    '=',
    ': ',
    '- ',
    '\n',
  ],
  ...[
    '\t',
    ' ',
    '"',
    "'",
    '{',
    '}',
    '[',
    ']',
    '|',
    '#',
    '&a ',
    '*a',
    '$' + '{X:-db:1}',
    '\0',
    '\x1b[31m',
  ],
  ...['host', 'services:\n  web:\n', '\\', '---\n', 'Server=x,1433;', '"\\e]0;": "svc:80"\n'],
);

describe('whatever a configuration file holds', () => {
  for (const file of files) {
    it(`${file}: hosts are names, on a line of it, under a key that a terminal may show`, () => {
      fc.assert(
        fc.property(
          fc.array(fc.oneof({ weight: 9, arbitrary: piece }, fc.string()), { maxLength: 40 }),
          (pieces) => {
            const text = pieces.join('');
            const lines = text.split('\n').length;
            for (const { host, port, line, key } of mentionsIn(file, text).mentions) {
              assert.match(host, /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/);
              assert.ok(port === undefined || (port >= 1 && port <= 65_535));
              assert.ok(line >= 1 && line <= lines, `line ${line} of ${lines}`);
              assert.doesNotMatch(key, /\p{Cc}/u);
            }
          },
        ),
        { seed: 3, numRuns: 400 },
      );
    });
  }
});
