import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { EngineWatch, type EngineWatchOptions } from '../../src/docker/engine-watch.ts';
import { silentLogger } from '../../src/log.ts';
import { engineAt } from '../support/engine/at.ts';
import type { MadeContainer } from '../support/engine/bodies.ts';
import { FakeEngine } from '../support/engine/fake.ts';
import { AwaitedOwners } from '../support/engine/kept-owners.ts';

const NETWORK = { id: 'n'.repeat(64), name: 'n1', subnet: '172.20.0.0/16', gateway: '172.20.0.1' };

function container(number: number, more: Partial<MadeContainer> = {}): MadeContainer {
  const text = String(number).padStart(4, '0');
  return {
    id: `${text}${'c'.repeat(60)}`,
    name: `web-${number}`,
    endpoints: [
      {
        network: 'n1',
        networkId: NETWORK.id,
        endpointId: `ep-${number}`,
        ipv4: `172.20.${number >> 8}.${number & 255}`,
        aliases: [`alias-${number}`],
      },
    ],
    ...more,
  };
}

describe('the watch over one engine', () => {
  let fake: FakeEngine;
  let sink: AwaitedOwners;
  let watch: EngineWatch;

  beforeEach(async () => {
    fake = new FakeEngine();
    fake.networks.set(NETWORK.id, NETWORK);
    await fake.listen();
    sink = new AwaitedOwners();
  });

  afterEach(async () => {
    await watch.close();
    await fake.close();
  });

  async function watching(options: Partial<EngineWatchOptions> = {}): Promise<void> {
    watch = new EngineWatch({
      name: 'local',
      ...engineAt(fake.url),
      sink,
      log: silentLogger(),
      ...options,
    });
    watch.start();
    await sink.until('connected', () => watch.state.kind === 'connected');
  }

  it('knows what ran before it came, and says which engine it is', async () => {
    fake.containers.set('one', container(1));
    await watching();
    assert.deepEqual(sink.addressesOf('web-1'), ['172.20.0.1']);
    assert.deepEqual(sink.addressesOf('alias-1'), ['172.20.0.1']);
    const { state } = watch;
    assert.ok(state.kind === 'connected');
    assert.deepEqual([state.version, state.apiVersion], ['28.5.2', '1.51']);
    assert.deepEqual(state.counts, { containers: 1, owners: 1, networks: 1 });
  });

  it('tells of a container when its event comes', async () => {
    await watching();
    fake.put(container(2));
    await sink.until('web-2', () => sink.addressesOf('web-2').length > 0);
    await sink.until('settled', () => sink.touches.size === 0);
    fake.remove(container(2).id);
    await sink.until('web-2 gone', () => sink.addressesOf('web-2').length === 0);
  });

  it('finds by a refresh what no event told', async () => {
    await watching();
    fake.containers.set('three', container(3));
    await watch.refresh();
    assert.deepEqual(sink.addressesOf('web-3'), ['172.20.0.3']);
  });

  it('asks for one list where several want a refresh before it is sent', async () => {
    await watching();
    const before = fake.requests.filter((path) => path.startsWith('/containers/json')).length;
    await Promise.all([watch.refresh(), watch.refresh(), watch.refresh()]);
    const lists = fake.requests.filter((path) => path.startsWith('/containers/json')).length;
    assert.ok(lists - before <= 2, `${lists - before} lists`);
  });

  it('publishes nothing where a refresh finds nothing new', async () => {
    fake.containers.set('one', container(1));
    await watching();
    const before = sink.changes.length;
    await watch.refresh();
    await watch.refresh();
    assert.equal(sink.changes.length, before);
  });

  it('does not wait for a container whose inspect hangs to tell of the others', async () => {
    fake.fault(/containers\/0001c+\/json/, { kind: 'hang' });
    await watching();
    fake.put(container(1));
    fake.put(container(2));
    await sink.until('web-2', () => sink.addressesOf('web-2').length > 0);
    assert.deepEqual(sink.addressesOf('web-1'), []);
  });

  describe('when something is odd', () => {
    const bodies = [
      { name: 'is no object', body: '[]' },
      { name: 'is null', body: 'null' },
      { name: 'lacks everything', body: '{}' },
      { name: 'has values of other types', body: '{"Id":1,"Name":{},"State":"up","Config":[]}' },
    ];
    for (const { name, body } of bodies) {
      it(`costs a container whose inspect ${name} its names, and no other its own`, async () => {
        fake.containers.set('one', container(1));
        fake.containers.set('two', container(2));
        await watching();
        fake.fault(/containers\/0001c+\/json/, { kind: 'body', body });
        fake.emit('container', 'update', container(1).id, { name: 'web-1' });
        await sink.until('web-1 gone', () => sink.addressesOf('web-1').length === 0);
        assert.deepEqual(sink.addressesOf('web-2'), ['172.20.0.2']);
        assert.equal(sink.said.length, 1);
      });
    }

    it('leaves out a name that DNS cannot carry, and says so once', async () => {
      const endpoints =
        container(1).endpoints?.map((at) => ({ ...at, aliases: ['a b', 'fine'] })) ?? [];
      fake.containers.set('one', container(1, { endpoints }));
      await watching();
      fake.emit('container', 'update', container(1).id, { name: 'web-1' });
      await sink.until('settled', () => sink.touches.size === 0);
      assert.deepEqual(sink.addressesOf('fine'), ['172.20.0.1']);
      assert.deepEqual(sink.said, [
        'web-1 a b: the label "a b" has more than letters, digits, inner hyphens and underscores',
      ]);
    });

    it('reads an event of 300 KB that comes in pieces, cut inside a character', async () => {
      await watching();
      const made = container(4, {
        labels: { big: 'ä'.repeat(150_000), 'homeport.names': 'großes' },
      });
      fake.containers.set(made.id, made);
      const line = Buffer.from(
        `${JSON.stringify({ Type: 'container', Action: 'start', Actor: { ID: made.id, Attributes: { ...made.labels, name: made.name } }, timeNano: 1 })}\n`,
      );
      const cut = line.indexOf('ä') + 1;
      for (const piece of [
        line.subarray(0, cut),
        line.subarray(cut, 90_001),
        line.subarray(90_001),
      ]) {
        fake.raw(piece);
      }
      await sink.until('web-4', () => sink.addressesOf('web-4').length > 0);
    });

    it('reads on after lines that are no events', async () => {
      await watching();
      fake.raw('garbage\n{"half":\n\n[]\nnull\n{"Type":"container"}\n');
      fake.put(container(5));
      await sink.until('web-5', () => sink.addressesOf('web-5').length > 0);
    });
  });

  describe('when the engine fails', () => {
    it('keeps a container whose inspect fails, and asks again until it is answered', async () => {
      fake.containers.set('one', container(1));
      await watching();
      fake.fault(/containers\/0001c+\/json/, { kind: 'status', status: 500 });
      fake.containers.set('one', container(1, { name: 'renamed' }));
      fake.emit('container', 'rename', container(1).id, { name: 'renamed', oldName: '/web-1' });
      await sink.until('settled', () => sink.touches.size === 0);
      assert.deepEqual(sink.addressesOf('web-1'), ['172.20.0.1']);
      fake.fault(/containers\/0001c+\/json/, null);
      await sink.until('renamed', () => sink.addressesOf('renamed').length > 0);
    });

    const lists = [
      { name: '500', fault: { kind: 'status', status: 500 } },
      { name: 'half a list', fault: { kind: 'half', body: '[' } },
      { name: 'no JSON', fault: { kind: 'body', body: '[{"Id":' } },
      { name: 'an object', fault: { kind: 'body', body: '{"message":"busy"}' } },
      { name: 'nothing', fault: { kind: 'reset' } },
    ] as const;
    for (const { name, fault } of lists) {
      it(`removes nothing where the list is ${name}`, async () => {
        fake.containers.set('one', container(1));
        await watching();
        fake.fault(/containers\/json/, fault);
        fake.cutStreams();
        await sink.until('stale', () => watch.state.kind === 'stale');
        const asked = fake.requested(/containers\/json/);
        await asked;
        await fake.requested(/version/); // it has given up that connection and begins anew
        assert.deepEqual(sink.addressesOf('web-1'), ['172.20.0.1']);
        fake.fault(/containers\/json/, null);
        await sink.until('connected', () => watch.state.kind === 'connected');
        assert.deepEqual(sink.addressesOf('web-1'), ['172.20.0.1']);
      });
    }

    it('waits for an engine that is not there yet, and says so once', async () => {
      await fake.down();
      watch = new EngineWatch({ name: 'local', ...engineAt(fake.url), sink, log: silentLogger() });
      watch.start();
      await sink.until('a reason', () => {
        const { state } = watch;
        return state.kind === 'waiting' && state.reason !== null;
      });
      fake.containers.set('one', container(1));
      await fake.listen();
      await sink.until('connected', () => watch.state.kind === 'connected');
      assert.deepEqual(sink.addressesOf('web-1'), ['172.20.0.1']);
      assert.deepEqual(sink.states, ['waiting', 'waiting', 'connected']);
    });

    it('keeps the names of an engine that went away, and reconciles when it is back', async () => {
      fake.containers.set('one', container(1));
      fake.containers.set('two', container(2));
      await watching();
      await fake.down();
      await sink.until('stale', () => watch.state.kind === 'stale');
      assert.deepEqual(sink.addressesOf('web-1'), ['172.20.0.1']);
      await watch.refresh();
      fake.containers.delete('one');
      fake.containers.set('three', container(3));
      await fake.listen();
      await sink.until('connected', () => watch.state.kind === 'connected');
      await sink.until('web-1 gone', () => sink.addressesOf('web-1').length === 0);
      assert.deepEqual(sink.addressesOf('web-2'), ['172.20.0.2']);
      assert.deepEqual(sink.addressesOf('web-3'), ['172.20.0.3']);
    });

    it('learns after a cut of its stream what happened meanwhile', async () => {
      fake.containers.set('one', container(1));
      await watching();
      fake.fault(/events/, { kind: 'status', status: 503 });
      fake.cutStreams();
      await sink.until('stale', () => watch.state.kind === 'stale');
      fake.containers.delete('one');
      fake.containers.set('two', container(2));
      fake.fault(/events/, null);
      await sink.until('connected', () => watch.state.kind === 'connected');
      assert.deepEqual(sink.addressesOf('web-2'), ['172.20.0.2']);
      await sink.until('web-1 gone', () => sink.addressesOf('web-1').length === 0);
    });

    it('notices a stream that is open and dead', async () => {
      await watching({ times: { checkEveryMs: 100, checkMarginMs: 50 } });
      await new Promise((resolve) => setTimeout(resolve, 1600)); // events at a stream's very begin prove nothing
      fake.isSilent = true;
      fake.put(container(1));
      await sink.until('stale', () => sink.states.includes('stale'));
      fake.isSilent = false;
      await sink.until('web-1', () => sink.addressesOf('web-1').length > 0);
    });

    it('keeps a quiet stream that is alive', async () => {
      await watching({ times: { checkEveryMs: 20, checkMarginMs: 10 } });
      for (let checks = 0; checks < 10; checks++) await fake.requested(/events.*until/);
      assert.equal(fake.streamCount, 1);
      assert.deepEqual(sink.states, ['waiting', 'connected']);
    });

    it('calls an engine stale that hangs, answers meanwhile, and finds what changed when it wakes', async () => {
      await watching({ times: { checkEveryMs: 30, checkMarginMs: 10, callMs: 100 } });
      fake.fault(/./, { kind: 'hang' });
      await sink.until('stale', () => watch.state.kind === 'stale');
      const began = performance.now();
      await watch.refresh();
      assert.ok(performance.now() - began < 50, 'nobody waits for an engine that hangs');
      fake.containers.set('one', container(1));
      fake.fault(/./, null);
      await sink.until('connected', () => watch.state.kind === 'connected');
      assert.deepEqual(sink.addressesOf('web-1'), ['172.20.0.1']);
    });

    it('lets go of a refresh that the engine does not answer', async () => {
      await watching({ times: { refreshMs: 60 } });
      fake.fault(/containers/, { kind: 'hang' });
      const began = performance.now();
      await watch.refresh();
      assert.ok(performance.now() - began < 1000);
    });

    it('lists again from time to time, for what no event told', async () => {
      await watching({ times: { checkEveryMs: 20, checkMarginMs: 10, resyncEveryMs: 100 } });
      fake.containers.set('one', container(1));
      await sink.until('web-1', () => sink.addressesOf('web-1').length > 0);
    });
  });

  it('makes its names wait from an event until its inspect is told', async () => {
    await watching();
    fake.fault(/containers\/0001c+\/json/, { kind: 'hang' });
    fake.put(container(1, { labels: { 'homeport.names': 'db' } }));
    await sink.until('touched', () => sink.touches.size > 0);
    assert.deepEqual([...sink.touches.values()], [['web-1', 'db']]);
  });

  it('looks again at a container that was sent a kill', async () => {
    fake.containers.set('one', container(1));
    await watching();
    fake.emit('container', 'kill', container(1).id, { name: 'web-1', signal: '9' });
    await sink.until('suspected', () => sink.suspects.has('alias-1'));
    const asked = fake.requested(/containers\/0001c+\/json/);
    await watch.refresh();
    await asked;
  });

  it('calls a container ready once its port accepts (homeport.ready)', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    server.close();
    await once(server, 'close');
    const endpoints = container(1).endpoints?.map((at) => ({ ...at, ipv4: '127.0.0.1' })) ?? [];
    fake.put(container(1, { endpoints, labels: { 'homeport.ready': `tcp:${port}` } }));
    await watching();
    const condition = () => [...sink.owners.values()][0]?.condition;
    assert.equal(condition(), 'probing');
    const listening = createServer().listen(port, '127.0.0.1');
    listening.on('connection', (socket) => socket.destroy());
    await sink.until('ready', () => condition() === 'ready');
    listening.close();
  });

  it('gives the host’s address for an engine with answer: host', async () => {
    const ports = { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }] };
    fake.containers.set('one', container(1, { ports }));
    fake.containers.set('two', container(2));
    await watching({ answer: 'host', address: '10.81.82.100' });
    const owners = [...sink.owners.values()];
    assert.deepEqual(
      owners.map(({ title, addresses, ports, trouble }) => ({ title, addresses, ports, trouble })),
      [
        {
          title: 'web-1',
          addresses: [{ address: '10.81.82.100', network: null }],
          ports: [{ service: '_80._tcp', port: 8080 }],
          trouble: null,
        },
        {
          title: 'web-2',
          addresses: [],
          ports: [],
          trouble: 'web-2 publishes no port on 10.81.82.100; docker run it with -p',
        },
      ],
    );
  });

  it('can be closed at any moment of a connection', async () => {
    fake.containers.set('one', container(1));
    for (let turns = 0; turns < 60; turns++) {
      watch = new EngineWatch({ name: 'local', ...engineAt(fake.url), sink, log: silentLogger() });
      watch.start();
      for (let turn = 0; turn < turns; turn++)
        await new Promise((resolve) => setImmediate(resolve));
      await watch.close();
    }
    await fake.streamsClosed();
  });

  it('calls an engine unreachable that hangs before its first list is there', async () => {
    fake.fault(/containers\/json/, { kind: 'hang' });
    const times = { checkEveryMs: 30, checkMarginMs: 10, callMs: 100 };
    watch = new EngineWatch({
      name: 'local',
      ...engineAt(fake.url),
      sink,
      log: silentLogger(),
      times,
    });
    watch.start();
    await fake.requested(/containers\/json/);
    fake.fault(/./, { kind: 'hang' });
    const reason = () => (watch.state.kind === 'waiting' ? watch.state.reason : null);
    await sink.until('a reason', () => reason() !== null);
    assert.equal(reason(), 'the engine did not answer within 100 ms');
    fake.fault(/./, null);
    fake.fault(/containers\/json/, null);
    await sink.until('connected', () => watch.state.kind === 'connected');
  });

  it('sends Podman no filter, for it refuses words that it does not know', async () => {
    fake.version = {
      Version: '4.3.1',
      ApiVersion: '1.41',
      Components: [{ Name: 'Podman Engine' }],
    };
    fake.fault(/events.*filters/, { kind: 'status', status: 500 });
    await watching();
    fake.put(container(1));
    await sink.until('web-1', () => sink.addressesOf('web-1').length > 0);
  });

  it('says what is to be done where the socket is not there', async () => {
    watch = new EngineWatch({
      name: 'x',
      ...engineAt('unix:///nowhere.sock'),
      sink,
      log: silentLogger(),
    });
    watch.start();
    const reason = () => (watch.state.kind === 'waiting' ? watch.state.reason : null);
    await sink.until('a reason', () => reason() !== null);
    assert.equal(
      reason(),
      'no engine at unix:///nowhere.sock: the socket does not exist; is Docker running?',
    );
  });

  it('refuses answer: host without an address', () => {
    watch = new EngineWatch({ name: 'local', ...engineAt(fake.url), sink, log: silentLogger() });
    assert.throws(
      () =>
        new EngineWatch({
          name: 'x',
          ...engineAt(fake.url),
          answer: 'host',
          sink,
          log: silentLogger(),
        }),
      { code: 'CONFIG_INVALID' },
    );
  });
});
