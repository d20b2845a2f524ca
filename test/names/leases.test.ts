import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decideName } from '../../src/names/decide.ts';
import { leaseState, leasesOfState } from '../../src/names/lease-state.ts';
import {
  type Lease,
  type Leases,
  leasesChange,
  livingLeases,
  nextLeaseEndMs,
  ownerOfLease,
  withLease,
  withoutLease,
} from '../../src/names/leases.ts';
import { lease as builtLease, change, HOST, record, settingsWith, table } from './builders.ts';

function lease(name: string, untilMs: number, addresses: readonly string[] = ['10.0.0.7']): Lease {
  return { name, addresses, sinceMs: 0, untilMs };
}

function leases(...list: readonly Lease[]): Leases {
  return new Map(list.map((each) => [each.name, each]));
}

describe('leases', () => {
  it('end at their moment, not after it', () => {
    const all = leases(lease('a', 10), lease('b', 11));
    assert.deepEqual([...livingLeases(all, 9).keys()], ['a', 'b']);
    assert.deepEqual([...livingLeases(all, 10).keys()], ['b']);
    assert.deepEqual([...livingLeases(all, 11).keys()], []);
    assert.equal(livingLeases(all, 9), all);
  });

  it('say when the next one ends', () => {
    assert.equal(nextLeaseEndMs(leases(lease('a', 11), lease('b', 10))), 10);
    assert.equal(nextLeaseEndMs(leases()), Number.POSITIVE_INFINITY);
  });

  it('of one name replace each other', () => {
    const before = leases(lease('a', 10), lease('b', 10));
    const after = withLease(before, lease('a', 20, ['10.0.0.8']));
    assert.equal(after.get('a')?.untilMs, 20);
    const { upserts, removals } = leasesChange(before, after);
    assert.deepEqual(
      upserts.map(({ id, addresses }) => [id, addresses]),
      [['lease/a', [{ address: '10.0.0.8', network: null }]]],
    );
    assert.deepEqual(removals, []);
  });

  it('that are taken away are removed', () => {
    const before = leases(lease('a', 10), lease('b', 10));
    const { upserts, removals } = leasesChange(before, withoutLease(before, 'a'));
    assert.deepEqual([upserts, removals], [[], ['lease/a']]);
  });

  it('are owners as the table of names expects them', () => {
    const made = ownerOfLease(lease('a', 10));
    const { ttlSeconds, ...rest } = made;
    const { ttlSeconds: _, ...want } = builtLease('a', ['10.0.0.7']);
    assert.deepEqual(rest, want);
    // Whatever the configuration says: no client keeps it past its end.
    assert.equal(ttlSeconds, 0);
  });

  it('come before a record of their name, and the record is back when they end', () => {
    const names = table();
    names.apply(change({ upserts: [record('a', ['10.0.0.5'])] }), 0);
    const answer = () => {
      const entry = names.entryOf('a');
      const decision = entry && decideName(entry, HOST, settingsWith([]));
      return decision?.kind === 'addresses' ? decision.ipv4 : decision?.kind;
    };
    const some = leases(lease('a', 10));
    names.apply(leasesChange(leases(), some), 0);
    assert.deepEqual(answer(), ['10.0.0.7']);
    names.apply(leasesChange(some, livingLeases(some, 10)), 10);
    assert.deepEqual(answer(), ['10.0.0.5']);
  });

  it('leave no departed name behind when they end', () => {
    const names = table();
    const some = leases(lease('a', 10));
    names.apply(leasesChange(leases(), some), 0);
    names.apply(leasesChange(some, leases()), 10);
    assert.equal(names.entryOf('a'), null);
  });
});

describe('the state of leases', () => {
  it('is read as it was written', () => {
    const some = leases(lease('a', 10), lease('*.env.dev.internal', 20, ['10.0.0.7', 'fd00::7']));
    const read = leasesOfState(JSON.parse(JSON.stringify(leaseState(some))));
    assert.deepEqual(read, { leases: some, problem: null });
  });

  const whole = { name: 'a', addresses: ['10.0.0.7'], sinceMs: 0, untilMs: 10 };
  const odd: readonly (readonly [string, unknown])[] = [
    ['no addresses', { ...whole, addresses: [] }],
    ['an address that is none', { ...whole, addresses: ['10.0.0.7', 'web'] }],
    ['a name that is none', { ...whole, name: 'a..b' }],
    ['a name in capitals', { ...whole, name: 'Web' }],
    ['no end', { ...whole, untilMs: null }],
    ['no form', 'a'],
  ];
  for (const [what, item] of odd) {
    it(`with a lease that has ${what} loses that one alone, and says so`, () => {
      const read = leasesOfState({ version: 1, leases: [item, { ...whole, name: 'b' }] });
      assert.deepEqual([...read.leases.keys()], ['b']);
      assert.equal(read.problem, '1 of its 2 leases cannot be read');
    });
  }

  for (const content of [null, [], {}, 'x', { version: 2, leases: [] }, { version: 1 }]) {
    it(`is not found in ${JSON.stringify(content)}`, () => {
      const read = leasesOfState(content);
      assert.deepEqual([read.leases.size, read.problem !== null], [0, true]);
    });
  }

  it('is read from any JSON without throwing', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        leasesOfState(value);
        leasesOfState({ version: 1, leases: value });
      }),
    );
  });
});
