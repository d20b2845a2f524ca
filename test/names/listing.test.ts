import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listNames } from '../../src/names/listing.ts';
import type { Owner } from '../../src/names/owner.ts';
import {
  change,
  DEPARTED_FOR_MS,
  lease,
  network,
  overlay,
  owner,
  record,
  settingsWith,
  table,
} from './builders.ts';

const { networks } = settingsWith([network('front', 1), network('back', 2), overlay('mesh', 3)]);

function listing(owners: readonly Owner[], expected: readonly string[] = []) {
  const names = table();
  names.apply(change({ upserts: owners }), 0);
  return listNames(names.entries(), { networks, expected, nowMs: 0 });
}

describe('the list of names', () => {
  it('has each name with its groups, and networks by their names', () => {
    const web = owner('web', {
      project: 'p',
      claims: ['web name'],
      addresses: ['172.18.1.2@front', 'fd01::2@front', '172.18.2.2@back'],
      startedAtMs: 1_000,
    });
    assert.deepEqual(listing([web], ['web', 'db', 'db']), {
      names: [
        {
          name: 'web',
          groups: [
            {
              owner: 'web',
              kind: 'container',
              engine: 'local',
              project: 'p',
              ready: true,
              addresses: [
                { address: '172.18.1.2', network: 'front' },
                { address: 'fd01::2', network: 'front' },
                { address: '172.18.2.2', network: 'back' },
              ],
              source: 'name',
              startedAt: '1970-01-01T00:00:01.000Z',
              cname: null,
              members: [{ owner: 'web', condition: 'ready', trouble: null }],
            },
          ],
          collision: false,
          expected: true,
        },
      ],
      missing: ['db'],
      departed: [],
    });
  });

  it('is sorted by name', () => {
    const { names } = listing([owner('web'), owner('db'), owner('cache')]);
    assert.deepEqual(
      names.map(({ name }) => name),
      ['cache', 'db', 'web'],
    );
  });

  it('shows a collision with the group that answers the host first', () => {
    const older = owner('p1-web-1', { claims: ['web service'] });
    const newer = owner('p2-web-1', { claims: ['web service'], startedAtMs: 5 });
    const [web] = listing([older, newer]).names;
    assert.equal(web?.collision, true);
    assert.deepEqual(
      web?.groups.map((group) => group.owner),
      ['p2-web-1', 'p1-web-1'],
    );
  });

  it('puts what this host reaches before what it does not', () => {
    const newer = owner('b', {
      claims: ['web name'],
      addresses: ['172.18.3.2@mesh'],
      startedAtMs: 5,
    });
    const older = owner('a', { claims: ['web name'], addresses: ['172.18.1.2@front'] });
    const owners = listing([newer, older]).names[0]?.groups.map((group) => group.owner);
    assert.deepEqual(owners, ['a', 'b']);
  });

  const cases: readonly { name: string; owners: readonly Owner[]; want: unknown }[] = [
    {
      name: 'an owner without an address with none, and its trouble',
      owners: [owner('web', { trouble: 'docker restart web' })],
      want: {
        owner: 'web',
        kind: 'container',
        ready: true,
        addresses: [],
        trouble: 'docker restart web',
      },
    },
    {
      name: 'an owner on the host’s network at the loopback address',
      owners: [owner('web', { isOnHost: true })],
      want: {
        owner: 'web',
        kind: 'container',
        ready: true,
        addresses: [{ address: '127.0.0.1', network: 'host' }],
        trouble: null,
      },
    },
    {
      name: 'a record without a network',
      owners: [record('web', ['10.0.0.5'])],
      want: {
        owner: 'web',
        kind: 'static',
        ready: true,
        addresses: [{ address: '10.0.0.5', network: null }],
        trouble: null,
      },
    },
    {
      name: 'a lease',
      owners: [lease('web', ['10.0.0.5'])],
      want: {
        owner: 'web',
        kind: 'lease',
        ready: true,
        addresses: [{ address: '10.0.0.5', network: null }],
        trouble: null,
      },
    },
    {
      name: 'replicas as one group, the address that they share once',
      owners: [1, 2, 3, 4].map((n) =>
        owner(`web-${n}`, {
          group: 'g',
          claims: ['web service'],
          startedAtMs: n,
          addresses: [`172.18.1.${Math.max(n, 3)}@front`],
          condition: n === 1 ? 'starting' : 'ready',
        }),
      ),
      want: {
        owner: 'web-1, web-2, web-3 and 1 more',
        kind: 'container',
        ready: true,
        addresses: [
          { address: '172.18.1.3', network: 'front' },
          { address: '172.18.1.4', network: 'front' },
        ],
        trouble: null,
      },
    },
  ];
  for (const { name, owners, want } of cases) {
    it(`has ${name}`, () => {
      const web = listing(owners).names.find((at) => at.name === 'web');
      const [group, ...others] = web?.groups ?? [];
      assert.deepEqual(others, []);
      assert.deepEqual(
        group && {
          owner: group.owner,
          kind: group.kind,
          ready: group.ready,
          addresses: group.addresses,
          trouble: group.members[0]?.trouble,
        },
        want,
      );
    });
  }

  it('has departed names apart, and as missing where they are expected', () => {
    const names = table();
    names.apply(change({ upserts: [owner('db')] }), 0);
    names.apply(change({ removals: ['local/db'] }), 0);
    const list = (nowMs: number) =>
      listNames(names.entries(), { networks, expected: ['db'], nowMs });
    assert.deepEqual(list(0), {
      names: [],
      missing: ['db'],
      departed: [{ name: 'db', owner: 'db', until: '1970-01-01T00:10:00.000Z' }],
    });
    assert.deepEqual(list(DEPARTED_FOR_MS).departed, []);
  });
});
