/** The running server when things break: the engine absent, killed, frozen, its stream cut or silent; homeport killed; upstreams dead, slow or mad. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { numbersFrom } from '../listen/hostile-messages.ts';
import { ask } from '../support/ask.ts';
import { SocketProxy } from '../support/engine/proxy.ts';
import { engineAvailable, startEngine, type TestEngine } from '../support/engine.ts';
import {
  answer,
  FakeUpstream,
  late,
  message,
  type Script,
  silence,
} from '../support/fake-upstream.ts';
import { Homeport } from '../support/homeport.ts';

const REGION = 'us-east-1.domain.com';
const PRODUCTION = '10.66.6.6';
const OPERATIONS = 200;
const AT_ONCE = 4;
const SEED = 7;
/** Events at a stream's very begin prove nothing: it may not have been open yet. */
const STREAM_IS_TRUSTED_MS = 2_000;
/** The names that the random operations work on. */
const NAMES = Array.from({ length: 14 }, (_, i) => `random-${i}`);

/** As long as a reply, and none. */
const RUBBISH = Buffer.alloc(60, 0xa5);
const production: Script = (asked) => answer(`${asked.name}. 60 IN A ${PRODUCTION}`)(asked);
/** Domains with a name server of their own, and how it answers. */
const BAD_UPSTREAMS: Readonly<
  Record<string, { readonly script: Script; readonly want: 'NOERROR' | 'SERVFAIL' }>
> = {
  'dead.example': { script: silence, want: 'SERVFAIL' },
  'slow.example': { script: late(700, production), want: 'NOERROR' },
  'mad.example': { script: () => [RUBBISH], want: 'SERVFAIL' },
  'madder.example': { script: message(RUBBISH), want: 'SERVFAIL' },
};

/** Asks until the answer is right, or fails with the last one. */
async function eventually<T>(
  what: string,
  look: () => Promise<T>,
  isRight: (found: T) => boolean,
  timeoutMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (isRight(found)) return found;
    if (performance.now() > deadline) assert.fail(`${what}: ${JSON.stringify(found)}`);
    await delay(50);
  }
}

describe('faults', { skip: engineAvailable() ?? false }, () => {
  let engine: TestEngine;
  let proxy: SocketProxy;
  let upstream: FakeUpstream;
  const badUpstreams: FakeUpstream[] = [];
  let server: Homeport;
  /** Of the process that runs now. */
  let port: number;
  let second: ChildProcess | undefined;

  before(async () => {
    engine = await startEngine({ name: 'faults' });
    await engine.importBusybox();
    await engine.docker('network', 'create', 'backend');
    upstream = await FakeUpstream.start();
    upstream.otherwise(production);
    const servers: { domain: string; servers: string[] }[] = [];
    for (const [domain, { script }] of Object.entries(BAD_UPSTREAMS)) {
      const bad = await FakeUpstream.start();
      bad.otherwise(script);
      badUpstreams.push(bad);
      servers.push({ domain, servers: [bad.url] });
    }
    proxy = new SocketProxy(join(engine.directory, 'proxy.sock'), engine.socket);
    // Nothing listens on the proxy's path yet: the engine is absent.
    server = await Homeport.start({
      config: {
        region: REGION,
        upstreams: [upstream.url, ...servers],
        engines: [{ name: 'local', url: proxy.url }],
        expected: { names: ['mongodb-1'] },
        records: { fixed: '10.0.0.1' },
      },
    });
    port = server.port;
  });
  after(async () => {
    if (second !== undefined) await ended(second);
    await server?.stop();
    await proxy?.close();
    for (const each of [upstream, ...badUpstreams]) await each?.stop();
    await engine?.stop();
  });

  const lookUp = (name: string) => ask(port, name, 'A', { edns: 1232 });
  const addressesOf = async (name: string) =>
    (await lookUp(name)).answers.map((line) => line.split(' ').at(-1) ?? '');
  const addressOn = async (name: string, network = 'bridge') => {
    const { NetworkSettings } = await engine.api.getContainer(name).inspect();
    return NetworkSettings.Networks[network]?.IPAddress ?? '';
  };

  describe('an engine that is absent at the start', () => {
    it('is waited for, said once, and everything else is served', async () => {
      assert.deepEqual(await addressesOf('fixed'), ['10.0.0.1']);
      assert.deepEqual((await addressesOf('billing')).at(-1), PRODUCTION);
      assert.equal((await lookUp('mongodb-1')).rcode, 'NXDOMAIN');
      const waits = server.lines.filter(
        ({ msg, room }) => room === 'docker' && String(msg).startsWith('waiting for the engine'),
      );
      assert.ok(waits.length >= 1 && waits.length <= 2, JSON.stringify(waits));
      const { stdout } = await server.run('status');
      assert.match(stdout, /local connecting, 0 containers: .*does not exist; is Docker running/);
    });

    it('is served as soon as it is there', async () => {
      await engine.run('mongodb-1');
      await proxy.listen();
      const address = await addressOn('mongodb-1');
      await eventually(
        'the expected name',
        () => addressesOf('mongodb-1'),
        ([first]) => first === address,
      );
      assert.equal(upstream.countOf(`mongodb-1.${REGION}`), 0);
    });
  });

  describe('upstreams that are dead, slow or mad, all at once', () => {
    it('delay no answer that homeport has itself, and whoever asks them is told in time', async () => {
      const others = Promise.all(
        Object.keys(BAD_UPSTREAMS).flatMap((domain) =>
          Array.from({ length: 10 }, async (_, i) => {
            const { rcode } = await lookUp(`n${i}.${domain}`);
            return `${domain} ${rcode}`;
          }),
        ),
      );
      const began = performance.now();
      for (let i = 0; i < 50; i++) assert.equal((await addressesOf('mongodb-1')).length, 1);
      assert.ok(performance.now() - began < 1_500);
      const wanted = Object.entries(BAD_UPSTREAMS).map(([domain, { want }]) => `${domain} ${want}`);
      assert.deepEqual([...new Set(await others)], wanted);
    });

    it('are used again as soon as they are well', async () => {
      for (const bad of badUpstreams) bad.otherwise(production);
      for (const domain of Object.keys(BAD_UPSTREAMS)) {
        assert.deepEqual(await addressesOf(`again.${domain}`), [PRODUCTION]);
      }
    });
  });

  describe('an event stream that is cut', () => {
    it('comes back at once, and nothing that happened meanwhile is missed', async () => {
      await engine.run('cut-before');
      assert.equal((await addressesOf('cut-before')).length, 1);
      await proxy.close();
      const id = await engine.run('cut-meanwhile');
      await engine.docker('rm', '-f', 'cut-before');
      await proxy.listen();
      await eventually(
        'a container started while the stream was cut',
        () => addressesOf('cut-meanwhile'),
        (found) => found.length === 1,
        5_000,
      );
      assert.deepEqual(await addressesOf('cut-meanwhile'), [await addressOn(id)]);
      assert.equal((await lookUp('cut-before')).rcode, 'NXDOMAIN');
    });

    it('does not send a name to production whose container came and died meanwhile', async () => {
      await proxy.close();
      await engine.run('came-and-died');
      await engine.docker('kill', 'came-and-died');
      await engine.run('still-there');
      await proxy.listen();
      await eventually(
        'the other container',
        () => addressesOf('still-there'),
        (found) => found.length === 1 && found[0] !== PRODUCTION,
        5_000,
      );
      const { rcode, errors } = await lookUp('came-and-died');
      assert.equal(rcode, 'NXDOMAIN');
      assert.match(errors.join(), /^15 came-and-died was owned by/);
    });
  });

  describe('an event stream that has gone silent without a sign', () => {
    it('is noticed within 15 s, and what it missed is made up for', async () => {
      await engine.run('doomed');
      assert.equal((await addressesOf('doomed')).length, 1);
      await delay(STREAM_IS_TRUSTED_MS);
      proxy.silence();
      await engine.docker('rm', '-f', 'doomed');
      const id = await engine.run('born-in-silence');
      await eventually(
        'a container removed in silence',
        () => addressesOf('doomed'),
        (found) => found.length === 0,
        15_000,
      );
      assert.equal((await lookUp('doomed')).rcode, 'NXDOMAIN');
      assert.deepEqual(await addressesOf('born-in-silence'), [await addressOn(id)]);
    });
  });

  describe(`${OPERATIONS} random operations, the stream cut and silenced all along`, () => {
    it('end with every answer as a fresh list of the engine has it', async () => {
      const random = numbersFrom(SEED);
      /** Whether somebody works on it: the API answers 409 to two at once. */
      const busy = new Set<string>();
      let done = 0;
      // Each is owned once, in plain sight: from then on none of them may be production's.
      const make = async () => {
        for (let name = NAMES[done++]; name !== undefined; name = NAMES[done++]) {
          await engine.run(name);
          assert.equal((await addressesOf(name)).length, 1);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, make));
      const operate = async () => {
        while (done < OPERATIONS) {
          const free = NAMES.filter((name) => !busy.has(name));
          const name = free[random(free.length)] ?? '';
          done++;
          busy.add(name);
          await oneOperation(engine, name, random).catch(() => undefined);
          busy.delete(name);
        }
      };
      let isOver = false;
      const wrong: string[] = [];
      /** Meanwhile nobody waits long, whatever the answer. */
      const asking = (async () => {
        while (!isOver) {
          const began = performance.now();
          await lookUp(NAMES[random(NAMES.length)] ?? '').catch((error) =>
            wrong.push(String(error)),
          );
          const ms = performance.now() - began;
          if (ms > 2_000) wrong.push(`${ms} ms`);
          await delay(5);
        }
      })();
      const breaking = (async () => {
        while (!isOver) {
          await delay(150 + random(900));
          if (random(3) === 0) proxy.silence();
          else proxy.cut();
        }
      })();
      await Promise.all(Array.from({ length: AT_ONCE }, operate));
      isOver = true;
      await Promise.all([asking, breaking]);
      // The last break may have been a silent one, and how long that takes has its own test.
      proxy.cut();
      assert.deepEqual(wrong, []);
      await eventually(
        'names and answers',
        () => differences(engine, NAMES, lookUp),
        (found) => found.length === 0,
        15_000,
      );
    });

    it('leave no name behind that nobody holds', async () => {
      const { stdout } = await server.run('names', '--json');
      const owned: { names: { name: string; groups: { owner: string }[] }[] } = JSON.parse(stdout);
      const running = (await engine.docker('ps', '--format', '{{.Names}}')).split('\n');
      const owners = owned.names
        .flatMap(({ groups }) => groups.map(({ owner }) => owner))
        .filter((owner) => owner !== 'fixed');
      assert.deepEqual([...new Set(owners)].sort(), running.sort());
    });
  });

  describe('an engine that hangs', () => {
    it('is noticed; its names are given as stale, at once, and reconciled when it goes on', async () => {
      const address = await addressOn('mongodb-1');
      const isFresh = ({ errors }: { readonly errors: readonly string[] }) => errors.length === 0;
      await eventually('a connection', () => lookUp('mongodb-1'), isFresh);
      await engine.freeze();
      const stale = await eventually(
        'EDE 3',
        () => lookUp('mongodb-1'),
        ({ errors }) => errors.some((error) => error.startsWith('3 ')),
        15_000,
      );
      assert.deepEqual(stale.answers, [`mongodb-1. 0 IN A ${address}`]);
      assert.match(stale.errors.join(), /engine local was last heard at/);
      const began = performance.now();
      for (let i = 0; i < 20; i++) assert.deepEqual(await addressesOf('mongodb-1'), [address]);
      assert.equal((await addressesOf('billing')).at(-1), PRODUCTION);
      assert.ok(performance.now() - began < 1_500);
      await engine.thaw();
      const fresh = await eventually('no EDE', () => lookUp('mongodb-1'), isFresh);
      assert.deepEqual(fresh.answers, [`mongodb-1. 0 IN A ${address}`]);
      const id = await engine.run('after-thaw');
      assert.deepEqual(await addressesOf('after-thaw'), [await addressOn(id)]);
    });
  });

  describe('homeport killed, and a container gone before it is back', () => {
    it('does not look its name up in production', async () => {
      await engine.run('crashed');
      assert.equal((await addressesOf('crashed')).length, 1);
      // The state is written within a second or so.
      await eventually(
        'the state file',
        async () => stateOf(server),
        (text) => text.includes('"crashed"'),
      );
      server.child.kill('SIGKILL');
      await server.exited;
      assert.ok(existsSync(server.control), 'a killed server leaves its socket behind');
      await engine.docker('rm', '-f', 'crashed');
      [second, port] = await startedAgain(server);
      const { rcode, errors } = await lookUp('crashed');
      assert.equal(rcode, 'NXDOMAIN');
      assert.match(errors.join(), /^15 crashed was owned by/);
      assert.deepEqual(await addressesOf('mongodb-1'), [await addressOn('mongodb-1')]);
      assert.equal(upstream.countOf(`crashed.${REGION}`), 0);
      const { code, stdout } = await server.run('status');
      assert.equal(code, 0, 'the control socket is the new server’s');
      assert.match(stdout, /local connected/);
    });
  });

  describe('an engine that is killed and started again', () => {
    it('loses no name while it is away; then what died is refused, and what was restarted is answered', async () => {
      const before = await addressOn('mongodb-1');
      await engine.docker('run', '-d', '--restart', 'always', '--name', 'phoenix', 'bb');
      assert.equal((await addressesOf('phoenix')).length, 1);
      await engine.kill();
      const stale = await eventually(
        'EDE 3',
        () => lookUp('mongodb-1'),
        ({ errors }) => errors.length > 0,
        5_000,
      );
      assert.deepEqual(stale.answers, [`mongodb-1. 0 IN A ${before}`]);
      assert.match(stale.errors.join(), /^3 engine local was last heard at/);
      await engine.restart();
      await eventually(
        'a container that died with the engine',
        () => lookUp('mongodb-1'),
        ({ rcode }) => rcode === 'NXDOMAIN',
      );
      await eventually(
        'a container that was started again',
        async () => [await addressesOf('phoenix'), [await addressOn('phoenix')]],
        ([found, wanted]) => JSON.stringify(found) === JSON.stringify(wanted),
      );
      await engine.docker('start', 'mongodb-1');
      assert.deepEqual(await addressesOf('mongodb-1'), [await addressOn('mongodb-1')]);
      assert.equal(upstream.countOf(`mongodb-1.${REGION}`), 0);
    });
  });
});

async function oneOperation(
  engine: TestEngine,
  name: string,
  random: (limit: number) => number,
): Promise<void> {
  const { api } = engine;
  const container = api.getContainer(name);
  const backend = api.getNetwork('backend');
  const create = async () => {
    const NetworkMode = random(2) === 0 ? 'bridge' : 'backend';
    const made = await api.createContainer({ name, Image: 'bb', HostConfig: { NetworkMode } });
    await made.start();
  };
  const others: readonly (() => Promise<unknown>)[] = [
    () => container.start(),
    () => container.stop({ t: 1 }),
    () => container.kill(),
    () => container.restart({ t: 0 }),
    () => container.remove({ force: true }),
    () => container.pause(),
    () => container.unpause(),
    () => backend.connect({ Container: name, EndpointConfig: { Aliases: [`${name}-alias`] } }),
    () => backend.disconnect({ Container: name, Force: true }),
    async () => {
      await container.rename({ name: `${name}-renamed` });
      await api.getContainer(`${name}-renamed`).rename({ name });
    },
  ];
  // What is not there is made; everything else is done to what is there.
  const exists = await container.inspect().then(
    () => true,
    () => false,
  );
  if (!exists) await create();
  else await others[random(others.length)]?.();
}

/** Names whose answer is not what the engine has now. */
async function differences(
  engine: TestEngine,
  names: readonly string[],
  lookUp: (name: string) => Promise<{ readonly answers: readonly string[] }>,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of names) {
    const state = await engine.api
      .getContainer(name)
      .inspect()
      .catch(() => undefined);
    const isRunning = state?.State.Running === true && !state.State.Restarting;
    const addresses = Object.values(state?.NetworkSettings.Networks ?? {})
      .map(({ IPAddress }) => IPAddress)
      .filter((address) => address !== '');
    const told = (await lookUp(name)).answers.map((line) => line.split(' ').at(-1) ?? '');
    const isRight =
      isRunning && addresses.length > 0
        ? told.length === 1 && addresses.includes(told[0] ?? '')
        : told.length === 0;
    if (!isRight)
      found.push(
        `${name} ${state === undefined ? 'gone' : `${state.State.Status} since ${state.State.FinishedAt}`} ${addresses.join()} told ${told.join()}`,
      );
  }
  return found;
}

function stateOf(server: Homeport): string {
  try {
    return readFileSync(join(server.directory, 'state', 'departed.json'), 'utf8');
  } catch {
    return '';
  }
}

/** The same configuration, state and control socket in another process; its port is another one. */
async function startedAgain(server: Homeport): Promise<[ChildProcess, number]> {
  const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
  const argv = ['--import', 'tsx', main, 'serve', '--config', server.file];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  const port = await new Promise<number>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text) => {
      log += text;
      const found = /"127\.0\.0\.1:(\d+)"\][^\n]*"msg":"ready"/.exec(log)?.[1];
      if (found !== undefined) resolve(Number(found));
    });
    child.once('exit', () => reject(new Error(log)));
  });
  return [child, port];
}

async function ended(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill();
  await exited;
}
