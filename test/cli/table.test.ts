import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import pc from 'picocolors';
import { table } from '../../src/cli/table.ts';

const green = pc.createColors(true).green;

describe('a table', () => {
  const cases: readonly {
    name: string;
    rows: readonly (readonly string[])[];
    columns?: number;
    want: string;
  }[] = [
    { name: 'without rows is empty', rows: [], want: '' },
    {
      name: 'aligns its columns and leaves no blanks at line ends',
      rows: [
        ['a', 'long', 'x'],
        ['long', 'b', ''],
        ['c', 'd'],
      ],
      want: 'a     long  x\nlong  b\nc     d\n',
    },
    {
      name: 'counts columns, not colour codes',
      rows: [
        [green('a'), '1'],
        ['bb', '2'],
      ],
      want: `${green('a')}   1\nbb  2\n`,
    },
    {
      name: 'cuts its last column to the terminal',
      rows: [['name', 'a sentence that is longer than there is room']],
      columns: 24,
      want: 'name  a sentence that is…\n'.replace(' that is…', ' that i…'),
    },
    {
      name: 'keeps a few characters of it on the narrowest one',
      rows: [['a name as long as the terminal', 'abcdefghijklmnop']],
      columns: 10,
      want: 'a name as long as the terminal  abcdefghijk…\n',
    },
  ];
  for (const { name, rows, columns = Number.POSITIVE_INFINITY, want } of cases) {
    it(name, () => assert.equal(table(rows, columns), want));
  }
});
