/** Names as stubs handle them: dots, suffixes, bytes, and the checks that keep a name off the wire. Pure. */
import { inetAton, ipv6WithScope } from '../../resolv-conf/inet.ts';

const maxAscii = 0x7f;
const maxLabelLength = 63;
const maxNameLength = 253;

/** The name as bytes on the wire, one character each: UTF-8 read as Latin-1. */
export function toBytes(name: string): string {
  return isAscii(name) ? name : Buffer.from(name, 'utf8').toString('latin1');
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > maxAscii) return false;
  return true;
}

/** The number of dots of a name as typed. */
export function dotsIn(name: string): number {
  let dots = 0;
  for (let at = name.indexOf('.'); at >= 0; at = name.indexOf('.', at + 1)) dots++;
  return dots;
}

export function isRooted(name: string): boolean {
  return name.endsWith('.');
}

/** A name without its final dot, as it is asked. */
export function withoutRoot(name: string): string {
  return isRooted(name) ? name.slice(0, -1) : name;
}

/** Whether a name (no final dot) can be put on the wire: labels of 1 to 63 bytes, 253 in all. */
export function canBeAsked(name: string): boolean {
  if (name.length > maxNameLength) return false;
  let start = 0;
  for (let end = name.indexOf('.'); end >= 0; end = name.indexOf('.', start)) {
    if (!isLabelLength(end - start)) return false;
    start = end + 1;
  }
  return isLabelLength(name.length - start);
}

function isLabelLength(length: number): boolean {
  return length >= 1 && length <= maxLabelLength;
}

/** A name that a C library takes for an address, in normal form. */
export function literalAddress(
  name: string,
): { readonly family: 'inet' | 'inet6'; readonly address: string } | undefined {
  const ipv4 = inetAton(name);
  if (ipv4 !== undefined) return { family: 'inet', address: ipv4 };
  const ipv6 = ipv6WithScope(name);
  return ipv6 === undefined ? undefined : { family: 'inet6', address: ipv6 };
}
