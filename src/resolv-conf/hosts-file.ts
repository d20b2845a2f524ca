/** /etc/hosts, line by line: an address and its names. How each stub matches them is the stub's business. */
import { splitLines } from './resolv-conf.ts';

/** One entry as written; an address that no stub accepts is kept, and skipped when looked up. */
export interface HostsEntry {
  readonly line: number;
  readonly address: string;
  /** in the order of the file, the canonical name first */
  readonly names: readonly string[];
}

export interface HostsFile {
  readonly entries: readonly HostsEntry[];
}

/** Parses a hosts file; comments start at `#` anywhere. Never throws. */
export function parseHosts(text: string | undefined): HostsFile {
  const entries: HostsEntry[] = [];
  for (const [index, line] of splitLines(text ?? '').entries()) {
    const [address, ...names] = line.text
      .replace(/#.*$/, '')
      .split(/\s+/)
      .filter((word) => word !== '');
    if (address !== undefined && names.length > 0) {
      entries.push({ line: index + 1, address, names });
    }
  }
  return { entries };
}

/** Whether a name is in the file, as glibc and Go compare (any letter case), with its lines. */
export function entriesFor(hosts: HostsFile, name: string): readonly HostsEntry[] {
  const wanted = name.toLowerCase();
  return hosts.entries.filter((entry) => entry.names.some((own) => own.toLowerCase() === wanted));
}
