/** Socket addresses as the kernel wants them: sockaddr_in and sockaddr_in6. */
import { networkInterfaces } from 'node:os';
import { addressBytes, addressText } from '../../dns/address.ts';
import { AF, SOCKADDR } from './layout.ts';

/** A socket address in words. */
export interface SocketAddress {
  /** Canonical text, without a scope. */
  readonly address: string;
  readonly port: number;
}

/**
 * Writes a socket address at `offset`; `SOCKADDR.slotBytes` are overwritten.
 *
 * @param address a literal; an IPv6 one may name its interface (`fe80::1%eth0`)
 * @returns its length, 16 or 28; 0 where the text is no address
 */
export function writeSocketAddress(
  bytes: Buffer,
  offset: number,
  { address, port }: SocketAddress,
): number {
  const [literal = '', scope] = address.split('%');
  const parsed = addressBytes(literal);
  if (parsed === undefined) return 0;
  bytes.fill(0, offset, offset + SOCKADDR.slotBytes);
  bytes.writeUInt16BE(port, offset + SOCKADDR.port);
  if (parsed.length === 4) {
    bytes.writeUInt16LE(AF.INET, offset + SOCKADDR.family);
    bytes.set(parsed, offset + SOCKADDR.ipv4);
    return SOCKADDR.ipv4Bytes;
  }
  bytes.writeUInt16LE(AF.INET6, offset + SOCKADDR.family);
  bytes.set(parsed, offset + SOCKADDR.ipv6);
  bytes.writeUInt32LE(scopeIndex(literal, scope), offset + SOCKADDR.ipv6Scope);
  return SOCKADDR.ipv6Bytes;
}

/** The interface of a link-local address: Node knows the indexes as scope ids, so if_nametoindex is not needed. */
function scopeIndex(literal: string, scope: string | undefined): number {
  if (scope === undefined) return 0;
  if (/^\d+$/.test(scope)) return Number(scope);
  const own = networkInterfaces()[scope] ?? [];
  const linkLocal = own.find((entry) => entry.family === 'IPv6' && entry.scopeid > 0);
  return linkLocal?.family === 'IPv6' && literal.startsWith('fe80') ? linkLocal.scopeid : 0;
}

/** Reads the socket address at `offset`; undefined for any family but IPv4 and IPv6. */
export function readSocketAddress(bytes: Buffer, offset: number): SocketAddress | undefined {
  const family = bytes.readUInt16LE(offset + SOCKADDR.family);
  const port = bytes.readUInt16BE(offset + SOCKADDR.port);
  if (family === AF.INET) {
    const start = offset + SOCKADDR.ipv4;
    return { address: addressText(bytes.subarray(start, start + 4)), port };
  }
  if (family !== AF.INET6) return undefined;
  const start = offset + SOCKADDR.ipv6;
  return { address: addressText(bytes.subarray(start, start + 16)), port };
}
