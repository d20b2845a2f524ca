/** What happens to a host when homeport crashes, hangs, cannot start, or is only busy. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { buildImages, hostAvailable, type Manager, type TestHost, until } from './support/host.ts';
import {
  config,
  lookUp,
  MISSING,
  OWNED,
  preparedHost,
  startOwner,
  WORLD,
  WORLD_ADDRESS,
  withPackage,
} from './support/prepared.ts';

/** The promise: so long may the rest of the world be away. */
const GAP_MS = 10_000;
/** A hang is noticed by the watchdog after 5 s, and systemd-resolved asks again only every 5 s. */
const HANG_MS = 15_000;
const BACK_MS = 30_000;
/** What systemd has given up is started again after 30 s. */
const RETRY_MS = 60_000;
/** One question that goes in a circle for 3 s; retries are some. */
const STORM = 100;

interface Status {
  readonly upstreams: readonly { readonly server: string }[];
  readonly counters: Readonly<Record<string, number>>;
}

const FLOOD = fileURLToPath(new URL('support/flood.mjs', import.meta.url));

for (const manager of ['plain', 'nss-resolve'] satisfies Manager[]) {
  describe(`an outage on ${manager}`, { skip: hostAvailable() ?? false }, () => {
    let host: TestHost;
    let address: string;

    before(async () => {
      await buildImages();
      host = await preparedHost(manager);
      await withPackage(host);
      await host.output('homeport host install --yes');
      address = await startOwner(host);
    });
    after(() => host?.stop());

    const property = (name: string) =>
      host.output(`systemctl show --property=${name} --value homeport.service`);

    const worldWithin = async (what: string, limitMs: number = GAP_MS): Promise<void> => {
      const begun = Date.now();
      await until(
        limitMs,
        `the world ${what}`,
        async () => (await lookUp(host, WORLD)) === WORLD_ADDRESS,
      );
      assert.ok(Date.now() - begun < limitMs, `${what}: ${Date.now() - begun} ms`);
    };
    const homeportBack = () =>
      until(BACK_MS, 'homeport', async () => (await lookUp(host, OWNED)) === address);

    it('a crash loses no look-up: queries wait in the socket', async () => {
      const loop = `(for i in $(seq 60); do getent ahosts ${OWNED} >/dev/null || echo lost; sleep 0.03; done)`;
      const kill =
        'sleep 0.5; kill -KILL $(systemctl show --property=MainPID --value homeport.service)';
      assert.doesNotMatch(await host.output(`${loop} & ${kill}; wait`), /lost/);
      assert.equal(await property('SubState'), 'running');
    });

    it('a restart loses no look-up', async () => {
      const loop = `(for i in $(seq 60); do getent ahosts ${OWNED} >/dev/null || echo lost; sleep 0.03; done)`;
      const said = await host.output(`${loop} & sleep 0.5; systemctl restart homeport; wait`);
      assert.doesNotMatch(said, /lost/);
    });

    it('a hung program is replaced', async () => {
      const pid = await property('MainPID');
      await host.output(`kill -STOP ${pid}`);
      await worldWithin('while homeport hangs', HANG_MS);
      await homeportBack();
      assert.notEqual(await property('MainPID'), pid);
    });

    it('a hung answering thread is replaced', async () => {
      const pid = await property('MainPID');
      // The answering thread is the one that waits in epoll with sockets of its own; all threads but the first stop.
      await host.output(
        `strace -q -f -p ${pid} -e trace=epoll_wait,epoll_pwait,recvmmsg -e inject=recvmmsg:delay_enter=20000000 -o /dev/null & sleep 1; dig +tries=1 +time=1 @127.53.0.1 ${OWNED} >/dev/null; sleep 9; kill %1 2>/dev/null || true`,
      );
      await homeportBack();
      assert.notEqual(await property('MainPID'), pid, 'the watchdog has seen that nobody answers');
    });

    it('a busy program is left alone', async () => {
      const pid = await property('MainPID');
      const before = Number(await property('NRestarts'));
      await flood(host, 8_000);
      assert.equal(await property('MainPID'), pid);
      assert.equal(Number(await property('NRestarts')), before);
    });

    it('a configuration that it cannot read takes it out, and a mended one brings it back by itself', async () => {
      writeFileSync(host.path('/etc/homeport.yaml'), 'region: [\n');
      await host.run('systemctl restart homeport');
      await worldWithin('while homeport cannot start');
      assert.equal(await lookUp(host, OWNED), undefined);
      assert.equal(await lookUp(host, MISSING), undefined);
      await until(
        BACK_MS,
        'systemd to give it up',
        async () => (await property('ActiveState')) === 'failed',
      );
      assert.equal(await lookUp(host, WORLD), WORLD_ADDRESS);
      writeFileSync(host.path('/etc/homeport.yaml'), config);
      await until(RETRY_MS, 'homeport', async () => (await lookUp(host, OWNED)) === address);
      assert.equal(await property('ActiveState'), 'active');
    });

    it('upstreams that lead back to it are refused by an install, and make no storm where they come later', {
      skip: manager === 'plain' ? 'nothing leads back here' : false,
    }, async () => {
      writeFileSync(host.path('/etc/homeport.yaml'), `${config}upstreams: [127.0.0.53]\n`);
      const { code, stderr } = await host.run('homeport host install --yes');
      assert.equal(code, 1);
      assert.match(stderr, /127\.0\.0\.53, which is systemd-resolved, .*a loop/);
      // The server has taken it over by itself meanwhile.
      const status = async (): Promise<Status> =>
        JSON.parse(await host.output('homeport status --json'));
      const forwardsTo = async (server: string): Promise<boolean> =>
        (await status()).upstreams.some((upstream) => upstream.server === server);
      await until(BACK_MS, 'the loop', () => forwardsTo('127.0.0.53:53'));
      const before = (await status()).counters;
      await host.run('dig +tries=1 +time=3 @127.53.0.1 nowhere.example');
      for (const [name, count] of Object.entries((await status()).counters)) {
        assert.ok(count - (before[name] ?? 0) < STORM, `${name}: ${count - (before[name] ?? 0)}`);
      }
      writeFileSync(host.path('/etc/homeport.yaml'), config);
      await until(BACK_MS, 'the links’ server', () => forwardsTo('10.99.0.53:53'));
      await worldWithin('after a loop');
    });

    it('a program that is gone does not take the host with it, at a boot neither', async () => {
      await host.output(
        'mv /usr/bin/homeport /usr/bin/homeport.gone; systemctl restart homeport || true',
      );
      await worldWithin('without a program');
      await host.reboot();
      await worldWithin('after a boot without a program');
      assert.equal(await lookUp(host, MISSING), undefined);
      await host.output('mv /usr/bin/homeport.gone /usr/bin/homeport');
      await host.output('systemctl reset-failed homeport*; systemctl start homeport');
      address = await startOwner(host);
      await homeportBack();
    });

    it('an engine that does not answer does not keep it from starting', async () => {
      await host.output('systemctl stop docker.socket docker; systemctl restart homeport');
      await worldWithin('without an engine');
      await host.output('systemctl start docker');
      address = await startOwner(host);
      await homeportBack();
    });
  });
}

/** Asks as fast as one process can. */
function flood(host: TestHost, ms: number): Promise<void> {
  const pid = host.path('').split('/')[2];
  const child = spawn(
    'nsenter',
    [`--net=/proc/${pid}/ns/net`, process.execPath, FLOOD, String(ms)],
    {
      stdio: 'ignore',
    },
  );
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve());
  });
}
