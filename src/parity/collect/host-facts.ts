/** What of this host takes part in look-ups beside resolv.conf: systemd-resolved, nscd, daemon.json. */
import { readdir } from 'node:fs/promises';
import { daemonSettings } from '../engine/daemon-json.ts';
import type { HostFacts } from '../inputs.ts';
import type { Problem } from '../surroundings.ts';
import { type FileTree, readText } from './file-tree.ts';

const UPLINKS = '/run/systemd/resolve/resolv.conf';
/** In the order in which systemd reads them (resolved.conf(5)); a later line wins. */
const RESOLVED_DIRECTORIES = [
  '/usr/lib/systemd/resolved.conf.d',
  '/run/systemd/resolved.conf.d',
  '/etc/systemd/resolved.conf.d',
];
const DAEMON_JSON = '/etc/docker/daemon.json';

/** Reads the facts. Never rejects. */
export async function collectHostFacts(
  tree: FileTree,
  daemonJsonPath: string = DAEMON_JSON,
): Promise<{ readonly facts: HostFacts; readonly problems: readonly Problem[] }> {
  const problems: Problem[] = [];
  const read = async (path: string): Promise<string | undefined> => {
    const found = await readText(tree, path);
    if (found.kind === 'unreadable') problems.push({ thing: path, why: found.why });
    return found.kind === 'text' ? found.text : undefined;
  };
  const uplinks = await read(UPLINKS);
  const settings = [await read('/etc/systemd/resolved.conf')];
  for (const directory of RESOLVED_DIRECTORIES) {
    for (const name of await namesIn(directory)) settings.push(await read(`${directory}/${name}`));
  }
  const daemonText = await read(daemonJsonPath);
  if (daemonText !== undefined && daemonSettings(daemonText) === undefined) {
    problems.push({
      thing: daemonJsonPath,
      why: 'is no daemon.json: dockerd would not start with it',
    });
  }
  return {
    facts: {
      resolved:
        uplinks === undefined
          ? undefined
          : { uplinks, settings: settings.filter((text) => text !== undefined).join('\n') },
      nscd: await nscdState(tree, read),
      daemonJson: daemonText === undefined ? undefined : { path: daemonJsonPath, text: daemonText },
    },
    problems,
  };
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).filter((name) => name.endsWith('.conf')).sort();
  } catch {
    // No drop-ins.
    return [];
  }
}

async function nscdState(
  tree: FileTree,
  read: (path: string) => Promise<string | undefined>,
): Promise<HostFacts['nscd']> {
  if (!(await tree.has('/run/nscd/socket'))) return 'absent';
  const settings = await read('/etc/nscd.conf');
  const hosts = [...(settings ?? '').matchAll(/^\s*enable-cache\s+hosts\s+(\S+)/gm)].at(-1)?.[1];
  // nscd.conf(5): a cache is off until it is enabled; Debian's file enables it.
  return hosts === 'yes' ? 'caches-hosts' : 'runs';
}
