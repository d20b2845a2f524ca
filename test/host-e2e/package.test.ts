/** The three ways in which homeport comes to a host: Debian's package, one lone executable, and npm. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { buildImages, hostAvailable, type TestHost, until } from './support/host.ts';
import { buildPackages } from './support/packages.ts';
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

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const INSTALL = `homeport host install --yes --region ${REGION}`;
const UNINSTALL = 'homeport host uninstall --yes';
/** And what `npm ci` has brought is not asked for again. */
const QUIETLY = ['--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline'];
/** The goal for what `systemd-analyze security` says: 0 is locked in, 10 is root as it comes. */
const MAX_EXPOSURE = 1.5;

describe('homeport comes to a host', { skip: hostAvailable() ?? false }, () => {
  let host: TestHost;
  let bare: Snapshot;

  before(async () => {
    await buildImages();
    host = await preparedHost('plain');
    bare = await snapshot(host);
  });
  after(() => host?.stop());

  const exposure = async (): Promise<number> => {
    const said = await host.output('systemd-analyze security --no-pager homeport.service');
    return Number(/exposure level for homeport\.service: ([\d.]+)/.exec(said)?.[1]);
  };

  /** Installs, looks up, takes back; `bare` must be left. */
  const livesAndGoes = async (): Promise<void> => {
    await host.output(INSTALL);
    const address = await startOwner(host);
    assert.equal(await lookUp(host, OWNED), address);
    assert.equal(await lookUp(host, `${OWNED}.${REGION}`), address);
    assert.equal(await lookUp(host, WORLD), WORLD_ADDRESS);
    assert.ok((await exposure()) <= MAX_EXPOSURE);
    await host.output(`docker rm -f ${OWNED}; docker image rm bb`);
    await host.output(UNINSTALL);
    assert.equal(await lookUp(host, WORLD), WORLD_ADDRESS);
  };

  it('as one executable, without Node', async () => {
    assert.notEqual((await host.run('command -v node')).code, 0);
    copyFileSync(buildPackages().executable, host.path('/usr/local/bin/homeport'));
    await livesAndGoes();
    await host.output('rm /usr/local/bin/homeport');
    assert.deepEqual(differences(bare, await snapshot(host)), []);
  });

  it('by npm install -g of the packed tarball', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'homeport-npm-'));
    try {
      const run = (...words: string[]) =>
        execFileSync('npm', [...words, ...QUIETLY], {
          cwd: ROOT,
          stdio: ['ignore', 'pipe', 'pipe'],
        });
      run('pack', '--pack-destination', folder);
      const tarball = readdirSync(folder).find((file) => file.endsWith('.tgz'));
      assert.ok(tarball);
      run('install', '--global', '--prefix', join(folder, 'local'), join(folder, tarball));
      execFileSync('cp', ['-a', join(folder, 'local'), host.path('/opt/node')]);
      copyFileSync(process.execPath, host.path('/opt/node/bin/node'));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    await host.output('ln -s /opt/node/bin/node /opt/node/bin/homeport /usr/local/bin/');
    assert.match(await host.output('/opt/node/bin/resolve --help'), /Usage: homeport resolve/);
    await livesAndGoes();
    await host.output('rm -r /opt/node /usr/local/bin/node /usr/local/bin/homeport');
    assert.deepEqual(differences(bare, await snapshot(host)), []);
  });

  it('as a package with a manual and completions', async () => {
    await withPackage(host);
    assert.match(
      await host.output('MANWIDTH=200 man --warnings -P cat 8 homeport 2>&1'),
      /^ +host install \[options\]$/m,
    );
    const complete = `. /usr/share/bash-completion/bash_completion
_comp_load homeport 2>/dev/null || __load_completion homeport
COMP_WORDS=(homeport host un); COMP_CWORD=2; _homeport; echo "\${COMPREPLY[*]}"`;
    assert.equal(await host.output(`bash -c '${complete}'`), 'uninstall');
  });

  it('is in a sandbox that systemd calls well confined', async () => {
    await host.output('homeport host install --yes');
    assert.equal(await host.output('systemctl is-active homeport.service'), 'active');
    const found = await exposure();
    assert.ok(found <= MAX_EXPOSURE, `exposure ${found}`);
  });

  it('answers a container that starts with the engine at boot, from its first query on', async () => {
    await startOwner(host);
    const ask = `nslookup -type=a ${WORLD}; nslookup -type=a ${MISSING}.${REGION}`;
    await host.output(
      `docker run -d --name early --restart always bb sh -c "${ask}; trap 'exit 0' TERM; sleep 1000000 & wait"`,
    );
    host.takeQuestions();
    await host.reboot();
    const since = await host.output('date -d @$(stat -c %Y /proc/1) +%s');
    await until(20_000, 'the container that starts at boot', async () =>
      /NXDOMAIN/.test((await host.run(`docker logs --since ${since} early 2>&1`)).stdout),
    );
    const said = await host.output(`docker logs --since ${since} early 2>&1`);
    assert.match(said, new RegExp(WORLD_ADDRESS.replaceAll('.', '\\.')));
    assert.doesNotMatch(said, /timed out|no servers/);
    assert.deepEqual(
      host.takeQuestions().filter((line) => line.includes(MISSING)),
      [],
    );
    const order = await host.run('journalctl -b --no-pager | grep -i "ordering cycle"');
    assert.equal(order.stdout, '');
    const begun = async (unit: string): Promise<number> =>
      Number(
        await host.output(
          `systemctl show --property=ActiveEnterTimestampMonotonic --value ${unit}`,
        ),
      );
    assert.ok((await begun('homeport.socket')) < (await begun('docker.service')));
    await host.output('docker rm -f early');
  });

  it('is gone after a purge', async () => {
    await host.output(`docker rm -f ${OWNED}; docker image rm bb`);
    await host.output('dpkg --purge homeport');
    assert.deepEqual(differences(bare, await snapshot(host)), []);
    assert.equal(await lookUp(host, WORLD), WORLD_ADDRESS);
  });
});
