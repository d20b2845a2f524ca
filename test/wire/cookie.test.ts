/** Server cookies against the vectors of RFC 9018, appendix A, and of SipHash's authors. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addressKeyOf } from '../../src/listen/address-key.ts';
import { ServerCookies } from '../../src/wire/cookie.ts';
import { QueryReader } from '../../src/wire/query.ts';
import { sipHash } from '../../src/wire/sip-hash.ts';
import { query } from '../support/message.ts';

describe('SipHash-2-4', () => {
  const key = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
  const vectors = [
    { length: 0, hash: '310e0edd47db6f72' },
    { length: 7, hash: '37d1018bf50002ab' },
    { length: 8, hash: '6224939a79f5f593' },
    { length: 15, hash: 'e545be4961ca29a1' },
    { length: 63, hash: '724506eb4c328a95' },
  ];
  for (const { length, hash } of vectors) {
    it(`hashes ${length} bytes as its reference does`, () => {
      const bytes = Uint8Array.from({ length: 64 }, (_, i) => i);
      const out = Buffer.alloc(8);
      sipHash(key, bytes, length, out, 0);
      assert.equal(out.toString('hex'), hash);
    });
  }
});

describe('server cookies', () => {
  const vectors = [
    {
      name: 'a client that has none yet (A.1)',
      secret: 'e5e973e5a6b2a43f48e7dc849e37bfcf',
      address: '198.51.100.100',
      seconds: 1559731985,
      sent: '2464c4abcf10c957',
      want: '2464c4abcf10c957010000005cf79f111f8130c3eee29480',
    },
    {
      name: 'an IPv6 client whose cookie is of another secret (A.4)',
      secret: '445536bcd2513298075a5d379663c962',
      address: '2001:db8:220:1:59de:d0f4:8769:82b8',
      seconds: 1559741961,
      sent: '22681ab97d52c298010000005cf7c57926556bd0934c72f8',
      want: '22681ab97d52c298010000005cf7c609a6bb79d16625507a',
    },
  ];
  for (const { name, secret, address, seconds, sent, want } of vectors) {
    it(`are those that all servers make, for ${name}`, () => {
      const size = (sent.length / 2).toString(16).padStart(4, '0');
      const options = Buffer.from(`000a${size}${sent}`, 'hex');
      const message = query('www.example.com', 'A', { edns: 1232, options });
      const reader = new QueryReader();
      assert.equal(reader.read(message, message.length), 'query');
      const cookies = new ServerCookies(Buffer.from(secret, 'hex'));
      const option = cookies.optionFor(message, reader, addressKeyOf(address), seconds * 1000);
      assert.equal(Buffer.from(option ?? []).toString('hex'), `000a0018${want}`);
    });
  }

  it('are made for nobody who sends none', () => {
    const message = query('www.example.com', 'A', { edns: 1232 });
    const reader = new QueryReader();
    reader.read(message, message.length);
    assert.equal(new ServerCookies(Buffer.alloc(16)).optionFor(message, reader, 0, 0), null);
  });
});
