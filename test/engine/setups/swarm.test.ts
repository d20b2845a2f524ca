/** A swarm of two engines: services looked up on a manager, on a worker, and on their networks. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';
import { output } from '../../support/engine/run.ts';
import { engineAvailable, startEngine, type TestEngine } from '../../support/engine.ts';
import { Homeport } from '../../support/homeport.ts';
import { PRODUCTION, REGION } from '../scene.ts';
import { itDoesWhatThePageSays } from './support/page.ts';
import { EXAMPLES, FOR_CONTAINERS, IMAGE, Setup } from './support/setup.ts';

const NAME = 'swarm';
const MANAGER = '10.99.0.1';
const WORKER = '10.99.0.2';
const PATIENCE_MS = 30_000;

/** A second engine, in a network namespace of its own, with a wire to the first one's. */
async function startWorker(manager: TestEngine): Promise<TestEngine> {
  const worker = await startEngine({
    name: 'swarm-worker',
    args: ['--dns', FOR_CONTAINERS, '--dns-search', REGION],
  });
  const peer = ['peer', 'name', 'wire0', 'netns', String(worker.pid1)];
  await manager.inNamespace(['ip', 'link', 'add', 'wire0', 'type', 'veth', ...peer]);
  for (const [engine, address] of [
    [manager, MANAGER],
    [worker, WORKER],
  ] as const) {
    await engine.inNamespace(['ip', 'address', 'add', `${address}/24`, 'dev', 'wire0']);
    await engine.inNamespace(['ip', 'link', 'set', 'wire0', 'up']);
  }
  await worker.inNamespace(['ip', 'address', 'add', `${FOR_CONTAINERS}/32`, 'dev', 'lo']);
  const env = { ...process.env, DOCKER_HOST: worker.url };
  await output(['sh', join(EXAMPLES, 'image.sh'), IMAGE], { env });
  return worker;
}

async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`);
    await delay(100);
  }
}

describe('a swarm of two hosts', { skip: engineAvailable() ?? false }, () => {
  let setup: Setup;
  let worker: TestEngine;

  before(async () => {
    setup = await Setup.start({
      name: NAME,
      production: { [`web.${REGION}`]: '10.66.6.6', [`redis.${REGION}`]: '10.66.6.6' },
    });
    worker = await startWorker(setup.engine);
    await setup.engine.docker('swarm', 'init', '--advertise-addr', MANAGER);
    const token = await setup.engine.docker('swarm', 'join-token', '-q', 'worker');
    const join = ['--token', token, '--advertise-addr', WORKER, `${MANAGER}:2377`];
    await worker.docker('swarm', 'join', ...join);
  });
  after(async () => {
    assert.deepEqual(setup?.production.leaks(['web', 'redis', 'cache', 'shop', 'api']), []);
    await worker?.stop();
    await setup?.stop();
  });

  itDoesWhatThePageSays(join(EXAMPLES, NAME), () => setup);

  const nodes = async (name: string) => [...(await setup.lookUp(name))].sort();

  it('loses no connection that is made by name during a rolling update', async () => {
    await setup.sh(
      `docker service create -d -q --no-resolve-image --name api --replicas 2 --network backend \
        --endpoint-mode dnsrr --publish mode=host,target=8080,published=9090 \
        --update-parallelism 1 --update-monitor 1s --health-cmd 'connect 127.0.0.1 8080' \
        --health-interval 300ms ${IMAGE} answer 8080 old`,
    );
    await until('two nodes', async () => (await nodes('api')).length === 2);
    const said = await setup.shell(
      `docker service update -d -q --no-resolve-image --args '8080 new' --entrypoint answer api >/dev/null
       until [ "$(docker service inspect api --format '{{.UpdateStatus.State}}')" = completed ]; do
         connect api 9090 || echo refused
       done
       for i in 1 2 3 4; do connect api 9090 || echo refused; done`,
    );
    const lines = said.stdout.trim().split('\n');
    assert.deepEqual([...new Set(lines)].sort(), ['new', 'old'], said.stdout);
    assert.deepEqual(lines.slice(-4), ['new', 'new', 'new', 'new']);
    assert.deepEqual(await nodes('api'), [MANAGER, WORKER]);
  });

  it('gives a client on a worker the tasks of both hosts, by a manager’s word', async (test) => {
    const page = parse(readFileSync(join(EXAMPLES, NAME, 'worker.yaml'), 'utf8'));
    const urls: Readonly<Record<string, string>> = {
      local: worker.url,
      // In the place of ssh, of which this machine has no server.
      swarm: setup.engine.url,
    };
    const engines = page.engines.map((at: { readonly name: string }) => ({
      ...at,
      url: urls[at.name],
    }));
    const server = await Homeport.start({
      config: { ...page, engines, upstreams: [PRODUCTION] },
      wrap: (argv) => worker.namespaceArgv(argv),
    });
    test.after(() => server.stop());
    await worker.docker('run', '-d', '--name', 'client', '--network', 'backend', IMAGE);
    const inClient = (...argv: string[]) => worker.docker('exec', 'client', ...argv);
    const tasks = await setup.engine.docker('inspect', ...(await taskIds('api')));
    const addresses = JSON.parse(tasks).flatMap(
      (task: { NetworksAttachments: { Addresses: string[] }[] }) =>
        task.NetworksAttachments.flatMap((at) => at.Addresses.map((text) => text.split('/')[0])),
    );
    // The server is as new as the client; it need not know it at its first question.
    await until('the tasks on the shared network', async () => {
      const said = await inClient('getent', 'ahostsv4', `api.${REGION}`);
      return isDeepStrictEqual([...new Set(said.match(/^\S+/gm))].sort(), addresses.sort());
    });
    assert.equal(await inClient('connect', `api.${REGION}`, '8080'), 'new');
    const asHost = await worker.inNamespace(['dig', '+short', '@127.0.0.1', `api.${REGION}`]);
    assert.deepEqual(asHost.trim().split('\n').sort(), [MANAGER, WORKER]);
  });

  const taskIds = async (service: string): Promise<string[]> =>
    (
      await setup.engine.docker('service', 'ps', '-q', '-f', 'desired-state=running', service)
    ).split('\n');

  it('leaves out a task of this host at once when its container dies', async () => {
    const container = await setup.engine.docker('ps', '-q', '-f', 'name=api.');
    await setup.engine.docker('kill', container);
    assert.deepEqual(await nodes('api'), [WORKER]);
  });

  it('leaves out a task that crashed on the other host, of which this engine sends no event', async () => {
    assert.ok((await nodes('api')).includes(WORKER));
    await worker.docker('kill', await worker.docker('ps', '-q', '-f', 'name=api.'));
    await until('the worker gone', async () => !(await nodes('api')).includes(WORKER));
  });

  it('forgets the services of a swarm that the engine has left', async () => {
    await setup.engine.docker('swarm', 'leave', '--force');
    await until('nothing left', async () => (await nodes('api')).length === 0);
    const { stdout } = await setup.server.run('names', '--json');
    assert.doesNotMatch(stdout, /"kind":"service"/);
  });
});
