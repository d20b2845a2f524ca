import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isEmptyDelta, type NameTable } from '../../src/names/name-table.ts';
import type { EndedOwner, Owner } from '../../src/names/owner.ts';
import {
  change,
  DEPARTED_FOR_MS,
  lease,
  MINUTE_MS,
  network,
  overlay,
  owner,
  record,
  table,
} from './builders.ts';

const web = owner('web', { addresses: ['172.18.1.2@front'] });
const db = owner('db', { addresses: ['172.18.1.3@front'] });

/** A table with these owners. */
function holding(...owners: readonly Owner[]): NameTable {
  const names = table();
  names.apply(change({ upserts: owners }), 0);
  return names;
}

describe('a change', () => {
  it('gives the entries that it makes, and no others', () => {
    const names = holding(web);
    const delta = names.apply(change({ upserts: [db] }), 0);
    assert.deepEqual(
      delta.entries.map(({ name }) => name),
      ['db'],
    );
    assert.deepEqual(delta.forgotten, []);
  });

  it('gives every name of an owner that changed, and drops those that it gave up', () => {
    const names = holding(owner('web', { claims: ['web name', 'www label', 'old label'] }));
    const delta = names.apply(
      change({
        upserts: [owner('web', { claims: ['web name', 'www label'], condition: 'paused' })],
      }),
      5,
    );
    const shown = delta.entries.map(({ name, groups }) => `${name} ${groups.length}`);
    assert.deepEqual(shown.sort(), ['old 0', 'web 1', 'www 1']);
  });

  const repetitions: readonly { name: string; words: Parameters<typeof change>[0] }[] = [
    { name: 'an owner as it is', words: { upserts: [structuredClone(web)] } },
    { name: 'a removal of what is not there', words: { removals: ['local/other'] } },
    {
      name: 'the networks as they are, in another order',
      words: { networks: { engine: 'local', list: [network('b', 2), network('a', 1)] } },
    },
    { name: 'projects that own nothing', words: { projects: { engine: 'local', list: ['p'] } } },
    { name: 'nothing', words: {} },
  ];
  for (const { name, words } of repetitions) {
    it(`is empty for ${name}`, () => {
      const names = holding(web);
      const list = [network('a', 1), network('b', 2)];
      names.apply(change({ networks: { engine: 'local', list } }), 0);
      const delta = names.apply(change(words), 1);
      assert.ok(isEmptyDelta(delta), JSON.stringify(delta));
    });
  }

  it('that removes and upserts one owner keeps it', () => {
    const names = holding(web);
    const moved = owner('web', { addresses: ['172.18.1.9@front'] });
    const delta = names.apply(change({ removals: [web.id], upserts: [moved] }), 0);
    assert.equal(delta.entries[0]?.groups[0]?.members[0]?.addresses[0]?.address, '172.18.1.9');
    assert.equal(delta.entries[0]?.departedUntilMs, null);
  });

  it('of what an entry does not show gives no entry', () => {
    const names = holding(web);
    const delta = names.apply(change({ upserts: [{ ...web, asksFrom: [] }] }), 0);
    assert.ok(isEmptyDelta(delta), JSON.stringify(delta));
  });

  it('of an owner’s state gives neither its address again nor its names', () => {
    const networks = { engine: 'local', list: [network('front', 1)] };
    const names = table();
    names.apply(change({ upserts: [web], networks }), 0);
    const delta = names.apply(change({ upserts: [{ ...web, condition: 'paused' }] }), 0);
    assert.equal(delta.entries.length, 1);
    assert.deepEqual(
      [delta.clients, delta.leftClients, delta.reverse, delta.networks],
      [[], [], [], null],
    );
  });

  it('hands over the networks of all engines without their drivers', () => {
    const names = table();
    names.apply(change({ networks: { engine: 'local', list: [network('a', 1)] } }), 0);
    const far = network('b', 2, { key: 'far/b', engine: 'far' });
    const delta = names.apply(change({ networks: { engine: 'far', list: [far] } }), 0);
    assert.deepEqual(
      delta.networks?.map(({ key }) => key),
      ['far/b', 'local/a'],
    );
    assert.ok(delta.networks?.every((at) => !('driver' in at)));
    const gone = names.apply(change({ networks: { engine: 'local', list: [] } }), 0);
    assert.deepEqual(
      gone.networks?.map(({ key }) => key),
      ['far/b'],
    );
  });
});

describe('the groups of an entry', () => {
  const groupsOf = (...owners: readonly Owner[]) =>
    (holding(...owners).entryOf('web')?.groups ?? []).map(({ members }) =>
      members.map(({ title }) => title).join('+'),
    );
  const alias = (title: string, ...networks: readonly string[]) =>
    owner(title, { claims: networks.map((at) => `web alias@${at}`) });
  const cases = [
    {
      name: 'one for each container',
      owners: [owner('a'), owner('b')].map(named),
      want: ['a', 'b'],
    },
    {
      name: 'one for the replicas of a service',
      owners: [named(owner('a', { group: 'g' })), named(owner('b', { group: 'g' }))],
      want: ['a+b'],
    },
    {
      name: 'one for one alias on one network',
      owners: [alias('a', 'front'), alias('b', 'front')],
      want: ['a+b'],
    },
    {
      name: 'two for one alias on two networks',
      owners: [alias('a', 'front'), alias('b', 'back')],
      want: ['a', 'b'],
    },
    {
      name: 'one through a third container on both networks',
      owners: [alias('a', 'front'), alias('b', 'back'), alias('c', 'front', 'back')],
      want: ['a+b+c'],
    },
    {
      name: 'one through replicas that carry the alias on different networks',
      owners: [
        alias('a', 'front'),
        owner('b', { group: 'g', claims: ['web alias@front'] }),
        owner('c', { group: 'g', claims: ['web alias@back'] }),
        alias('d', 'back'),
      ],
      want: ['a+b+c+d'],
    },
    {
      name: 'two where only one carries it as an alias',
      owners: [alias('a', 'front'), named(owner('b'))],
      want: ['b', 'a'],
    },
  ] as const;
  for (const { name, owners, want } of cases) {
    it(`are ${name}`, () => {
      assert.deepEqual(groupsOf(...owners), want);
      assert.deepEqual(groupsOf(...[...owners].reverse()), want);
    });
  }

  function named(container: Owner): Owner {
    return { ...container, claims: [{ name: 'web', source: 'name', networks: null }] };
  }

  it('have a project only where all members have the same', () => {
    const member = (title: string, project: string | null) =>
      owner(title, { project, claims: ['web alias@front'] });
    const projectOf = (...owners: readonly Owner[]) => {
      const group = holding(...owners).entryOf('web')?.groups[0];
      return [group?.project, ...(group?.members ?? []).map(({ project }) => project)];
    };
    assert.deepEqual(projectOf(member('a', 'p'), member('b', 'p')), ['p', 'p', 'p']);
    assert.deepEqual(projectOf(member('a', 'p'), member('b', 'q')), [null, 'p', 'q']);
  });
});

describe('a departed name', () => {
  const END = 1_000 + DEPARTED_FOR_MS;

  function departed(...owners: readonly Owner[]): NameTable {
    const names = holding(...owners);
    names.apply(change({ removals: owners.map(({ id }) => id) }), 1_000);
    return names;
  }

  it('is one whose last container went, with who owned it and until when it counts', () => {
    const entry = departed(web).entryOf('web');
    assert.equal(entry?.departedUntilMs, END);
    assert.equal(entry?.departedOwner, 'web');
    assert.deepEqual(entry?.groups, []);
  });

  it('is none while another container claims it', () => {
    const names = holding(web, owner('web-2', { claims: ['web service'] }));
    names.apply(change({ removals: [web.id] }), 1_000);
    assert.equal(names.entryOf('web')?.departedUntilMs, null);
  });

  it('is forgotten when its time is up, and not before', () => {
    const names = departed(web);
    assert.equal(names.nextWakeMs, END);
    assert.equal(names.tick(END - 1), null);
    assert.deepEqual(names.tick(END)?.forgotten, ['web']);
    assert.equal(names.nextWakeMs, Number.POSITIVE_INFINITY);
    assert.deepEqual([...names.entries()], []);
  });

  it('is owned again with its container, and its time begins anew with the next departure', () => {
    const names = departed(web);
    names.apply(change({ upserts: [web] }), 2_000);
    assert.equal(names.entryOf('web')?.departedUntilMs, null);
    assert.equal(names.nextWakeMs, Number.POSITIVE_INFINITY);
    names.apply(change({ removals: [web.id] }), 3_000);
    assert.equal(names.entryOf('web')?.departedUntilMs, 3_000 + DEPARTED_FOR_MS);
  });

  it('runs out in the order of departure', () => {
    const names = holding(web, db);
    names.apply(change({ removals: [db.id] }), 10);
    names.apply(change({ removals: [web.id] }), 20);
    assert.deepEqual(names.tick(10 + DEPARTED_FOR_MS)?.forgotten, ['db']);
    assert.equal(names.nextWakeMs, 20 + DEPARTED_FOR_MS);
  });

  it('is none with departed_for: 0', () => {
    const names = table(0);
    names.apply(change({ upserts: [web] }), 0);
    const delta = names.apply(change({ removals: [web.id] }), 0);
    assert.deepEqual(delta.forgotten, ['web']);
    assert.equal(names.nextWakeMs, Number.POSITIVE_INFINITY);
  });

  it('is none where the operator removed a record or a lease himself', () => {
    const names = departed(record('web', ['10.0.0.1']), lease('db', ['10.0.0.2']));
    assert.deepEqual([...names.entries()], []);
  });

  it('counts from its container where a record held it in between', () => {
    const names = holding(web);
    names.apply(change({ removals: [web.id], upserts: [record('web', ['10.0.0.1'])] }), 1_000);
    assert.equal(names.entryOf('web')?.departedUntilMs, null);
    names.apply(change({ removals: ['static/web'] }), 2_000);
    assert.equal(names.entryOf('web')?.departedUntilMs, END);
  });

  describe('that nobody saw owned, for its run ended while nobody looked', () => {
    const ended = (names: NameTable, endedAtMs: number, words: Partial<EndedOwner> = {}) =>
      names.apply(
        change({
          ended: [
            { names: ['web'], title: 'web-1', engine: 'local', project: null, endedAtMs, ...words },
          ],
        }),
        5_000,
      );

    it('counts from the end of the run', () => {
      const names = table();
      ended(names, 1_000);
      assert.equal(names.entryOf('web')?.departedUntilMs, END);
      assert.equal(names.entryOf('web')?.departedOwner, 'web-1');
    });

    it('counts from now where the engine’s clock is ahead', () => {
      const names = table();
      ended(names, 60_000);
      assert.equal(names.entryOf('web')?.departedUntilMs, 5_000 + DEPARTED_FOR_MS);
    });

    it('does not depart where its time was up long ago, or with departed_for: 0', () => {
      for (const names of [table(), table(0)]) {
        assert.deepEqual(ended(names, 5_000 - DEPARTED_FOR_MS).entries, []);
        assert.deepEqual([...names.entries()], []);
      }
    });

    it('stays with who owns it, and with whom it departed from later', () => {
      const owned = holding(web);
      assert.deepEqual(ended(owned, 1_000).entries, []);
      const names = departed(web);
      assert.deepEqual(ended(names, 900).entries, []);
      assert.equal(names.entryOf('web')?.departedOwner, 'web');
    });

    it('is refused to its project, which is given no other’s', () => {
      const names = holding(web);
      ended(names, 1_000, { project: 'shop' });
      const shop = { engine: 'local', project: 'shop' };
      assert.deepEqual(names.entryOf('web')?.formerProjects, [shop]);
      const again = owner('again', { claims: ['web service'], project: 'shop' });
      names.apply(change({ upserts: [again] }), 6_000);
      assert.deepEqual(names.entryOf('web')?.formerProjects, []);
    });
  });

  it('follows a new departed_for', () => {
    const names = departed(web);
    const longer = names.configure({ departedForMs: 20 * MINUTE_MS }, 2_000);
    assert.equal(longer.entries[0]?.departedUntilMs, 1_000 + 20 * MINUTE_MS);
    assert.deepEqual(names.configure({ departedForMs: 500 }, 2_000).forgotten, ['web']);
  });

  it('follows departed_for: 0 at once, former projects too', () => {
    const names = departed(owner('web', { project: 'p' }));
    assert.deepEqual(names.configure({ departedForMs: 0 }, 2_000).forgotten, ['web']);
    const entry = names.configure({ departedForMs: 1 }, 2_000).entries[0];
    assert.deepEqual(entry?.formerProjects, [{ engine: 'local', project: 'p' }]);
  });

  it('does not stay for ever for thousands of one-off containers of one project', () => {
    const names = table();
    const oneOffs = Array.from({ length: 10_050 }, (_, i) => owner(`run-${i}`, { project: 'p' }));
    names.apply(change({ upserts: oneOffs }), 0);
    const seen = names.apply(change({ removals: oneOffs.map(({ id }) => id) }), 0);
    assert.equal(new Set(seen.entries.map(({ name }) => name)).size, seen.entries.length);
    names.tick(DEPARTED_FOR_MS);
    const kept = [...names.entries()].map(({ name }) => name);
    assert.equal(kept.length, 10_000);
    assert.ok(!kept.includes('run-49') && kept.includes('run-50'));
  });
});

describe('what survives a restart', () => {
  const project = [{ engine: 'local', project: 'p' }];
  const mine = owner('web', { project: 'p', addresses: ['172.18.1.2@front'] });
  const restarted = (names: NameTable, nowMs: number) => {
    const next = table();
    next.importDeparted(JSON.parse(JSON.stringify(names.exportDeparted())), nowMs);
    return next;
  };

  it('is a departed name with the rest of its time, and the project that owned it', () => {
    const names = holding(mine);
    names.apply(change({ removals: [mine.id] }), 1_000);
    const entry = restarted(names, 60_000).entryOf('web');
    assert.equal(entry?.departedUntilMs, 1_000 + DEPARTED_FOR_MS);
    assert.equal(entry?.departedOwner, 'web');
    assert.deepEqual(entry?.formerProjects, project);
  });

  it('is a name that was owned: it departs, until its container is seen', () => {
    const next = restarted(holding(mine), 60_000);
    assert.equal(next.entryOf('web')?.departedUntilMs, 60_000 + DEPARTED_FOR_MS);
    next.apply(change({ upserts: [mine] }), 61_000);
    assert.equal(next.entryOf('web')?.departedUntilMs, null);
    assert.deepEqual(next.entryOf('web')?.formerProjects, []);
  });

  it('is a project that may still be refused after the time is up', () => {
    const names = holding(mine);
    names.apply(change({ removals: [mine.id] }), 1_000);
    names.tick(Number.MAX_SAFE_INTEGER);
    const next = restarted(names, Number.MAX_SAFE_INTEGER);
    assert.equal(next.entryOf('web')?.departedUntilMs, null);
    assert.deepEqual(next.entryOf('web')?.formerProjects, project);
    next.apply(change({ projects: { engine: 'local', list: [] } }), Number.MAX_SAFE_INTEGER);
    assert.deepEqual([...next.entries()], []);
  });

  it('is not what has run out meanwhile, nor a record', () => {
    const names = holding(web, record('pg', ['10.0.0.5']));
    names.apply(change({ removals: [web.id] }), 1_000);
    assert.deepEqual([...restarted(names, 1_000 + DEPARTED_FOR_MS).entries()], []);
  });

  it('departs at once where the file is from the future', () => {
    const names = holding(web);
    names.apply(change({ removals: [web.id] }), 9_000_000);
    assert.equal(restarted(names, 5_000).entryOf('web')?.departedUntilMs, 5_000 + DEPARTED_FOR_MS);
  });

  const odd: readonly unknown[] = [
    null,
    'text',
    [],
    {},
    { version: 2, names: [{ name: 'a', owner: 'a', departedAtMs: 0, projects: [] }] },
    { version: 1 },
    { version: 1, names: [null, 3, {}, { name: '', owner: 'a' }, { name: 'a', owner: 3 }] },
    { version: 1, names: [{ name: 'a', owner: 'a', departedAtMs: 'then', projects: [] }] },
  ];
  for (const content of odd) {
    it(`leaves out ${JSON.stringify(content)}`, () => {
      assert.ok(isEmptyDelta(table().importDeparted(content, 0)));
    });
  }

  it('takes what is sound beside what is odd', () => {
    const sound = { name: 'a', owner: 'x', departedAtMs: 1, projects: [{ engine: 3 }, ...project] };
    const delta = table().importDeparted({ version: 1, names: [{}, sound] }, 2);
    assert.deepEqual(delta.entries[0]?.formerProjects, project);
    assert.equal(delta.entries[0]?.departedOwner, 'x');
  });
});

describe('the names of an address', () => {
  const namesAt = (address: string, ...owners: readonly Owner[]) =>
    holding(...owners)
      .snapshot()
      .reverse.find((at) => at.address === address)?.names;
  const at = ['172.18.1.2@front', 'fd01::2@front', '172.18.2.2@back'];
  const holder = owner('holder', { addresses: ['172.18.1.2@front'] });
  const cases: readonly { name: string; owners: readonly Owner[]; ask?: string; want: unknown }[] =
    [
      {
        name: 'are the container’s own, then the others from the strongest source on',
        owners: [
          owner('p-web-1', {
            claims: [
              'web service',
              'zz label',
              'aa label',
              'p-web-1 name',
              'h hostname',
              'aa alias',
            ],
            addresses: at,
          }),
        ],
        want: ['p-web-1', 'aa', 'zz', 'web', 'h'],
      },
      {
        name: 'are given for IPv6 too',
        owners: [owner('web', { addresses: at })],
        ask: 'fd01::2',
        want: ['web'],
      },
      {
        name: 'hold an alias only on its own network',
        owners: [owner('web', { claims: ['web name', 'www alias@back'], addresses: at })],
        want: ['web'],
      },
      {
        name: 'hold an alias on its own network',
        owners: [owner('web', { claims: ['web name', 'www alias@back'], addresses: at })],
        ask: '172.18.2.2',
        want: ['web', 'www'],
      },
      {
        name: 'hold neither wildcards nor the longer form of a service',
        owners: [
          owner('a', {
            claims: [
              'a name',
              '*.env.dev label',
              'web service',
              'web.p service',
              'api.env.dev label',
            ],
            addresses: at,
          }),
        ],
        want: ['a', 'api.env.dev', 'web'],
      },
      {
        name: 'begin with the container that has the address; then come those that share it',
        owners: [
          owner('sharer', { addresses: ['172.18.1.2@front'], asksFrom: [], startedAtMs: 9 }),
          holder,
        ],
        want: ['holder', 'sharer'],
      },
      {
        name: 'begin with the newest of two that claim to have it',
        owners: [holder, owner('newer', { addresses: ['172.18.1.2@front'], startedAtMs: 5 })],
        want: ['newer', 'holder'],
      },
      {
        name: 'are each given once',
        owners: [
          owner('a', { claims: ['a name', 'web service'], addresses: ['172.18.1.2@front'] }),
          owner('b', { claims: ['b name', 'web service'], addresses: ['172.18.1.2@front'] }),
        ],
        want: ['a', 'web', 'b'],
      },
      {
        name: 'are not the containers’ where their engine’s host stands for them',
        owners: [owner('web', { addresses: ['10.81.82.100'], asksFrom: [] })],
        ask: '10.81.82.100',
        want: undefined,
      },
      {
        name: 'are a record’s, after a container’s',
        owners: [record('pg.dev.internal', ['172.18.1.2']), holder],
        want: ['holder', 'pg.dev.internal'],
      },
      {
        name: 'are none for a wildcard record',
        owners: [record('*.env.dev.internal', ['10.0.0.7'])],
        ask: '10.0.0.7',
        want: undefined,
      },
    ];
  for (const { name, owners, ask = '172.18.1.2', want } of cases) {
    it(name, () => {
      assert.deepEqual(namesAt(ask, ...owners), want);
      assert.deepEqual(namesAt(ask, ...[...owners].reverse()), want);
    });
  }

  it('go with their owner', () => {
    const names = holding(web);
    const delta = names.apply(change({ removals: [web.id] }), 0);
    assert.deepEqual(delta.reverse, [{ address: '172.18.1.2', names: [] }]);
  });
});

describe('who asks from an address', () => {
  const list = [network('front', 1), network('back', 2), overlay('mesh', 3)];
  const networks = { engine: 'local', list };
  const clientsOf = (
    owners: readonly Owner[],
    words: Parameters<typeof change>[0] = { networks },
  ) => {
    const names = table();
    names.apply(change({ ...words, upserts: owners }), 0);
    return names
      .snapshot()
      .clients.map(({ address, title, networks: on }) => `${address} ${title} ${on.join(' ')}`);
  };

  it('is the container that has it, with all its networks, first the one it asks from', () => {
    assert.deepEqual(
      clientsOf([owner('a', { addresses: ['172.18.1.2@front', '172.18.2.2@back'] })]),
      ['172.18.1.2 a local/front local/back', '172.18.2.2 a local/back local/front'],
    );
  });

  it('is an overlay’s container at the address by which it reaches the host', () => {
    const task = owner('task', { addresses: ['172.18.3.2@mesh'], asksFrom: ['172.18.1.9@front'] });
    assert.deepEqual(clientsOf([task]), ['172.18.1.9 task local/front local/mesh']);
  });

  it('is nobody on a network that does not tell', () => {
    const nested = { engine: 'local', list: [network('front', 1, { tellsWhoAsks: false })] };
    assert.deepEqual(clientsOf([web], { networks: nested }), []);
  });

  it('is nobody until the networks are known, and known with them', () => {
    const names = holding(web);
    assert.deepEqual(names.snapshot().clients, []);
    const delta = names.apply(change({ networks }), 0);
    assert.deepEqual(
      delta.clients.map(({ address }) => address),
      ['172.18.1.2'],
    );
    const gone = names.apply(change({ networks: { engine: 'local', list: [] } }), 0);
    assert.deepEqual(gone.leftClients, ['172.18.1.2']);
  });

  it('is the newest where the address was given away already', () => {
    const heir = owner('heir', { addresses: ['172.18.1.2@front'], startedAtMs: 5 });
    assert.deepEqual(clientsOf([heir, web]), ['172.18.1.2 heir local/front']);
    assert.deepEqual(clientsOf([web, heir]), ['172.18.1.2 heir local/front']);
  });

  it('is not certain where two networks have the address', () => {
    const twin = owner('twin', { addresses: ['172.18.1.2@back'] });
    assert.deepEqual(clientsOf([web, twin]), []);
    const names = table();
    names.apply(change({ networks, upserts: [web, twin] }), 0);
    const delta = names.apply(change({ removals: [twin.id] }), 0);
    assert.deepEqual(
      delta.clients.map(({ title }) => title),
      ['web'],
    );
  });
});
