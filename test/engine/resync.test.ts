/** 200 random operations while the event stream is killed again and again: no wrong entry may remain. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { EngineWatch } from '../../src/docker/engine-watch.ts';
import { silentLogger } from '../../src/log.ts';
import { engineAt } from '../support/engine/at.ts';
import { AwaitedOwners } from '../support/engine/kept-owners.ts';
import { SocketProxy } from '../support/engine/proxy.ts';
import { seeded } from '../support/engine/seeded.ts';
import { engineAvailable, startEngine, type TestEngine } from '../support/engine.ts';

const OPERATIONS = 200;
const AT_ONCE = 4;
const QUIET_POINTS = 10;
const CONTAINERS = 8;
const NETWORKS = ['n1', 'n2'];

describe('200 operations while the stream is cut', { skip: engineAvailable() ?? false }, () => {
  let engine: TestEngine;
  let proxy: SocketProxy;
  let watch: EngineWatch;
  const sink = new AwaitedOwners();

  before(async () => {
    engine = await startEngine({ name: 'resync' });
    await engine.importBusybox();
    for (const network of NETWORKS) await engine.docker('network', 'create', network);
    proxy = new SocketProxy(join(engine.directory, 'proxy.sock'), engine.socket);
    await proxy.listen();
    watch = new EngineWatch({ name: 'local', ...engineAt(proxy.url), sink, log: silentLogger() });
    watch.start();
    await sink.until('connected', () => watch.state.kind === 'connected');
  });

  after(async () => {
    await watch?.close();
    await proxy?.close();
    await engine?.stop();
  });

  it('leaves no wrong entry at any of ten quiet points', async () => {
    const random = seeded(1);
    const wrong: string[] = [];
    let cuts = 0;
    for (let point = 0; point < QUIET_POINTS; point++) {
      const over = new AbortController();
      const cutting = cutAgainAndAgain(over.signal);
      await operate(random, OPERATIONS / QUIET_POINTS);
      over.abort();
      cuts += await cutting;
      await sink.until('connected', () => watch.state.kind === 'connected');
      await settled();
      wrong.push(...(await differences()).map((difference) => `point ${point}: ${difference}`));
    }
    assert.deepEqual(wrong, []);
    assert.ok(cuts >= QUIET_POINTS, `the stream was cut only ${cuts} times`);
  });

  async function cutAgainAndAgain(signal: AbortSignal): Promise<number> {
    const random = seeded(2);
    for (let cuts = 0; ; cuts++) {
      await delay(150 + 600 * random(), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return cuts;
      proxy.cut();
    }
  }

  async function operate(random: () => number, count: number): Promise<void> {
    let left = count;
    const worker = async () => {
      while (left-- > 0) await operation(random);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  /** One that fails (of a container that is gone, or in that state already) is as good as any. */
  async function operation(random: () => number): Promise<void> {
    const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];
    const name = `c${Math.floor(random() * CONTAINERS)}`;
    const container = engine.api.getContainer(name);
    const network = engine.api.getNetwork(pick(NETWORKS) ?? '');
    const calls = [
      () =>
        engine.run(name, {
          args: ['--network', pick(NETWORKS) ?? '', '--network-alias', `a-${name}`],
        }),
      () => engine.run(name, { command: ['sleep', '0.2'] }), // ends by itself
      () => container.start(),
      () => container.stop({ t: 1 }),
      () => container.kill(),
      () => container.restart({ t: 1 }),
      () => container.remove({ force: true }),
      () => container.rename({ name: `c${Math.floor(random() * CONTAINERS)}` }),
      () => container.pause(),
      () => container.unpause(),
      () => network.connect({ Container: name, EndpointConfig: { Aliases: [`b-${name}`] } }),
      () => network.disconnect({ Container: name }),
    ];
    await pick(calls)?.().catch(() => undefined);
  }

  /** No event for a second, and nothing under way. */
  async function settled(): Promise<void> {
    for (let quiet = 0, seen = -1; quiet < 5; ) {
      await delay(200);
      quiet = seen === sink.changes.length && sink.touches.size === 0 ? quiet + 1 : 0;
      seen = sink.changes.length;
    }
  }

  /** Names, aliases and addresses of running containers: the engine's own word against what was told. */
  async function differences(): Promise<string[]> {
    const truth = new Map<string, string>();
    for (const { Id } of await engine.api.listContainers({ all: true })) {
      const { Name, State, NetworkSettings } = await engine.api.getContainer(Id).inspect();
      if (!State.Running || State.Restarting) continue;
      const networks = Object.values(NetworkSettings.Networks);
      const addresses = networks.map((at) => at.IPAddress).filter((at) => at !== '');
      const aliases = networks.flatMap((at): string[] => at.Aliases ?? []);
      const names = new Set([Name.slice(1), ...aliases.filter((at) => !Id.startsWith(at))]);
      truth.set(Id, `${[...names].sort()} ${addresses.sort()}`);
    }
    const told = new Map<string, string>();
    for (const owner of sink.owners.values()) {
      const names = [...new Set(owner.claims.map((claim) => claim.name))].sort();
      const addresses = owner.addresses.map((at) => at.address).sort();
      told.set(owner.id.slice('local/'.length), `${names} ${addresses}`);
    }
    const ids = new Set([...truth.keys(), ...told.keys()]);
    return [...ids]
      .filter((id) => truth.get(id) !== told.get(id))
      .map((id) => `${id.slice(0, 12)}: ${told.get(id)} instead of ${truth.get(id)}`);
  }
});
