/** Everything of a host that homeport may have touched, to compare before and after. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { TestHost } from './host.ts';

const FOLDERS = [
  '/etc',
  '/usr/lib/systemd',
  '/usr/bin',
  '/usr/lib/homeport',
  '/usr/share/man/man8',
  '/usr/share/bash-completion',
  '/usr/share/zsh',
  '/usr/share/fish',
  '/usr/share/doc/homeport',
  '/var/lib',
  '/root',
];
/** Where an install alone writes. */
export const INSTALL_FOLDERS: readonly string[] = ['/etc', '/var/lib'];
/** Larger files are told apart by their size and time. */
const READ_BYTES = 1 << 20;
/** What other programs write all the time, a renewed lease too, and the packages' own records. */
const VOLATILE =
  /^\/var\/lib\/(docker|containerd|dpkg|apt|systemd|NetworkManager|dhcp|private|misc|homeport-host\/upstream\.resolv\.conf)(\/|$)|^\/etc\/(machine-id|\.updated|ld\.so\.cache)$|^\/root\//;

export type Snapshot = Readonly<Record<string, string>>;

/** Files by path: kind, mode, owner, content. Then extended attributes, units, addresses, and what systemd-resolved asks. */
export async function snapshot(
  host: TestHost,
  folders: readonly string[] = FOLDERS,
): Promise<Snapshot> {
  const found: Record<string, string> = {};
  for (const folder of folders) visit(host, folder, found);
  found.units = await host.output(
    "systemctl list-unit-files --no-legend --no-pager | grep -v '\\.\\(scope\\|mount\\) ' | sort",
  );
  found['failed units'] = await host.output('systemctl --failed --no-legend --plain');
  found['attributes in /etc'] = await host.output(
    'getfattr -R -P -h -d -m - --absolute-names /etc',
  );
  found['addresses of lo'] = await host.output('ip -o -brief address show dev lo');
  const { stdout } = await host.run('resolvectl dns; resolvectl domain');
  // Links of networks come and go with containers.
  found.resolved = stdout
    .split('\n')
    .filter((line) => /Global|up0/.test(line))
    .join('\n');
  return found;
}

function visit(host: TestHost, path: string, found: Record<string, string>): void {
  const stat = lstatSync(host.path(path), { throwIfNoEntry: false });
  if (stat === undefined || VOLATILE.test(path)) return;
  const head = `${(stat.mode & 0o7777).toString(8)} ${stat.uid}:${stat.gid}`;
  if (stat.isDirectory()) {
    found[path] = `folder ${head}`;
    for (const name of readdirSync(host.path(path))) visit(host, `${path}/${name}`, found);
  } else if (stat.isSymbolicLink()) {
    found[path] = `link ${stat.uid}:${stat.gid} -> ${readlinkSync(host.path(path))}`;
  } else if (stat.isFile()) {
    found[path] =
      stat.size > READ_BYTES
        ? `file ${head} ${stat.size} ${stat.mtimeMs}`
        : `file ${head} ${contentOf(host.path(path), stat.size)}`;
  }
}

/** Small files as they are, so that a difference can be read. */
function contentOf(path: string, size: number): string {
  const bytes = readFileSync(path);
  return size < 4096 ? bytes.toString('latin1') : createHash('sha256').update(bytes).digest('hex');
}

/** What differs, one line each. */
export function differences(before: Snapshot, after: Snapshot): readonly string[] {
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return paths
    .filter((path) => before[path] !== after[path])
    .map((path) => `${path}: ${before[path] ?? 'absent'} => ${after[path] ?? 'absent'}`);
}
