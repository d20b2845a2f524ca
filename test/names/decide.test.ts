import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decideName } from '../../src/names/decide.ts';
import type { Owner } from '../../src/names/owner.ts';
import type { DecisionSettings, NameDecision, View } from '../../src/names/zone-delta.ts';
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

const NETWORKS = [
  network('bridge', 0),
  network('front', 1),
  network('back', 2),
  overlay('mesh', 3),
  network('n n', 4),
];

/** A decision in one line. */
function shown(decision: NameDecision): string {
  switch (decision.kind) {
    case 'addresses': {
      const addresses = [...decision.ipv4, ...decision.ipv6].join(' ');
      return decision.unready === null ? addresses : `${addresses} (${decision.unready})`;
    }
    case 'cname':
      return `cname ${decision.target}`;
    case 'unreachable':
    case 'refused':
      return `${decision.kind}: ${decision.reason}`;
    case 'none':
      return 'none';
  }
}

interface Case {
  readonly name: string;
  readonly owners: readonly Owner[];
  /** Default: the host's. */
  readonly view?: View;
  readonly ask?: string;
  readonly settings?: Partial<DecisionSettings>;
  readonly want: string;
}

function check(cases: readonly Case[]): void {
  for (const { name, owners, view = HOST, ask = 'web', settings = {}, want } of cases) {
    it(name, () => {
      const decision = decideName(entryOf(ask, owners), view, settingsWith(NETWORKS, settings));
      assert.equal(shown(decision), want);
      const reversed = entryOf(ask, [...owners].reverse());
      assert.equal(shown(decideName(reversed, view, settingsWith(NETWORKS, settings))), want);
    });
  }
}

/** A container of a project's service `web`. */
function web(title: string, address: string, words: Parameters<typeof owner>[1] = {}): Owner {
  return owner(title, { claims: ['web service'], addresses: [address], ...words });
}

describe('the order among groups that claim one name', () => {
  check([
    {
      name: 'begins with the network of the client, before its project',
      owners: [
        web('a', '172.18.1.2@front'),
        web('b', '172.18.2.2@back', { project: 'p', startedAtMs: 9, claims: ['web label'] }),
      ],
      view: from('ci', ['front'], { project: 'p' }),
      want: '172.18.1.2',
    },
    {
      name: 'goes on with the project of the client, before readiness',
      owners: [
        web('a', '172.18.1.2@front', { project: 'p', condition: 'unhealthy' }),
        web('b', '172.18.1.3@front', { project: 'q', startedAtMs: 9 }),
      ],
      view: from('ci', ['front'], { project: 'p' }),
      want: '172.18.1.2 (a is unhealthy)',
    },
    {
      name: 'takes no project of another engine for the client’s own',
      owners: [
        owner('a', {
          claims: ['web service'],
          project: 'p',
          engine: 'far',
          addresses: ['10.0.0.1'],
        }),
        web('b', '10.0.0.2', { startedAtMs: 9 }),
      ],
      view: from('ci', ['front'], { project: 'p', engine: 'local' }),
      want: '10.0.0.2',
    },
    {
      name: 'goes on with readiness, before the strength of the source and the start',
      owners: [
        web('a', '172.18.1.2@front', { claims: ['web hostname'] }),
        web('b', '172.18.1.3@front', {
          claims: ['web label'],
          condition: 'starting',
          startedAtMs: 9,
        }),
      ],
      want: '172.18.1.2',
    },
    ...(['label', 'name', 'alias', 'service', 'hostname'] as const).flatMap(
      (source, i, sources): Case[] => {
        const weaker = sources[i + 1];
        if (weaker === undefined) return [];
        return [
          {
            name: `puts ${source} before ${weaker}, before the start`,
            owners: [
              web('a', '172.18.1.2@front', { claims: [`web ${source}`] }),
              web('b', '172.18.1.3@front', { claims: [`web ${weaker}`], startedAtMs: 9 }),
            ],
            want: '172.18.1.2',
          },
        ];
      },
    ),
    {
      name: 'ends with the newest start',
      owners: [
        web('a', '172.18.1.2@front', { startedAtMs: 1 }),
        web('b', '172.18.1.3@front', { startedAtMs: 2 }),
        web('c', '172.18.1.4@front', { startedAtMs: 0 }),
      ],
      want: '172.18.1.3',
    },
    {
      name: 'is the same every time for equal starts',
      owners: [web('b', '172.18.1.3@front'), web('a', '172.18.1.2@front')],
      want: '172.18.1.2',
    },
    {
      name: 'leaves out a group without an address, however strong and new',
      owners: [
        web('a', '172.18.1.2@front', { condition: 'paused' }),
        owner('b', { claims: ['web label'], startedAtMs: 9, trouble: 'b sits in a dead network' }),
      ],
      want: '172.18.1.2 (a is paused)',
    },
    {
      name: 'gives the client of a project with a container in trouble no other project’s',
      owners: [
        web('a', '172.18.1.2@front', { project: 'q' }),
        owner('b', { claims: ['web service'], project: 'p', trouble: 'restart b' }),
      ],
      view: from('ci', ['back'], { project: 'p' }),
      want: 'unreachable: restart b',
    },
    {
      name: 'takes the start of a group from its newest ready member',
      owners: [
        web('a1', '172.18.1.2@front', { group: 'a', startedAtMs: 1 }),
        web('a2', '172.18.1.3@front', { group: 'a', startedAtMs: 9, condition: 'starting' }),
        web('b', '172.18.1.4@front', { startedAtMs: 5 }),
      ],
      want: '172.18.1.4',
    },
    {
      name: 'takes the strongest source among the members',
      owners: [
        web('a1', '172.18.1.2@front', { group: 'a', claims: ['web label'] }),
        web('a2', '172.18.1.3@front', { group: 'a' }),
        web('b', '172.18.1.4@front', { claims: ['web name'], startedAtMs: 5 }),
      ],
      want: '172.18.1.2 172.18.1.3',
    },
    {
      name: 'does not count a member in trouble as ready',
      owners: [
        owner('a1', { group: 'a', claims: ['web service'], trouble: 'restart a1' }),
        web('a2', '172.18.1.2@front', { group: 'a', condition: 'starting', startedAtMs: 9 }),
        web('b', '172.18.1.4@front'),
      ],
      want: '172.18.1.4',
    },
    {
      name: 'puts what this host reaches before what it does not',
      owners: [
        web('a', '172.18.1.2@front'),
        web('b', '172.18.3.2@mesh', { startedAtMs: 9, claims: ['web label'] }),
      ],
      want: '172.18.1.2',
    },
  ]);
});

describe('records and leases', () => {
  check([
    {
      name: 'a container comes before a lease',
      owners: [lease('web', ['10.0.0.1'], { startedAtMs: 9 }), web('a', '172.18.1.2@front')],
      want: '172.18.1.2',
    },
    {
      name: 'a container that is not ready comes before a lease and a record: no test meets another database half-way',
      owners: [
        lease('web', ['10.0.0.1'], { startedAtMs: 9 }),
        record('web', ['10.0.0.2']),
        web('a', '172.18.1.2@front', { condition: 'unhealthy' }),
      ],
      want: '172.18.1.2 (a is unhealthy)',
    },
    {
      name: 'a lease comes before a record',
      owners: [record('web', ['10.0.0.2'], { startedAtMs: 9 }), lease('web', ['10.0.0.1'])],
      want: '10.0.0.1',
    },
    {
      name: 'a record stands in for a container without an address',
      owners: [record('web', ['10.0.0.2']), owner('web')],
      want: '10.0.0.2',
    },
    {
      name: 'a record gives all its addresses of both families to everyone',
      owners: [record('web', ['10.0.0.2', '10.0.0.3', 'fd00::2'])],
      view: from('ci', ['front']),
      want: '10.0.0.2 10.0.0.3 fd00::2',
    },
    {
      name: 'a record may stand for another name',
      owners: [record('web', [], { cname: 'redis.example.com' })],
      want: 'cname redis.example.com',
    },
    {
      name: 'a record with texts alone has no address, and nothing is wrong with that',
      owners: [record('web', [], { texts: ['hello'] })],
      want: '',
    },
    {
      name: 'a container that this host does not reach hides a record too',
      owners: [record('web', ['10.0.0.2']), owner('web', { addresses: ['172.18.3.2@mesh'] })],
      want: 'unreachable: web runs on network "mesh", which this host does not reach: docker network connect bridge web',
    },
    {
      name: 'a container that the client does not reach hides a record: never another one’s address',
      owners: [record('web', ['10.0.0.2']), owner('web', { addresses: ['172.18.2.2@back'] })],
      view: from('ci', ['front']),
      want: 'unreachable: web runs on network "back", which container "ci" is not on: docker network connect back ci',
    },
  ]);
});

describe('the members of a group', () => {
  const replica = (n: number, words: Parameters<typeof owner>[1] = {}) =>
    web(`web-${n}`, `172.18.1.${n}@front`, { group: 'web', startedAtMs: n, ...words });
  check([
    {
      name: 'all answer where all are ready, in the order of their start',
      owners: [replica(3), replica(1), replica(2)],
      want: '172.18.1.1 172.18.1.2 172.18.1.3',
    },
    {
      name: 'answer only where they are ready, if one is',
      owners: [replica(1), replica(2, { condition: 'starting' }), replica(3)],
      want: '172.18.1.1 172.18.1.3',
    },
    {
      name: 'answer while none is ready, with a warning that says why',
      owners: [
        replica(1, { condition: 'starting' }),
        replica(2, { condition: 'paused' }),
        replica(3, { condition: 'probing' }),
      ],
      want: '172.18.1.1 172.18.1.2 172.18.1.3 (web-1 is starting: its health check has not passed yet, web-2 is paused, web-3 accepts no connection yet on the port of its label homeport.ready)',
    },
    {
      name: 'answer only where the client reaches them',
      owners: [
        replica(1),
        web('web-2', '172.18.2.2@back', { group: 'web', startedAtMs: 2 }),
        replica(3),
      ],
      view: from('ci', ['back']),
      want: '172.18.2.2',
    },
    {
      name: 'answer unready where the client reaches no ready one: an address beats none',
      owners: [
        replica(1),
        web('web-2', '172.18.2.2@back', { group: 'web', condition: 'unhealthy', startedAtMs: 2 }),
      ],
      view: from('ci', ['back']),
      want: '172.18.2.2 (web-2 is unhealthy)',
    },
    {
      name: 'are given once where they share an address',
      owners: [replica(1), replica(2, { addresses: ['172.18.1.1@front'] })],
      want: '172.18.1.1',
    },
    {
      name: 'are one group where they carry one alias on one network, as for Docker',
      owners: [
        owner('a', { claims: ['web alias@front'], addresses: ['172.18.1.2@front'] }),
        owner('b', {
          claims: ['web alias@front'],
          addresses: ['172.18.1.3@front'],
          startedAtMs: 1,
        }),
        owner('c', { claims: ['web alias@back'], addresses: ['172.18.2.2@back'] }),
      ],
      want: '172.18.1.2 172.18.1.3',
    },
    ...(['p', 'q', 'r'] as const).map(
      (project): Case => ({
        name: `are the client’s own project’s where projects share the alias, asked by ${project}`,
        owners: [
          owner('a', {
            project: 'p',
            claims: ['web alias@front'],
            addresses: ['172.18.1.2@front'],
            condition: 'paused',
          }),
          owner('b', {
            project: 'q',
            claims: ['web alias@front'],
            addresses: ['172.18.1.3@front'],
            startedAtMs: 1,
          }),
        ],
        view: from('ci', ['front'], { project }),
        want: project === 'p' ? '172.18.1.2 (a is paused)' : '172.18.1.3',
      }),
    ),
    {
      name: 'are one group through a third one',
      owners: [
        owner('a', { claims: ['web alias@front'], addresses: ['172.18.1.2@front'] }),
        owner('b', {
          claims: ['web alias@front', 'web alias@back'],
          addresses: ['172.18.1.3@front', '172.18.2.3@back'],
          startedAtMs: 1,
        }),
        owner('c', { claims: ['web alias@back'], addresses: ['172.18.2.2@back'], startedAtMs: 2 }),
      ],
      settings: { networkOrder: ['back'] },
      want: '172.18.1.2 172.18.2.3 172.18.2.2',
    },
  ]);

  it('are kept by a client no longer than the most cautious of them says', () => {
    const owners = [replica(1, { ttlSeconds: 30 }), replica(2), replica(3, { ttlSeconds: 60 })];
    const settings = settingsWith(NETWORKS, { ttlSeconds: 45 });
    const decision = decideName(entryOf('web', owners), HOST, settings);
    assert.equal(decision.kind === 'addresses' && decision.ttlSeconds, 30);
  });

  it('show their ports with their own addresses, and their texts once', () => {
    const ports = [{ service: '_web._tcp', port: 80 }];
    const owners = [replica(1, { ports, texts: ['x', 'y'] }), replica(2, { ports, texts: ['y'] })];
    const decision = decideName(entryOf('web', owners), HOST, settingsWith(NETWORKS));
    assert.ok(decision.kind === 'addresses');
    assert.deepEqual(decision.texts, ['x', 'y']);
    assert.deepEqual(decision.members, [
      { title: 'web-1', addresses: ['172.18.1.1'], ports },
      { title: 'web-2', addresses: ['172.18.1.2'], ports },
    ]);
  });
});

describe('the address of a member', () => {
  const both = ['172.18.1.2@front', 'fd01::2@front', '172.18.2.2@back', 'fd02::2@back'];
  const container = (words: Parameters<typeof owner>[1]) => [owner('web', words)];
  check([
    {
      name: 'is the one on the network that the client shares',
      owners: container({ addresses: both }),
      view: from('ci', ['bridge', 'back']),
      want: '172.18.2.2 fd02::2',
    },
    {
      name: 'is the one that the owner prefers where the client shares several networks',
      owners: container({ addresses: both }),
      view: from('ci', ['back', 'front']),
      want: '172.18.1.2 fd01::2',
    },
    {
      name: 'is one of each family where they are on different networks',
      owners: container({ addresses: ['172.18.1.2@front', 'fd02::2@back'] }),
      view: from('ci', ['back', 'front']),
      want: '172.18.1.2 fd02::2',
    },
    {
      name: 'is the owner’s first for the host',
      owners: container({ addresses: both }),
      want: '172.18.1.2 fd01::2',
    },
    {
      name: 'follows the configured order of networks for the host',
      owners: container({ addresses: both }),
      settings: { networkOrder: ['mesh', 'back', 'front'] },
      want: '172.18.2.2 fd02::2',
    },
    {
      name: 'follows the configured order for clients outside of the host too',
      owners: container({ addresses: both }),
      view: { kind: 'remote', localAddress: '10.0.0.1' },
      settings: { networkOrder: ['back'] },
      want: '172.18.2.2 fd02::2',
    },
    {
      name: 'does not follow the configured order for a container',
      owners: container({ addresses: both }),
      view: from('ci', ['back', 'front']),
      settings: { networkOrder: ['back'] },
      want: '172.18.1.2 fd01::2',
    },
    {
      name: 'is none on a network that the host does not reach',
      owners: container({ addresses: ['172.18.3.2@mesh', '172.18.2.2@back'] }),
      want: '172.18.2.2',
    },
    {
      name: 'is the overlay’s for a client on the overlay',
      owners: container({ addresses: ['172.18.3.2@mesh', '172.18.2.2@back'] }),
      view: from('ci', ['mesh']),
      want: '172.18.3.2',
    },
    {
      name: 'is that of the label homeport.network for who shares none',
      owners: container({ addresses: both, preferredNetwork: 'local/back' }),
      view: from('ci', ['bridge']),
      want: '172.18.2.2 fd02::2',
    },
    {
      name: 'is the shared one in spite of the label',
      owners: container({ addresses: both, preferredNetwork: 'local/front' }),
      view: from('ci', ['back']),
      want: '172.18.2.2 fd02::2',
    },
    {
      name: 'is that of the label for the host, which shares none either',
      owners: container({ addresses: both, preferredNetwork: 'local/back' }),
      want: '172.18.2.2 fd02::2',
    },
    {
      name: 'is that of the label even where the host is not known to reach it',
      owners: container({ addresses: ['172.18.3.2@mesh'], preferredNetwork: 'local/mesh' }),
      want: '172.18.3.2',
    },
    {
      name: 'mixes no families across the label',
      owners: container({
        addresses: ['172.18.1.2@front', 'fd02::2@back'],
        preferredNetwork: 'local/back',
      }),
      view: from('ci', ['bridge']),
      want: 'fd02::2',
    },
    {
      name: 'is that of an alias’s own network',
      owners: container({ claims: ['web alias@back'], addresses: both }),
      want: '172.18.2.2 fd02::2',
    },
    {
      name: 'is not limited where another source gives the same name',
      owners: container({ claims: ['web alias@back', 'web service'], addresses: both }),
      want: '172.18.1.2 fd01::2',
    },
    {
      name: 'is reached by everyone where it is on no network',
      owners: container({ addresses: ['10.81.82.100'] }),
      view: from('ci', ['bridge']),
      want: '10.81.82.100',
    },
    {
      name: 'is a shared one before one that everyone reaches',
      owners: container({ addresses: ['10.81.82.100', '172.18.3.9@mesh'] }),
      view: from('ci', ['mesh']),
      want: '172.18.3.9',
    },
    {
      name: 'is all of them on one network: the tasks of a service',
      owners: container({ addresses: ['172.18.3.2@mesh', '172.18.3.3@mesh'] }),
      view: from('ci', ['mesh']),
      want: '172.18.3.2 172.18.3.3',
    },
    {
      name: 'is given on a network that the engine has not listed yet',
      owners: container({ addresses: ['172.18.9.2@new'] }),
      want: '172.18.9.2',
    },
  ]);
});

describe('a container that shares the host’s network', () => {
  const owners = [owner('web', { isOnHost: true })];
  const gateways = ['fd01::1', '172.18.1.1', '172.18.2.1'];
  check([
    { name: 'is at the loopback address for the host', owners, want: '127.0.0.1' },
    {
      name: 'is at the gateway of its network for a container',
      owners,
      view: from('ci', ['front', 'back'], { gateways }),
      want: '172.18.1.1',
    },
    {
      name: 'is at the IPv6 gateway where there is no other',
      owners,
      view: from('ci', ['front'], { gateways: ['fd01::1'] }),
      want: 'fd01::1',
    },
    {
      name: 'is at the address that a client outside of the host asked',
      owners,
      view: { kind: 'remote', localAddress: '192.168.1.9' },
      want: '192.168.1.9',
    },
    {
      name: 'is nowhere for a client that no address of the host is known for',
      owners,
      view: { kind: 'remote', localAddress: null },
      want: "unreachable: web uses the host's network, and the address at which this client reaches the host is not known",
    },
  ]);
});

describe('a name that runs where the client has no way', () => {
  check([
    {
      name: 'says which network to connect',
      owners: [web('web', '172.18.2.2@back')],
      view: from('ci-agent', ['front']),
      want: 'unreachable: web runs on network "back", which container "ci-agent" is not on: docker network connect back ci-agent',
    },
    {
      name: 'quotes what a shell would cut',
      owners: [web('web', '172.18.4.2@n n')],
      view: from('ci', ['front']),
      want: `unreachable: web runs on network "n n", which container "ci" is not on: docker network connect 'n n' ci`,
    },
    {
      name: 'leaves the container open where only its network is known',
      owners: [web('web', '172.18.2.2@back')],
      view: from(null, ['front']),
      want: 'unreachable: web runs on network "back", which the asking container is not on: docker network connect back CONTAINER',
    },
    {
      name: 'names the network of a ready member',
      owners: [
        web('a', '172.18.1.2@front', { group: 'g', condition: 'paused' }),
        web('b', '172.18.2.2@back', { group: 'g', startedAtMs: 1 }),
      ],
      view: from('ci', ['bridge']),
      want: 'unreachable: web runs on network "back", which container "ci" is not on: docker network connect back ci',
    },
    {
      name: 'does not advise what two engines cannot do',
      owners: [owner('web', { engine: 'far', addresses: ['172.18.2.2@back'] })],
      view: from('ci', ['front']),
      want: 'unreachable: web runs on network "back" of engine "far", which container "ci" of engine "local" cannot join: publish its port and look it up with "answer: host"',
    },
    {
      name: 'tells the host to give the container a network that it reaches',
      owners: [web('web-1', '172.18.3.2@mesh')],
      want: 'unreachable: web runs on network "mesh", which this host does not reach: docker network connect bridge web-1',
    },
    {
      name: 'says what is wrong with a container in trouble',
      owners: [
        owner('web', { trouble: 'web sits in the network that db had; docker restart web' }),
      ],
      want: 'unreachable: web sits in the network that db had; docker restart web',
    },
    {
      name: 'says that a container is on no network',
      owners: [owner('web')],
      want: 'unreachable: web runs in web without an address: docker network connect NETWORK web',
    },
    {
      name: 'never gives another container’s address for it',
      owners: [
        web('a', '172.18.2.2@back', { startedAtMs: 9 }),
        web('b', '10.81.82.100', { startedAtMs: 1 }),
      ],
      view: from('ci', ['front']),
      want: 'unreachable: web runs on network "back", which container "ci" is not on: docker network connect back ci',
    },
  ]);
});

describe('no crossing between projects', () => {
  const mine = web('p-web-1', '172.18.1.2@front', { project: 'p' });
  const other = web('q-web-1', '172.18.2.2@back', { project: 'q' });
  const clientOf = (project: string, networks = ['back']) => from('ci', networks, { project });
  const settings = settingsWith(NETWORKS);

  function after(...changes: Parameters<typeof change>[0][]) {
    const names = table();
    for (const words of changes) names.apply(change(words), 0);
    return names;
  }
  const decide = (names: ReturnType<typeof table>, view: View) => {
    const entry = names.entryOf('web');
    return entry === null ? 'nothing is known' : shown(decideName(entry, view, settings));
  };
  const REFUSED =
    'refused: web of project "p" is not running, and another one\'s is not given to its clients: start it, or remove the project\'s containers';

  it('refuses a client of a project that owned the name, also on the other one’s network', () => {
    const names = after({ upserts: [mine, other] }, { removals: [mine.id] });
    assert.equal(decide(names, clientOf('p')), REFUSED);
    assert.equal(decide(names, clientOf('q')), '172.18.2.2');
    assert.equal(decide(names, HOST), '172.18.2.2');
  });

  it('gives a project that never had the name another one’s', () => {
    const names = after({ upserts: [mine, other] }, { removals: [mine.id] });
    assert.equal(decide(names, clientOf('r')), '172.18.2.2');
  });

  it('is over when the project owns the name again', () => {
    const names = after({ upserts: [mine, other] }, { removals: [mine.id] }, { upserts: [mine] });
    assert.equal(decide(names, clientOf('p', ['front'])), '172.18.1.2');
  });

  it('is over when the project has no container any more', () => {
    const names = after(
      { upserts: [mine, other], projects: { engine: 'local', list: ['p', 'q'] } },
      { removals: [mine.id] },
      { projects: { engine: 'local', list: ['q'] } },
    );
    assert.equal(decide(names, clientOf('p')), '172.18.2.2');
  });

  it('does not begin with a removal that leaves the project without any container', () => {
    const names = after(
      { upserts: [mine, other], projects: { engine: 'local', list: ['p', 'q'] } },
      { removals: [mine.id], projects: { engine: 'local', list: ['q'] } },
    );
    assert.equal(decide(names, clientOf('p')), '172.18.2.2');
  });

  it('does not concern a project of which another group claims the name still', () => {
    const second = web('p-web-2', '172.18.2.3@back', { project: 'p', startedAtMs: -1 });
    const names = after({ upserts: [mine, other, second] }, { removals: [mine.id] });
    assert.deepEqual(names.entryOf('web')?.formerProjects, []);
    assert.equal(decide(names, clientOf('p')), '172.18.2.3');
  });

  it('lasts beyond the time of departed names', () => {
    const names = after({ upserts: [mine] }, { removals: [mine.id] });
    names.tick(Number.MAX_SAFE_INTEGER);
    assert.equal(decide(names, clientOf('p')), REFUSED);
    assert.equal(decide(names, HOST), 'none');
  });

  it('tells projects of one name on two engines apart', () => {
    const names = after({ upserts: [mine, other] }, { removals: [mine.id] });
    const far = from('ci', ['back'], { project: 'p', engine: 'far' });
    assert.equal(decide(names, far), '172.18.2.2');
  });
});
