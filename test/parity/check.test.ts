import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkAndCount, checkParity } from '../../src/parity/check.ts';
import type { ParityInputs } from '../../src/parity/inputs.ts';
import { reportSchema } from '../../src/parity/report/report.ts';
import {
  BRIDGE_HOMEPORT,
  container,
  HOMEPORT,
  homeport,
  host,
  inputs,
  owned,
  PRODUCTION_SERVER,
  REGION,
  recorded,
} from './builders.ts';

const twoServers = host(
  `search ${REGION}\nnameserver ${HOMEPORT}\nnameserver 10.9.9.9\noptions ndots:1\n`,
);

const verdicts: {
  name: string;
  changes: Partial<ParityInputs>;
  verdict: string;
  exitCode: number;
}[] = [
  { name: 'a host that asks homeport alone', changes: {}, verdict: 'parity', exitCode: 0 },
  {
    name: 'notices alone',
    changes: { homeport: homeport({ ttlSeconds: 5 }) },
    verdict: 'parity',
    exitCode: 0,
  },
  {
    name: 'notices that are to fail',
    changes: { homeport: homeport({ ttlSeconds: 5 }), failOn: 'notice' },
    verdict: 'differences',
    exitCode: 1,
  },
  { name: 'an error', changes: { targets: [twoServers] }, verdict: 'differences', exitCode: 1 },
  {
    name: 'a warning, where errors alone fail',
    changes: { budgetSeconds: 1, failOn: 'error' },
    verdict: 'parity',
    exitCode: 0,
  },
  {
    name: 'an unreadable file',
    changes: { problems: [{ thing: '/etc/hosts', why: 'cannot be read: permission denied' }] },
    verdict: 'could not check',
    exitCode: 2,
  },
  {
    name: 'an unreadable file beside an error',
    changes: { targets: [twoServers], problems: [{ thing: 'container web', why: 'is gone' }] },
    verdict: 'could not check',
    exitCode: 2,
  },
  {
    name: 'a look-up that production has no answer for',
    changes: { production: recorded({}) },
    verdict: 'could not check',
    exitCode: 2,
  },
  {
    name: 'owned names that could not be found out',
    changes: { homeport: homeport({ owned: undefined }) },
    verdict: 'could not check',
    exitCode: 2,
  },
  {
    name: 'a stub that is not simulated',
    changes: { stubs: ['glibc', 'bionic'] },
    verdict: 'could not check',
    exitCode: 2,
  },
  {
    name: 'an accepted error',
    changes: {
      targets: [twoServers],
      accept: [{ id: 'second-nameserver', reason: 'until the VPN is gone', until: '2026-06-01' }],
    },
    verdict: 'parity',
    exitCode: 0,
  },
  {
    name: 'an error accepted for another target',
    changes: {
      targets: [twoServers],
      accept: [
        { id: 'second-nameserver', target: 'container web', reason: 'r', until: '2030-01-01' },
      ],
    },
    verdict: 'differences',
    exitCode: 1,
  },
];

describe('checkParity', () => {
  for (const { name, changes, verdict, exitCode } of verdicts) {
    it(`says ${verdict} of ${name}`, () => {
      const report = checkParity(inputs(changes));
      assert.equal(report.verdict, verdict);
      assert.equal(report.exitCode, exitCode);
      assert.ok(reportSchema.safeParse(JSON.parse(JSON.stringify(report))).success);
    });
  }

  it('takes only the accepted names off a finding', () => {
    const { findings, accepted } = checkParity(
      inputs({
        homeport: homeport({ owned: [owned('db'), owned('web'), owned('x'), owned('y')] }),
        accept: [{ id: 'extra-name', name: 'x', reason: 'a tool', until: '2030-01-01' }],
      }),
    );
    const names = findings.filter(({ id }) => id === 'extra-name').map((finding) => finding.names);
    assert.deepEqual(names, [['y']]);
    assert.deepEqual(
      accepted.map((finding) => [finding.names, finding.reason]),
      [[['x'], 'a tool']],
    );
  });

  it('shows both query sequences and both owners of a look-up', () => {
    const report = checkParity(inputs({ expected: ['db'], stubs: ['glibc'] }));
    const [lookup] = report.lookups;
    assert.deepEqual(
      lookup?.production.questions.map((q) => `${q.server} ${q.name} ${q.type} ${q.answer}`),
      [
        `${PRODUCTION_SERVER} db.${REGION} A an address (assumed)`,
        `${PRODUCTION_SERVER} db.${REGION} AAAA NODATA`,
      ],
    );
    assert.deepEqual(
      lookup?.here.questions.map((q) => `${q.server} ${q.name} ${q.type} ${q.answer}`),
      [`${HOMEPORT} db.${REGION} A 172.18.0.5`, `${HOMEPORT} db.${REGION} AAAA NODATA`],
    );
    assert.equal(lookup?.production.owner, 'production db');
    assert.equal(lookup?.here.owner, 'container db');
    assert.equal(lookup?.verdict, 'same');
  });

  it('picks the stub of a container from its C library, unless somebody says otherwise', () => {
    const file = `search ${REGION}\nnameserver 169.254.53.53\noptions ndots:1\n`;
    const musl = { kind: 'musl', version: '1.2.3', evidence: '/lib/ld-musl-x86_64.so.1' } as const;
    const stubsOf = (stubOverrides: Record<string, string>, libc: typeof musl | undefined) =>
      checkParity(
        inputs({ targets: [{ ...container('web', file), libc }], stubOverrides }),
      ).targets.map(({ stubs }) => stubs);
    assert.deepEqual(stubsOf({}, musl), [['musl-1.2.3']]);
    assert.deepEqual(stubsOf({ web: 'go' }, musl), [['go']]);
    assert.deepEqual(stubsOf({ 'container web': 'go' }, musl), [['go']]);
    assert.deepEqual(stubsOf({}, undefined), [['glibc', 'musl', 'go', 'c-ares']]);
  });

  it('simulates once what twenty containers have in common', () => {
    const names = Array.from({ length: 100 }, (_, index) => `service-${index}`);
    const stubs = ['glibc', 'musl', 'go', 'c-ares', 'busybox'];
    const targets = Array.from({ length: 20 }, (_, index) => ({
      ...container(
        `web-${index}`,
        `search ${REGION}\nnameserver 127.0.0.11\noptions ndots:0\n`,
        { network: 'user-defined' },
        { hosts: `127.0.0.1 localhost\n172.18.0.${index} id-${index}\n`, hostname: `id-${index}` },
      ),
      libc: undefined,
    }));
    const { report, simulated } = checkAndCount(
      inputs({
        expected: names,
        stubs,
        targets: [host(`search ${REGION}\nnameserver ${HOMEPORT}\n`), ...targets],
        homeport: homeport({ owned: names.map((name) => owned(name)) }),
      }),
    );
    // Production, the host, and one container for all.
    assert.equal(simulated, 3 * names.length * stubs.length);
    assert.equal(report.targets.length, 21);
    assert.ok(report.targets.every(({ same }) => same === names.length * stubs.length));
  });

  it('does not share what a hosts entry sets apart', () => {
    const file = `search ${REGION}\nnameserver 169.254.53.53\noptions ndots:1\n`;
    const { simulated } = checkAndCount(
      inputs({
        expected: ['db'],
        targets: [
          container('a', file, {}, { hosts: '172.18.0.2 id-a\n' }),
          container('b', file, {}, { hosts: '172.18.0.3 id-b\n10.0.0.9 db\n' }),
        ],
      }),
    );
    // Production's look-up and each container's own.
    assert.equal(simulated, 3);
  });
});

describe('a container', () => {
  it('may be called what every object has', () => {
    for (const name of ['constructor', 'toString', 'hasOwnProperty']) {
      const { verdict } = checkParity(
        inputs({ targets: [container(name, `search ${REGION}\nnameserver ${BRIDGE_HOMEPORT}\n`)] }),
      );
      assert.notEqual(verdict, 'could not check', name);
    }
  });
});
