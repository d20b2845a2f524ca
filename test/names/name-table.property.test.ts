/** After any sequence of changes the table is what the owners alone would make of it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decideName } from '../../src/names/decide.ts';
import type { NameTable } from '../../src/names/name-table.ts';
import type { Owner, OwnersChange } from '../../src/names/owner.ts';
import { pairsOf, Sealed, sealDelta } from '../../src/names/sealed-delta.ts';
import { Clients } from '../../src/names/view.ts';
import type { Client, NameEntry, View, ZoneDelta } from '../../src/names/zone-delta.ts';
import {
  change,
  from,
  HOST,
  Mirror,
  network,
  overlay,
  owner,
  settingsWith,
  table,
} from './builders.ts';

const NETWORKS = ['front', 'back', 'mesh'] as const;
const LISTS = [
  [],
  [network('front', 1), network('back', 2)],
  [network('front', 1), network('back', 2, { tellsWhoAsks: false }), overlay('mesh', 3)],
] as const;

const names = fc.constantFrom('web', 'db', 'cache');
const networks = fc.constantFrom(...NETWORKS);
const claims = fc.oneof(
  fc
    .tuple(names, fc.constantFrom('label', 'name', 'service', 'hostname'))
    .map((at) => at.join(' ')),
  fc.tuple(names, networks).map(([name, at]) => `${name} alias@${at}`),
);
const addresses = fc
  .tuple(networks, fc.integer({ min: 2, max: 5 }))
  .map(([at, host]) => `172.18.${NETWORKS.indexOf(at) + 1}.${host}@${at}`);

const owners: fc.Arbitrary<Owner> = fc
  .record({
    title: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    group: fc.constantFrom('g', 'h', undefined),
    project: fc.constantFrom('p', 'q', null),
    condition: fc.constantFrom('ready', 'starting', 'paused'),
    startedAtMs: fc.integer({ min: 0, max: 3 }),
    claims: fc.array(claims, { maxLength: 4 }),
    addresses: fc.uniqueArray(addresses, { maxLength: 3 }),
    isOnHost: fc.boolean(),
  })
  .map(({ title, group = `local/${title}`, ...words }) => owner(title, { ...words, group }));

const changes: fc.Arbitrary<OwnersChange> = fc
  .record({
    upserts: fc.uniqueArray(owners, { maxLength: 3, selector: ({ id }) => id }),
    removals: fc.uniqueArray(fc.constantFrom('local/a', 'local/b', 'local/c'), { maxLength: 2 }),
    list: fc.option(fc.constantFrom(...LISTS)),
    projects: fc.option(fc.subarray(['p', 'q'])),
  })
  .map(({ upserts, removals, list, projects }) => ({
    upserts,
    removals,
    ...(list === null ? {} : { networks: { engine: 'local', list } }),
    ...(projects === null ? {} : { projects: { engine: 'local', list: projects } }),
  }));

const VIEWS: readonly View[] = [
  HOST,
  { kind: 'remote', localAddress: '10.0.0.1' },
  from('x', ['front'], { project: 'p', gateways: ['172.18.1.1'] }),
  from('x', ['back', 'mesh'], { project: 'q' }),
  from(null, ['mesh']),
];

/** The owners and networks that a sequence of changes ends with. */
function outcome(sequence: readonly OwnersChange[]): OwnersChange {
  const last = new Map<string, Owner>();
  let list: NonNullable<OwnersChange['networks']> = { engine: 'local', list: [] };
  for (const { upserts, removals, networks: at } of sequence) {
    for (const id of removals) last.delete(id);
    for (const upsert of upserts) last.set(upsert.id, upsert);
    if (at !== undefined) list = at;
  }
  return { upserts: [...last.values()], removals: [], networks: list };
}

/** Owned entries alone: what departed depends on the past. */
function owned(entries: Iterable<NameEntry>): NameEntry[] {
  return [...entries]
    .filter(({ groups }) => groups.length > 0)
    .map((entry) => ({ ...entry, formerProjects: [] }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function sortedSnapshot(made: NameTable): unknown {
  const { clients, reverse, networks: list } = made.snapshot();
  const byAddress = (a: { address: string }, b: { address: string }) =>
    a.address < b.address ? -1 : 1;
  return { clients: [...clients].sort(byAddress), reverse: [...reverse].sort(byAddress), list };
}

/** A delta as the answering thread reads it. */
function crossed(delta: ZoneDelta): ZoneDelta {
  const sealed = structuredClone(sealDelta(delta));
  const opened = <T extends NameEntry | Client>(list: readonly string[]): T[] =>
    [...pairsOf(list)].map(([, text]) => new Sealed<T>(text).open());
  const reverse = [...pairsOf(sealed.reverse)].map(([address, names]) => ({
    address,
    names: names === '' ? [] : names.split(' '),
  }));
  return { ...sealed, entries: opened(sealed.entries), clients: opened(sealed.clients), reverse };
}

describe('the table of names', () => {
  it('is the same as one made at once of the owners that are left, clients and reverse names too', () => {
    fc.assert(
      fc.property(fc.array(changes, { maxLength: 12 }), (sequence) => {
        const grown = table();
        sequence.forEach((step, i) => void grown.apply(step, i));
        const fresh = table();
        fresh.apply(outcome(sequence), 0);
        assert.deepEqual(owned(grown.entries()), owned(fresh.entries()));
        assert.deepEqual(sortedSnapshot(grown), sortedSnapshot(fresh));
      }),
      { numRuns: 400 },
    );
  });

  it('is what its deltas say on the other thread, ticks included', () => {
    const steps = fc.array(fc.oneof(changes, fc.integer({ min: 1, max: 500_000 })), {
      maxLength: 14,
    });
    fc.assert(
      fc.property(steps, (sequence) => {
        const made = table();
        const mirror = new Mirror();
        let nowMs = 0;
        for (const step of sequence) {
          if (typeof step === 'number') {
            nowMs += step;
            const delta = made.tick(nowMs);
            if (delta !== null) mirror.apply(crossed(delta));
          } else mirror.apply(crossed(made.apply(step, nowMs)));
        }
        const snapshot = made.snapshot();
        assert.deepEqual(mirror.entries, new Map(snapshot.entries.map((at) => [at.name, at])));
        assert.deepEqual(mirror.clients, new Map(snapshot.clients.map((at) => [at.address, at])));
        const reverse = new Map(snapshot.reverse.map((at) => [at.address, at.names]));
        assert.deepEqual(mirror.reverse, reverse);
        assert.deepEqual(mirror.networks, snapshot.networks);
      }),
      { numRuns: 400 },
    );
  });

  it('says nothing twice', () => {
    fc.assert(
      fc.property(fc.array(changes, { maxLength: 8 }), (sequence) => {
        const made = table();
        for (const step of sequence) made.apply(step, 0);
        const { upserts, networks: list } = outcome(sequence);
        const again = made.apply(change({ upserts, ...(list ? { networks: list } : {}) }), 1);
        assert.deepEqual(again, made.apply(change({}), 1));
      }),
      { numRuns: 200 },
    );
  });

  it('decides alike whatever the order in which owners came', () => {
    const shuffled = fc
      .uniqueArray(owners, { maxLength: 5, selector: ({ id }) => id })
      .chain((list) =>
        fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
      );
    fc.assert(
      fc.property(shuffled, fc.constantFrom(...LISTS), ([list, other], known) => {
        const [one, two] = [list, other].map((order) => {
          const made = table();
          for (const upsert of order) made.apply(change({ upserts: [upsert] }), 0);
          return made;
        });
        const settings = settingsWith(known, { networkOrder: ['back'] });
        for (const name of ['web', 'db', 'cache']) {
          const entries = [one?.entryOf(name), two?.entryOf(name)];
          const [first, second] = entries.map((entry) =>
            entry ? VIEWS.map((view) => decideName(entry, view, settings)) : null,
          );
          assert.deepEqual(first, second);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('never gives a container an address of another network, but by the owner’s own word', () => {
    fc.assert(
      fc.property(fc.array(changes, { maxLength: 8 }), (sequence) => {
        const made = table();
        const clients = new Clients();
        for (const step of sequence) clients.apply(sealDelta(made.apply(step, 0)));
        const view = clients.viewOf('172.18.1.2', '172.18.1.1');
        if (view.kind !== 'container') return;
        for (const entry of made.entries()) {
          const decision = decideName(entry, view, settingsWith([]));
          if (decision.kind !== 'addresses') continue;
          for (const address of [...decision.ipv4, ...decision.ipv6]) {
            const on = NETWORKS.filter((_, i) => address.startsWith(`172.18.${i + 1}.`));
            const isGateway = view.gateways.includes(address);
            const isShared = on.some((name) => view.networks.includes(`local/${name}`));
            assert.ok(isShared || isGateway, `${address} for a client on ${view.networks.join()}`);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('the cost of a change', () => {
  it('does not grow with the number of names: 10,000 owners with three names, one by one', () => {
    const many = Array.from({ length: 10_000 }, (_, i) =>
      owner(`c${i}`, {
        claims: [`c${i} name`, `s${i} service`, `s${i}.p service`],
        addresses: [`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}@front`],
      }),
    );
    const made = table();
    const before = process.cpuUsage();
    for (const one of many) made.apply(change({ upserts: [one] }), 0);
    const { user, system } = process.cpuUsage(before);
    assert.equal([...made.entries()].length, 30_000);
    // About 0.3 s on an idle core; a scan of all names for each change would take minutes.
    assert.ok(user + system < 10_000_000, `${(user + system) / 1e6} s of CPU`);
  });
});
