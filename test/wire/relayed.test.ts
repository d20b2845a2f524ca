import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseType } from '../../src/dns/codes.ts';
import {
  cutToSize,
  readRelayed,
  repeatsQuestion,
  withAliases,
  withoutOpt,
} from '../../src/wire/relayed.ts';
import { optRecord, query, recordBytes, replyTo, show, wireName } from '../support/message.ts';

/** Writes a reply with every name compressed against all that came before, as real servers do. */
class CompressingWriter {
  readonly #bytes: number[] = [];
  readonly #known = new Map<string, number>();

  name(text: string): void {
    const labels = text.split('.').filter((label) => label !== '');
    for (let i = 0; i < labels.length; i++) {
      const suffix = labels.slice(i).join('.');
      const at = this.#known.get(suffix);
      if (at !== undefined) {
        this.uint16(0xc000 | at);
        return;
      }
      if (this.#bytes.length < 0x4000) this.#known.set(suffix, this.#bytes.length);
      const label = labels[i] ?? '';
      this.#bytes.push(label.length, ...Buffer.from(label));
    }
    this.#bytes.push(0);
  }

  uint16(value: number): void {
    this.#bytes.push(value >> 8, value & 255);
  }

  raw(bytes: Iterable<number>): void {
    this.#bytes.push(...bytes);
  }

  record(name: string, type: string, ttl: number, rdata: () => void): void {
    this.name(name);
    this.uint16(parseType(type) ?? 0);
    this.uint16(1);
    this.uint16(0);
    this.uint16(ttl);
    const at = this.#bytes.length;
    this.uint16(0);
    rdata();
    const length = this.#bytes.length - at - 2;
    this.#bytes[at] = length >> 8;
    this.#bytes[at + 1] = length & 255;
  }

  get buffer(): Buffer {
    return Buffer.from(this.#bytes);
  }
}

interface Line {
  readonly owner: string;
  readonly type: 'A' | 'CNAME' | 'NS' | 'MX' | 'SRV' | 'SOA' | 'TYPE65280';
  readonly target: string;
}

function compressed(question: string, answers: readonly Line[]): Buffer {
  const writer = new CompressingWriter();
  for (const field of [0x4242, 0x8580, 1, answers.length, 0, 0]) writer.uint16(field);
  writer.name(question);
  writer.uint16(1);
  writer.uint16(1);
  for (const { owner, type, target } of answers) {
    writer.record(owner, type, 60, () => {
      if (type === 'A') writer.raw([192, 0, 2, 1]);
      // An unknown type's bytes may look like a pointer and are none (RFC 3597 §4).
      else if (type === 'TYPE65280') writer.raw([0xc0, 0x0c]);
      else {
        if (type === 'MX') writer.uint16(10);
        if (type === 'SRV') writer.raw([0, 1, 0, 2, 0, 3]);
        writer.name(target);
        if (type === 'SOA') {
          writer.name(`admin.${target}`);
          writer.raw(Buffer.alloc(20, 1));
        }
      }
    });
  }
  return writer.buffer;
}

const label = fc.constantFrom('a', 'bb', 'web', 'us-east-1', 'domain', 'com', 'x'.repeat(40));
const name = fc
  .array(label, { minLength: 1, maxLength: 4 })
  .map((labels) => `${labels.join('.')}.`);
const line: fc.Arbitrary<Line> = fc.record({
  owner: name,
  type: fc.constantFrom('A', 'CNAME', 'NS', 'MX', 'SRV', 'SOA', 'TYPE65280'),
  target: name,
});

describe('withAliases', () => {
  it('keeps what every record says, whatever was compressed', () => {
    fc.assert(
      fc.property(name, fc.array(line, { maxLength: 12 }), (question, lines) => {
        const message = compressed(question, lines);
        const reply = readRelayed(message);
        assert.ok(reply);
        const bytes = withAliases(
          reply,
          [wireName('Web'), wireName('alias.two'), wireName(question)],
          5,
        );
        assert.ok(bytes);
        const before = show(message);
        const after = show(bytes);
        assert.equal(after.question, 'Web. A');
        assert.deepEqual(after.answers, [
          'Web. 5 IN CNAME alias.two.',
          `alias.two. 5 IN CNAME ${question}`,
          ...before.answers,
        ]);
        assert.equal(after.flags, 'qr rd ra');
      }),
    );
  });

  it('gives up where a pointer would go past 16 KiB', () => {
    const lines = Array.from({ length: 600 }, (_, i): Line[] => {
      const target = `m${i}${'y'.repeat(30)}.`;
      return [
        { owner: 'q.', type: 'NS', target },
        { owner: target, type: 'A', target },
      ];
    }).flat();
    const message = compressed('q.', lines);
    const reply = readRelayed(message);
    assert.ok(reply && message.length > 0x4000);
    const long = wireName(['x', 'y', 'z'].map((char) => char.repeat(60)).join('.'));
    assert.equal(withAliases(reply, [long, wireName('q')], 0), undefined);
  });
});

describe('readRelayed', () => {
  it('never throws and never reads past the end, whatever the bytes', () => {
    const base = compressed('web.domain.com.', [
      { owner: 'web.domain.com.', type: 'MX', target: 'mail.domain.com.' },
    ]);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { maxLength: 8 }),
        fc.nat(base.length),
        (edits, length) => {
          const bytes = Buffer.from(base);
          for (const [at, value] of edits) bytes.writeUInt8(value, at);
          const reply = readRelayed(bytes.subarray(0, length));
          if (reply === undefined) return;
          for (const record of reply.records) assert.ok(record.end <= length);
          withAliases(reply, [wireName('w'), wireName('web.domain.com')], 0);
          cutToSize(reply, 20);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('cutToSize', () => {
  const message = Buffer.from(
    replyTo(query('a.example', 'A', { edns: 1232 }), {
      answers: [
        'a.example. 1 IN CNAME b.example.',
        'b.example. 1 IN A 10.0.0.1',
        'b.example. 1 IN A 10.0.0.2',
      ],
      authority: ['example. 1 IN NS ns.example.'],
      opt: optRecord(1232, false, Buffer.alloc(0)),
    }),
  );
  const reply = readRelayed(message);
  const cases = [
    {
      name: 'everything at its exact size',
      limit: message.length,
      answers: 3,
      authority: 1,
      tc: false,
    },
    {
      name: 'no authority at one byte less',
      limit: message.length - 1,
      answers: 3,
      authority: 0,
      tc: true,
    },
    {
      name: 'a whole RRset less where one of its records does not fit',
      limit: message.length - 40,
      answers: 1,
      authority: 0,
      tc: true,
    },
    { name: 'the question alone', limit: 40, answers: 0, authority: 0, tc: true },
  ];
  for (const { name: what, limit, answers, authority, tc } of cases) {
    it(`keeps ${what}`, () => {
      assert.ok(reply);
      const cut = cutToSize(reply, limit);
      const shown = show(cut);
      assert.ok(cut.length <= limit);
      assert.deepEqual(
        [shown.answers.length, shown.authority.length, shown.flags.includes('tc'), shown.edns],
        [answers, authority, tc, true],
      );
    });
  }
  it('leaves additional records out without a word', () => {
    const extra = recordBytes('ns.example. 1 IN A 10.0.0.9');
    const bytes = Buffer.concat([
      replyTo(query('a.example', 'A'), { answers: ['a.example. 1 IN A 10.0.0.1'] }),
      extra,
    ]);
    bytes.writeUInt16BE(1, 10);
    const read = readRelayed(bytes);
    assert.ok(read);
    const shown = show(cutToSize(read, bytes.length - 1));
    assert.deepEqual([shown.additional.length, shown.flags], [0, 'qr rd ra']);
  });
  it('takes OPT out for a client without EDNS', () => {
    assert.ok(reply);
    assert.equal(show(withoutOpt(reply)).edns, false);
    assert.equal(show(withoutOpt(reply)).answers.length, 3);
  });
});

describe('repeatsQuestion', () => {
  const asked = query('Web.Example', 'TYPE65');
  const end = asked.length;
  it('overlooks the case of the name, and nothing else', () => {
    const same = replyTo(query('wEB.eXAMPLE', 'TYPE65'));
    assert.equal(repeatsQuestion(same, same.length, asked, end), true);
    // Type 65 is 'A' in ASCII, 97 is 'a': a type has no case.
    const other = replyTo(query('Web.Example', 'TYPE97'));
    assert.equal(repeatsQuestion(other, other.length, asked, end), false);
    const shorter = replyTo(query('Web.Exampl', 'TYPE65'));
    assert.equal(repeatsQuestion(shorter, shorter.length, asked, end), false);
  });
});
