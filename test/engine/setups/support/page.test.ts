/** What a page may differ in from a run, and what not. No engine. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Renaming, stepsOf } from './page.ts';

describe('the commands of a page', () => {
  it('are those of its console blocks, with what they print and the text before them', () => {
    const page = [
      'Text\nin two lines:',
      '```console\n$ first\none\n$ second \\\n> more\n```',
      '```sh\nserve\n```',
      'Other:',
      '```console\n$ third\n```',
      '',
    ].join('\n\n');
    assert.deepEqual(stepsOf(page), [
      { title: 'Text in two lines:', command: 'first', printed: ['one'] },
      { title: 'Text in two lines:', command: 'second \\\nmore', printed: [] },
      { title: 'Other:', command: 'third', printed: [] },
    ]);
  });
});

describe('what a command printed', () => {
  const same = [
    { name: 'the same', page: ['redis'], run: ['redis'] },
    { name: 'other widths of columns', page: ['web  a'], run: ['web      a'] },
    { name: 'another id', page: ['0123456789ab'], run: ['ba9876543210'] },
    {
      name: 'another time',
      page: ['since 2026-11-21T13:41:31.411Z,'],
      run: ['since 2027-01-02T03:04:05.6Z,'],
    },
    {
      name: 'addresses exchanged one for one',
      page: ['172.18.0.2 172.18.0.3'],
      run: ['172.18.0.3 172.18.0.2'],
    },
    { name: 'lines that the page leaves out', page: ['a', '...', 'd'], run: ['a', 'b', 'c', 'd'] },
  ];
  for (const { name, page, run } of same) {
    it(`may be ${name}`, () => new Renaming().compare(page, run));
  }

  const different = [
    { name: 'another word', page: ['redis'], run: ['web'] },
    { name: 'nothing', page: ['redis'], run: [] },
    { name: 'more', page: ['redis'], run: ['redis', 'web'] },
    { name: 'no address', page: ['172.18.0.2 redis'], run: ['no address'] },
    {
      name: 'two addresses for one',
      page: ['172.18.0.2', '172.18.0.2'],
      run: ['10.0.0.1', '10.0.0.2'],
    },
    {
      name: 'one address for two',
      page: ['172.18.0.2', '172.18.0.3'],
      run: ['10.0.0.1', '10.0.0.1'],
    },
    { name: 'another loopback address', page: ['127.0.0.1'], run: ['172.17.0.1'] },
    { name: 'no end where the page has one', page: ['a', '...', 'd'], run: ['a', 'b'] },
  ];
  for (const { name, page, run } of different) {
    it(`may not be ${name}`, () => {
      assert.throws(() => new Renaming().compare(page, run), { code: 'ERR_ASSERTION' });
    });
  }

  it('has the same addresses all over the page', () => {
    const renaming = new Renaming();
    renaming.compare(['172.18.0.2'], ['172.18.0.9']);
    renaming.compare(['172.18.0.2'], ['172.18.0.9']);
    assert.throws(() => renaming.compare(['172.18.0.2'], ['172.18.0.8']), {
      code: 'ERR_ASSERTION',
    });
  });
});
