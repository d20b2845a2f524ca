import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { AnswerMode } from '../../../src/docker/owner-of-container.ts';
import { type SwarmFacts, swarmFacts } from '../../../src/docker/swarm/swarm-facts.ts';
import { readSwarm, type ServiceReading } from '../../../src/docker/swarm/swarm-owners.ts';
import { decideName } from '../../../src/names/decide.ts';
import { NameTable } from '../../../src/names/name-table.ts';
import type { Owner } from '../../../src/names/owner.ts';
import type { View } from '../../../src/names/zone-delta.ts';

const FIXTURE = new URL('../../fixtures/swarm/two-nodes.json', import.meta.url);
const recorded = JSON.parse(readFileSync(FIXTURE, 'utf8'));
const FACTS = swarmFacts(recorded);
const NETWORKS: ReadonlyMap<string, string> = new Map(
  recorded.networks.map((at: { readonly Id: string; readonly Name: string }) => [at.Id, at.Name]),
);

interface Around {
  readonly answer?: AnswerMode;
  /** Containers of the manager's own engine that do not run. */
  readonly dead?: (containerId: string) => boolean;
}

/** Readings by service; networks have their names for keys. */
function read(facts: SwarmFacts = FACTS, around: Around = {}): Record<string, ServiceReading> {
  const readings = readSwarm(facts, {
    engine: 'local',
    answer: around.answer ?? { kind: 'container' },
    keyOf: (id) => (NETWORKS.get(id) === 'ingress' ? null : (NETWORKS.get(id) ?? null)),
    keyOfName: (name) => name,
    isRunning: (id) => around.dead?.(id) !== true,
  });
  return Object.fromEntries(readings.map((reading) => [reading.service.name, reading]));
}

function owners(service: string, facts?: SwarmFacts, around?: Around): readonly Owner[] {
  return read(facts, around)[service]?.owners ?? [];
}

/** `web.1 (ready): 10.0.1.2@ov 10.99.0.1; web:name tasks.web:name` */
function shown({ title, condition, addresses, claims }: Owner): string {
  const places = addresses.map(
    ({ address, network }) => `${address}${network ? `@${network}` : ''}`,
  );
  const names = claims.map(
    ({ name, source, networks }) => `${name}:${source}${networks ? `@${networks}` : ''}`,
  );
  return `${title} (${condition}): ${places.join(' ')}; ${names.join(' ')}`;
}

/** The recorded swarm with some services, tasks or nodes changed. */
function changed(change: {
  readonly services?: (at: SwarmFacts['services'][number]) => object;
  readonly tasks?: (at: SwarmFacts['tasks'][number]) => object;
  readonly nodes?: (at: SwarmFacts['nodes'][number]) => object;
}): SwarmFacts {
  return {
    ...FACTS,
    services: FACTS.services.map((at) => ({ ...at, ...change.services?.(at) })),
    tasks: FACTS.tasks.map((at) => ({ ...at, ...change.tasks?.(at) })),
    nodes: FACTS.nodes.map((at) => ({ ...at, ...change.nodes?.(at) })),
  };
}

const service = (name: string): string => FACTS.services.find((at) => at.name === name)?.id ?? '';
const ofService = (name: string) => (task: { readonly serviceId: string }) =>
  task.serviceId === service(name);

describe('the owners of a recorded swarm', () => {
  it('are one for a service with a virtual address, and one for each of its tasks', () => {
    assert.deepEqual(owners('vip').map(shown), [
      'vip (ready): 10.0.2.2@front 10.0.1.8@ov 10.99.0.1 10.99.0.2; shop:label shop.internal:label vip:name',
      'vip.1 (ready): 10.0.2.3@front 10.0.1.9@ov; vip.1:name tasks.vip:name',
      'vip.2 (ready): 10.0.2.4@front 10.0.1.10@ov; vip.2:name tasks.vip:name',
    ]);
  });

  it('are its tasks where the service is dnsrr, told apart by node where it is global', () => {
    assert.deepEqual(owners('each').map(shown).sort(), [
      'each.m1 (ready): 10.0.1.11@ov 10.99.0.1; each:name each.m1:name tasks.each:name',
      'each.w1 (ready): 10.0.1.12@ov 10.99.0.2; each:name each.w1:name tasks.each:name',
    ]);
  });

  it('are tasks where there is nothing else to reach: a port of a node, the host’s network', () => {
    assert.deepEqual([...owners('rnd'), ...owners('onhost')].map(shown), [
      'rnd.1 (ready): 10.99.0.1; rnd:name rnd.1:name tasks.rnd:name',
      'onhost.1 (ready): 10.99.0.2; onhost:name onhost.1:name tasks.onhost:name',
    ]);
    assert.deepEqual(owners('rnd')[0]?.outsidePorts, [{ service: '_80._tcp', port: 32768 }]);
  });

  it('have a stack’s short names and the aliases of their networks, and the stack for a project', () => {
    const [db] = owners('shop_db');
    assert.equal(
      shown(db as Owner),
      'shop_db.1 (ready): 10.0.3.2@shop_back; shop_db:name database:alias@shop_back db:alias@shop_back db:service db.shop:service shop_db.1:name tasks.shop_db:name',
    );
    assert.deepEqual([db?.project, db?.ttlSeconds], ['shop', 5]);
  });

  it('are of one group for each service', () => {
    for (const reading of Object.values(read())) {
      const groups = new Set(reading.owners.map(({ group }) => group));
      assert.deepEqual([...groups], [`local/swarm/${reading.service.id}`]);
      assert.ok(reading.owners.every(({ kind }) => kind === 'service'));
    }
  });

  it('name the port of a task inside, and the published one outside', () => {
    const [vip] = owners('vip');
    assert.deepEqual(vip?.ports, [
      { service: '_http._tcp', port: 80 },
      { service: '_80._tcp', port: 80 },
    ]);
    assert.deepEqual(vip?.outsidePorts, [
      { service: '_http._tcp', port: 8081 },
      { service: '_80._tcp', port: 8081 },
    ]);
  });
});

describe('a task of a swarm', () => {
  it('is starting while its health check has not passed, where its container runs here', () => {
    assert.deepEqual(owners('sick').map(shown), [
      'sick.1 (starting): 10.0.1.14@ov; sick:name sick.1:name tasks.sick:name',
    ]);
    const elsewhere = changed({ tasks: () => ({ nodeId: 'another' }) });
    assert.deepEqual(owners('sick', elsewhere)[0]?.addresses, []);
  });

  const leaving: readonly {
    readonly name: string;
    readonly facts?: SwarmFacts;
    readonly around?: Around;
  }[] = [
    {
      name: 'is told to end',
      facts: changed({ tasks: (task) => (task.slot === 2 ? { desired: 'shutdown' } : {}) }),
    },
    {
      name: 'is to be removed',
      facts: changed({ tasks: (task) => (task.slot === 2 ? { desired: 'remove' } : {}) }),
    },
    {
      name: 'failed',
      facts: changed({ tasks: (task) => (task.slot === 2 ? { state: 'failed' } : {}) }),
    },
    {
      name: 'lost its container on this engine, before the swarm knows',
      around: { dead: (id) => id === FACTS.tasks.find(({ slot }) => slot === 2)?.containerId },
    },
  ];
  for (const { name, facts, around } of leaving) {
    it(`is in no answer any more when it ${name}`, () => {
      assert.deepEqual(
        owners('vip', facts, around).map(({ title }) => title),
        ['vip', 'vip.1'],
      );
    });
  }

  it('goes with a node that is down, stays with one that a new manager has not heard yet', () => {
    const down = changed({ nodes: (node) => ({ isDown: node.hostname === 'w1' }) });
    assert.deepEqual(
      owners('each', down).map(({ title }) => title),
      ['each.m1'],
    );
    const unknown = swarmFacts({
      ...recorded,
      nodes: recorded.nodes.map((node: object) => ({ ...node, Status: { State: 'unknown' } })),
    });
    assert.equal(owners('each', unknown).length, 2);
  });
});

describe('the nodes that publish a port', () => {
  const outside = (facts: SwarmFacts, around?: Around): readonly string[] =>
    owners('vip', facts, around)[0]
      ?.addresses.filter(({ network }) => network === null)
      .map(({ address }) => address) ?? [];

  it('are all of the routing mesh, without those that are down or drained', () => {
    assert.deepEqual(outside(FACTS), ['10.99.0.1', '10.99.0.2']);
    const drained = changed({ nodes: (node) => ({ isDrained: node.hostname === 'w1' }) });
    assert.deepEqual(outside(drained), ['10.99.0.1']);
    const down = changed({ nodes: (node) => ({ isDown: node.hostname === 'm1' }) });
    assert.deepEqual(outside(down), ['10.99.0.2']);
  });

  it('include this host as its clients reach it, where the swarm has only a loopback address of it', () => {
    const loopback = changed({
      nodes: (node) => (node.hostname === 'm1' ? { address: '127.0.0.1' } : {}),
    });
    assert.deepEqual(outside(loopback), ['10.99.0.2']);
    assert.equal(owners('vip', loopback)[0]?.isOnHost, true);
    assert.equal(owners('rnd', loopback)[0]?.trouble, null);
  });

  it('include the address of an engine with answer: host in the place of its node’s', () => {
    const answer = { kind: 'host', address: '192.0.2.7' } as const;
    assert.deepEqual(outside(FACTS, { answer }), ['192.0.2.7', '10.99.0.2']);
  });
});

describe('a service that gives no address', () => {
  const cases: readonly {
    readonly name: string;
    readonly service: string;
    readonly facts?: SwarmFacts;
    readonly trouble: RegExp;
  }[] = [
    {
      name: 'finds no node',
      service: 'never',
      trouble: /no running task; docker service ps never/,
    },
    {
      name: 'is scaled to nothing',
      service: 'vip',
      facts: {
        ...changed({ services: () => ({ replicas: 0 }) }),
        tasks: FACTS.tasks.filter((task) => !ofService('vip')(task)),
      },
      trouble: /scaled to 0; docker service scale vip=1/,
    },
    {
      name: 'is on no network and publishes nothing',
      service: 'rnd',
      facts: changed({ services: () => ({ ports: [] }), tasks: () => ({ ports: [] }) }),
      trouble: /publish-add/,
    },
  ];
  for (const { name, service, facts, trouble } of cases) {
    it(`keeps its names when it ${name}, and says so`, () => {
      const [owner] = owners(service, facts);
      assert.deepEqual([owner?.addresses, owner?.isOnHost], [[], false]);
      assert.match(owner?.trouble ?? '', trouble);
      assert.ok(owner?.claims.some((claim) => claim.name === service));
    });
  }

  it('has no owner at all with the label homeport.ignore', () => {
    const ignored = changed({ services: () => ({ labels: { 'homeport.ignore': 'true' } }) });
    assert.deepEqual(owners('vip', ignored), []);
  });

  it('says which names and labels are left out', () => {
    const odd = changed({
      services: (at) =>
        at.name === 'vip'
          ? { labels: { 'homeport.names': 'a..b', 'homeport.ready': 'tcp:1' } }
          : {},
    });
    const { refused, problems } = read(odd).vip ?? { refused: [], problems: [] };
    assert.deepEqual(
      refused.map(({ name }) => name),
      ['a..b'],
    );
    assert.match(problems.join(), /homeport\.ready is for containers/);
  });
});

describe('what a client is told of a service', () => {
  const table = new NameTable({ departedForMs: 0 });
  const all = Object.values(read()).flatMap((reading) => reading.owners);
  table.apply({ upserts: all, removals: [] }, 0);
  const settings = {
    networkOrder: [],
    ttlSeconds: 0,
    networks: new Map(
      [...NETWORKS.values()].map((name) => [
        name,
        {
          key: name,
          name,
          engine: 'local',
          project: null,
          subnets: [],
          gateways: [],
          isHostReachable: false,
          tellsWhoAsks: true,
        },
      ]),
    ),
  };
  const on = (...networks: string[]): View => ({
    kind: 'container',
    title: 'client',
    engine: 'local',
    project: null,
    networks,
    gateways: [],
  });
  const cases: readonly {
    readonly name: string;
    readonly ask: string;
    readonly view: View;
    readonly addresses: readonly string[];
    readonly port?: number;
  }[] = [
    {
      name: 'its virtual address and own port, on a network of it',
      ask: 'vip',
      view: on('ov'),
      addresses: ['10.0.1.8'],
      port: 80,
    },
    {
      name: 'the nodes and the published port, on the host',
      ask: 'vip',
      view: { kind: 'host' },
      addresses: ['10.99.0.1', '10.99.0.2'],
      port: 8081,
    },
    {
      name: 'the nodes, on another network',
      ask: 'shop',
      view: on('bridge'),
      addresses: ['10.99.0.1', '10.99.0.2'],
      port: 8081,
    },
    {
      name: 'tasks by tasks.NAME',
      ask: 'tasks.vip',
      view: on('front'),
      addresses: ['10.0.2.3', '10.0.2.4'],
    },
    {
      name: 'the tasks of a dnsrr service',
      ask: 'each',
      view: on('ov'),
      addresses: ['10.0.1.11', '10.0.1.12'],
    },
    {
      name: 'the task of a stack by its alias',
      ask: 'database',
      view: on('shop_back'),
      addresses: ['10.0.3.2'],
    },
  ];
  for (const { name, ask, view, addresses, port } of cases) {
    it(`is ${name}`, () => {
      const entry = table.entryOf(ask);
      const decision =
        entry === null ? { kind: 'none' as const } : decideName(entry, view, settings);
      assert.equal(decision.kind, 'addresses');
      if (decision.kind !== 'addresses') return;
      assert.deepEqual([...decision.ipv4].sort(), addresses);
      if (port === undefined) return;
      const ports = decision.members.map((member) =>
        member.ports.find((at) => at.service === '_80._tcp'),
      );
      assert.deepEqual(ports, [{ service: '_80._tcp', port }]);
    });
  }

  it('is the way to a port, where the host reaches none of its networks', () => {
    const entry = table.entryOf('database');
    const decision = entry && decideName(entry, { kind: 'host' }, settings);
    assert.equal(decision?.kind, 'unreachable');
    assert.match(decision?.kind === 'unreachable' ? decision.reason : '', /--publish-add/);
  });
});

describe('the facts of a swarm', () => {
  it('are read from whatever comes, odd entries left out', () => {
    const odd = [null, 7, [], {}, { ID: 'x' }, { ID: 'x', Spec: null, Status: 'y', Endpoint: [] }];
    const facts = swarmFacts({ nodeId: 'n', services: odd, tasks: odd, nodes: odd });
    assert.deepEqual([facts.services, facts.tasks], [[], []]);
    assert.equal(facts.nodes.length, 2);
  });

  it('leave out jobs, which serve nobody', () => {
    const job = { ID: 'j', Spec: { Name: 'import', Mode: { ReplicatedJob: {} } } };
    const facts = swarmFacts({ nodeId: 'n', services: [job], tasks: [], nodes: [] });
    assert.deepEqual(facts.services, []);
  });

  it('take a manager’s address from its manager’s status where it listens everywhere', () => {
    const node = {
      ID: 'n',
      Status: { State: 'ready', Addr: '0.0.0.0' },
      ManagerStatus: { Addr: '[fd00::1]:2377' },
    };
    const facts = swarmFacts({ nodeId: 'n', services: [], tasks: [], nodes: [node] });
    assert.equal(facts.nodes[0]?.address, 'fd00::1');
  });
});
