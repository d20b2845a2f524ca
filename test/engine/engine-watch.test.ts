import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { EngineWatch, type EngineWatchOptions } from '../../src/docker/engine-watch.ts';
import { silentLogger } from '../../src/log.ts';
import type { Owner } from '../../src/names/owner.ts';
import { engineAt } from '../support/engine/at.ts';
import { AwaitedOwners } from '../support/engine/kept-owners.ts';
import { SocketProxy } from '../support/engine/proxy.ts';
import { engineAvailable, startEngine, type TestEngine } from '../support/engine.ts';

/** What a query may wait for the engine (`hold_ms`). */
const HOLD_MS = 250;

/** A watch over an engine, and what a client would be told by it. */
class Watched {
  readonly sink = new AwaitedOwners();
  readonly watch: EngineWatch;

  constructor(url: string, options: Partial<EngineWatchOptions> = {}) {
    this.watch = new EngineWatch({
      name: 'local',
      ...engineAt(url),
      sink: this.sink,
      log: silentLogger(),
      ...options,
    });
  }

  async begin(): Promise<this> {
    this.watch.start();
    await this.sink.until('connected', () => this.watch.state.kind === 'connected');
    return this;
  }

  owner(name: string): Owner | undefined {
    return [...this.sink.owners.values()].find((at) =>
      at.claims.some((claim) => claim.name === name),
    );
  }

  /** Asks as the resolver does: waits for what is under way, looks before it denies. */
  async ask(name: string): Promise<string[]> {
    const isTouched = () => [...this.sink.touches.values()].some((names) => names.includes(name));
    const held = new Promise((resolve) => setTimeout(resolve, HOLD_MS).unref());
    const settled = this.sink.until('settled', () => !isTouched()).catch(() => undefined);
    await Promise.race([settled, held]);
    const isSuspected = (this.sink.suspects.get(name) ?? 0) > Date.now();
    if (isSuspected || this.owner(name) === undefined) await this.watch.refresh();
    return this.sink.addressesOf(name);
  }
}

/** What the engine itself says: container names with the addresses of those that run. */
async function truth(engine: TestEngine): Promise<Record<string, string[]>> {
  const entries = await engine.api.listContainers({ all: true });
  const found: Record<string, string[]> = {};
  for (const { Id } of entries) {
    const { Name, State, NetworkSettings } = await engine.api.getContainer(Id).inspect();
    if (!State.Running || State.Restarting) continue;
    const networks = Object.values(NetworkSettings.Networks);
    found[Name.slice(1)] = networks
      .flatMap((at) => [at.IPAddress, at.GlobalIPv6Address])
      .filter((address) => address !== '')
      .sort();
  }
  return found;
}

function told(sink: AwaitedOwners): Record<string, string[]> {
  const owners = [...sink.owners.values()].sort((a, b) => (a.title < b.title ? -1 : 1));
  return Object.fromEntries(
    owners.map((at) => [at.title, at.addresses.map((on) => on.address).sort()]),
  );
}

describe('the watch over a real engine', { skip: engineAvailable() ?? false }, () => {
  let engine: TestEngine;
  let watched: Watched;

  before(async () => {
    engine = await startEngine({ name: 'watched' });
    await engine.importBusybox();
    await engine.docker('network', 'create', 'n1');
    await engine.docker(
      'network',
      'create',
      '--subnet',
      '10.77.0.0/16',
      '--ipv6',
      '--subnet',
      'fd00:77::/64',
      'n6',
    );
    watched = await new Watched(engine.url).begin();
  });

  after(async () => {
    await watched.watch.close();
    await engine.stop();
  });

  beforeEach(async () => {
    const ids = await engine.docker('ps', '-aq');
    if (ids !== '') await engine.docker('rm', '-f', ...ids.split('\n'));
  });

  const operations: readonly { readonly name: string; readonly calls: readonly string[] }[] = [
    { name: 'create', calls: ['create --name c1 bb'] },
    { name: 'run', calls: ['run -d --name c1 bb'] },
    { name: 'run on a network', calls: ['run -d --name c1 --network n1 --network-alias a bb'] },
    { name: 'stop', calls: ['run -d --name c1 bb', 'stop c1'] },
    { name: 'kill', calls: ['run -d --name c1 bb', 'kill c1'] },
    { name: 'a signal that does not end it', calls: ['run -d --name c1 bb', 'kill -s WINCH c1'] },
    { name: 'start after stop', calls: ['run -d --name c1 bb', 'stop c1', 'start c1'] },
    { name: 'restart', calls: ['run -d --name c1 bb', 'restart -t 0 c1'] },
    { name: 'rm -f', calls: ['run -d --name c1 bb', 'rm -f c1'] },
    { name: 'pause', calls: ['run -d --name c1 bb', 'pause c1'] },
    { name: 'unpause', calls: ['run -d --name c1 bb', 'pause c1', 'unpause c1'] },
    { name: 'rm -f while paused', calls: ['run -d --name c1 bb', 'pause c1', 'rm -f c1'] },
    { name: 'rename', calls: ['run -d --name c1 bb', 'rename c1 d1'] },
    {
      name: 'rename while stopped',
      calls: ['run -d --name c1 bb', 'stop c1', 'rename c1 d1', 'start d1'],
    },
    { name: 'connect', calls: ['run -d --name c1 bb', 'network connect --alias x n1 c1'] },
    {
      name: 'disconnect',
      calls: [
        'run -d --name c1 --network n1 bb',
        'network connect n6 c1',
        'network disconnect n1 c1',
      ],
    },
    {
      name: 'connect while stopped',
      calls: ['run -d --name c1 bb', 'stop c1', 'network connect --alias z n1 c1', 'start c1'],
    },
    { name: 'IPv6', calls: ['run -d --name c1 --network n6 bb'] },
    { name: 'a fixed address', calls: ['run -d --name c1 --network n6 --ip 10.77.0.50 bb'] },
    {
      name: 'an address that another container takes over',
      calls: ['run -d --name c1 bb', 'stop c1', 'run -d --name d1 bb', 'start c1'],
    },
    { name: 'run --rm that ends', calls: ['run --rm --name c1 bb true'] },
    { name: 'update', calls: ['run -d --name c1 bb', 'update --restart always c1'] },
  ];
  for (const { name, calls } of operations) {
    it(`knows at once what is true after: ${name}`, async () => {
      for (const call of calls) {
        await engine.docker(...call.split(' '));
        const names = ['c1', 'd1', 'a', 'x', 'z'];
        for (const asked of names) await watched.ask(asked);
        assert.deepEqual(told(watched.sink), await truth(engine), call);
      }
      await watched.sink.until('settled', () => watched.sink.touches.size === 0);
    });
  }

  it('knows the address before a start call returns, 20 times of 20', async () => {
    const wrong: string[] = [];
    for (let i = 0; i < 20; i++) {
      const container = await engine.api.createContainer({ name: `f${i}`, Image: 'bb' });
      await container.start();
      const addresses = await watched.ask(`f${i}`);
      const { NetworkSettings } = await container.inspect();
      if (addresses[0] !== NetworkSettings.Networks.bridge?.IPAddress)
        wrong.push(`f${i}: ${addresses}`);
    }
    assert.deepEqual(wrong, []);
  });

  it('forgets the address before a removal call returns, 9 times of 9', async () => {
    const wrong: string[] = [];
    for (let i = 0; i < 9; i++) await engine.run(`g${i}`);
    for (let i = 0; i < 9; i++) {
      const container = engine.api.getContainer(`g${i}`);
      if (i % 3 === 0) await container.stop({ t: 5 });
      else if (i % 3 === 1) await container.kill();
      else await container.remove({ force: true });
      const addresses = await watched.ask(`g${i}`);
      if (addresses.length > 0) wrong.push(`g${i}: ${addresses}`);
    }
    assert.deepEqual(wrong, []);
  });

  it('tells health as it changes', async () => {
    await engine.docker(
      'run',
      '-d',
      '--name',
      'ill',
      '--health-cmd',
      'test -e /tmp/ok',
      '--health-interval',
      '200ms',
      '--health-retries',
      '2',
      'bb',
    );
    const condition = () => watched.owner('ill')?.condition;
    await watched.ask('ill');
    assert.equal(condition(), 'starting');
    await watched.sink.until('unhealthy', () => condition() === 'unhealthy');
    await engine.docker('exec', 'ill', 'touch', '/tmp/ok');
    await watched.sink.until('ready', () => condition() === 'ready');
  });

  it('follows a restart policy', async () => {
    await engine.docker(
      'run',
      '-d',
      '--name',
      'again',
      '--restart',
      'always',
      'bb',
      'sh',
      '-c',
      'sleep 0.3',
    );
    const starts = new Set<number>();
    await watched.sink.until('three runs', () => {
      const at = watched.owner('again')?.startedAtMs;
      if (at !== undefined) starts.add(Math.round(at / 100));
      return starts.size >= 3;
    });
    await engine.docker('rm', '-f', 'again');
    assert.deepEqual(await watched.ask('again'), []);
  });

  it('shares the addresses of the container whose network is joined, as long as both are in it', async () => {
    await engine.run('holder', { args: ['--network', 'n1'] });
    await engine.run('sharer', { args: ['--network', 'container:holder'] });
    const [address] = await watched.ask('holder');
    assert.ok(address !== undefined);
    assert.deepEqual(await watched.ask('sharer'), [address]);
    await engine.docker('restart', '-t', '0', 'holder');
    await watched.ask('holder');
    assert.deepEqual(await watched.ask('sharer'), []);
    assert.match(watched.owner('sharer')?.trouble ?? '', /docker restart sharer$/);
    await engine.docker('restart', '-t', '0', 'sharer');
    assert.deepEqual(await watched.ask('sharer'), await watched.ask('holder'));
    await engine.docker('stop', 'holder');
    assert.deepEqual(await watched.ask('sharer'), []);
    assert.match(watched.owner('sharer')?.trouble ?? '', /holder, which is not running/);
  });

  it('knows who shares the host’s network and who has none', async () => {
    await engine.run('onhost', { args: ['--network', 'host'] });
    await engine.run('alone', { args: ['--network', 'none'] });
    for (const name of ['onhost', 'alone']) assert.deepEqual(await watched.ask(name), []);
    assert.equal(watched.owner('onhost')?.isOnHost, true);
    assert.equal(watched.owner('onhost')?.trouble, null);
    assert.equal(watched.owner('alone')?.isOnHost, false);
    assert.match(watched.owner('alone')?.trouble ?? '', /without a network/);
  });

  it('knows the gateways of its networks, docker0’s too, and which of them the host reaches', async () => {
    await engine.inNamespace(['ip', 'link', 'add', 'mp0', 'type', 'veth', 'peer', 'name', 'mp1']);
    await engine.docker(
      'network',
      'create',
      '-d',
      'macvlan',
      '-o',
      'parent=mp0',
      '--subnet',
      '10.78.0.0/24',
      'mv',
    );
    await engine.run('web');
    await watched.ask('web');
    const networks = () =>
      watched.sink.changes.findLast((change) => change.networks)?.networks?.list ?? [];
    await watched.sink.until('mv', () => networks().some(({ name }) => name === 'mv'));
    const [bridge, n6, mv] = ['bridge', 'n6', 'mv'].map((name) =>
      networks().find((at) => at.name === name),
    );
    assert.deepEqual(bridge?.gateways, ['172.17.0.1']);
    assert.deepEqual(n6?.gateways, ['10.77.0.1', 'fd00:77::1']);
    assert.deepEqual(n6?.subnets, ['10.77.0.0/16', 'fd00:77::/64']);
    assert.deepEqual([bridge?.isHostReachable, mv?.isHostReachable], [true, false]);
    assert.deepEqual(mv?.gateways, []);
    await engine.docker('network', 'rm', 'mv');
    await watched.sink.until('mv gone', () => !networks().some(({ name }) => name === 'mv'));
  });

  it('leaves out names that DNS cannot carry, and says so once', async () => {
    await engine.run('odd', {
      args: ['--network', 'n1', '--network-alias', 'a b', '--network-alias', 'fine'],
    });
    assert.equal((await watched.ask('fine')).length, 1);
    assert.equal(watched.sink.said.filter((line) => line.startsWith('odd a b:')).length, 1);
  });

  it('sees overlay containers ask from their docker_gwbridge address', async () => {
    await engine.docker('swarm', 'init', '--advertise-addr', '127.0.0.1');
    await engine.docker('network', 'create', '-d', 'overlay', '--attachable', 'ov');
    await engine.run('far', { args: ['--network', 'ov'] });
    const [address] = await watched.ask('far');
    assert.ok(address !== undefined);
    await watched.sink.until('gwbridge', () => (watched.owner('far')?.asksFrom.length ?? 0) === 2);
    const eth1 = await engine.docker('exec', 'far', 'ip', '-4', '-o', 'addr');
    const bridged = watched.owner('far')?.asksFrom[1]?.address ?? '';
    assert.ok(bridged !== address && eth1.includes(` ${bridged}/`), `${bridged} in ${eth1}`);
    await engine.docker('rm', '-f', 'far');
    await engine.docker('swarm', 'leave', '--force');
  });

  it('keeps the last names of an engine that is killed, and is right when it is back', async () => {
    await engine.run('k1');
    await engine.run('k2', { args: ['--restart', 'always'] });
    const [before] = await watched.ask('k1');
    await engine.kill();
    await watched.sink.until('stale', () => watched.watch.state.kind === 'stale');
    assert.deepEqual(watched.sink.addressesOf('k1'), [before]);
    await engine.restart();
    await watched.sink.until('connected', () => watched.watch.state.kind === 'connected');
    assert.deepEqual(await watched.ask('k1'), []);
    assert.equal((await watched.ask('k2')).length, 1);
    assert.deepEqual(told(watched.sink), await truth(engine));
  });

  it('learns of a container that died while the engine was down and said nothing (live-restore)', async (test) => {
    const live = await startEngine({ name: 'live', args: ['--live-restore'] });
    test.after(() => live.stop());
    await live.importBusybox();
    const stays = await live.run('stays');
    await live.run('dies', { command: ['sleep', '1.5'] });
    const other = await new Watched(live.url).begin();
    test.after(() => other.watch.close());
    const [address] = await other.ask('stays');
    assert.ok(address !== undefined && stays !== '');
    assert.equal((await other.ask('dies')).length, 1);
    await live.kill();
    await delay(1500);
    await live.restart();
    await other.sink.until('connected', () => other.watch.state.kind === 'connected');
    assert.deepEqual(await other.ask('dies'), []);
    assert.deepEqual(told(other.sink), await truth(live));
  });

  it('calls a frozen engine stale, keeps nobody waiting for it, and goes on when it thaws', async (test) => {
    await engine.run('frozen');
    const times = { checkEveryMs: 200, callMs: 300 };
    const other = await new Watched(engine.url, { times }).begin();
    test.after(() => other.watch.close());
    await engine.freeze();
    try {
      await other.sink.until('stale', () => other.watch.state.kind === 'stale');
      const began = performance.now();
      assert.equal((await other.ask('frozen')).length, 1);
      assert.deepEqual(await other.ask('unknown'), []);
      assert.ok(performance.now() - began < 100);
    } finally {
      await engine.thaw();
    }
    await other.sink.until('connected', () => other.watch.state.kind === 'connected');
    await engine.docker('rm', '-f', 'frozen');
    assert.deepEqual(await other.ask('frozen'), []);
  });

  it('notices within 15 s that its stream is open and dead', async (test) => {
    const proxy = new SocketProxy(join(engine.directory, 'proxy.sock'), engine.socket);
    await proxy.listen();
    const other = await new Watched(proxy.url).begin();
    test.after(async () => {
      await other.watch.close();
      await proxy.close();
    });
    await delay(2000); // of an event in a stream's first moments nobody knows on which side it fell
    proxy.silence();
    await engine.run('silent');
    const isKnown = () => other.sink.addressesOf('silent').length > 0;
    await other.sink.until('known', isKnown, 15_000);
  });
});
