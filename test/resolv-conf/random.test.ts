import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseHosts } from '../../src/resolv-conf/hosts-file.ts';
import {
  type NssStatus,
  nssAction,
  parseNsswitch,
  printHostsLine,
} from '../../src/resolv-conf/nsswitch.ts';
import { readAsBindTool } from '../../src/resolv-conf/readings/bind.ts';
import { readAsBusybox } from '../../src/resolv-conf/readings/busybox.ts';
import { readAsCAres } from '../../src/resolv-conf/readings/c-ares.ts';
import { readAsGlibc } from '../../src/resolv-conf/readings/glibc.ts';
import { readAsGo } from '../../src/resolv-conf/readings/go.ts';
import { readAsMusl } from '../../src/resolv-conf/readings/musl.ts';
import type { Reading } from '../../src/resolv-conf/readings/reading.ts';
import { parseResolvConf, type ResolvConf } from '../../src/resolv-conf/resolv-conf.ts';

const here = { hostname: 'ci.corp.example', env: {} };

/** How each reads a file, and how many servers it takes at most. */
const readers: readonly {
  readonly name: string;
  readonly most: number;
  readonly read: (conf: ResolvConf) => Reading;
}[] = [
  { name: 'glibc', most: 3, read: (conf) => readAsGlibc(conf, here) },
  { name: 'musl', most: 3, read: readAsMusl },
  { name: 'Go 1.19', most: 3, read: (conf) => readAsGo(conf, here, '1.19') },
  { name: 'Go 1.24', most: 3, read: (conf) => readAsGo(conf, here, '1.24') },
  { name: 'c-ares 1.18', most: Infinity, read: (conf) => readAsCAres(conf, here, '1.18') },
  { name: 'c-ares 1.34', most: Infinity, read: (conf) => readAsCAres(conf, here, '1.34') },
  { name: 'busybox', most: Infinity, read: (conf) => readAsBusybox(conf, here) },
  { name: 'BIND', most: 3, read: readAsBindTool },
];

const piece = fc.constantFrom(
  ...['search', 'domain', 'nameserver', 'options', 'sortlist', 'constructor', 'SEARCH', '\ufeff'],
  ...[' ', '  ', '\t', '\n', '\n', '\r\n', '\r', '\v', '#', ';', ':', ',', '.', '\0'],
  ...[
    'a.example',
    '.b.example',
    'c.example.',
    'ü.example',
    '127.0.0.1',
    '127.2',
    '::1',
    'fe80::1%lo',
  ],
  ...['[::1]:53', '0.0.0.0', '300.1.1.1', 'ndots:2', 'ndots:-1', 'ndots:', 'timeout:99999999999'],
  ...['attempts:0', 'attempts:-1', 'attempts:x', 'rotate', 'use-vc', 'retry:3', 'no-aaaa', 'edns0'],
);
const text = fc.array(fc.oneof({ weight: 9, arbitrary: piece }, fc.string()), { maxLength: 40 });

describe('whatever a resolv.conf holds', () => {
  for (const { name, most, read } of readers) {
    it(`${name}'s reading has a server, numbers, and lines that are there`, () => {
      fc.assert(
        fc.property(text, (pieces) => {
          const conf = parseResolvConf(pieces.join(''));
          const reading = read(conf);
          assert.ok(reading.nameservers.length >= 1 && reading.nameservers.length <= most);
          for (const { value } of [reading.ndots, reading.timeoutMs, reading.attempts]) {
            assert.ok(Number.isInteger(value), `${value}`);
          }
          const lines = [...reading.nameservers, ...reading.search, ...reading.ignored];
          for (const { line } of lines) {
            assert.ok(line === undefined || (line >= 1 && line <= conf.lines.length));
          }
        }),
        { seed: 5, numRuns: 300 },
      );
    });

    it(`${name} reads a file of 20,000 lines in time`, { timeout: 20_000 }, () => {
      const long = 'search a.example b.example\nnameserver 127.0.0.1\noptions ndots:2 foo\n';
      read(parseResolvConf(long.repeat(6_667)));
    });
  }
});

describe('whatever an nsswitch.conf or a hosts file holds', () => {
  const word = fc.constantFrom(
    ...[
      'hosts',
      ':',
      ' ',
      '\t',
      '\n',
      '#',
      'files',
      'dns',
      'resolve',
      'constructor',
      '[',
      ']',
      '!',
    ],
    ...['NOTFOUND', 'UNAVAIL', 'SUCCESS', '=', 'return', 'continue', 'merge', 'hosts: files dns\n'],
  );
  const statuses: readonly NssStatus[] = ['success', 'notfound', 'unavail', 'tryagain'];

  it('the hosts line means the same once it is printed and read again', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof({ weight: 9, arbitrary: word }, fc.string())), (words) => {
        const { hosts } = parseNsswitch(words.join(''));
        assert.ok(hosts.length > 0);
        const again = parseNsswitch(printHostsLine({ hosts, problems: [] })).hosts;
        assert.deepEqual(
          again.map(({ source }) => source),
          hosts.map(({ source }) => source),
        );
        for (const [index, source] of hosts.entries()) {
          const same = again[index];
          if (same === undefined) continue;
          for (const status of statuses) {
            assert.equal(nssAction(same, status), nssAction(source, status));
          }
        }
      }),
      { seed: 5, numRuns: 500 },
    );
  });

  it('a hosts entry has an address and a name, none of them blank or a comment', () => {
    const part = fc.constantFrom(
      '127.0.0.1',
      '::1',
      'web',
      'WEB',
      ' ',
      '\t',
      '\n',
      '\r\n',
      '#',
      '\0',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof({ weight: 9, arbitrary: part }, fc.string())), (parts) => {
        for (const { address, names } of parseHosts(parts.join('')).entries) {
          assert.ok(names.length > 0);
          for (const each of [address, ...names]) assert.doesNotMatch(each, /[\s#]|^$/);
        }
      }),
      { seed: 5, numRuns: 300 },
    );
  });
});
