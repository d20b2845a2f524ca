import assert from 'node:assert/strict';
import { linkSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { install } from '../../src/host/apply/install.ts';
import { readManifest } from '../../src/host/apply/manifest.ts';
import { uninstall } from '../../src/host/apply/undo.ts';
import { buildPlan } from '../../src/host/plan/build-plan.ts';
import type { HostSettings } from '../../src/host/plan/change.ts';
import type { Situation } from '../../src/host/situation.ts';
import { FolderHost } from './folder-host.ts';
import * as hosts from './situations.ts';

let host: FolderHost;

beforeEach(() => {
  host = new FolderHost();
});
afterEach(() => host.remove());

const options = () => ({
  machine: host,
  isRealHost: false,
  mayRestartEngine: true,
  onProgress: () => undefined,
});

const installOn = (situation: Situation, settings: HostSettings = hosts.settings) =>
  install(
    buildPlan(situation, settings, hosts.units),
    { situation, settings, version: 'test' },
    options(),
  );

const uninstallFrom = () => uninstall(options());

const RESOLV_CONF = '/etc/resolv.conf';
const DAEMON_JSON = '/etc/docker/daemon.json';
const daemonJson = '{\n  "log-driver": "journald"\n}\n';

/** Hosts with their files; every change but nscd's is in one of them. */
const kinds: Readonly<Record<string, { situation: Situation; prepare: () => void }>> = {
  plain: {
    situation: { ...hosts.plain, units: { packagedIn: null, program: ['/opt/homeport'] } },
    prepare: () => host.write(RESOLV_CONF, hosts.plainText, 0o640),
  },
  resolvconf: {
    situation: hosts.resolvconf,
    prepare: () => {
      host.write('/run/resolvconf/resolv.conf', 'nameserver 10.99.0.53\n');
      symlinkSync('../run/resolvconf/resolv.conf', join(host.root, RESOLV_CONF));
    },
  },
  resolved: {
    situation: {
      ...hosts.resolved,
      engine: hosts.plain.engine && {
        ...hosts.plain.engine,
        text: daemonJson,
        fileKind: 'file' as const,
      },
    },
    prepare: () => {
      symlinkSync('../run/systemd/resolve/stub-resolv.conf', join(host.root, RESOLV_CONF));
      host.write(DAEMON_JSON, daemonJson, 0o600);
    },
  },
  openresolv: {
    situation: hosts.openresolv,
    prepare: () => {
      host.write(RESOLV_CONF, hosts.openresolv.resolvConf.text ?? '');
      host.write('/etc/resolvconf.conf', hosts.openresolv.openresolv?.conf ?? '');
    },
  },
  dhclient: {
    situation: hosts.dhclient,
    prepare: () => {
      host.write(RESOLV_CONF, hosts.dhclient.resolvConf.text ?? '');
      host.write('/etc/dhcp/dhclient-enter-hooks.d/debug', '# theirs\n');
    },
  },
  networkManager: {
    situation: hosts.networkManager,
    prepare: () => {
      host.write(RESOLV_CONF, hosts.networkManager.resolvConf.text ?? '');
      host.write('/etc/NetworkManager/conf.d/theirs.conf', '[main]\n');
    },
  },
};

/** Folders that every host has. */
const prepared = (name: string): Situation => {
  const kind = kinds[name];
  assert.ok(kind);
  for (const folder of ['/etc/systemd/system', '/var/lib']) host.write(`${folder}/keep`, '');
  host.write('/etc/keep', '');
  kind.prepare();
  return kind.situation;
};

/** Whom the host asks: by its own file, or by resolved's, as libc would read it. */
const asked = (): string | undefined =>
  /^nameserver (\S+)/m.exec(host.read(RESOLV_CONF) ?? '')?.[1];

for (const name of Object.keys(kinds)) {
  describe(`an install on ${name}`, () => {
    it('is undone byte for byte, with inode, mode, owner and time', async () => {
      const situation = prepared(name);
      const before = host.snapshot();
      await installOn(situation);
      assert.notDeepEqual(host.snapshot(), before);
      const { remarks } = await uninstallFrom();
      assert.deepEqual(host.snapshot(), before);
      assert.deepEqual(remarks, []);
    });

    it('changes nothing the second time', async () => {
      const situation = prepared(name);
      await installOn(situation);
      const first = host.snapshot();
      const commands = host.commands.length;
      const { hasChanged } = await installOn(situation);
      assert.equal(hasChanged, false);
      assert.deepEqual(host.snapshot(), first);
      assert.equal(host.commands.length, commands);
    });

    it('can be killed at every access, and is finished or undone by the next run', async () => {
      const total = await accessesOf(name, (situation) => installOn(situation));
      for (let kill = 0; kill < total; kill += 1) {
        for (const next of ['install', 'uninstall'] as const) {
          host.remove();
          host = new FolderHost();
          const situation = prepared(name);
          const before = host.snapshot();
          host.left = kill;
          await assert.rejects(installOn(situation), Error, `kill ${kill} of ${total}`);
          host.left = Number.POSITIVE_INFINITY;
          // A dangling link is systemd's to fill; everything else names a server at any moment.
          if (name !== 'resolved') assert.ok(asked(), `nobody is asked after kill ${kill}`);
          if (next === 'install') {
            await installOn(situation);
            assert.equal(readManifest(host)?.state, 'installed');
          }
          await uninstallFrom();
          assert.deepEqual(host.snapshot(), before, `kill ${kill}, then ${next}`);
        }
      }
    });

    it('can be killed at every access of its undoing', async () => {
      const total = await accessesOf(name, async (situation) => {
        await installOn(situation);
        const left = host.left;
        await uninstallFrom();
        return left;
      });
      for (let kill = 0; kill < total; kill += 1) {
        host.remove();
        host = new FolderHost();
        const situation = prepared(name);
        const before = host.snapshot();
        await installOn(situation);
        host.left = kill;
        await uninstallFrom().catch(() => undefined);
        host.left = Number.POSITIVE_INFINITY;
        if (name !== 'resolved') assert.ok(asked(), `nobody is asked after kill ${kill}`);
        await uninstallFrom();
        assert.deepEqual(host.snapshot(), before, `kill ${kill} of ${total}`);
      }
    });
  });
}

/** How often a run touches files; a run that returns what was left after its first half counts the second. */
async function accessesOf(
  name: string,
  run: (situation: Situation) => Promise<unknown>,
): Promise<number> {
  const situation = prepared(name);
  host.left = 100_000;
  const middle = await run(situation);
  const end = host.left;
  return (typeof middle === 'number' ? middle : 100_000) - end;
}

describe('an install that fails', () => {
  it('takes everything back and says why', async () => {
    const situation = prepared('resolved');
    const before = host.snapshot();
    host.failing.push('systemctl restart systemd-resolved');
    await assert.rejects(installOn(situation), {
      code: 'HOST_REFUSED',
      message:
        /systemctl restart systemd-resolved\.service failed: it failed; everything was taken back/,
    });
    assert.deepEqual(host.snapshot(), before);
  });

  it('does not overwrite what somebody writes in the meantime', async () => {
    const situation = prepared('plain');
    host.write(RESOLV_CONF, 'nameserver 10.0.0.9\n');
    await assert.rejects(installOn(situation), {
      message: /resolv\.conf changed during the install/,
    });
    assert.equal(host.read(RESOLV_CONF), 'nameserver 10.0.0.9\n');
  });
});

describe('edits since the install', () => {
  const edit = (path: string, change: (text: string) => string): void => {
    const place = join(host.root, path);
    const text = change(host.read(path) ?? '');
    // As editors do it: another inode.
    writeFileSync(`${place}.tmp`, text);
    renameSync(`${place}.tmp`, place);
  };

  it('of resolv.conf stay, and the host asks its former server', async () => {
    const situation = prepared('plain');
    await installOn(situation);
    edit(RESOLV_CONF, (text) => `${text}options rotate\n`);
    const { remarks } = await uninstallFrom();
    assert.equal(host.read(RESOLV_CONF), `${hosts.plainText}options rotate\n`);
    assert.match(remarks.join('\n'), /resolv\.conf was edited since: the edit stays/);
  });

  it('do not come back as the original by a second install', async () => {
    const situation = prepared('plain');
    await installOn(situation);
    edit(RESOLV_CONF, (text) => `${text}options rotate\n`);
    const second = await installOn(situation);
    assert.match(second.remarks.join('\n'), /edited since; the edit stays/);
    await uninstallFrom();
    assert.match(host.read(RESOLV_CONF) ?? '', /^nameserver 10\.99\.0\.53$/m);
  });

  it('by another program that replaced resolv.conf are what an undo leaves', async () => {
    const situation = prepared('plain');
    await installOn(situation);
    edit(RESOLV_CONF, () => 'nameserver 10.0.0.9\n');
    const { remarks } = await uninstallFrom();
    assert.equal(host.read(RESOLV_CONF), 'nameserver 10.0.0.9\n');
    assert.match(remarks.join('\n'), /replaced by somebody since; it stays/);
  });

  it('of daemon.json stay, without our keys', async () => {
    const situation = prepared('resolved');
    await installOn(situation);
    edit(DAEMON_JSON, (text) => text.replace('{', '{\n  "debug": true,'));
    await uninstallFrom();
    assert.deepEqual(JSON.parse(host.read(DAEMON_JSON) ?? ''), {
      debug: true,
      'log-driver': 'journald',
    });
  });

  it('while homeport is down are told from the fallback that our script has put there', async () => {
    const situation = prepared('plain');
    const before = host.snapshot();
    await installOn(situation);
    edit(RESOLV_CONF, () => '# homeport is down; these servers answer\nnameserver 10.99.0.53\n');
    await uninstallFrom();
    assert.deepEqual(host.snapshot(), before);
  });
});

describe('a second install with another configuration', () => {
  it('changes what differs, and an undo still leads back to the beginning', async () => {
    const situation = prepared('plain');
    const before = host.snapshot();
    await installOn(situation);
    await installOn(situation, { ...hosts.settings, searchDomains: ['eu-1.domain.com'] });
    assert.match(host.read(RESOLV_CONF) ?? '', /^search eu-1\.domain\.com$/m);
    await uninstallFrom();
    assert.deepEqual(host.snapshot(), before);
  });

  it('takes back what it needs no more', async () => {
    const situation = prepared('resolved');
    await installOn(situation);
    await installOn({ ...situation, engine: null });
    assert.equal(host.read(DAEMON_JSON), daemonJson);
  });
});

describe('a saved file that somebody removed', () => {
  it('is made again from the record', async () => {
    const situation = prepared('plain');
    await installOn(situation);
    unlinkSync(join(host.root, '/etc/resolv.conf.before-homeport'));
    await uninstallFrom();
    assert.equal(host.read(RESOLV_CONF), hosts.plainText);
  });

  it('is not mistaken for one that is linked elsewhere', async () => {
    const situation = prepared('plain');
    await installOn(situation);
    const kept = join(host.root, '/etc/resolv.conf.before-homeport');
    linkSync(kept, join(host.root, '/etc/copy'));
    await uninstallFrom();
    assert.equal(host.read('/etc/copy'), hosts.plainText);
    assert.equal(host.read('/etc/resolv.conf.before-homeport'), null);
  });
});

describe('an uninstall where nothing is installed', () => {
  it('does nothing', async () => {
    prepared('plain');
    const before = host.snapshot();
    assert.deepEqual(await uninstallFrom(), { hasChanged: false, remarks: [] });
    assert.deepEqual(host.snapshot(), before);
  });

  it('refuses a record that it cannot read, and says where the files are', async () => {
    prepared('plain');
    host.write('/var/lib/homeport-host/manifest.json', '{"version": 99}');
    await assert.rejects(uninstallFrom(), { code: 'STATE_UNREADABLE', message: /before-homeport/ });
  });
});
