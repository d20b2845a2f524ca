import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decideName } from '../../src/names/decide.ts';
import { explainName } from '../../src/names/explain.ts';
import type { Owner } from '../../src/names/owner.ts';
import type { View } from '../../src/names/zone-delta.ts';
import {
  change,
  entryOf,
  from,
  HOST,
  lease,
  network,
  overlay,
  owner,
  record,
  settingsWith,
  table,
} from './builders.ts';

const SETTINGS = settingsWith([network('front', 1), network('back', 2), overlay('mesh', 3)]);

function web(title: string, address: string, words: Parameters<typeof owner>[1] = {}): Owner {
  return owner(title, { claims: ['web service'], addresses: [address], ...words });
}

function explained(owners: readonly Owner[], view: View = HOST) {
  return explainName('web', entryOf('web', owners), view, SETTINGS);
}

describe('who waits behind whom, and why', () => {
  const front = web('a', '172.18.1.2@front');
  const cases: readonly {
    name: string;
    owners: readonly Owner[];
    view?: View;
    criterion: string;
    want: string;
  }[] = [
    {
      name: 'the client’s network',
      owners: [front, web('b', '172.18.2.2@back', { startedAtMs: 9 })],
      view: from('ci', ['front']),
      criterion: 'network',
      want: 'b waits behind a: a is on a network of the client',
    },
    {
      name: 'what the host reaches',
      owners: [front, web('b', '172.18.3.2@mesh', { startedAtMs: 9 })],
      criterion: 'network',
      want: 'b waits behind a: this host reaches a, and not b',
    },
    {
      name: 'the client’s project',
      owners: [
        web('a', '172.18.1.2@front', { project: 'p' }),
        web('b', '172.18.1.3@front', { startedAtMs: 9 }),
      ],
      view: from('ci', ['front'], { project: 'p' }),
      criterion: 'project',
      want: "b waits behind a: a is of the client's own project",
    },
    {
      name: 'an address',
      owners: [front, owner('b', { claims: ['web label'] })],
      view: from('ci', ['back']),
      criterion: 'address',
      want: 'b waits behind a: a has an address, b has none',
    },
    {
      name: 'the kind',
      owners: [lease('web', ['10.0.0.1']), record('web', ['10.0.0.2'])],
      criterion: 'kind',
      want: 'record web waits behind lease web: a lease comes before a record',
    },
    {
      name: 'readiness: the successor’s state is said',
      owners: [front, web('b', '172.18.1.3@front', { startedAtMs: 9, condition: 'starting' })],
      criterion: 'readiness',
      want: 'b waits behind a: a keeps the name until b is ready: b is starting: its health check has not passed yet',
    },
    {
      name: 'the source',
      owners: [
        web('a', '172.18.1.2@front', { claims: ['web label'] }),
        web('b', '172.18.1.3@front', { startedAtMs: 9 }),
      ],
      criterion: 'source',
      want: 'b waits behind a: a has the name by its label homeport.names, b by its Compose service',
    },
    {
      name: 'the start',
      owners: [web('a', '172.18.1.2@front', { startedAtMs: 9 }), web('b', '172.18.1.3@front')],
      criterion: 'start',
      want: 'b waits behind a: a started later, at 1970-01-01T00:00:00.009Z against 1970-01-01T00:00:00.000Z',
    },
    {
      name: 'the ids',
      owners: [front, web('b', '172.18.1.3@front')],
      criterion: 'key',
      want: 'b waits behind a: both started at 1970-01-01T00:00:00.000Z, so the order of their ids decides',
    },
  ];
  for (const { name, owners, view, criterion, want } of cases) {
    it(`says it where ${name} decides`, () => {
      const { groups, steps, collision } = explained(owners, view);
      assert.equal(collision, true);
      assert.deepEqual(
        groups.map(({ answers }) => answers),
        [true, false],
      );
      assert.equal(groups[0]?.behind, null);
      assert.equal(groups[1]?.behind?.criterion, criterion);
      assert.ok(steps.includes(want), steps.join('\n'));
    });
  }

  it('goes through all that claim the name, each behind the one before it', () => {
    const owners = [1, 2, 3].map((n) => web(`w${n}`, `172.18.1.${n}@front`, { startedAtMs: n }));
    const { groups } = explained(owners);
    assert.deepEqual(
      groups.map(({ owner: title, behind }) => `${title} ${behind?.owner}`),
      ['w3 undefined', 'w2 w3', 'w1 w2'],
    );
  });
});

describe('which address each member gives', () => {
  const member = owner('web', {
    addresses: ['172.18.1.2@front', '172.18.2.2@back', '172.18.3.2@mesh'],
  });
  const cases: readonly { name: string; owners: readonly Owner[]; view: View; want: unknown }[] = [
    {
      name: 'for a container',
      owners: [member],
      view: from('ci', ['back']),
      want: [
        '172.18.1.2 front left out: the client is not on this network',
        '172.18.2.2 back given: the client is on this network',
        '172.18.3.2 mesh left out: the client is not on this network',
      ],
    },
    {
      name: 'for the host',
      owners: [member],
      view: HOST,
      want: [
        '172.18.1.2 front given: the host reaches this network',
        '172.18.2.2 back left out: another network of the container comes first',
        '172.18.3.2 mesh left out: the host does not reach this network',
      ],
    },
    {
      name: 'by the label for who shares none',
      owners: [{ ...member, preferredNetwork: 'local/back' }],
      view: from('ci', ['x']),
      want: [
        '172.18.1.2 front left out: the client is not on this network',
        '172.18.2.2 back given: label homeport.network: for clients that share no network',
        '172.18.3.2 mesh left out: the client is not on this network',
      ],
    },
    {
      name: 'of the host, for a container that shares its network',
      owners: [owner('web', { isOnHost: true })],
      view: from('ci', ['back'], { gateways: ['172.18.2.1'] }),
      want: ['172.18.2.1 host given: the address at which this client reaches the host'],
    },
    {
      name: 'of a record',
      owners: [record('web', ['10.0.0.5'])],
      view: HOST,
      want: ['10.0.0.5 null given: every client reaches it'],
    },
  ];
  for (const { name, owners, view, want } of cases) {
    it(`is said ${name}`, () => {
      const shown = explained(owners, view).groups[0]?.members.flatMap(({ addresses }) =>
        addresses.map(
          ({ address, network: at, given, why }) =>
            `${address} ${at} ${given ? 'given' : 'left out'}: ${why}`,
        ),
      );
      assert.deepEqual(shown, want);
    });
  }

  it('is none of a member that is not ready beside one that is, with the reason', () => {
    const { groups, steps } = explained([
      web('a', '172.18.1.2@front', { group: 'g' }),
      web('b', '172.18.1.3@front', { group: 'g', startedAtMs: 1, condition: 'paused' }),
    ]);
    assert.deepEqual(
      groups[0]?.members.map(({ leftOut, addresses }) => [leftOut, addresses[0]?.given]),
      [
        [null, true],
        ['b is paused', false],
      ],
    );
    assert.ok(steps.includes('b is left out: b is paused'));
  });

  it('is none of another project’s member beside one of the client’s own', () => {
    const alias = (title: string, project: string, n: number) =>
      owner(title, { project, claims: ['web alias@front'], addresses: [`172.18.1.${n}@front`] });
    const view = from('ci', ['front'], { project: 'p' });
    const { groups } = explained([alias('a', 'p', 2), alias('b', 'q', 3)], view);
    assert.deepEqual(
      groups[0]?.members.map(({ leftOut }) => leftOut),
      [null, 'b is of another project'],
    );
  });

  it('is none of a group that waits, although the client would reach it', () => {
    const { groups } = explained([
      web('a', '172.18.1.2@front', { startedAtMs: 1 }),
      web('b', '172.18.1.3@front'),
    ]);
    assert.equal(groups[1]?.members[0]?.addresses[0]?.given, false);
    assert.equal(groups[1]?.members[0]?.leftOut, null);
  });
});

describe('the outcome of an explanation', () => {
  it('has the command that mends an unreachable name', () => {
    const { remedy, decision, steps } = explained(
      [web('web', '172.18.2.2@back')],
      from('ci-agent', ['front'], { project: 'p' }),
    );
    assert.equal(remedy, 'docker network connect back ci-agent');
    assert.equal(decision.kind, 'unreachable');
    assert.deepEqual(steps, [
      'asked by container "ci-agent" of project "p" on network "front"',
      'container web claims it by its Compose service: ready, since 1970-01-01T00:00:00.000Z, on network "back"',
      'web is left out: web has no address that container "ci-agent" reaches',
      'no data: web runs on network "back", which container "ci-agent" is not on: docker network connect back ci-agent',
    ]);
  });

  it('has no group that answers where the client is refused', () => {
    const names = table();
    const mine = web('p-web-1', '172.18.1.2@front', { project: 'p' });
    names.apply(change({ upserts: [mine, web('q-web-1', '172.18.2.2@back')] }), 0);
    names.apply(change({ removals: [mine.id] }), 0);
    const view = from('ci', ['back'], { project: 'p' });
    const explanation = explainName('web', names.entryOf('web'), view, SETTINGS);
    assert.equal(explanation.decision.kind, 'refused');
    assert.deepEqual(explanation.formerProjects, ['p']);
    assert.ok(explanation.groups.every(({ answers }) => !answers));
    assert.match(explanation.steps.at(-1) ?? '', /^refused: web of project "p" is not running/);
  });

  it('says who owned a departed name, and until when that counts', () => {
    const names = table();
    const mine = web('web-1', '172.18.1.2@front');
    names.apply(change({ upserts: [mine] }), 0);
    names.apply(change({ removals: [mine.id] }), 0);
    const { departed, steps } = explainName('web', names.entryOf('web'), HOST, SETTINGS);
    assert.deepEqual(departed, { owner: 'web-1', until: '1970-01-01T00:10:00.000Z' });
    assert.deepEqual(steps, [
      'asked by this host',
      'nobody owns web',
      'web-1 owned it; until 1970-01-01T00:10:00.000Z it does not go to production',
    ]);
  });

  it('says that nothing is known of a name', () => {
    const { decision, steps } = explainName('web', null, HOST, SETTINGS);
    assert.equal(decision.kind, 'none');
    assert.deepEqual(steps, ['asked by this host', 'nobody owns web']);
  });

  it('says at which address a client from outside reaches this host', () => {
    const view: View = { kind: 'remote', localAddress: '192.168.1.9' };
    const { client, steps } = explained([owner('web', { isOnHost: true })], view);
    assert.equal(client.localAddress, '192.168.1.9');
    assert.equal(
      steps[0],
      'asked by a client outside of this host, which reaches this host at 192.168.1.9',
    );
    assert.equal(steps.at(-1), 'answer: 192.168.1.9');
  });

  it('says what an alias of the configuration stands for', () => {
    const { decision, steps } = explained([record('web', [], { cname: 'redis.example.com' })]);
    assert.equal(decision.target, 'redis.example.com');
    assert.equal(steps.at(-1), 'answer: it stands for redis.example.com');
  });

  it('is what decides: the same addresses and the same reason', () => {
    const owners = [web('a', '172.18.1.2@front', { condition: 'unhealthy' })];
    for (const view of [HOST, from('ci', ['front']), from('ci', ['back'])]) {
      const decision = decideName(entryOf('web', owners), view, SETTINGS);
      const explanation = explained(owners, view).decision;
      assert.equal(explanation.kind, decision.kind);
      if (decision.kind === 'addresses') {
        assert.deepEqual(explanation.addresses, [...decision.ipv4, ...decision.ipv6]);
        assert.equal(explanation.reason, decision.unready);
      } else {
        assert.equal(explanation.reason, 'reason' in decision ? decision.reason : null);
      }
    }
  });

  it('survives a way through JSON', () => {
    const explanation = explained([web('a', '172.18.1.2@front'), lease('web', ['10.0.0.1'])]);
    assert.deepEqual(JSON.parse(JSON.stringify(explanation)), explanation);
  });
});
