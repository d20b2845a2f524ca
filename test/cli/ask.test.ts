import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { ask } from '../../src/cli/ask.ts';
import { textReply } from '../../src/cli/reply-text.ts';
import { TYPE } from '../../src/dns/codes.ts';
import { parseName } from '../../src/dns/name.ts';
import { readRelayed } from '../../src/wire/relayed.ts';
import { type Answerer, type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { query, replyTo, show } from '../support/message.ts';

let server: DnsServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

const WEB = parseName('web.');
const ANSWERS = ['web. 5 IN A 10.0.0.1'];

/** What is read of a server that answers so: data of its records, or why there is none. */
async function asked(answer: Answerer, timeoutMs = 2_000): Promise<readonly string[] | string> {
  server = await startDnsServer(answer);
  const result = await ask(server, WEB, TYPE.A, { timeoutMs, attempts: 2 });
  return result.kind === 'reply'
    ? textReply(result.reply).answers.map(({ data }) => data)
    : result.reason;
}

describe('a question', () => {
  it('is one with EDNS, recursion and a random ID', async () => {
    const ids = new Set<number>();
    for (let i = 0; i < 3; i++) {
      await asked((message) => {
        const { id, question, flags, edns } = show(message);
        ids.add(id);
        assert.deepEqual([question, edns], ['web. A', true]);
        assert.match(flags, /rd/i);
        return replyTo(message, { answers: ANSWERS });
      });
      await server?.close();
      server = undefined;
    }
    assert.ok(ids.size > 1);
  });

  it('is asked again where the first one is lost', async () => {
    let count = 0;
    const answer: Answerer = (message) =>
      count++ === 0 ? null : replyTo(message, { answers: ANSWERS });
    assert.deepEqual(await asked(answer, 150), ['10.0.0.1']);
  });

  it('is asked over TCP where the reply was cut', async () => {
    const answer: Answerer = (message, isTcp) =>
      isTcp ? replyTo(message, { answers: ANSWERS }) : replyTo(message, { flags: 0x8380 });
    assert.deepEqual(await asked(answer), ['10.0.0.1']);
  });

  it('says that TCP brought nothing', async () => {
    const answer: Answerer = (message, isTcp) =>
      isTcp ? null : replyTo(message, { flags: 0x8380 });
    assert.equal(await asked(answer, 150), 'no answer over TCP within 0.15 s');
  });

  it('is not answered by another ID, another question, a query or rubbish', async () => {
    const answer: Answerer = (message) => {
      const otherId = replyTo(message, { answers: ['web. 5 IN A 10.6.6.6'] });
      otherId.writeUInt16BE((otherId.readUInt16BE(0) + 1) & 0xffff, 0);
      const otherName = replyTo(query('wob', 'A', { id: message.readUInt16BE(0) }), {
        answers: ['wob. 5 IN A 10.6.6.6'],
      });
      return [
        otherId,
        otherName,
        message,
        Buffer.from('rubbish'),
        Buffer.alloc(0),
        replyTo(message, { answers: ANSWERS }),
      ];
    };
    assert.deepEqual(await asked(answer), ['10.0.0.1']);
  });

  it('gets silence as a value', async () => {
    assert.equal(await asked(() => null, 100), 'no answer within 0.1 s');
  });
});

describe('a reply in text', () => {
  function text(lines: readonly string[]): readonly string[] {
    const reply = readRelayed(replyTo(query('web', 'A'), { answers: lines }));
    assert.ok(reply !== undefined);
    return textReply(reply).answers.map(
      ({ name, type, ttlSeconds, data }) => `${name} ${ttlSeconds} ${type} ${data}`,
    );
  }

  it('has names, addresses and texts in presentation form', () => {
    assert.deepEqual(
      text([
        'web. 5 IN A 10.0.0.1',
        'web. 5 IN AAAA fd00::1',
        'web. 5 IN AAAA ::ffff:10.0.0.1',
        'web. 5 IN CNAME b.example.',
        'web. 5 IN TXT say "hi"\\\u0007',
        'web. 5 IN TYPE65280 a.',
      ]),
      [
        'web 5 A 10.0.0.1',
        'web 5 AAAA fd00::1',
        'web 5 AAAA ::ffff:10.0.0.1',
        'web 5 CNAME b.example',
        'web 5 TXT "say \\"hi\\"\\\\\\007"',
        'web 5 TYPE65280 \\# 3 016100',
      ],
    );
  });

  const circles: readonly { name: string; pointer: (at: number) => number }[] = [
    { name: 'to itself', pointer: (at) => at },
    { name: 'forwards', pointer: (at) => at + 2 },
    { name: 'into the header', pointer: () => 4 },
  ];
  for (const { name, pointer } of circles) {
    it(`ends a name at a compression pointer ${name}`, () => {
      const bytes = replyTo(query('web', 'A'), { answers: ['web. 5 IN CNAME ab.'] });
      // The target: the label "ab" cut to "a", then a pointer.
      const at = bytes.length - 2;
      bytes.write('\u0001a', at - 2, 'latin1');
      bytes.writeUInt16BE(0xc000 | pointer(at), at);
      const reply = readRelayed(bytes);
      assert.ok(reply !== undefined);
      assert.deepEqual(
        textReply(reply).answers.map(({ data }) => data),
        ['a'],
      );
    });
  }
});
