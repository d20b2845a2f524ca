/** IP addresses and networks: bytes, text, containment, reverse names. Pure. */
import { isIPv4, isIPv6 } from 'node:net';
import { HomeportError } from '../errors.ts';
import { type DomainName, labelsOf, parseName } from './name.ts';

/** The bytes of an address literal: 4 or 16 of them; undefined where it is none. Never throws. */
export function addressBytes(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const [head = '', tail] = text.split('::');
  const left = groupsOf(head);
  const right = tail === undefined ? [] : groupsOf(tail);
  const zeros = new Array<number>(16 - left.length - right.length).fill(0);
  return Uint8Array.from([...left, ...zeros, ...right]);
}

function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

/** The canonical text of 4 or 16 address bytes (RFC 5952); IPv4-mapped IPv6 becomes IPv4. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (isMapped(bytes)) return bytes.subarray(12).join('.');
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  const run = longestZeroRun(groups);
  if (run.length < 2) return groups.join(':');
  return `${groups.slice(0, run.start).join(':')}::${groups.slice(run.start + run.length).join(':')}`;
}

function longestZeroRun(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (groups[start + length] === '0') length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

function isMapped(bytes: Uint8Array): boolean {
  return (
    bytes.length === 16 &&
    bytes[10] === 0xff &&
    bytes[11] === 0xff &&
    bytes.subarray(0, 10).every((byte) => byte === 0)
  );
}

/** One spelling for one address: `::ffff:10.0.0.1` and `10.0.0.1` are the same client. Returns the text as it came if it is no address. */
export function canonicalAddress(text: string): string {
  const bare = text.includes('%') ? text.slice(0, text.indexOf('%')) : text;
  const bytes = addressBytes(bare);
  return bytes === undefined ? text : addressText(bytes);
}

/** A network in CIDR form. */
export interface Subnet {
  readonly bytes: Uint8Array;
  readonly prefixLength: number;
}

/**
 * A CIDR (`172.17.0.0/16`, `fd00::/8`) or a single address.
 *
 * @throws HomeportError ADDRESS_INVALID
 */
export function parseSubnet(text: string): Subnet {
  const [address = '', length, ...rest] = text.split('/');
  const bytes = addressBytes(address);
  const prefixLength = length === undefined ? (bytes?.length ?? 0) * 8 : Number(length);
  const isWhole = length === undefined || /^\d{1,3}$/.test(length);
  if (bytes === undefined || rest.length > 0 || !isWhole || prefixLength > bytes.length * 8) {
    throw new HomeportError(
      'ADDRESS_INVALID',
      `"${text}" is no address or CIDR; write 172.17.0.0/16 or fd00::/8`,
    );
  }
  return { bytes, prefixLength };
}

/** Whether the subnet holds the address (bytes of the same family; others are never inside). */
export function contains(subnet: Subnet, address: Uint8Array): boolean {
  if (subnet.bytes.length !== address.length) return false;
  const whole = subnet.prefixLength >> 3;
  for (let i = 0; i < whole; i++) if (subnet.bytes[i] !== address[i]) return false;
  const rest = subnet.prefixLength & 7;
  if (rest === 0) return true;
  const mask = (0xff << (8 - rest)) & 0xff;
  return ((subnet.bytes[whole] ?? 0) & mask) === ((address[whole] ?? 0) & mask);
}

/** The name under which an address is looked up backwards: in-addr.arpa (RFC 1035 §3.5), ip6.arpa (RFC 3596 §2.5). */
export function reverseName(address: Uint8Array): DomainName {
  if (address.length === 4) return parseName(`${[...address].reverse().join('.')}.in-addr.arpa.`);
  const nibbles = [...address].flatMap((byte) => [byte >> 4, byte & 15]);
  return parseName(
    `${nibbles
      .reverse()
      .map((nibble) => nibble.toString(16))
      .join('.')}.ip6.arpa.`,
  );
}

/** The address of a whole reverse name, or undefined for every other name. Never throws. */
export function addressOfReverseName(name: DomainName): Uint8Array | undefined {
  const labels = [...labelsOf(name)].reverse();
  if (labels.length === 6 && labels[0] === 'arpa' && labels[1] === 'in-addr') {
    return addressBytes(labels.slice(2).join('.'));
  }
  if (labels.length !== 34 || labels[0] !== 'arpa' || labels[1] !== 'ip6') return undefined;
  const hex = labels.slice(2);
  if (!hex.every((nibble) => /^[0-9a-f]$/.test(nibble))) return undefined;
  return Uint8Array.from(Buffer.from(hex.join(''), 'hex'));
}
