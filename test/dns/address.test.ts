import assert from 'node:assert/strict';
import { isIPv6 } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  addressBytes,
  addressOfReverseName,
  addressText,
  canonicalAddress,
  contains,
  parseSubnet,
  reverseName,
} from '../../src/dns/address.ts';

describe('addresses', () => {
  const texts = [
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['::', '::'],
    ['fd00:0:0:1:0:0:0:2', 'fd00:0:0:1::2'],
    ['FD00::ABCD', 'fd00::abcd'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['1::', '1::'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ] as const;
  for (const [text, want] of texts) {
    it(`writes ${text} as ${want}`, () => assert.equal(canonicalAddress(text), want));
  }

  it('reads back what it wrote, for every address', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    );
    fc.assert(
      fc.property(bytes, (address) => {
        const text = addressText(address);
        assert.deepEqual([...(addressBytes(text) ?? [])].slice(-4), [...address].slice(-4));
        if (text.includes(':')) assert.deepEqual(addressBytes(text), address);
        if (text.includes(':')) assert.ok(isIPv6(text));
        assert.deepEqual(addressOfReverseName(reverseName(address)), address);
      }),
    );
  });

  for (const text of ['', '1.2.3', '1.2.3.4.5', '1.2.3.256', ':', ':::', 'fe80::1%eth0', 'web']) {
    it(`takes "${text}" for no address`, () => assert.equal(addressBytes(text), undefined));
  }
});

describe('subnets', () => {
  const cases = [
    ['172.17.0.0/16', '172.17.255.255', true],
    ['172.17.0.0/16', '172.18.0.0', false],
    ['10.0.0.0/31', '10.0.0.1', true],
    ['10.0.0.0/31', '10.0.0.2', false],
    ['0.0.0.0/0', '255.1.1.1', true],
    ['10.0.0.1', '10.0.0.1', true],
    ['fd00::/8', 'fdff::1', true],
    ['fd00::/8', 'fe00::1', false],
    ['0.0.0.0/0', '::1', false],
  ] as const;
  for (const [subnet, address, want] of cases) {
    it(`${subnet} ${want ? 'holds' : 'does not hold'} ${address}`, () => {
      assert.equal(contains(parseSubnet(subnet), addressBytes(address) ?? new Uint8Array()), want);
    });
  }
  for (const text of [
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    'fd00::/129',
    'web/8',
    '10.0.0.0/8/8',
    '10.0.0.0/1e1',
  ]) {
    it(`refuses "${text}" and says how to write one`, () => {
      assert.throws(() => parseSubnet(text), {
        code: 'ADDRESS_INVALID',
        message: /172\.17\.0\.0\/16/,
      });
    });
  }
});

describe('reverse names', () => {
  it('are those of RFC 1035 §3.5 and RFC 3596 §2.5', () => {
    assert.equal(reverseName(Uint8Array.of(172, 17, 0, 2)), '2.0.17.172.in-addr.arpa.');
    const six = addressBytes('fd00::2') ?? new Uint8Array();
    assert.equal(
      reverseName(six),
      `2.${'0.'.repeat(28)}0.d.f.ip6.arpa.`.replace('0.0.d.f', '0.0.d.f'),
    );
  });
});
