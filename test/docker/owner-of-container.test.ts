import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { namesInAttributes } from '../../src/docker/claims.ts';
import { type ContainerFacts, factsOfInspect } from '../../src/docker/container-facts.ts';
import {
  type AnswerMode,
  type Reading,
  readContainer,
  type Surroundings,
} from '../../src/docker/owner-of-container.ts';
import { inspectBody, type MadeContainer } from '../support/engine/bodies.ts';
import { inspects } from '../support/engine/recording.ts';

const ID = 'abcdef012345'.padEnd(64, '0');
const N1 = { network: 'n1', networkId: 'id1', ipv4: '10.1.0.2' };
const N2 = { network: 'n2', networkId: 'id2', ipv4: '10.2.0.2', ipv6: 'fd00:2::2' };

/** Surroundings in which a network's key is its name. */
function around(
  containers: readonly ContainerFacts[] = [],
  answer: AnswerMode = { kind: 'container' },
): Surroundings {
  return {
    engine: 'local',
    answer,
    keyOf: (endpoint) => (endpoint.networkName === 'ingress' ? null : endpoint.networkName),
    containerOf: (id) => containers.find((facts) => facts.id === id || facts.name === id),
    gatewayBridgeAddress: () => null,
    isConnectable: () => false,
  };
}

function read(made: Partial<MadeContainer>, surroundings = around()): Reading {
  const body = inspectBody({ id: ID, name: 'web', endpoints: [N1], ...made });
  return readContainer(factsOfInspect(body), surroundings);
}

/** `name:source`, with the networks that a claim is confined to. */
function claims(reading: Reading): string[] {
  return (reading.owner?.claims ?? []).map(
    ({ name, source, networks }) => `${name}:${source}${networks === null ? '' : `@${networks}`}`,
  );
}

function addresses(reading: Reading): string[] {
  return (reading.owner?.addresses ?? []).map(({ address, network }) => `${address}@${network}`);
}

const COMPOSE = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'db' };

describe('the names of a container', () => {
  const cases: readonly {
    readonly name: string;
    readonly made: Partial<MadeContainer>;
    readonly want: readonly string[];
  }[] = [
    { name: 'are its own', made: {}, want: ['web:name'] },
    {
      name: 'come from labels, with commas or spaces between',
      made: { labels: { 'homeport.names': 'a, b  c.d' } },
      want: ['a:label', 'b:label', 'c.d:label', 'web:name'],
    },
    {
      name: 'come from aliases, each for its network',
      made: {
        endpoints: [
          { ...N1, aliases: ['db'] },
          { ...N2, aliases: ['db', 'cache'] },
        ],
      },
      want: ['web:name', 'db:alias@n1,n2', 'cache:alias@n2'],
    },
    {
      name: 'come from Compose, bare and with the project',
      made: { labels: COMPOSE },
      want: ['web:name', 'db:service', 'db.shop:service'],
    },
    {
      name: 'are not those of the service where it is one-off',
      made: { labels: { ...COMPOSE, 'com.docker.compose.oneoff': 'True' } },
      want: ['web:name'],
    },
    {
      name: 'are held once for each source: an alias ties them to its network besides',
      made: { labels: COMPOSE, endpoints: [{ ...N1, aliases: ['db'] }, N2] },
      want: ['web:name', 'db:alias@n1', 'db:service', 'db.shop:service'],
    },
    {
      name: 'include an explicit host name',
      made: { hostname: 'mail' },
      want: ['web:name', 'mail:hostname'],
    },
    {
      name: 'take an alias that is the host name for the host name (20.10 adds it)',
      made: { hostname: 'mail', endpoints: [{ ...N1, aliases: ['mail', ID.slice(0, 12)] }] },
      want: ['web:name', 'mail:hostname'],
    },
    {
      name: 'leave out short ids, also as aliases',
      made: { hostname: ID.slice(0, 12), endpoints: [{ ...N1, aliases: [ID.slice(0, 12)] }] },
      want: ['web:name'],
    },
    {
      name: 'leave out the host name of whose network it shares',
      made: { networkMode: 'host', hostname: 'ci-host', endpoints: [] },
      want: ['web:name'],
    },
    { name: 'are folded to lower case', made: { name: 'Web_One' }, want: ['web_one:name'] },
    { name: 'lose a trailing dot', made: { name: 'web.' }, want: ['web:name'] },
    {
      name: 'are none where a label says ignore',
      made: { labels: { 'homeport.ignore': 'true' } },
      want: [],
    },
    {
      name: 'stay where a label says not to ignore',
      made: { labels: { 'homeport.ignore': 'false' } },
      want: ['web:name'],
    },
    {
      name: 'may be wildcards by label alone',
      made: { labels: { 'homeport.names': '*.env.dev' }, endpoints: [{ ...N1, aliases: ['*.w'] }] },
      want: ['*.env.dev:label', 'web:name'],
    },
  ];
  for (const { name, made, want } of cases) {
    it(name, () => assert.deepEqual(claims(read(made)), want));
  }

  it('that DNS cannot carry are left out with the reason, each once', () => {
    const odd = ['', 'a b', 'ä', 'a/b', `${'x'.repeat(70)}`, 'localhost', 'a b'];
    const { refused } = read({
      endpoints: [
        { ...N1, aliases: odd },
        { ...N2, aliases: odd },
      ],
    });
    assert.deepEqual(
      refused.map(({ name }) => name),
      [...new Set(odd)],
    );
    assert.equal(refused.at(-1)?.reason, 'localhost is the host that asks (RFC 6761 §6.3)');
  });

  const taken = [
    {
      name: '1.0.0.127.in-addr.arpa',
      reason: 'reverse names follow from addresses (RFC 1035 §3.5)',
    },
    { name: 'ip6.arpa', reason: 'reverse names follow from addresses (RFC 1035 §3.5)' },
    { name: '10.0.0.1', reason: 'programs read it as an address (inet_aton(3))' },
    { name: '2130706433', reason: 'programs read it as an address (inet_aton(3))' },
  ];
  for (const { name, reason } of taken) {
    it(`do not stand for what ${name} means already`, () => {
      const { owner, refused } = read({ labels: { 'homeport.names': `${name} web2` } });
      assert.deepEqual(refused, [{ name, reason }]);
      assert.deepEqual(
        owner?.claims.map((claim) => claim.name),
        ['web2', 'web'],
      );
    });
  }

  it('are a thousand at most, and what is beyond is said in one line', () => {
    const names = Array.from({ length: 12_000 }, (_, index) => `n${index}`);
    const { owner, refused } = read({ labels: { 'homeport.names': names.join(' ') } });
    assert.equal(owner?.claims.length, 1001);
    assert.equal(owner?.claims.at(-1)?.name, 'web');
    assert.deepEqual(refused, [
      {
        name: 'n1000',
        reason:
          'a container has at most 1000 names beside its own; 11001 are left out, this one first',
      },
    ]);
  });
});

describe('the names in the attributes of an event', () => {
  it('are its own, the old one and those of its labels, and of a label a thousand at most', () => {
    const names = Array.from({ length: 12_000 }, (_, index) => `n${index}`);
    const attributes = { name: 'Web', oldName: '/old', 'homeport.names': names.join(',') };
    assert.deepEqual(namesInAttributes(attributes), ['web', 'old', ...names.slice(0, 998)]);
  });
});

describe('the addresses of a container', () => {
  it('are in the order of the gateway priority, then of the network’s name', () => {
    const reading = read({
      endpoints: [N2, N1, { ...N1, network: 'n3', ipv4: '10.3.0.2', priority: 5 }],
    });
    assert.deepEqual(addresses(reading), [
      '10.3.0.2@n3',
      '10.1.0.2@n1',
      '10.2.0.2@n2',
      'fd00:2::2@n2',
    ]);
  });

  const states = [
    { state: 'running', condition: 'ready' },
    { state: 'paused', condition: 'paused' },
    { state: 'restarting', condition: undefined },
    { state: 'exited', condition: undefined },
    { state: 'created', condition: undefined },
  ] as const;
  for (const { state, condition } of states) {
    it(`of one that is ${state} are ${condition === undefined ? 'none, for it is no owner' : condition}`, () => {
      assert.equal(read({ state }).owner?.condition, condition);
      assert.deepEqual(read({ state }).names, ['web'], 'its names are known all the same');
    });
  }

  for (const [health, condition] of [
    ['starting', 'starting'],
    ['healthy', 'ready'],
    ['unhealthy', 'unhealthy'],
    ['', 'ready'],
  ] as const) {
    it(`with health "${health}" are ${condition}`, () => {
      assert.equal(read({ health }).owner?.condition, condition);
    });
  }

  it('leave out what is no address, and Swarm’s ingress', () => {
    const endpoints = [
      { ...N1, ipv4: 'nonsense' },
      { ...N2, network: 'ingress' },
    ];
    assert.deepEqual(addresses(read({ endpoints })), []);
  });

  it('are none without a network, and the trouble says so', () => {
    assert.match(
      read({ networkMode: 'none', endpoints: [] }).owner?.trouble ?? '',
      /network mode none/,
    );
    assert.match(
      read({ networkMode: 'n1', endpoints: [] }).owner?.trouble ?? '',
      /docker network connect NETWORK web$/,
    );
  });

  it('are the host’s own for network mode host', () => {
    const { owner } = read({ networkMode: 'host', endpoints: [] });
    assert.deepEqual([owner?.isOnHost, owner?.trouble, owner?.asksFrom], [true, null, []]);
  });

  it('prefer the network of the label', () => {
    const { owner } = read({ endpoints: [N1, N2], labels: { 'homeport.network': 'n2' } });
    assert.equal(owner?.preferredNetwork, 'n2');
  });
});

describe('a container that shares another’s network', () => {
  const holder = factsOfInspect(
    inspectBody({ id: 'f'.repeat(64), name: 'holder', endpoints: [N1], startedAtMs: 1000 }),
  );
  const sharing = { networkMode: `container:${holder.id}`, endpoints: [] };

  it('has its addresses, and asks from none of its own', () => {
    const reading = read({ ...sharing, startedAtMs: 2000 }, around([holder]));
    assert.deepEqual(addresses(reading), ['10.1.0.2@n1']);
    assert.deepEqual(reading.owner?.asksFrom, []);
    assert.equal(reading.owner?.trouble, null);
  });

  const dead = [
    {
      name: 'started before it',
      holders: [{ ...holder, startedAtMs: 3000 }],
      trouble: 'web sits in the network that holder had before it restarted; docker restart web',
    },
    {
      name: 'it does not run',
      holders: [{ ...holder, isRunning: false }],
      trouble:
        'web shares the network of holder, which is not running; start holder, then docker restart web',
    },
    {
      name: 'it is gone',
      holders: [],
      trouble:
        'web shares the network of ffffffffffff, which is not running; start ffffffffffff, then docker restart web',
    },
  ];
  for (const { name, holders, trouble } of dead) {
    it(`has none where ${name}, and the trouble names the way out`, () => {
      const reading = read({ ...sharing, startedAtMs: 2000 }, around(holders));
      assert.deepEqual(addresses(reading), []);
      assert.equal(reading.owner?.trouble, trouble);
    });
  }

  it('is on the host where that one is', () => {
    const onHost = { ...holder, networkMode: 'host', endpoints: [] };
    assert.equal(read({ ...sharing, startedAtMs: 2000 }, around([onHost])).owner?.isOnHost, true);
  });

  it('ends a circle', () => {
    const self = factsOfInspect(
      inspectBody({ id: ID, name: 'web', networkMode: `container:${ID}` }),
    );
    assert.match(readContainer(self, around([self])).owner?.trouble ?? '', /before it restarted/);
  });
});

describe('a container of an engine with answer: host', () => {
  const host = around([], { kind: 'host', address: '10.81.82.100' });
  const binding = (HostIp: string, HostPort: string) => ({ '5432/tcp': [{ HostIp, HostPort }] });

  it('is reached at the host, at its published ports', () => {
    const labels = { 'homeport.srv': '_postgres._tcp=5432 _gone._tcp=1' };
    const { owner } = read({ ports: binding('0.0.0.0', '15432'), labels }, host);
    assert.deepEqual(owner?.addresses, [{ address: '10.81.82.100', network: null }]);
    assert.deepEqual(owner?.ports, [
      { service: '_postgres._tcp', port: 15432 },
      { service: '_5432._tcp', port: 15432 },
    ]);
    assert.deepEqual(owner?.asksFrom, []);
  });

  it('is not reached where it publishes nothing, or on 127.0.0.1 alone', () => {
    assert.equal(
      read({}, host).owner?.trouble,
      'web publishes no port on 10.81.82.100; docker run it with -p',
    );
    assert.equal(
      read({ ports: binding('127.0.0.1', '1') }, host).owner?.trouble,
      'web publishes its ports on 127.0.0.1 alone; publish them on 10.81.82.100',
    );
  });

  it('is reached at the host where it shares the host’s network', () => {
    const { owner } = read({ networkMode: 'host', endpoints: [] }, host);
    assert.deepEqual(owner?.addresses, [{ address: '10.81.82.100', network: null }]);
    assert.equal(owner?.isOnHost, false);
  });
});

describe('the labels of a container', () => {
  it('give TTL, texts and ports', () => {
    const labels = {
      'homeport.ttl': '7',
      'homeport.txt': 'version=3\nrole=primary',
      'homeport.srv': '_mongodb._tcp=27017',
    };
    const { owner } = read({ labels, exposed: ['27017/tcp', '53/udp'] });
    assert.equal(owner?.ttlSeconds, 7);
    assert.deepEqual(owner?.texts, ['version=3', 'role=primary']);
    assert.deepEqual(owner?.ports, [
      { service: '_mongodb._tcp', port: 27017 },
      { service: '_27017._tcp', port: 27017 },
      { service: '_53._udp', port: 53 },
    ]);
  });

  for (const [label, value] of [
    ['homeport.ttl', '-1'],
    ['homeport.ttl', '5s'],
    ['homeport.ttl', '9999999999'],
    ['homeport.ready', '27017'],
    ['homeport.ready', 'tcp:0'],
    ['homeport.srv', 'mongodb=27017'],
    ['homeport.srv', '_mongodb._tcp=70000'],
    ['homeport.txt', 'x'.repeat(256)],
  ] as const) {
    it(`${label}=${value.slice(0, 20)} is said and left out`, () => {
      const { owner, problems } = read({ labels: { [label]: value } });
      assert.equal(problems.length, 1);
      assert.ok(problems[0]?.startsWith(`label ${label}=`), problems[0]);
      assert.deepEqual([owner?.ttlSeconds, owner?.ports, owner?.texts], [null, [], []]);
    });
  }

  it('hold back readiness until the port accepts', () => {
    const labels = { 'homeport.ready': 'tcp:5432' };
    assert.deepEqual(read({ labels }).probe, { address: '10.1.0.2', port: 5432 });
    assert.equal(read({ labels }).owner?.condition, 'probing');
    const connectable = { ...around(), isConnectable: () => true };
    assert.equal(read({ labels }, connectable).owner?.condition, 'ready');
  });
});

describe('recorded containers', () => {
  /** The last owner of each title in a recording. */
  function owners(name: string): Record<string, string[]> {
    const facts = inspects(name).map(factsOfInspect);
    const readings = facts.map((at) => readContainer(at, around(facts)));
    const running = readings.filter((reading) => reading.owner !== null);
    return Object.fromEntries(
      running.map((reading) => [
        reading.owner?.title ?? '',
        [...claims(reading), ...addresses(reading)],
      ]),
    );
  }

  it('of Compose 1.29 and 2.40 hold the same names', () => {
    const old = owners('docker-20.10--compose');
    assert.deepEqual(old.proj_web_1?.slice(0, 5), [
      'proj_web_1:name',
      'web:alias@proj_back,proj_front',
      'www:alias@proj_front',
      'web:service',
      'web.proj:service',
    ]);
    // Compose 2 gives the container's name as an alias too.
    assert.deepEqual(
      old.proj_db_1?.slice(1, 5),
      owners('docker-28.5--compose')['proj-db-1']?.slice(2, 6),
    );
  });

  for (const engine of ['docker-20.10', 'docker-26.1', 'docker-28.5']) {
    it(`of ${engine} on three networks have all addresses and each alias on its own`, () => {
      const c1 = owners(`${engine}--multi_networks`).c1 ?? [];
      assert.deepEqual(c1.slice(0, 4), [
        'c1:name',
        'one:alias@n1',
        'two:alias@n2',
        'three:alias@n3',
      ]);
      assert.deepEqual(c1.slice(-2), ['10.77.0.50@n3', 'fd00:77::50@n3']);
    });

    it(`of ${engine} have their explicit host name, whether or not it is an alias too`, () => {
      const found = owners(`${engine}--hostname_domainname`);
      assert.deepEqual(
        ['c1', 'c2', 'c4'].map((name) => found[name]?.[1]),
        ['h1:hostname', 'h1.ex.test:hostname', 'upper_case:hostname'],
      );
    });
  }

  it('of Podman hold name and aliases', () => {
    assert.deepEqual(owners('podman-4.3--run_user_network').c1, [
      'c1:name',
      'a1:alias@n1',
      'db:alias@n1',
      '10.89.0.2@n1',
    ]);
  });
});
