import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ReplyReader } from '../../src/docker/reply-reader.ts';

const CASES = [
  {
    name: 'a body of a length',
    text: 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"a":"b"',
    want: { status: 200, body: '{"a":"b"', isLast: false },
  },
  {
    name: 'a body in pieces, as the engine sends what is long',
    text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nabcde\r\n00A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n',
    want: { status: 200, body: 'abcde0123456789', isLast: false },
  },
  {
    name: 'no body at all',
    text: 'HTTP/1.1 404 Not Found\r\ncontent-length:0\r\n\r\n',
    want: { status: 404, body: '', isLast: false },
  },
  {
    name: 'a status that never has a body',
    text: 'HTTP/1.1 204 No Content\r\n\r\n',
    want: { status: 204, body: '', isLast: false },
  },
  {
    name: 'the last reply of its connection',
    text: 'HTTP/1.1 500 \r\nConnection: close\r\nContent-Length: 2\r\n\r\nno',
    want: { status: 500, body: 'no', isLast: true },
  },
  {
    name: 'a reply after interim ones',
    text: 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n7',
    want: { status: 200, body: '7', isLast: false },
  },
  {
    name: 'a reply of an old server, which keeps the connection only if it says so',
    text: 'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n7',
    want: { status: 200, body: '7', isLast: true },
  },
] as const;

/** What comes of a text that arrives in pieces of that many bytes. */
function read(text: string, bytes: number): unknown {
  const reader = new ReplyReader();
  const all = Buffer.from(text);
  for (let at = 0; at < all.length; at += bytes) {
    const reply = reader.add(all.subarray(at, at + bytes));
    if (reply === null) continue;
    assert.ok(at + bytes >= all.length, 'the reply was whole too early');
    assert.equal(reader.isUnderWay, false);
    return { ...reply, body: reply.body.toString() };
  }
  return null;
}

describe('a reader of replies', () => {
  for (const { name, text, want } of CASES) {
    it(`reads ${name}, however it is cut`, () => {
      for (let bytes = 1; bytes <= text.length; bytes++) assert.deepEqual(read(text, bytes), want);
    });

    it(`waits for the rest of ${name}`, () => {
      for (let length = 0; length < text.length; length++) {
        const reader = new ReplyReader();
        assert.equal(reader.add(Buffer.from(text.slice(0, length))), null);
        assert.equal(reader.end(), null);
      }
    });
  }

  it('reads one reply after the other', () => {
    const reader = new ReplyReader();
    const bodies = ['one', 'two'].map((body) => {
      const text = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      return reader.add(Buffer.from(text))?.body.toString();
    });
    assert.deepEqual(bodies, ['one', 'two']);
  });

  it('takes a body without a length as ended by its connection', () => {
    const reader = new ReplyReader();
    assert.equal(reader.add(Buffer.from('HTTP/1.1 200 OK\r\n\r\nhalf ')), null);
    assert.equal(reader.add(Buffer.from('whole')), null);
    const reply = reader.end();
    assert.deepEqual(
      { ...reply, body: reply?.body.toString() },
      {
        status: 200,
        body: 'half whole',
        isLast: true,
      },
    );
  });

  const refused = [
    { text: 'SSH-2.0-OpenSSH_9.2\r\n', why: 'what answers there speaks no HTTP' },
    { text: 'HTTP/2 200\r\n\r\n', why: 'what answers there speaks no HTTP' },
    {
      text: `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}`,
      why: 'what answers there speaks no HTTP',
    },
    {
      text: 'HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n',
      why: 'a reply has a length that is no number',
    },
    {
      text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n',
      why: 'a reply has a piece without a length',
    },
    {
      text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n',
      why: 'a piece of a reply is longer than it says',
    },
  ] as const;
  for (const { text, why } of refused) {
    it(`refuses ${JSON.stringify(text.slice(0, 70))}`, () => {
      const expected = { code: 'DOCKER_REPLY_INVALID', message: why };
      assert.throws(() => new ReplyReader().add(Buffer.from(text)), expected);
    });
  }
});
