/** The engine on this host as far as names are concerned: its file, its flags, and who runs on it. */
import { lstatSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import type { Machine } from '../machine.ts';
import { readJsonObject } from '../plan/json-edit.ts';
import type { EngineSituation, RunningContainer } from '../situation.ts';

const DAEMON_JSON = '/etc/docker/daemon.json';
const SOCKET = '/var/run/docker.sock';
const REPLY_TIMEOUT_MS = 5_000;
const DNS_FLAG = /^--dns(-search|-opt|-option)?(=|$)/;

/** null: there is no engine on this host. */
export async function collectEngine(machine: Machine): Promise<EngineSituation | null> {
  const unit = await machine.run([
    'systemctl',
    'show',
    'docker.service',
    '--property=LoadState,ActiveState,MainPID',
  ]);
  const properties = new Map(
    unit.stdout.split('\n').map((line) => {
      const equals = line.indexOf('=');
      return [line.slice(0, equals), line.slice(equals + 1)];
    }),
  );
  const isUnitKnown = properties.get('LoadState') === 'loaded';
  const info = await get(machine, '/info');
  if (!isUnitKnown && info === null) return null;
  const pid = Number(properties.get('MainPID') ?? 0);
  const flags = pid > 0 ? commandLine(machine, pid) : [];
  const file = flagValue(flags, '--config-file') ?? DAEMON_JSON;
  const text = readText(machine, file);
  const settings = readJsonObject(text ?? '');
  const liveRestore = settings.kind === 'object' && settings.value['live-restore'] === true;
  return {
    file,
    fileKind: kindOf(machine, file),
    text,
    isActive: info !== null,
    unit: isUnitKnown ? 'docker.service' : null,
    dnsFlags: flags.flatMap((flag, index) =>
      DNS_FLAG.test(flag)
        ? [flag.includes('=') ? flag : `${flag} ${flags[index + 1] ?? ''}`.trim()]
        : [],
    ),
    hasLiveRestore: isRecord(info) ? info.LiveRestoreEnabled === true : liveRestore,
    isSwarm: isRecord(info) && isRecord(info.Swarm) && info.Swarm.LocalNodeState === 'active',
    running: info === null ? [] : await runningContainers(machine),
  };
}

async function runningContainers(machine: Machine): Promise<readonly RunningContainer[]> {
  const list = await get(machine, '/containers/json');
  const containers: RunningContainer[] = [];
  for (const entry of Array.isArray(list) ? list : []) {
    if (!isRecord(entry) || typeof entry.Id !== 'string') continue;
    const inspected = await get(machine, `/containers/${entry.Id}/json`);
    if (isRecord(inspected)) containers.push(containerOf(inspected));
  }
  return containers;
}

function containerOf(inspected: Readonly<Record<string, unknown>>): RunningContainer {
  const host = isRecord(inspected.HostConfig) ? inspected.HostConfig : {};
  const policy = isRecord(host.RestartPolicy) ? host.RestartPolicy.Name : undefined;
  const mode = host.NetworkMode;
  return {
    name: String(inspected.Name ?? '').replace(/^\//, ''),
    restarts: typeof policy === 'string' && policy !== '' && policy !== 'no',
    isOnDefaultBridge: mode === 'default' || mode === 'bridge' || mode === '',
    ownDns: Array.isArray(host.Dns) ? host.Dns.map(String) : [],
  };
}

/** The engine's answer; null: it has none, or not in time. */
function get(machine: Machine, path: string): Promise<unknown> {
  return new Promise((resolve) => {
    const call = request(
      { socketPath: machine.at(SOCKET), path, timeout: REPLY_TIMEOUT_MS },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          body += part;
        });
        response.on('end', () => resolve(response.statusCode === 200 ? parsed(body) : null));
        response.on('error', () => resolve(null));
      },
    );
    call.on('timeout', () => call.destroy());
    call.on('error', () => resolve(null));
    call.end();
  });
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function commandLine(machine: Machine, pid: number): readonly string[] {
  return (readText(machine, `/proc/${pid}/cmdline`) ?? '')
    .split('\0')
    .filter((word) => word !== '');
}

function flagValue(flags: readonly string[], name: string): string | undefined {
  const index = flags.findIndex((flag) => flag === name || flag.startsWith(`${name}=`));
  const flag = flags[index];
  if (flag === undefined) return undefined;
  return flag === name ? flags[index + 1] : flag.slice(name.length + 1);
}

function kindOf(machine: Machine, path: string): EngineSituation['fileKind'] {
  const stat = lstatSync(machine.at(path), { throwIfNoEntry: false });
  if (stat === undefined) return 'missing';
  if (stat.isSymbolicLink()) return 'link';
  return stat.isFile() ? 'file' : 'other';
}

function readText(machine: Machine, path: string): string | null {
  try {
    return readFileSync(machine.at(path), 'utf8');
  } catch {
    return null;
  }
}
