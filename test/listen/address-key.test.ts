/** One key for one address. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addressKeyOf } from '../../src/listen/address-key.ts';

const cases = [
  { name: 'IPv4', of: '10.0.0.1', want: 0x0a000001 },
  { name: 'IPv4 above 127, signed', of: '192.168.1.2', want: 0xc0a80102 | 0 },
  { name: 'IPv4 mapped into IPv6', of: '::ffff:10.0.0.1', want: 0x0a000001 },
  { name: 'IPv6 in any spelling', of: 'FD00:0:0::1', want: 'fd00::1' },
  { name: 'IPv6 with a scope', of: 'fe80::1%eth0', want: 'fe80::1' },
] as const;

describe('the key of an address', () => {
  for (const { name, of, want } of cases) {
    it(`is the same for ${name}`, () => assert.equal(addressKeyOf(of), want));
  }
});
