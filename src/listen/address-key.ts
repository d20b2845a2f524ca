/** One value for one client address, the same from every transport. */
import { addressBytes, canonicalAddress } from '../dns/address.ts';

/**
 * The key of an address literal: IPv4 (mapped into IPv6 or not) as its 32 bits, signed, so that V8 keeps
 * it as a small integer; IPv6 as canonical text without a scope.
 */
export function addressKeyOf(text: string): number | string {
  const canonical = canonicalAddress(text);
  const bytes = addressBytes(canonical);
  if (bytes?.length !== 4) return canonical;
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  return (a << 24) | (b << 16) | (c << 8) | d;
}
