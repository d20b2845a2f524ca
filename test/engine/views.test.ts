/** Who asks decides: two Compose projects of one definition, and two networks of one name, asked from inside each and from the host. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { output } from '../support/engine/run.ts';
import { engineAvailable, startEngine, type TestEngine } from '../support/engine.ts';
import type { Homeport } from '../support/homeport.ts';
import { addressesIn, addressOf, inContainer, Production, REGION, startBeside } from './scene.ts';

const GATEWAY = '172.17.0.1';
/** What production has under each of these names: nobody may ever be told. */
const GUARDED = ['web', 'db', 'api', 'cache'];
const PROJECTS = ['alpha', 'beta'] as const;
type Project = (typeof PROJECTS)[number];

/** `api` is healthy as long as it has a file. */
const COMPOSE = `
services:
  web: &service
    image: glibc
    dns: ${GATEWAY}
  db: *service
  api:
    <<: *service
    healthcheck: { test: [CMD, test, -e, /healthy], interval: 200ms, retries: 1 }
`;

interface Named {
  readonly name: string;
  readonly collision: boolean;
  readonly groups: readonly { readonly project: string }[];
}

describe('views', { skip: engineAvailable() ?? withoutCompose() ?? false }, () => {
  let engine: TestEngine;
  let production: Production;
  let server: Homeport;
  let file: string;

  before(async () => {
    engine = await startEngine({ name: 'views', args: ['--dns', GATEWAY] });
    await Promise.all([engine.importBusybox(), engine.importGlibc()]);
    file = join(engine.directory, 'docker-compose.yml');
    writeFileSync(file, COMPOSE);
    production = await Production.start(
      engine,
      Object.fromEntries(GUARDED.map((name) => [`${name}.${REGION}`, '10.66.6.6'])),
    );
    server = await startBeside(engine);
    // One after the other: the newest is known.
    for (const project of PROJECTS) await compose(project, 'up', '-d');
  });
  after(async () => {
    assert.deepEqual(production?.leaks(GUARDED), []);
    await server?.stop();
    await production?.stop();
    await engine?.stop();
  });

  const compose = (project: Project, ...words: readonly string[]) =>
    output(['docker-compose', '-f', file, '-p', project, ...words], {
      env: { ...process.env, DOCKER_HOST: engine.url },
    });
  const place = (project: Project, service: string, number = 1) =>
    addressOf(engine, `${project}_${service}_${number}`, `${project}_default`);
  /** Through Docker's own resolver, which does not know names under the region. */
  const asked = async (container: string, name: string) =>
    addressesIn(await inContainer(engine, container, 'getent', 'ahostsv4', `${name}.${REGION}`));
  const onHost = async (name: string) => {
    const dig = ['dig', '@127.0.0.1', '+short', '+tries=1', name];
    return (await engine.inNamespace(dig)).trim().split('\n').sort();
  };
  const explained = async (name: string, container: string, network: string) => {
    const from = await addressOf(engine, container, network);
    return (await server.run('explain', name, '--from', from)).stdout;
  };
  const listed = async (): Promise<ReadonlyMap<string, Named>> => {
    const { stdout } = await server.run('names', '--json');
    const { names }: { names: readonly Named[] } = JSON.parse(stdout);
    return new Map(names.map((at) => [at.name, at]));
  };
  const until = async <T>(wanted: T, look: () => Promise<T>): Promise<void> => {
    const deadline = performance.now() + 20_000;
    for (let found = await look(); ; found = await look()) {
      if (JSON.stringify(found) === JSON.stringify(wanted)) return;
      if (performance.now() > deadline) assert.deepEqual(found, wanted);
    }
  };

  describe('two Compose projects of one definition', () => {
    it('have each their own: a container is given its project’s', async () => {
      for (const project of PROJECTS) {
        for (const service of ['db', 'web']) {
          const own = [await place(project, service)];
          assert.deepEqual(await asked(`${project}_web_1`, service), own, `${service} ${project}`);
        }
      }
    });

    it('collide for the host, which is given the newest, and the list says so', async () => {
      assert.deepEqual(await onHost('db'), [await place('beta', 'db')]);
      const list = await listed();
      assert.equal(list.get('db')?.collision, true);
      assert.deepEqual(
        list
          .get('db')
          ?.groups.map(({ project }) => project)
          .sort(),
        [...PROJECTS],
      );
      for (const project of PROJECTS) assert.equal(list.get(`db.${project}`)?.collision, false);
    });

    it('are told apart by service.project, from everywhere', async () => {
      for (const project of PROJECTS) {
        const own = [await place(project, 'db')];
        assert.deepEqual(await onHost(`db.${project}`), own);
        assert.deepEqual(await onHost(`db.${project}.${REGION}`), own);
        assert.deepEqual(await asked(`${project}_web_1`, `db.${project}`), own);
      }
    });

    it('do not reach each other: no address, and what would mend it', async () => {
      assert.deepEqual(await asked('alpha_web_1', 'db.beta'), []);
      const said = await explained('db.beta', 'alpha_web_1', 'alpha_default');
      assert.match(said, /docker network connect beta_default alpha_web_1/);
    });

    it('give a container of neither what it reaches once it is on a network', async () => {
      await engine.run('stranger', { image: 'glibc' });
      assert.deepEqual(await asked('stranger', 'db'), []);
      for (const project of PROJECTS) {
        await engine.docker('network', 'connect', `${project}_default`, 'stranger');
        assert.deepEqual(await asked('stranger', 'db'), [await place(project, 'db')], project);
        await engine.docker('network', 'disconnect', `${project}_default`, 'stranger');
      }
    });
  });

  describe('readiness', () => {
    const healthy = (project: Project, number = 1) =>
      engine.docker('exec', `${project}_api_${number}`, 'touch', '/healthy');
    const ill = (project: Project) => engine.docker('exec', `${project}_api_1`, 'rm', '/healthy');

    it('keeps a name with the ready group until its newer one is ready too', async () => {
      await healthy('alpha');
      const [older, newer] = [await place('alpha', 'api'), await place('beta', 'api')];
      await until([older], () => onHost('api'));
      await healthy('beta');
      await until([newer], () => onHost('api'));
      await ill('beta');
      await until([older], () => onHost('api'));
    });

    it('matters less than the client’s own project', async () => {
      assert.deepEqual(await asked('beta_web_1', 'api'), [await place('beta', 'api')]);
      const said = await explained('api', 'beta_web_1', 'beta_default');
      assert.match(said, /beta_api_1 .*unhealthy/);
    });

    it('leaves out the replicas that are not ready, as long as one is', async () => {
      await compose('alpha', 'up', '-d', '--scale', 'api=2');
      const first = await place('alpha', 'api');
      assert.deepEqual(await asked('alpha_web_1', 'api'), [first]);
      await healthy('alpha', 2);
      const both = [first, await place('alpha', 'api', 2)].sort();
      await until(both, async () => [...(await asked('alpha_web_1', 'api'))].sort());
      assert.deepEqual(await onHost('api.alpha'), both);
    });
  });

  describe('a project whose container is gone', () => {
    it('is refused the name, never given another project’s', async () => {
      const other = await place('beta', 'db');
      await engine.docker('rm', '-f', 'alpha_db_1');
      assert.deepEqual(await asked('alpha_web_1', 'db'), []);
      assert.deepEqual(await onHost('db'), [other]);
      assert.deepEqual(await asked('beta_web_1', 'db'), [other]);
    });

    it('has it again with its container, though the other is newer', async () => {
      await compose('alpha', 'up', '-d', '--scale', 'api=2');
      assert.deepEqual(await asked('alpha_web_1', 'db'), [await place('alpha', 'db')]);
    });
  });

  describe('two networks of one name', () => {
    it('are two: an alias gives the container on the client’s own', async (t) => {
      for (const project of PROJECTS) {
        const twin = await engine.api
          .createNetwork({ Name: 'twin', CheckDuplicate: false })
          .catch(() => undefined);
        // Engines since 25 refuse a second network of one name.
        if (twin === undefined) return t.skip('this engine has no two networks of one name');
        for (const [role, Aliases] of [
          ['cache', ['cache']],
          ['asker', []],
        ] as const) {
          const Container = await engine.run(`${project}-${role}`, { image: 'glibc' });
          // Nothing starts on a network of an ambiguous name; what runs joins it by its id.
          await twin.connect({ Container, EndpointConfig: { Aliases: [...Aliases] } });
        }
      }
      for (const project of PROJECTS) {
        const own = await addressOf(engine, `${project}-cache`, 'twin');
        assert.deepEqual(await asked(`${project}-asker`, 'cache'), [own], project);
      }
    });
  });

  describe('a container on several networks', () => {
    it('is given at its address on the network that the client shares', async () => {
      await engine.docker('network', 'create', 'front');
      await engine.docker('network', 'create', 'back');
      await engine.run('between', { args: ['--network', 'front'] });
      await engine.docker('network', 'connect', 'back', 'between');
      for (const network of ['front', 'back']) {
        await engine.run(`on-${network}`, { image: 'glibc', args: ['--network', network] });
        const shared = await addressOf(engine, 'between', network);
        assert.deepEqual(await asked(`on-${network}`, 'between'), [shared]);
      }
    });
  });
});

/** Why no Compose project can be started; null where one can. */
function withoutCompose(): string | null {
  if (process.env.HOMEPORT_REQUIRE_ENGINE === '1') return null;
  const folders = (process.env.PATH ?? '').split(':');
  const isHere = folders.some((folder) => existsSync(join(folder, 'docker-compose')));
  return isHere ? null : 'two Compose projects need docker-compose';
}
