import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readAsBindTool } from '../../../src/resolv-conf/readings/bind.ts';
import { readAsBusybox } from '../../../src/resolv-conf/readings/busybox.ts';
import { readAsCAres } from '../../../src/resolv-conf/readings/c-ares.ts';
import { readAsGlibc } from '../../../src/resolv-conf/readings/glibc.ts';
import { readAsGo } from '../../../src/resolv-conf/readings/go.ts';
import { readAsMusl } from '../../../src/resolv-conf/readings/musl.ts';
import {
  readAsDnspython,
  readAsJndi,
  readAsResolvedInput,
} from '../../../src/resolv-conf/readings/nameservers.ts';
import type { Reading } from '../../../src/resolv-conf/readings/reading.ts';
import { parseResolvConf, type ResolvConf } from '../../../src/resolv-conf/resolv-conf.ts';

const here = { hostname: 'ci-host', env: {} };

const readers = {
  glibc: (conf: ResolvConf) => readAsGlibc(conf, here),
  musl: readAsMusl,
  'go 1.19': (conf: ResolvConf) => readAsGo(conf, here, '1.19'),
  'go 1.24': (conf: ResolvConf) => readAsGo(conf, here, '1.24'),
  'c-ares 1.18': (conf: ResolvConf) => readAsCAres(conf, here, '1.18'),
  'c-ares 1.34': (conf: ResolvConf) => readAsCAres(conf, here, '1.34'),
  busybox: (conf: ResolvConf) => readAsBusybox(conf, here),
  jndi: readAsJndi,
  resolved: readAsResolvedInput,
  bind: readAsBindTool,
  dnspython: (conf: ResolvConf) => readAsDnspython(conf, here),
} as const satisfies Record<string, (conf: ResolvConf) => Reading>;

type Reader = keyof typeof readers;

function search({ search }: Reading): string {
  return search.map(({ domain }) => JSON.stringify(domain).slice(1, -1)).join(' ');
}

function servers({ nameservers }: Reading): string {
  return nameservers.map(({ address }) => address).join(' ');
}

interface Case {
  readonly name: string;
  readonly text: string;
  readonly of: (reading: Reading) => string | number;
  readonly want: Partial<Record<Reader, string | number>>;
}

/** Section numbers are those of the measured semantics: each stub differs from its neighbour in one of these. */
const cases: readonly Case[] = [
  {
    name: 'the last of search and domain, or search, or the first',
    text: 'search a b\ndomain c d\n',
    of: search,
    want: {
      glibc: 'c',
      musl: 'c d',
      'go 1.24': 'c',
      'c-ares 1.18': 'c',
      'c-ares 1.34': 'a b',
      busybox: 'a b',
    },
  },
  {
    name: 'an empty search line',
    text: 'search a\nsearch\n',
    of: search,
    want: {
      glibc: 'a',
      musl: '',
      'go 1.24': '',
      'c-ares 1.18': 'a',
      'c-ares 1.34': 'a',
      busybox: 'a',
    },
  },
  {
    name: 'a hash in a list',
    text: 'search a #b\n',
    of: search,
    want: {
      glibc: 'a #b',
      musl: 'a #b',
      'go 1.24': 'a #b',
      'c-ares 1.18': 'a',
      'c-ares 1.34': 'a #b',
    },
  },
  {
    name: 'a comma in a list',
    text: 'search a,b\n',
    of: search,
    want: {
      glibc: 'a,b',
      musl: 'a,b',
      'go 1.24': 'a,b',
      'c-ares 1.18': 'a b',
      'c-ares 1.34': 'a b',
      busybox: 'a,b',
    },
  },
  {
    name: 'tabs in a list',
    text: 'search a\tb\n',
    of: search,
    want: {
      glibc: 'a b',
      musl: 'a b',
      'go 1.24': 'a b',
      'c-ares 1.18': 'a\\tb',
      'c-ares 1.34': '',
      busybox: 'a b',
    },
  },
  {
    name: 'two blanks after the keyword',
    text: 'search  a\n',
    of: search,
    want: { glibc: 'a', musl: 'a', 'c-ares 1.34': 'a', busybox: ' a' },
  },
  {
    name: 'a domain twice',
    text: 'search a A\n',
    of: search,
    want: { glibc: 'a A', musl: 'a A', 'go 1.24': 'a A', 'c-ares 1.18': 'a', 'c-ares 1.34': 'a' },
  },
  {
    name: 'the root',
    text: 'search . a\n',
    of: search,
    want: {
      glibc: ' a',
      musl: '. a',
      'go 1.19': 'a',
      'go 1.24': 'a',
      busybox: '. a',
      resolved: '. a',
    },
  },
  {
    name: 'CRLF',
    text: 'search a\r\nnameserver 10.0.0.2\r\n',
    of: (reading) => `${search(reading)} ${servers(reading)}`,
    want: {
      glibc: 'a\\r 127.0.0.1',
      musl: 'a 10.0.0.2',
      'go 1.24': 'a 10.0.0.2',
      'c-ares 1.34': 'a 10.0.0.2',
      jndi: ' 10.0.0.2',
    },
  },
  {
    name: 'several servers on one line',
    text: 'nameserver 10.0.0.2,10.0.0.3 10.0.0.4\n',
    of: servers,
    want: {
      glibc: '127.0.0.1',
      'c-ares 1.18': '10.0.0.2 10.0.0.3 10.0.0.4',
      'c-ares 1.34': '10.0.0.2 10.0.0.3 10.0.0.4',
      'go 1.24': '127.0.0.1 ::1',
    },
  },
  {
    name: 'a second blank before the server',
    text: 'nameserver  10.0.0.2\n',
    of: servers,
    want: { glibc: '10.0.0.2', musl: '10.0.0.2', busybox: '', bind: '10.0.0.2' },
  },
  {
    name: 'a tab between options',
    text: 'options ndots:2\trotate\n',
    of: (reading) => `${reading.ndots.value}`,
    want: { glibc: '2', 'c-ares 1.18': '2', 'c-ares 1.34': '1', bind: '2' },
  },
  {
    name: 'a signed number',
    text: 'options ndots:+2\n',
    of: (reading) => `${reading.ndots.value}`,
    want: { glibc: '2', 'c-ares 1.18': '2', 'c-ares 1.34': '2', 'go 1.24': '0', bind: '2' },
  },
  {
    name: 'a domain that begins an earlier one',
    text: 'search a.example a b.example\n',
    of: search,
    want: { 'c-ares 1.18': 'a.example b.example', 'c-ares 1.34': 'a.example a b.example' },
  },
  {
    name: 'an empty list before another line',
    text: 'search\nnameserver 10.0.0.2\n',
    of: (reading) => `${search(reading)} ${servers(reading)}`,
    want: { glibc: ' 10.0.0.2', bind: 'nameserver 10.0.0.2 ::1 127.0.0.1' },
  },
  {
    name: 'leading blanks',
    text: ' nameserver 10.0.0.2\n',
    of: servers,
    want: {
      glibc: '127.0.0.1',
      musl: '127.0.0.1',
      'go 1.24': '10.0.0.2',
      'c-ares 1.18': '10.0.0.2',
      busybox: '10.0.0.2',
      jndi: '127.0.0.1',
    },
  },
  {
    name: 'a short address',
    text: 'nameserver 127.2\n',
    of: servers,
    want: {
      glibc: '127.0.0.2',
      musl: '127.0.0.2',
      'go 1.24': '127.0.0.1 ::1',
      'c-ares 1.34': '127.2.0.0',
    },
  },
  {
    name: 'an address with a port',
    text: 'nameserver 10.0.0.2:53\n',
    of: servers,
    want: {
      glibc: '127.0.0.1',
      musl: '127.0.0.1',
      'c-ares 1.18': '127.0.0.1',
      'c-ares 1.34': '10.0.0.2',
      busybox: '10.0.0.2:53',
    },
  },
  {
    name: 'six servers, one of them twice',
    text: '123451'.replaceAll(/\d/g, 'nameserver 10.0.0.$&\n'),
    of: ({ nameservers }) => nameservers.length,
    want: {
      glibc: 3,
      musl: 3,
      'go 1.24': 3,
      'c-ares 1.18': 6,
      'c-ares 1.34': 5,
      busybox: 6,
      jndi: 5,
      bind: 3,
    },
  },
  {
    name: 'ndots above the cap',
    text: 'options ndots:20\n',
    of: ({ ndots }) => ndots.value,
    want: { glibc: 15, musl: 15, 'go 1.24': 15, 'c-ares 1.18': 20, 'c-ares 1.34': 20 },
  },
  {
    name: 'ndots below zero',
    text: 'options ndots:-1\n',
    of: ({ ndots }) => ndots.value,
    want: {
      glibc: 15,
      musl: 1,
      'go 1.24': 0,
      'c-ares 1.18': 0x7fffffff,
      'c-ares 1.34': 0x7fffffff,
    },
  },
  {
    name: 'ndots that is no number',
    text: 'options ndots:x\n',
    of: ({ ndots }) => ndots.value,
    want: { glibc: 0, musl: 1, 'go 1.24': 0, 'c-ares 1.18': 0, 'c-ares 1.34': 0 },
  },
  {
    name: 'a blank before the number',
    text: 'options ndots: 2\n',
    of: ({ ndots }) => ndots.value,
    want: { glibc: 2, musl: 1, 'go 1.24': 0, 'c-ares 1.18': 2, 'c-ares 1.34': 0 },
  },
  {
    name: 'ndots twice in a line',
    text: 'options ndots:5 ndots:1\n',
    of: ({ ndots }) => ndots.value,
    want: { glibc: 1, musl: 5, 'go 1.24': 1, 'c-ares 1.18': 5, 'c-ares 1.34': 1 },
  },
  {
    name: 'ndots in two lines',
    text: 'options ndots:1\noptions ndots:5\n',
    of: ({ ndots }) => ndots.value,
    want: { glibc: 5, musl: 5, 'go 1.24': 5, 'c-ares 1.18': 1, 'c-ares 1.34': 5 },
  },
  {
    name: 'timeout and attempts above the caps',
    text: 'options timeout:99 attempts:99\n',
    of: ({ timeoutMs, attempts }) => `${timeoutMs.value / 1000} ${attempts.value}`,
    want: {
      glibc: '30 5',
      musl: '60 10',
      'go 1.24': '99 99',
      'c-ares 1.18': '5 4',
      'c-ares 1.34': '99 99',
    },
  },
  {
    name: 'timeout and attempts of zero',
    text: 'options timeout:0 attempts:0\n',
    of: ({ timeoutMs, attempts }) => `${timeoutMs.value / 1000} ${attempts.value}`,
    want: { glibc: '0 0', musl: '0 0', 'go 1.24': '1 1', 'c-ares 1.34': '2 3' },
  },
  {
    name: 'flags, some by prefix only',
    text: 'options no-tld-queryfoo trust-ad usevc\n',
    of: ({ flags }) => [...flags.keys()].join(' '),
    want: {
      glibc: 'no-tld-query trust-ad',
      musl: '',
      'go 1.19': 'usevc',
      'go 1.24': 'trust-ad usevc',
    },
  },
  {
    name: 'a byte order mark',
    text: '\uFEFFsearch a\n',
    of: search,
    want: { glibc: '', musl: '', 'go 1.24': '', 'c-ares 1.18': '', 'c-ares 1.34': '', busybox: '' },
  },
];

describe('resolv.conf as each stub reads it', () => {
  for (const { name, text, of, want } of cases) {
    for (const [reader, expected] of Object.entries(want) as [Reader, string | number][]) {
      it(`${name}: ${reader}`, () => {
        assert.equal(of(readers[reader](parseResolvConf(text))), expected);
      });
    }
  }

  it('drops a line over 254 characters on musl alone', () => {
    const long = (length: number): ResolvConf =>
      parseResolvConf(`search ${'a'.repeat(length - 'search '.length)}\n`);
    const lengths = [254, 255].map((length) => readAsMusl(long(length)).search.length);
    assert.deepEqual(lengths, [1, 0]);
    assert.equal(readAsGlibc(long(255), here).search.length, 1);
  });
});

describe('a reading', () => {
  it('tells the line of every value', () => {
    const text =
      '# x\nsearch a b\noptions ndots:2 rotate\nnameserver 10.0.0.2\noptions timeout:3\n';
    const reading = readAsGlibc(parseResolvConf(text), here);
    assert.deepEqual(reading.search, [
      { domain: 'a', line: 2 },
      { domain: 'b', line: 2 },
    ]);
    assert.deepEqual(reading.nameservers, [{ address: '10.0.0.2', line: 4 }]);
    assert.deepEqual(reading.ndots, { value: 2, line: 3 });
    assert.deepEqual(reading.timeoutMs, { value: 3000, line: 5 });
    assert.deepEqual(reading.attempts, { value: 2 });
    assert.deepEqual([...reading.flags], [['rotate', 3]]);
  });

  it('tells what is ignored, and why', () => {
    const text =
      'search a\nsearch b\noptions inet6\nnameserver x\nnameserver 1.1.1.1 # y\nfoo bar\n SEARCH c\n';
    const { ignored } = readAsGlibc(parseResolvConf(text), here);
    assert.deepEqual(
      ignored.map(({ line, text, reason }) => `${line} ${text}: ${reason}`),
      [
        '1 a: a later line wins',
        '3 inet6: unknown option',
        "4 nameserver x: 'x' is no address",
        '5 # y: text after the address',
        '6 foo bar: unknown keyword',
        '7 SEARCH c: leading blanks: glibc and musl ignore the line',
      ],
    );
  });

  it('has the servers beyond the third among the ignored', () => {
    const text = '1234'.replaceAll(/\d/g, 'nameserver 10.0.0.$&\n');
    const { ignored } = readAsGlibc(parseResolvConf(text), here);
    assert.deepEqual(ignored, [
      { line: 4, text: '10.0.0.4', reason: 'only the first 3 nameservers are used' },
    ]);
  });

  it('says when a Go program with cgo would use glibc', () => {
    const unknown = (text: string): boolean =>
      readAsGo(parseResolvConf(text), here, '1.24').hasUnknown;
    assert.deepEqual(['options rotate\n', 'options no-aaaa\n', 'foo\n'].map(unknown), [
      false,
      true,
      true,
    ]);
  });
});

describe('host name and environment', () => {
  const conf = parseResolvConf('search a\noptions ndots:5\nnameserver 10.0.0.2\n');
  const empty = parseResolvConf('');
  const dotted = { hostname: 'ci.corp.example', env: {} };

  it("give the host name's domain where there is no list, but not on musl", () => {
    assert.deepEqual(
      [
        readAsGlibc(empty, dotted),
        readAsMusl(empty),
        readAsGo(empty, dotted, '1.24'),
        readAsCAres(empty, dotted, '1.34'),
        readAsBusybox(empty, dotted),
        readAsBindTool(empty),
        readAsDnspython(empty, dotted),
        readAsGlibc(undefined, dotted),
      ].map(search),
      [
        'corp.example',
        '',
        'corp.example',
        'corp.example',
        'corp.example',
        '',
        'corp.example',
        'corp.example',
      ],
    );
  });

  const environments = [
    { env: { LOCALDOMAIN: 'x y' }, glibc: 'x y', old: 'x y', current: 'x' },
    { env: { LOCALDOMAIN: ' x' }, glibc: ' x', old: 'x', current: 'x' },
  ];
  for (const { env, glibc, old, current } of environments) {
    it(`replace the list by LOCALDOMAIN=${JSON.stringify(env.LOCALDOMAIN)}`, () => {
      const context = { hostname: 'ci', env };
      assert.equal(search(readAsGlibc(conf, context)), glibc);
      assert.equal(search(readAsCAres(conf, context, '1.18')), old);
      assert.equal(search(readAsCAres(conf, context, '1.34')), current);
    });
  }

  it('lose the whole file to an empty LOCALDOMAIN on c-ares 1.34', () => {
    const reading = readAsCAres(conf, { hostname: 'ci', env: { LOCALDOMAIN: '' } }, '1.34');
    assert.deepEqual(
      [search(reading), servers(reading), reading.ndots.value],
      ['', '127.0.0.1', 1],
    );
    assert.equal(reading.ignored.length, 3);
  });

  it('put RES_OPTIONS on top of the file', () => {
    const context = { hostname: 'ci', env: { RES_OPTIONS: 'ndots:1 rotate' } };
    for (const reading of [
      readAsGlibc(conf, context),
      readAsCAres(conf, context, '1.18'),
      readAsCAres(conf, context, '1.34'),
    ]) {
      assert.deepEqual([reading.ndots, reading.flags.has('rotate')], [{ value: 1 }, true]);
    }
  });
});

describe("BIND's tools", () => {
  const cases = [
    { text: 'search a.example\nnameserver 10.0.0.2 # c\n', isRefused: false },
    { text: 'foo bar\n; c\noptions foo\nnameserver 127.2', isRefused: false },
    { text: 'sortlist 10.0.0.0/255.0.0.0\nnameserver 10.0.0.2\n', isRefused: false },
    { text: 'sortlist 10.0.0.0/8\nnameserver 10.0.0.2\n', isRefused: true },
    { text: 'nameserver 10.0.0.2 10.0.0.3\n', isRefused: true },
    { text: 'nameserver 10.0.0.2:53\n', isRefused: true },
    { text: 'nameserver 10.0.0.2\r\n', isRefused: true },
    { text: 'domain a.example b.example\n', isRefused: true },
    { text: 'search\n\nnameserver 10.0.0.2\n', isRefused: true },
    { text: 'options ndots:x\n', isRefused: true },
    { text: 'options timeout:999\n', isRefused: true },
  ];
  for (const { text, isRefused } of cases) {
    it(`${isRefused ? 'refuse' : 'take'} ${JSON.stringify(text)}`, () => {
      assert.equal(readAsBindTool(parseResolvConf(text)).isRefused, isRefused);
    });
  }
});
