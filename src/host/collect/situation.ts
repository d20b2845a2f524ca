/** Looks at the whole host at once; nothing is changed. */
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { codeOf } from '../../errors.ts';
import { parseNsswitch } from '../../resolv-conf/nsswitch.ts';
import { parseResolvConf } from '../../resolv-conf/resolv-conf.ts';
import { NETWORK_MANAGER_FILE, RESOLVCONF_FILE, RESOLVED_UPLINK_FILE } from '../addresses.ts';
import type { Machine } from '../machine.ts';
import { cachesHosts, NSCD_FILE } from '../plan/nscd.ts';
import type { NetworkManagerSituation, Situation } from '../situation.ts';
import { collectEngine } from './engine.ts';
import { collectPortHolders } from './port-holders.ts';
import { collectResolvConf } from './resolv-conf-situation.ts';
import { collectResolved } from './resolved.ts';

/** Where packages put units; /etc is for the administrator, and for us where there is no package. */
const PACKAGE_UNIT_FOLDERS = ['/usr/lib/systemd/system', '/lib/systemd/system'];
const NETWORK_MANAGER = 'org.freedesktop.NetworkManager';

/**
 * Collects everything that the plan depends on.
 *
 * @param program the words that start this homeport, absolute paths
 */
export async function collectSituation(
  machine: Machine,
  program: readonly string[],
): Promise<Situation> {
  return {
    isRoot: process.getuid?.() === 0,
    systemd: await systemdVersion(machine),
    hostName: hostname(),
    isEtcReadOnly: isReadOnly(machine.at('/etc')),
    resolvConf: collectResolvConf(machine),
    nsswitch: parseNsswitch(readText(machine, '/etc/nsswitch.conf') ?? undefined).hosts.map(
      ({ source }) => source,
    ),
    resolved: await collectResolved(machine),
    networkManager: await collectNetworkManager(machine),
    hasResolvconf: existsSync(machine.at('/lib/resolvconf/list-records')),
    openresolv: await collectOpenresolv(machine),
    hasDhclient: hasDhclient(machine),
    hasCloudInit:
      existsSync(machine.at('/run/cloud-init')) || existsSync(machine.at('/etc/cloud/cloud.cfg')),
    recordedServers: {
      resolved: serversOf(machine, RESOLVED_UPLINK_FILE),
      networkManager: serversOf(machine, NETWORK_MANAGER_FILE),
      resolvconf: serversOf(machine, RESOLVCONF_FILE),
    },
    port53: collectPortHolders(machine),
    units: {
      packagedIn:
        PACKAGE_UNIT_FOLDERS.find((folder) =>
          existsSync(machine.at(`${folder}/homeport.service`)),
        ) ?? null,
      program,
    },
    engine: await collectEngine(machine),
    hasDockerGroup: /^docker:/m.test(readText(machine, '/etc/group') ?? ''),
    nscd: await collectNscd(machine),
    selinux: selinuxMode(machine),
    hasAppArmor: readText(machine, '/sys/module/apparmor/parameters/enabled')?.trim() === 'Y',
  };
}

async function systemdVersion(machine: Machine): Promise<number | null> {
  if (!existsSync(machine.at('/run/systemd/system'))) return null;
  const { stdout } = await machine.run(['systemctl', '--version']);
  const [, version] = /^systemd (\d+)/.exec(stdout) ?? [];
  return version === undefined ? null : Number(version);
}

/** access(2) says EROFS to root too. */
function isReadOnly(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch (error) {
    return codeOf(error) === 'EROFS';
  }
}

async function collectNetworkManager(machine: Machine): Promise<NetworkManagerSituation | null> {
  const active = await machine.run(['systemctl', 'is-active', 'NetworkManager.service']);
  if (active.stdout.trim() !== 'active') return null;
  const property = async (name: string): Promise<string> => {
    const { stdout } = await machine.run([
      'busctl',
      'get-property',
      NETWORK_MANAGER,
      '/org/freedesktop/NetworkManager/DnsManager',
      `${NETWORK_MANAGER}.DnsManager`,
      name,
    ]);
    return /^s "(.*)"$/.exec(stdout.trim())?.[1] ?? 'unknown';
  };
  return { mode: await property('Mode'), rcManager: await property('RcManager') };
}

async function collectOpenresolv(
  machine: Machine,
): Promise<{ readonly conf: string | null } | null> {
  const { stdout, stderr } = await machine.run(['resolvconf', '--version']);
  if (!/openresolv/i.test(stdout + stderr)) return null;
  return { conf: readText(machine, '/etc/resolvconf.conf') };
}

function hasDhclient(machine: Machine): boolean {
  if (
    !existsSync(machine.at('/sbin/dhclient-script')) &&
    !existsSync(machine.at('/usr/sbin/dhclient-script'))
  ) {
    return false;
  }
  const leases = list(machine, '/var/lib/dhcp').some((name) => /^dhclient.*\.leases$/.test(name));
  return (
    leases ||
    list(machine, '/proc').some(
      (pid) => readText(machine, `/proc/${pid}/comm`)?.trim() === 'dhclient',
    )
  );
}

async function collectNscd(machine: Machine): Promise<Situation['nscd']> {
  const active = await machine.run(['systemctl', 'is-active', 'nscd.service']);
  if (active.stdout.trim() !== 'active') return null;
  const conf = readText(machine, NSCD_FILE) ?? '';
  return { cachesHosts: cachesHosts(conf), conf };
}

function selinuxMode(machine: Machine): Situation['selinux'] {
  const enforce = readText(machine, '/sys/fs/selinux/enforce');
  if (enforce === null) return null;
  return enforce.trim() === '1' ? 'enforcing' : 'permissive';
}

function serversOf(machine: Machine, path: string): readonly string[] | null {
  const text = readText(machine, path);
  return text === null ? null : parseResolvConf(text).nameservers.map(({ address }) => address);
}

function readText(machine: Machine, path: string): string | null {
  try {
    return readFileSync(machine.at(path), 'utf8');
  } catch {
    return null;
  }
}

function list(machine: Machine, path: string): readonly string[] {
  try {
    return readdirSync(machine.at(path));
  } catch {
    return [];
  }
}
