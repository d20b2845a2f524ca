/** homeport's whole life on a host, once for each manager of resolv.conf. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { buildImages, hostAvailable, type Manager, type TestHost, until } from './support/host.ts';
import {
  lookUp,
  MISSING,
  OWNED,
  preparedHost,
  REGION,
  startOwner,
  WORLD,
  WORLD_ADDRESS,
  withPackage,
} from './support/prepared.ts';
import { differences, type Snapshot, snapshot } from './support/snapshot.ts';

const every: readonly Manager[] = [
  'plain',
  'nss-resolve',
  'resolved',
  'resolvconf',
  'network-manager',
  'openresolv',
  'dhclient',
];
/** Where not all of them are to be waited for: `HOMEPORT_TEST_MANAGERS=plain,resolved`. */
const wanted = process.env.HOMEPORT_TEST_MANAGERS?.split(',');
const managers = every.filter((manager) => wanted?.includes(manager) ?? true);
if (managers.length === 0) throw new Error(`HOMEPORT_TEST_MANAGERS has none of ${every.join()}`);
/** There, nobody but homeport writes to the place where resolv.conf is. */
const still: readonly Manager[] = ['plain', 'nss-resolve', 'resolved', 'resolvconf'];
/** The promise for an outage. */
const GAP_MS = 10_000;

for (const manager of managers) {
  describe(`on a host with ${manager}`, { skip: hostAvailable() ?? false }, () => {
    let host: TestHost;
    let bare: Snapshot;
    let packaged: Snapshot;
    let address: string;
    let inode: string;

    /** The file or link itself: times, mode, owner and names. */
    const inodeOf = () => host.output("stat -c '%F %a %u:%g %y %h' /etc/resolv.conf");

    before(async () => {
      await buildImages();
      host = await preparedHost(manager);
      bare = await snapshot(host);
      inode = await inodeOf();
      await withPackage(host);
      packaged = await snapshot(host);
    });
    after(() => host?.stop());

    const production = () => host.takeQuestions().filter((line) => line.includes('mongodb'));

    it('the package alone changes nothing about names', async () => {
      assert.equal(await lookUp(host, WORLD), WORLD_ADDRESS);
      const plan = await host.run('homeport host plan --json');
      assert.equal(plan.code, 0, plan.stdout + plan.stderr);
      assert.deepEqual(JSON.parse(plan.stdout).refusals, []);
      assert.deepEqual(differences(packaged, await snapshot(host)), []);
    });

    it('an install makes names of containers resolve, and leaves none of them to production', async () => {
      await host.output('homeport host install --yes');
      address = await startOwner(host);
      host.takeQuestions();
      assert.equal(await lookUp(host, OWNED), address);
      assert.equal(await lookUp(host, `${OWNED}.${REGION}`), address);
      assert.equal(await lookUp(host, MISSING), undefined);
      assert.equal(await lookUp(host, WORLD), WORLD_ADDRESS);
      // The search domain of the uplink is the host's own; the region's names stay here.
      assert.deepEqual(
        production().filter((line) => line.includes(REGION) || /^[^.]+ /.test(line)),
        [],
      );
    });

    it('its thread that answers goes before what keeps the host busy, its main thread does not', async () => {
      // Of proc_pid_stat(5) the niceness is field 19, and what follows the command's name begins with field 3.
      const niceness = `sed 's/.*) //' /proc/$process/task/*/stat | cut -d' ' -f17`;
      const main = `sed 's/.*) //' /proc/$process/stat | cut -d' ' -f17`;
      const said = await host.output(
        `process=$(systemctl show --property=MainPID --value homeport); ${main}; ${niceness} | sort -un | xargs`,
      );
      assert.equal(said, '0\n-5 0');
    });

    it('containers resolve them on every network', async () => {
      await host.output('docker network create here; docker run -d --name user --network here bb');
      await host.output('docker run -d --name bridge bb');
      const ask = (client: string, name: string) =>
        host.output(`docker exec ${client} nslookup ${name}`);
      assert.match(await ask('bridge', `${OWNED}.${REGION}`), new RegExp(`Address.*${address}`));
      assert.match(await ask('user', `user.${REGION}`), /Address.*172\.18\.0\.2/);
      assert.match(await ask('user', WORLD), new RegExp(WORLD_ADDRESS.replaceAll('.', '\\.')));
      assert.deepEqual(
        production().filter((line) => line.includes(REGION)),
        [],
      );
      await host.output('docker rm -f user bridge; docker network rm here');
    });

    it('of two that have one name each network gets its own, so the server sees who asks', async () => {
      const networks = ['here', 'there'];
      for (const network of networks) {
        await host.output(
          `docker network create ${network}; docker run -d --name ${network} --network ${network} --label homeport.names=both bb`,
        );
      }
      const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
      for (const network of networks) {
        const own = await host.output(`docker inspect --format '${format}' ${network}`);
        const said = await host.output(`docker exec ${network} nslookup both.${REGION}`);
        assert.match(said, new RegExp(`Address.* ${own.replaceAll('.', '\\.')}$`, 'm'));
      }
      await host.output('docker rm -f here there; docker network rm here there');
    });

    it('a second install changes nothing', async () => {
      const first = await snapshot(host);
      assert.match(await host.output('homeport host install --yes'), /everything is as planned/);
      assert.deepEqual(differences(first, await snapshot(host)), []);
    });

    it('verify proves it, the outage included', async () => {
      const { code, stdout, stderr } = await host.run('homeport host verify --json');
      assert.equal(code, 0, stdout + stderr);
      const checks: { id: string; outcome: string; ms: number }[] = JSON.parse(stdout).checks;
      assert.deepEqual(
        checks.filter(({ outcome }) => outcome !== 'pass'),
        [],
      );
      const gap = checks.find(({ id }) => id === 'gap');
      assert.ok(gap !== undefined && gap.ms < GAP_MS);
      assert.equal(
        await host.output('docker ps --quiet | wc -l'),
        '1',
        'nothing is left of the check',
      );
    });

    it('a reboot changes nothing', async () => {
      await host.reboot();
      address = await startOwner(host);
      host.takeQuestions();
      assert.equal(await lookUp(host, OWNED), address);
      assert.equal(await lookUp(host, WORLD), WORLD_ADDRESS);
      assert.match(await host.output('ip -brief address show dev lo'), /169\.254\.53\.53/);
      assert.deepEqual(
        production().filter((line) => line.includes(REGION)),
        [],
      );
    });

    it('with homeport stopped the world resolves within 10 s, and no name is production’s', async () => {
      await host.output('systemctl stop homeport.socket');
      const stopped = Date.now();
      await until(GAP_MS, 'the world', async () => (await lookUp(host, WORLD)) === WORLD_ADDRESS);
      assert.ok(Date.now() - stopped < GAP_MS);
      assert.equal(await lookUp(host, OWNED), undefined);
      assert.equal(await lookUp(host, MISSING), undefined);
      await host.reboot();
      await until(
        GAP_MS,
        'homeport after a boot',
        async () => (await host.run('homeport status')).code === 0,
      );
      address = await startOwner(host);
      await until(GAP_MS, 'homeport again', async () => (await lookUp(host, OWNED)) === address);
    });

    it('an upgrade of the package loses no look-up', async () => {
      const loop = `(for i in $(seq 150); do getent ahosts ${OWNED} >/dev/null || echo lost; sleep 0.03; done)`;
      const said = await host.output(`${loop} & dpkg -i /root/newer.deb >/dev/null; wait`);
      assert.doesNotMatch(said, /lost/);
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's variable, not ours
      assert.match(await host.output("dpkg-query -W -f '${Version}' homeport"), /9\.9\.9/);
      assert.equal(await lookUp(host, OWNED), address);
    });

    it('an uninstall brings everything back', async () => {
      await host.output(`docker rm -f ${OWNED}; docker image rm bb`);
      await host.output('dpkg -i --force-downgrade /root/homeport.deb');
      await host.output('homeport host uninstall --yes');
      assert.deepEqual(differences(packaged, await snapshot(host)), []);
      if (still.includes(manager)) assert.equal(await inodeOf(), inode);
      assert.equal(await lookUp(host, WORLD), WORLD_ADDRESS);
    });

    it('a removal of the installed package undoes the install, and a purge leaves nothing', async () => {
      await host.output('homeport host install --yes');
      await host.output('dpkg --purge homeport');
      assert.deepEqual(differences(bare, await snapshot(host)), []);
      assert.equal(await lookUp(host, WORLD), WORLD_ADDRESS);
    });
  });
}
