/** Who listens on port 53, from /proc: sockets by inode, processes by their descriptors, units by their control group. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { addressText } from '../../dns/address.ts';
import type { Machine } from '../machine.ts';
import type { PortHolder } from '../situation.ts';

const DNS_PORT = 53;
/** include/net/tcp_states.h */
const TCP_LISTEN = '0A';

interface OpenSocket {
  readonly protocol: 'udp' | 'tcp';
  readonly address: string;
  readonly inode: string;
}

/** All holders; a process that hides its descriptors from us has no pid here. */
export function collectPortHolders(machine: Machine): readonly PortHolder[] {
  const sockets = (['udp', 'udp6', 'tcp', 'tcp6'] as const).flatMap((table) =>
    parseSocketTable(read(machine, `/proc/net/${table}`), table.startsWith('udp') ? 'udp' : 'tcp'),
  );
  if (sockets.length === 0) return [];
  const owners = ownersOf(machine, new Set(sockets.map(({ inode }) => inode)));
  return sockets.map(({ protocol, address, inode }) => {
    const pid = owners.get(inode) ?? null;
    return {
      protocol,
      address,
      pid,
      program: pid === null ? null : read(machine, `/proc/${pid}/comm`).trim(),
      unit: pid === null ? null : unitOf(read(machine, `/proc/${pid}/cgroup`)),
    };
  });
}

/** The sockets of a /proc/net table that have port 53 and, of TCP, listen. */
export function parseSocketTable(table: string, protocol: 'udp' | 'tcp'): readonly OpenSocket[] {
  const sockets: OpenSocket[] = [];
  for (const line of table.split('\n').slice(1)) {
    const words = line.trim().split(/\s+/);
    const [, local = '', , state] = words;
    const [hexAddress = '', hexPort = ''] = local.split(':');
    if (Number.parseInt(hexPort, 16) !== DNS_PORT) continue;
    if (protocol === 'tcp' && state !== TCP_LISTEN) continue;
    sockets.push({ protocol, address: addressOf(hexAddress), inode: words[9] ?? '' });
  }
  return sockets;
}

/** The kernel prints each 32-bit word in the host's order, which is little-endian wherever homeport runs. */
function addressOf(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  return addressText(bytes.swap32());
}

function ownersOf(machine: Machine, inodes: ReadonlySet<string>): ReadonlyMap<string, number> {
  const owners = new Map<string, number>();
  // Process 1 last: it holds the sockets that it hands to services.
  const pids = list(machine, '/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => b - a);
  for (const pid of pids) {
    for (const fd of list(machine, `/proc/${pid}/fd`)) {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(link(machine, `/proc/${pid}/fd/${fd}`)) ?? [];
      if (inode !== undefined && inodes.has(inode) && !owners.has(inode)) owners.set(inode, pid);
    }
  }
  return owners;
}

function unitOf(cgroup: string): string | null {
  return /\/([^/]+\.(?:service|socket|scope))(?:\/|$)/m.exec(cgroup)?.[1] ?? null;
}

function read(machine: Machine, path: string): string {
  try {
    return readFileSync(machine.at(path), 'utf8');
  } catch {
    return '';
  }
}

function list(machine: Machine, path: string): readonly string[] {
  try {
    return readdirSync(machine.at(path));
  } catch {
    return [];
  }
}

function link(machine: Machine, path: string): string {
  try {
    return readlinkSync(machine.at(path));
  } catch {
    return '';
  }
}
