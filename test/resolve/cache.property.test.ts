/** The cache against a map: what it gives is what was stored last for that question, and its bounds hold. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AnswerCache } from '../../src/resolve/cache.ts';
import { NO_ANSWER } from '../../src/resolve/cache-places.ts';
import { QueryReader } from '../../src/wire/query.ts';
import { ReplyReader } from '../../src/wire/reply-reader.ts';
import { query, replyTo, show } from '../support/message.ts';

const step = fc.record({
  kind: fc.constantFrom('store', 'store', 'store', 'large', 'find', 'resize', 'flush'),
  name: fc.nat(60),
  type: fc.constantFrom('A', 'AAAA'),
  version: fc.nat(250),
  size: fc.constantFrom(0, 4, 30, 200),
});

describe('the cache', () => {
  it('gives what was stored last for a question, or nothing, within its bounds', () => {
    const reader = new QueryReader();
    const reply = new ReplyReader();
    const out = Buffer.alloc(65_535);
    const bounds = { maxTtlSeconds: 600, negativeMaxTtlSeconds: 60, serveStaleSeconds: 0 };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        let size = 30;
        const cache = new AnswerCache({ ...bounds, size });
        const stored = new Map<string, string[]>();
        for (const { kind, name, type, version, size: newSize } of steps) {
          const asked = query(`n${name}.example.com`, type, { id: version });
          assert.equal(reader.read(asked, asked.length), 'query');
          const line = `n${name}.example.com. 100 IN ${type} ${type === 'A' ? `10.0.0.${version}` : `fd00::${version.toString(16).replace(/^0$/, '1')}`}`;
          if (kind === 'store' || kind === 'large') {
            const answers = Array.from({ length: kind === 'large' ? 300 : 1 }, () => line);
            const message = replyTo(asked, { answers });
            assert.ok(reply.read(message, message.length));
            cache.store(asked, reader, reply, 1_000);
            stored.set(`${name} ${type}`, answers);
          } else if (kind === 'resize') {
            size = newSize;
            cache.configure({ ...bounds, size });
          } else if (kind === 'flush' && version < 30) {
            cache.flush();
            stored.clear();
          }
          const place = cache.find(asked, reader);
          if (place !== NO_ANSWER) {
            const length = cache.write(place, out, asked, reader, 1_000);
            assert.deepEqual(show(out.subarray(0, length)).answers, stored.get(`${name} ${type}`));
          } else if (kind === 'store') {
            assert.equal(size, 0, 'what was stored just now is there');
          }
          assert.ok(cache.size <= size);
          assert.ok(cache.bytes <= size * 1024);
        }
      }),
      { numRuns: 25 },
    );
  });
});
