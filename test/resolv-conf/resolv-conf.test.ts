import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  formatResolvConf,
  lastOption,
  normaliseResolvConf,
  parseResolvConf,
  printResolvConf,
} from '../../src/resolv-conf/resolv-conf.ts';

const plain =
  '# by hand\nsearch a.example b.example\nnameserver 10.0.0.2\noptions ndots:2 rotate\n';

describe('resolv.conf', () => {
  it('keeps the line number of every value', () => {
    const conf = parseResolvConf(plain);
    assert.deepEqual(conf.nameservers, [{ address: '10.0.0.2', line: 3 }]);
    assert.deepEqual(conf.search, [
      { domain: 'a.example', line: 2 },
      { domain: 'b.example', line: 2 },
    ]);
    assert.deepEqual(conf.options, [
      { text: 'ndots:2', name: 'ndots', value: '2', line: 4 },
      { text: 'rotate', name: 'rotate', value: undefined, line: 4 },
    ]);
  });

  const readings = [
    { name: 'the last of search and domain wins', text: 'search a b\ndomain c d\n', search: ['c'] },
    { name: 'an empty search line keeps the list', text: 'search a\nsearch\n', search: ['a'] },
    { name: 'CRLF is forgiven', text: 'search a b\r\n', search: ['a', 'b'] },
    { name: 'leading blanks are forgiven', text: ' \tsearch a\n', search: ['a'] },
    { name: 'a comment ends the list that was meant', text: 'search a # b\n', search: ['a'] },
    { name: 'an empty file has no list', text: '', search: [] },
  ];
  for (const { name, text, search } of readings) {
    it(name, () => {
      assert.deepEqual(
        parseResolvConf(text).search.map((entry) => entry.domain),
        search,
      );
    });
  }

  const problems = [
    { text: 'nameserver 127.0.0.1:53\n', problem: /not an IP address/ },
    { text: 'nameserver\n', problem: /without a value/ },
    { text: ' nameserver 10.0.0.2\n', problem: /leading blanks/ },
    { text: 'nameserver 10.0.0.2\r\n', problem: /CRLF/ },
    { text: '\uFEFFnameserver 10.0.0.2\n', problem: /byte order mark/ },
    { text: 'SEARCH a\n', problem: /not lower case/ },
    { text: 'search: a\n', problem: /unknown keyword 'search:'/ },
    { text: 'search a #\n', problem: /no comment/ },
    { text: 'search a,b\n', problem: /comma/ },
  ];
  for (const { text, problem } of problems) {
    it(`says what is odd about ${JSON.stringify(text)}`, () => {
      assert.match(parseResolvConf(text).lines[0]?.problem ?? '', problem);
    });
  }

  it('lets the later option of a name win', () => {
    const conf = parseResolvConf('options ndots:1 ndots:2\noptions ndots:3\n');
    assert.equal(lastOption(conf, 'ndots')?.value, '3');
    assert.equal(lastOption(conf, 'timeout'), undefined);
  });

  it('normalises to nameservers, search, options', () => {
    assert.equal(
      normaliseResolvConf(parseResolvConf(plain)),
      'nameserver 10.0.0.2\nsearch a.example b.example\noptions ndots:2 rotate\n',
    );
    assert.equal(formatResolvConf({ comments: ['x'], options: [] }), '# x\n');
  });

  it('prints any text again byte for byte', () => {
    const piece = fc.constantFrom(
      'search',
      'nameserver',
      ' ',
      '\t',
      '\r',
      '\n',
      '\r\n',
      '#',
      '::1',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string())), (pieces) => {
        const text = pieces.join('');
        assert.equal(printResolvConf(parseResolvConf(text)), text);
      }),
      { seed: 7 },
    );
  });
});
