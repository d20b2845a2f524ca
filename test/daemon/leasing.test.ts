import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import type { LeaseWords } from '../../src/control/reports.ts';
import { Leasing } from '../../src/daemon/leasing.ts';
import { silentLogger } from '../../src/log.ts';
import type { OwnersChange } from '../../src/names/owner.ts';

const START_MS = Date.parse('2026-01-01T00:00:00.000Z');
const DAY_MS = 86_400_000;

let state = '';
let owned: Map<string, readonly string[]>;
let running: Leasing[] = [];

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'homeport-leasing-'));
  owned = new Map();
  running = [];
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: START_MS });
});
afterEach(async () => {
  for (const leasing of running) await leasing.close();
  mock.timers.reset();
  rmSync(state, { recursive: true });
});

function apply({ upserts, removals }: OwnersChange): void {
  for (const id of removals) owned.delete(id);
  for (const { id, addresses } of upserts)
    owned.set(
      id,
      addresses.map(({ address }) => address),
    );
}

/** A server that starts over what is on disk. */
async function started(): Promise<Leasing> {
  owned.clear();
  const leasing = new Leasing({ state, log: silentLogger(), apply });
  running.push(leasing);
  await leasing.restore();
  return leasing;
}

function words(name: string, span = '5d', addresses: readonly string[] = ['10.0.0.7']): LeaseWords {
  return { name, addresses, for: span };
}

const file = () => join(state, 'leases.json');

describe('a lease', () => {
  it('is owned at once, and until its end', async () => {
    const leasing = await started();
    assert.deepEqual(
      await leasing.add(words('Demo.env.dev.internal.', '5d', ['10.0.0.7', 'FD00::7'])),
      {
        kind: 'added',
        isRenewed: false,
        lease: {
          name: 'demo.env.dev.internal',
          addresses: ['10.0.0.7', 'fd00::7'],
          since: '2026-01-01T00:00:00.000Z',
          until: '2026-01-06T00:00:00.000Z',
        },
      },
    );
    assert.deepEqual([...owned], [['lease/demo.env.dev.internal', ['10.0.0.7', 'fd00::7']]]);
    mock.timers.tick(5 * DAY_MS - 1);
    assert.equal(owned.size, 1);
    assert.equal(leasing.untilOf('demo.env.dev.internal'), '2026-01-06T00:00:00.000Z');
    mock.timers.tick(1);
    assert.equal(owned.size, 0);
    assert.deepEqual(leasing.list(), []);
  });

  it('survives a restart, and ends at the same moment', async () => {
    await (await started()).add(words('a', '90s'));
    mock.timers.tick(60_000);
    const second = await started();
    assert.deepEqual(
      second.list().map(({ until }) => until),
      ['2026-01-01T00:01:30.000Z'],
    );
    assert.deepEqual([...owned.keys()], ['lease/a']);
    mock.timers.tick(30_000);
    assert.equal(owned.size, 0);
  });

  it('that ended while homeport was down is not taken up', async () => {
    const first = await started();
    await first.add(words('a', '90s'));
    await first.close();
    mock.timers.setTime(START_MS + 90_000);
    assert.deepEqual((await started()).list(), []);
    assert.equal(owned.size, 0);
  });

  it('ends within ten seconds after a machine has slept through its end', async () => {
    await (await started()).add(words('a', '5d'));
    // A sleeping machine's timers stand still, and its clock does not.
    mock.timers.setTime(START_MS + 6 * DAY_MS);
    mock.timers.tick(10_000);
    assert.equal(owned.size, 0);
  });

  it('is renewed by another of its name, with its addresses and end', async () => {
    const leasing = await started();
    await leasing.add(words('a', '1h'));
    const outcome = await leasing.add(words('a', '2h', ['10.0.0.8']));
    assert.equal(outcome.kind === 'added' && outcome.isRenewed, true);
    mock.timers.tick(3_600_000);
    assert.deepEqual([...owned], [['lease/a', ['10.0.0.8']]]);
  });

  it('that is removed is gone, on disk too', async () => {
    const leasing = await started();
    await leasing.add(words('a'));
    await leasing.add(words('b'));
    assert.equal((await leasing.remove('A')).kind, 'removed');
    assert.deepEqual([...owned.keys()], ['lease/b']);
    assert.deepEqual(
      (await started()).list().map(({ name }) => name),
      ['b'],
    );
  });

  it('that nobody has cannot be removed', async () => {
    assert.deepEqual(await (await started()).remove('a'), {
      kind: 'unknown',
      message: 'there is no lease of a; `homeport lease list` shows them',
    });
  });

  it('of many at once loses none', async () => {
    const leasing = await started();
    const names = Array.from({ length: 50 }, (_, i) => `n${i}`);
    await Promise.all(names.map((name) => leasing.add(words(name))));
    assert.equal((await started()).list().length, 50);
  });

  const invalid: readonly (readonly [string, LeaseWords, RegExp])[] = [
    ['a name with a blank', words('a b'), /^the name "a b" is no domain name: /],
    ['a name that is an address', words('10.0.0.1'), /^the name "10\.0\.0\.1" is an address/],
    [
      'a wildcard inside',
      words('a.*.b'),
      /wildcard that is not its whole first label; write \*\.b$/,
    ],
    ['the wildcard of all', words('*'), /would be a wildcard for every name/],
    ['no address', words('a', '5d', []), /^the lease of a has no address$/],
    [
      'an address that is none',
      words('a', '5d', ['web']),
      /^the address "web" is no address; write/,
    ],
    ['no host’s address', words('a', '5d', ['0.0.0.0']), /is not the address of one host/],
    ['a time without unit', words('a', '5'), /^the time "5" has no unit; write 5s for seconds/],
    [
      'an odd unit',
      words('a', '5w'),
      /^the time "5w" has the unit "w", which is none; use s, m, h/,
    ],
    ['no time', words('a', '0'), /^the time "0" is none; write 90s/],
    ['no number', words('a', 'soon'), /^the time "soon" is no span of time; write/],
    ['too long a time', words('a', '4000d'), /is longer than ten years; write at most 3650d/],
  ];
  for (const [what, asked, message] of invalid) {
    it(`with ${what} is refused in one line`, async () => {
      const outcome = await (await started()).add(asked);
      assert.equal(outcome.kind, 'invalid');
      assert.match(outcome.kind === 'invalid' ? outcome.message : '', message);
      assert.equal(owned.size, 0);
    });
  }
});

describe('the file of leases', () => {
  it('that cannot be written fails the command, and nothing has changed', async () => {
    const leasing = await started();
    await leasing.add(words('a'));
    const before = readFileSync(file(), 'utf8');
    // What is written beside cannot be opened for writing.
    mkdirSync(`${file()}.new`);
    for (const outcome of [await leasing.add(words('b')), await leasing.remove('a')]) {
      assert.equal(outcome.kind, 'unkept');
      const message = outcome.kind === 'unkept' ? outcome.message : '';
      assert.match(message, /^cannot write .*leases\.json: EISDIR.*; nothing has changed$/);
    }
    assert.deepEqual([...owned.keys()], ['lease/a']);
    assert.equal(readFileSync(file(), 'utf8'), before);
    rmSync(`${file()}.new`, { recursive: true });
    assert.equal((await leasing.add(words('b'))).kind, 'added');
  });

  for (const [what, text] of [
    ['half written', '{"version":1,"leases":[{"name":"a","addr'],
    ['empty', ''],
    ['of another version', '{"version":9,"leases":[]}'],
  ] as const) {
    it(`that is ${what} is kept aside, and new leases are taken`, async () => {
      writeFileSync(file(), text);
      const leasing = await started();
      assert.deepEqual(leasing.list(), []);
      const [aside = ''] = readdirSync(state);
      assert.match(aside, /^leases\.json\.unreadable-20260101T000000000Z$/);
      assert.equal(readFileSync(join(state, aside), 'utf8'), text);
      assert.equal((await leasing.add(words('b'))).kind, 'added');
      assert.deepEqual(
        (await started()).list().map(({ name }) => name),
        ['b'],
      );
    });
  }

  it('with one odd lease keeps the others, and what it was', async () => {
    await (await started()).add(words('a'));
    const content = JSON.parse(readFileSync(file(), 'utf8'));
    content.leases.push({ name: 'b', addresses: ['nowhere'], sinceMs: 0, untilMs: 9e15 });
    writeFileSync(file(), JSON.stringify(content));
    assert.deepEqual(
      (await started()).list().map(({ name }) => name),
      ['a'],
    );
    assert.deepEqual(
      (await started()).list().map(({ name }) => name),
      ['a'],
    );
    assert.equal(readdirSync(state).filter((name) => name.includes('unreadable')).length, 1);
  });
});
