/** Options of ours in replies of every origin: cookies (RFC 7873), and that an answer is stale (RFC 8914). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { optRecord, query, replyTo, show } from '../support/message.ts';
import { entry, Harness } from '../support/resolver-harness.ts';

const CLIENT_COOKIE = '2464c4abcf10c957';
const CACHE = { size: 50, maxTtlSeconds: 3600, negativeMaxTtlSeconds: 60, serveStaleSeconds: 600 };

function cookieOption(cookie: string): Buffer {
  const size = (cookie.length / 2).toString(16).padStart(4, '0');
  return Buffer.from(`000a${size}${cookie}`, 'hex');
}

function withCookie(name: string, cookie = CLIENT_COOKIE, size = 1232): Buffer {
  return query(name, 'A', { edns: size, options: cookieOption(cookie) });
}

/** All options of a message's OPT as `CODE:HEX`. */
function optionsOf(message: Buffer): string[] {
  const at = message.lastIndexOf(Buffer.from('000029', 'hex'));
  const options: string[] = [];
  const end = at + 11 + message.readUInt16BE(at + 9);
  for (let option = at + 11; option < end; ) {
    const size = message.readUInt16BE(option + 2);
    options.push(
      `${message.readUInt16BE(option)}:${message.toString('hex', option + 4, option + 4 + size)}`,
    );
    option += 4 + size;
  }
  assert.equal(end, message.length, 'OPT is the last record');
  return options;
}

function cookieOf(message: Buffer): string {
  const cookies = optionsOf(message).filter((text) => text.startsWith('10:'));
  assert.equal(cookies.length, 1, 'one cookie');
  return cookies[0]?.slice(3) ?? '';
}

function harnessOf(): Harness {
  const harness = new Harness({
    cache: CACHE,
    expected: ['missing'],
    allow: ['127.0.0.0/8'],
    searchDomains: ['us-east-1.domain.com'],
  });
  harness.upstreams({ '': ['10.0.0.2'] });
  harness.own({ web: ['10.0.0.1'], many: Array.from({ length: 40 }, (_, i) => `10.1.0.${i}`) });
  harness.apply({ entries: [entry('alias', [], { cname: 'web' })] });
  return harness;
}

/** Asks; what goes upstream is answered with one address. */
function askThrough(harness: Harness, bytes: Buffer, from: { address: string; isTcp: boolean }) {
  const before = harness.sent.length;
  harness.ask(bytes, from);
  const sent = harness.sent[before];
  if (sent !== undefined) {
    assert.ok(!sent.message.includes(Buffer.from(CLIENT_COOKIE, 'hex')), 'it stays here');
    const name = show(sent.message).question.split(' ')[0] ?? '';
    const answers = [`${name} 60 IN A 192.0.2.1`];
    harness.answer(sent, replyTo(sent.message, { answers, ...upstreamOpt(sent.message) }));
  }
  return harness.replies.at(-1)?.bytes ?? Buffer.alloc(0);
}

/** An upstream that sends a cookie of its own, and an option that is for the client. */
function upstreamOpt(asked: Buffer): { opt?: Buffer } {
  if (asked.readUInt16BE(10) === 0) return {};
  const options = Buffer.concat([cookieOption('ff'.repeat(16)), Buffer.from('00030001aa', 'hex')]);
  return { opt: optRecord(1400, false, options) };
}

const asked = [
  { name: 'an owned name', bytes: withCookie('web'), rcode: 'NOERROR', options: [] },
  {
    name: 'a name that is cut for the client',
    bytes: withCookie('many', CLIENT_COOKIE, 512),
    rcode: 'NOERROR',
    options: [],
  },
  { name: 'an alias', bytes: withCookie('alias'), rcode: 'NOERROR', options: [] },
  {
    name: 'a name that is refused',
    bytes: withCookie('missing'),
    rcode: 'NXDOMAIN',
    options: ['15'],
  },
  {
    name: 'a name that is forwarded',
    bytes: withCookie('www.example.com'),
    rcode: 'NOERROR',
    options: ['3'],
  },
  {
    name: 'a bare name that is forwarded',
    bytes: withCookie('redis'),
    rcode: 'NOERROR',
    options: ['3'],
  },
  {
    name: 'a type that is not served',
    bytes: query('web', 'AXFR', { edns: 1232, options: cookieOption(CLIENT_COOKIE) }),
    rcode: 'REFUSED',
    options: [],
  },
  {
    name: 'a name with a server cookie of another server',
    bytes: withCookie('web', `${CLIENT_COOKIE}${'00'.repeat(16)}`),
    rcode: 'NOERROR',
    options: [],
  },
  {
    name: 'a name with a server cookie of 32 bytes',
    bytes: withCookie('web', `${CLIENT_COOKIE}${'01'.repeat(32)}`),
    rcode: 'NOERROR',
    options: [],
  },
  {
    name: 'nothing but a cookie',
    bytes: withoutQuestion(withCookie('')),
    rcode: 'NOERROR',
    options: [],
  },
];

/** The query without its question, for the root. */
function withoutQuestion(message: Buffer): Buffer {
  const bytes = Buffer.concat([message.subarray(0, 12), message.subarray(17)]);
  bytes.writeUInt16BE(0, 4);
  return bytes;
}

describe('a query with a cookie', () => {
  for (const isTcp of [false, true]) {
    for (const { name, bytes, rcode, options } of asked) {
      it(`for ${name} gets it back with ours, over ${isTcp ? 'TCP' : 'UDP'}, again and again`, () => {
        const harness = harnessOf();
        const from = { address: '127.0.0.1', isTcp };
        for (let again = 0; again < 3; again++) {
          const reply = askThrough(harness, bytes, from);
          assert.equal(show(reply).rcode, rcode);
          assert.match(cookieOf(reply), new RegExp(`^${CLIENT_COOKIE}01000000.{24}$`));
          const others = optionsOf(reply).map((text) => text.split(':')[0]);
          assert.deepEqual(
            others.filter((code) => code !== '10'),
            options,
          );
          assert.ok(isTcp || reply.length <= 1232);
        }
        assert.deepEqual(harness.failures, []);
      });
    }
  }

  it('gets another cookie at another time, and at another address', () => {
    const harness = harnessOf();
    const cookies = new Set<string>();
    for (const address of ['127.0.0.1', '127.0.0.2', '127.0.0.1']) {
      cookies.add(cookieOf(askThrough(harness, withCookie('web'), { address, isTcp: false })));
      harness.pass(1_000);
    }
    assert.equal(cookies.size, 3);
  });

  it('gets one too where it is not allowed to ask', () => {
    for (const bytes of [withCookie('web'), withoutQuestion(withCookie(''))]) {
      const reply = askThrough(harnessOf(), bytes, { address: '192.0.2.9', isTcp: false });
      assert.equal(show(reply).rcode, 'REFUSED');
      assert.ok(cookieOf(reply).startsWith(CLIENT_COOKIE));
    }
  });

  it('gets one from an upstream that knows no EDNS', () => {
    const harness = harnessOf();
    harness.ask(withCookie('www.example.com'));
    const answers = ['www.example.com. 60 IN A 192.0.2.1'];
    harness.answer(
      harness.sent[0],
      replyTo(harness.sent[0]?.message ?? Buffer.alloc(0), { answers }),
    );
    for (let again = 0; again < 2; again++) {
      assert.ok(
        cookieOf(harness.replies.at(-1)?.bytes ?? Buffer.alloc(0)).startsWith(CLIENT_COOKIE),
      );
      harness.ask(withCookie('www.example.com'));
    }
    assert.equal(harness.sent.length, 1);
    const plain = harness.ask(query('www.example.com', 'A', { edns: 1232 }));
    assert.equal(plain?.edns, true, 'and an OPT is answered with an OPT');
  });

  const wrong = [
    '',
    '01',
    '01020304050607',
    '010203040506070809',
    '00'.repeat(15),
    '00'.repeat(41),
  ];
  for (const cookie of wrong) {
    it(`of ${cookie.length / 2} bytes is FORMERR`, () => {
      assert.equal(harnessOf().ask(withCookie('web', cookie))?.rcode, 'FORMERR');
    });
  }

  it('is about the first one where there are several', () => {
    const options = Buffer.concat([cookieOption(CLIENT_COOKIE), cookieOption('07')]);
    const harness = harnessOf();
    harness.ask(query('web', 'A', { edns: 1232, options }));
    const reply = harness.replies[0]?.bytes ?? Buffer.alloc(0);
    assert.ok(cookieOf(reply).startsWith(CLIENT_COOKIE));
  });

  it('and no question is FORMERR without the cookie', () => {
    assert.equal(
      harnessOf().ask(withoutQuestion(query('', 'A', { edns: 1232 })))?.rcode,
      'FORMERR',
    );
  });
});

describe('an answer past its time, where no upstream answers', () => {
  const kept = [
    {
      name: 'says that it is stale',
      reply: { answers: ['www.example.com. 60 IN A 192.0.2.1'] },
      rcode: 'NOERROR',
      code: '3',
    },
    {
      name: 'says that it is a stale denial',
      reply: { rcode: 3, authority: ['example.com. 60 IN SOA 60'] },
      rcode: 'NXDOMAIN',
      code: '19',
    },
  ];
  for (const { name, reply, rcode, code } of kept) {
    for (const options of [Buffer.alloc(0), cookieOption(CLIENT_COOKIE)]) {
      it(`${name}, ${options.length > 0 ? 'beside the cookie' : 'to a client with EDNS'}`, () => {
        const harness = harnessOf();
        const bytes = query('www.example.com', 'A', { edns: 1232, options });
        const ask = () => harness.ask(bytes)?.errors[0]?.split(' ')[0];
        harness.ask(bytes);
        const sent = harness.sent[0]?.message ?? Buffer.alloc(0);
        harness.answer(harness.sent[0], replyTo(sent, { ...reply, ...upstreamOpt(sent) }));
        assert.equal(ask(), undefined, 'a fresh one does not');
        harness.pass(61_000);
        harness.ask(bytes);
        harness.pass(5_000);
        assert.deepEqual(
          [harness.last.rcode, harness.last.errors[0]?.split(' ')[0]],
          [rcode, code],
        );
        assert.equal(ask(), code, 'and while it is given without asking');
        assert.equal(harness.last.rcode, rcode);
      });
    }
  }

  it('says nothing to a client without EDNS', () => {
    const harness = harnessOf();
    const bytes = query('www.example.com', 'A');
    harness.ask(bytes);
    const sent = harness.sent[0]?.message ?? Buffer.alloc(0);
    harness.answer(
      harness.sent[0],
      replyTo(sent, { answers: ['www.example.com. 60 IN A 192.0.2.1'] }),
    );
    harness.pass(61_000);
    harness.ask(bytes);
    harness.pass(5_000);
    assert.deepEqual(harness.ask(bytes)?.edns, false);
    assert.deepEqual(harness.last.answers, ['www.example.com. 30 IN A 192.0.2.1']);
  });
});
