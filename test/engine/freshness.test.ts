/** The promise of freshness on a real engine: the first query after a call returned is right, every time. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ask } from '../support/ask.ts';
import { engineAvailable, startEngine, type TestEngine } from '../support/engine.ts';
import { Homeport } from '../support/homeport.ts';

const CONTAINERS = 45;
const REMOVALS = 20;
const EVENT_ON_ITS_WAY_MS = 20;
const REGION = 'us-east-1.domain.com';

describe('freshness on a real engine', { skip: engineAvailable() ?? false }, () => {
  let engine: TestEngine;
  let server: Homeport;

  before(async () => {
    engine = await startEngine({ name: 'freshness' });
    await engine.importBusybox();
    await engine.docker('network', 'create', 'backend');
    server = await Homeport.start({
      config: { region: REGION, engines: [{ name: 'local', url: engine.url }] },
    });
  });
  after(async () => {
    await server?.stop();
    await engine?.stop();
  });

  /** The address as the engine says it, of the only network that the container is on. */
  async function addressOf(id: string): Promise<string> {
    const { NetworkSettings } = await engine.api.getContainer(id).inspect();
    return Object.values(NetworkSettings.Networks)[0]?.IPAddress ?? '';
  }

  /** How the queries' names are spelled: as applications do, and as libc asks. */
  const spellings = [(name: string) => name, (name: string) => `${name}.${REGION}`] as const;

  for (const network of ['bridge', 'backend']) {
    it(`answers the first query after start returned, ${CONTAINERS} times on ${network}`, async () => {
      const wrong: string[] = [];
      for (let i = 0; i < CONTAINERS; i++) {
        const name = `fresh-${network}-${i}`;
        const container = await engine.api.createContainer({
          name,
          Image: 'bb',
          HostConfig: { NetworkMode: network },
        });
        await container.start();
        const asked = spellings[i % 2]?.(name) ?? name;
        const reply = await ask(server.port, asked);
        const want = `${asked}. 0 IN A ${await addressOf(container.id)}`;
        if (reply.answers[0] !== want)
          wrong.push(`${reply.rcode} ${reply.answers.join()} instead of ${want}`);
        if (i % 10 !== 0) await container.remove({ force: true });
      }
      assert.deepEqual(wrong, []);
    });
  }

  it('answers an alias and a Compose service with the first query too', async () => {
    const wrong: string[] = [];
    for (let i = 0; i < 20; i++) {
      const container = await engine.api.createContainer({
        name: `project-${i}-db-1`,
        Image: 'bb',
        Labels: {
          'com.docker.compose.project': `project-${i}`,
          'com.docker.compose.service': `service-${i}`,
        },
        HostConfig: { NetworkMode: 'backend' },
        NetworkingConfig: { EndpointsConfig: { backend: { Aliases: [`alias-${i}`] } } },
      });
      await container.start();
      const names = [`alias-${i}`, `service-${i}`, `service-${i}.project-${i}`];
      const replies = await Promise.all(names.map((name) => ask(server.port, name)));
      const address = await addressOf(container.id);
      replies.forEach((reply, at) => {
        if (!reply.answers[0]?.endsWith(` ${address}`))
          wrong.push(`${names[at]}: ${reply.rcode} ${reply.answers.join()}`);
      });
      await container.remove({ force: true });
    }
    assert.deepEqual(wrong, []);
  });

  const removals = [
    { name: 'stop', remove: (id: string) => engine.api.getContainer(id).stop({ t: 1 }) },
    { name: 'kill', remove: (id: string) => engine.api.getContainer(id).kill() },
    { name: 'rm -f', remove: (id: string) => engine.api.getContainer(id).remove({ force: true }) },
  ];
  for (const { name: how, remove } of removals) {
    it(`never gives the dead address after ${how} returned, ${REMOVALS} times`, async () => {
      const wrong: string[] = [];
      for (let i = 0; i < REMOVALS; i++) {
        const name = `gone-${i}-${how.replaceAll(/[^a-z]/g, '')}`;
        const container = await engine.api.createContainer({ name, Image: 'bb' });
        await container.start();
        const address = await addressOf(container.id);
        assert.deepEqual((await ask(server.port, name)).answers, [`${name}. 0 IN A ${address}`]);
        await remove(container.id);
        const reply = await ask(server.port, name);
        if (reply.rcode !== 'NXDOMAIN')
          wrong.push(`${name}: ${reply.rcode} ${reply.answers.join()}`);
        await container.remove({ force: true }).catch(() => undefined);
      }
      assert.deepEqual(wrong, []);
    });
  }

  it('answers the first query after docker run -d of the command line', async () => {
    for (let i = 0; i < 10; i++) {
      const id = await engine.run(`cli-${i}`);
      const reply = await ask(server.port, `cli-${i}`);
      assert.deepEqual(reply.answers, [`cli-${i}. 0 IN A ${await addressOf(id)}`]);
    }
  });

  it('is right after a rename, a restart, a connect and a disconnect', async () => {
    const id = await engine.run('mover');
    const container = engine.api.getContainer(id);
    await container.rename({ name: 'moved' });
    assert.deepEqual((await ask(server.port, 'moved')).answers, [
      `moved. 0 IN A ${await addressOf(id)}`,
    ]);
    assert.equal((await ask(server.port, 'mover')).rcode, 'NXDOMAIN');
    await container.restart({ t: 0 });
    assert.deepEqual((await ask(server.port, 'moved')).answers, [
      `moved. 0 IN A ${await addressOf(id)}`,
    ]);
    const backend = engine.api.getNetwork('backend');
    await backend.connect({ Container: id, EndpointConfig: { Aliases: ['second-face'] } });
    assert.equal((await ask(server.port, 'second-face')).answers.length, 1);
    await backend.disconnect({ Container: id });
    // The only event of a disconnect leaves the engine together with the reply, and may come just after it.
    await delay(EVENT_ON_ITS_WAY_MS);
    assert.equal((await ask(server.port, 'second-face')).rcode, 'NXDOMAIN');
  });

  it('does not count a name as lost that nobody ever owned', async () => {
    const status = await server.run('status', '--json');
    assert.equal(JSON.parse(status.stdout).counters.failed, 0);
  });
});
