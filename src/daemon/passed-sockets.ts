/** Sockets that systemd has bound and passes on (sd_listen_fds(3)): no privilege is needed for their port, and queries wait in them while homeport restarts. */
import { readFileSync, readlinkSync } from 'node:fs';
import { addressText } from '../dns/address.ts';
import type { WantedListen } from './listeners.ts';

/** The variables that systemd sets. */
export interface ListenEnvironment {
  readonly LISTEN_FDS?: string | undefined;
  readonly LISTEN_PID?: string | undefined;
}

/** A bound socket of this process. */
export interface PassedSocket {
  readonly fd: number;
  readonly protocol: 'udp' | 'tcp';
  readonly address: string;
  readonly port: number;
}

/** SD_LISTEN_FDS_START. */
const FIRST_FD = 3;
/** More are no socket units but a mistake. */
const MAX_FDS = 1024;

/** The sockets that were passed to this very process; none where systemd did not start it. Never throws. */
export function passedSockets(env: ListenEnvironment): readonly PassedSocket[] {
  const count = Number(env.LISTEN_FDS ?? 0);
  if (Number(env.LISTEN_PID) !== process.pid || !(count > 0 && count <= MAX_FDS)) return [];
  const known = new Map(
    (['udp', 'udp6', 'tcp', 'tcp6'] as const).flatMap((table) =>
      parseSocketTable(readOr(`/proc/self/net/${table}`)).map(
        (entry) =>
          [entry.inode, { ...entry, protocol: table.startsWith('udp') ? 'udp' : 'tcp' }] as const,
      ),
    ),
  );
  return Array.from({ length: count }, (_, index) => FIRST_FD + index).flatMap((fd) => {
    const [, inode = ''] = /^socket:\[(\d+)\]$/.exec(linkOr(`/proc/self/fd/${fd}`)) ?? [];
    const found = known.get(inode);
    if (found === undefined) return [];
    const { address, port } = found;
    return [{ fd, protocol: found.protocol === 'udp' ? 'udp' : 'tcp', address, port }] as const;
  });
}

/**
 * Where to listen: the configuration's addresses, and every address of a passed socket, since who wrote it
 * into the socket unit wants it to be answered.
 */
export function withPassed(
  wanted: readonly WantedListen[],
  passed: readonly PassedSocket[],
): readonly WantedListen[] {
  const listens = [...wanted];
  for (const { address, port } of passed) {
    const isWanted = listens.some(
      (want) => want.kind === 'address' && want.address === address && want.port === port,
    );
    if (!isWanted) listens.push({ kind: 'address', address, port });
  }
  return listens;
}

/** The local socket addresses of a /proc/net table, by inode (proc(5)). */
export function parseSocketTable(
  table: string,
): readonly { readonly inode: string; readonly address: string; readonly port: number }[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const words = line.trim().split(/\s+/);
      const [, hexAddress, hexPort] = /^([0-9A-F]+):([0-9A-F]{4})$/.exec(words[1] ?? '') ?? [];
      const inode = words[9];
      if (hexAddress === undefined || hexPort === undefined || inode === undefined) return [];
      // Each 32-bit word is printed in the machine's order, which is little-endian wherever this runs.
      const address = addressText(Buffer.from(hexAddress, 'hex').swap32());
      return [{ inode, address, port: Number.parseInt(hexPort, 16) }];
    });
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function linkOr(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
