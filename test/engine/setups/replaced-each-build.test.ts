/** Each build's container takes over the name of the last one's, under load: no connection fails. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { REGION } from '../scene.ts';
import { Load } from './support/load.ts';
import { itDoesWhatThePageSays } from './support/page.ts';
import { EXAMPLES, IMAGE, Setup, unavailable } from './support/setup.ts';

const NAME = 'replaced-each-build';
const ENDING = 'ended-build';
const NAMES = ['application', 'frontend', 'worker', ENDING];
const PORT = 8080;
/** Renames start nothing, so most switches can be of that kind. */
const SWITCHES = { rename: 80, label: 10, compose: 10 };
/** What a shell takes to start the second `docker rename`, at the least. */
const BETWEEN_RENAMES_MS = 25;
/** An event that leaves the engine together with the call's reply may take as long, and a loaded machine longer. */
const EVENT_ON_ITS_WAY_MS = 50;

describe('an application that is replaced at each build', {
  skip: unavailable('docker-compose') ?? false,
}, () => {
  let setup: Setup;

  before(async () => {
    setup = await Setup.start({
      name: NAME,
      production: Object.fromEntries(NAMES.map((name) => [`${name}.${REGION}`, '10.66.6.6'])),
    });
    await setup.sh('docker network create backend');
  });
  after(async () => {
    assert.deepEqual(setup?.production.leaks(NAMES), []);
    await setup?.stop();
  });

  itDoesWhatThePageSays(join(EXAMPLES, NAME), () => setup);

  /** Starts a build that tells its number. */
  async function start(
    build: string,
    network: string,
    labels: Readonly<Record<string, string>>,
  ): Promise<string> {
    const container = await setup.engine.api.createContainer({
      name: build,
      Image: IMAGE,
      Cmd: ['answer', String(PORT), build],
      Labels: { ...labels },
      HostConfig: { NetworkMode: network },
    });
    await container.start();
    return container.id;
  }

  const remove = (id: string) => setup.engine.api.getContainer(id).remove({ force: true });

  /** Clients on the host and in a container of the network, until all switches are done: all must succeed. */
  async function underLoad(
    name: string,
    network: string,
    switches: (load: Load) => Promise<void>,
  ): Promise<string> {
    const client = `client-of-${name}`;
    await setup.engine.run(client, { image: IMAGE, args: ['--network', network] });
    const load = new Load(setup, name, PORT, [null, null, client]);
    try {
      await load.allAre((told) => told !== '');
      await switches(load);
    } finally {
      await load.stop();
    }
    assert.deepEqual(load.failures, []);
    await setup.engine.docker('rm', '-f', client);
    return `${load.connections} connections, 0 failed`;
  }

  it(`loses no connection in ${SWITCHES.label} switches by label`, async (test) => {
    const labels = { 'homeport.names': 'by-label', 'homeport.ready': `tcp:${PORT}` };
    let old = await start('label-0', 'backend', labels);
    const made = await underLoad('by-label', 'backend', async (load) => {
      for (let i = 1; i <= SWITCHES.label; i++) {
        const next = await start(`label-${i}`, 'backend', labels);
        await load.allAre((told) => told === `label-${i}`);
        await remove(old);
        old = next;
      }
    });
    test.diagnostic(made);
  });

  it(`loses no connection in ${SWITCHES.compose} switches by the same Compose service`, async (test) => {
    // As Compose labels the containers of a service with `network_mode: bridge`.
    const labels = (i: number) => ({
      'com.docker.compose.project': `compose-${i}`,
      'com.docker.compose.service': 'by-service',
      'com.docker.compose.container-number': '1',
      'com.docker.compose.oneoff': 'False',
      'homeport.ready': `tcp:${PORT}`,
    });
    let old = await start('compose-0', 'bridge', labels(0));
    const made = await underLoad('by-service', 'bridge', async (load) => {
      for (let i = 1; i <= SWITCHES.compose; i++) {
        const next = await start(`compose-${i}`, 'bridge', labels(i));
        await load.allAre((told) => told === `compose-${i}`);
        await remove(old);
        old = next;
      }
    });
    test.diagnostic(made);
  });

  it(`loses no connection in ${SWITCHES.rename} switches by rename`, async (test) => {
    const ids = [
      await start('rename-0', 'backend', {}),
      await start('rename-1', 'backend', {}),
    ] as const;
    const [first, second] = ids.map((id) => setup.engine.api.getContainer(id));
    assert.ok(first !== undefined && second !== undefined);
    await first.rename({ name: 'by-rename' });
    const made = await underLoad('by-rename', 'backend', async (load) => {
      for (let i = 1; i <= SWITCHES.rename; i++) {
        const isEven = i % 2 === 0;
        const [old, next] = isEven ? [second, first] : [first, second];
        await old.rename({ name: `replaced-${i}` });
        await delay(BETWEEN_RENAMES_MS);
        await next.rename({ name: 'by-rename' });
        await load.allAre((told) => told === (isEven ? 'rename-0' : 'rename-1'));
      }
    });
    test.diagnostic(made);
  });

  it('gives neither a dead address nor production’s while one build has ended and the next has not begun', async () => {
    const { engine } = setup;
    const id = await start(ENDING, 'backend', {});
    const [address = ''] = await setup.lookUp(ENDING);
    const begun = join(engine.directory, 'sampling-has-begun');
    const end = join(engine.directory, 'end-of-sampling');
    const since = Date.now() / 1000;
    const samples = setup.sh(
      `while [ ! -e ${end} ]; do echo "$(date +%s%N) $(getent hosts ${ENDING})"; touch ${begun}; done`,
    );
    await setup.sh(`until [ -e ${begun} ]; do sleep 0.02; done`);
    await engine.api.getContainer(id).stop({ t: 5 });
    const afterwards = await setup.lookUp(ENDING);
    await setup.sh(`touch ${end}`);
    assert.deepEqual(afterwards, []);
    const filters = `--since ${since} --until ${Date.now() / 1000} --filter event=die`;
    const died = await setup.sh(`docker events ${filters} --format '{{.TimeNano}}'`);
    const lines = (await samples).split('\n');
    const dead = lines.filter((line) => {
      const afterMs = (Number(line.split(' ')[0]) - Number(died)) / 1e6;
      return afterMs > EVENT_ON_ITS_WAY_MS && line.includes(address);
    });
    assert.deepEqual(dead, []);
    assert.ok(address !== '' && lines.some((line) => line.includes(address)), lines.join());
  });
});
