import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { lookUpTwice, refreshOf } from '../../../src/parity/stubs/lifetime.ts';
import { createStub, stubNames } from '../../../src/parity/stubs/registry.ts';
import { zoneOracle } from '../../../src/parity/vectors/zone-oracle.ts';
import { askedIn, lookUp, type Scene, situationOf } from './scene.ts';

const oneServer = 'search a.example b.example\nnameserver 127.0.0.1\n';
const twoServers = `${oneServer}nameserver 127.0.0.2\noptions rotate\n`;

describe('a stub that draws lots', () => {
  it('has one outcome per first server on glibc', () => {
    const outcome = lookUp('glibc-2.36', { resolvConf: twoServers });
    const first = [outcome, ...(outcome.alternatives ?? [])].map((one) => one.queries[0]?.server);
    assert.deepEqual(first, ['127.0.0.1', '127.0.0.2']);
  });

  it('asks one server further with every candidate on glibc', () => {
    assert.deepEqual(askedIn(lookUp('glibc-2.36', { resolvConf: twoServers })), [
      'svc.a.example A @127.0.0.1',
      'svc.b.example A @127.0.0.2',
      'svc A @127.0.0.1',
    ]);
  });

  it('has every sequence of servers as an outcome on c-ares 1.34', () => {
    const scene = { resolvConf: twoServers, zone: { 'svc.b.example A': '192.0.2.1' } };
    const outcome = lookUp('c-ares-1.34.5', scene);
    const sequences = [outcome, ...(outcome.alternatives ?? [])].map((one) =>
      one.queries.map(({ server }) => server.at(-1)).join(''),
    );
    assert.deepEqual(sequences.sort(), ['11', '12', '21', '22']);
  });

  it('is unknown where there are too many sequences', () => {
    const scene = { resolvConf: twoServers, zone: { '*': 'SERVFAIL' } };
    const outcome = lookUp('c-ares-1.34.5', { ...scene, lookup: { family: 'unspec' } });
    assert.deepEqual([outcome.kind, outcome.alternatives], ['unknown', undefined]);
  });
});

describe('what was found', () => {
  const cases: readonly { name: string; scene: Scene; want: readonly [string, string] }[] = [
    {
      name: 'the search domain that has it',
      scene: { zone: { 'svc.b.example A': '192.0.2.1' } },
      want: ['svc.b.example', 'dns'],
    },
    { name: 'the bare name', scene: { zone: { 'svc A': '192.0.2.1' } }, want: ['svc', 'dns'] },
    { name: 'a hosts entry', scene: { hosts: '10.0.0.1 svc\n' }, want: ['svc', 'files'] },
    { name: 'a literal', scene: { lookup: { name: '10.0.0.1' } }, want: ['10.0.0.1', 'literal'] },
  ];
  for (const { name, scene, want } of cases) {
    for (const stub of ['glibc-2.41', 'musl-1.2.5', 'go-1.24', 'c-ares-1.34.5'] as const) {
      it(`is named with its source: ${name} (${stub})`, () => {
        const outcome = lookUp(stub, { resolvConf: oneServer, ...scene });
        assert.deepEqual(outcome.kind === 'found' && [outcome.owner, outcome.source], want);
      });
    }
  }
});

describe('beyond what was measured', () => {
  const cases: readonly { name: string; stub: (typeof stubNames)[number]; scene: Scene }[] = [
    {
      name: 'an NSS module that is installed and not modelled',
      stub: 'glibc-2.36',
      scene: { nsswitch: 'hosts: winbind dns\n', situation: { nssModules: new Set(['winbind']) } },
    },
    {
      name: 'the action merge',
      stub: 'glibc-2.36',
      scene: { nsswitch: 'hosts: files [NOTFOUND=merge] dns\n' },
    },
    {
      name: 'a server silent over TCP',
      stub: 'glibc-2.36',
      scene: {
        resolvConf: 'nameserver 127.0.0.1\noptions use-vc\n',
        zone: { '*': 'TIMEOUT' },
      },
    },
    {
      name: 'systemd-resolved with LLMNR',
      stub: 'systemd-resolved-252',
      scene: { situation: { resolvedConf: '[Resolve]\nDNS=127.0.0.1\n' } },
    },
    { name: 'dig without a type', stub: 'dig-9.18', scene: { lookup: { family: 'unspec' } } },
    { name: 'an entry point of another stub', stub: 'go-1.24', scene: { lookup: { api: 'jndi' } } },
  ];
  for (const { name, stub, scene } of cases) {
    it(`says unknown, with the reason: ${name}`, () => {
      const outcome = lookUp(stub, { resolvConf: oneServer, ...scene });
      assert.equal(outcome.kind, 'unknown');
    });
  }
});

describe('every stub', () => {
  it('ends with an outcome whatever the file, the name and the servers are', () => {
    const word = fc.constantFrom(
      'search',
      'domain',
      'nameserver',
      'options',
      'ndots:0',
      'ndots:99',
      'attempts:0',
      'attempts:-1',
      'attempts:99999999999',
      'timeout:0',
      'timeout:-1',
      'timeout:99999999999',
      'retry:-1',
      'retrans:-1',
      'ndots:99999999999999999999',
      'constructor',
      'sortlist',
      'rotate',
      'use-vc',
      '127.0.0.1',
      '127.0.0.2:53',
      '::1',
      '.',
      'a.example',
      '#',
      '\n',
      '\t',
      '\r\n',
      '\0',
    );
    const value = fc.constantFrom(
      '192.0.2.1',
      'NODATA',
      'NXDOMAIN',
      'SERVFAIL',
      'REFUSED',
      'CLOSED',
      'TIMEOUT',
    );
    const name = fc.oneof(
      fc.constantFrom('svc', 'svc.', 'x.y', '', '.', 'a..b', '-a'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(word), name, value, value, (words, asked, one, other) => {
        const oracle = zoneOracle({ '*': one, '@127.0.0.1 *': other });
        const resolvConf = words.join(' ').replaceAll('\n ', '\n');
        const situation = situationOf({ resolvConf, nsswitch: 'hosts: constructor files dns' });
        for (const stub of stubNames) {
          const outcome = createStub(stub, situation)({ name: asked, family: 'unspec' }, oracle);
          assert.ok(outcome.elapsedMs >= 0, stub);
          assert.ok(outcome.queries.length <= 2000, stub);
          for (const query of outcome.queries) assert.ok(query.name.length <= 253, stub);
        }
      }),
      { seed: 11, numRuns: 300 },
    );
  });
});

describe('a process that started before the change', () => {
  const before = situationOf({ resolvConf: 'search a.example\nnameserver 127.0.0.1\n' });
  const pinned = situationOf({ resolvConf: 'options no-reload\nnameserver 127.0.0.1\n' });
  const lookup = { name: 'svc', family: 'inet' } as const;
  const reads = 'reads the new file';
  const keeps = 'keeps the old file';
  const cases = [
    { stub: 'glibc-2.36', situation: before, api: undefined, afterMs: 1, want: reads },
    { stub: 'glibc-2.36', situation: pinned, api: undefined, afterMs: 99_000, want: keeps },
    { stub: 'musl-1.2.5', situation: pinned, api: undefined, afterMs: 1, want: reads },
    { stub: 'go-1.24', situation: before, api: undefined, afterMs: 4000, want: keeps },
    { stub: 'go-1.24', situation: before, api: undefined, afterMs: 6000, want: reads },
    { stub: 'go-1.24', situation: pinned, api: undefined, afterMs: 6000, want: keeps },
    { stub: 'go-1.19', situation: pinned, api: undefined, afterMs: 6000, want: reads },
    { stub: 'node-20.20.2', situation: before, api: 'lookup', afterMs: 1, want: reads },
    { stub: 'node-20.20.2', situation: before, api: 'resolve', afterMs: 900_000, want: keeps },
    { stub: 'java-17', situation: before, api: 'jndi', afterMs: 299_000, want: keeps },
    { stub: 'java-17', situation: before, api: 'jndi', afterMs: 301_000, want: reads },
    {
      stub: 'java-17',
      situation: before,
      api: undefined,
      afterMs: 12_000,
      want: 'repeats the old answer',
    },
  ] as const;
  for (const { stub, situation, api, afterMs, want } of cases) {
    it(`${want}: ${stub} ${api ?? ''} after ${afterMs} ms`, () => {
      const asked = api === undefined ? lookup : { ...lookup, api };
      assert.equal(refreshOf(stub, situation, asked, afterMs).kind, want);
    });
  }

  it('asks nothing for an answer that it repeats', () => {
    const oracle = zoneOracle({ 'svc.a.example A': '192.0.2.1' });
    const [first, second] = lookUpTwice('java-17', before, pinned, lookup, oracle, 2000);
    assert.equal(first.queries.length, 2);
    assert.deepEqual([second.kind, second.queries.length], ['found', 0]);
  });
});
