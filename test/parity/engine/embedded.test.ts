import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Answer, answerText } from '../../../src/parity/answer.ts';
import { answerEmbedded, type EmbeddedContext } from '../../../src/parity/engine/embedded.ts';

const owner = { kind: 'production', title: 'db' } as const;
const hit: Answer = { kind: 'addresses', addresses: ['10.1.1.1'], owner };
const denied: Answer = { kind: 'rcode', rcode: 'NXDOMAIN' };
const deniedFinally: Answer = { kind: 'rcode', rcode: 'NXDOMAIN', flags: { aa: true } };
const broken: Answer = { kind: 'rcode', rcode: 'SERVFAIL' };
const refused: Answer = { kind: 'rcode', rcode: 'REFUSED' };
const nodata: Answer = { kind: 'nodata' };
const silent: Answer = { kind: 'silent' };
const closed: Answer = { kind: 'closed' };

const cases: {
  name: string;
  engine?: EmbeddedContext['engine'];
  upstreams: Answer[];
  asked?: string;
  type?: 'A' | 'AAAA';
  ndotsSet?: boolean;
  want: string;
  seconds?: number;
  forwarded?: number;
}[] = [
  { name: 'an own name', upstreams: [hit], asked: 'Web', want: '172.18.0.2', forwarded: 0 },
  {
    name: 'AAAA of an own name',
    upstreams: [hit],
    asked: 'web',
    type: 'AAAA',
    want: 'NODATA',
    forwarded: 0,
  },
  {
    name: 'a one-label name, ndots set',
    upstreams: [hit],
    asked: 'db',
    ndotsSet: true,
    want: 'NODATA',
    forwarded: 0,
  },
  {
    name: 'an own name, ndots set',
    upstreams: [],
    asked: 'web',
    ndotsSet: true,
    want: '172.18.0.2',
  },
  { name: 'a one-label name, ndots not set', upstreams: [hit], asked: 'db', want: '10.1.1.1' },
  { name: 'SERVFAIL, then a hit', upstreams: [broken, hit], want: '10.1.1.1', forwarded: 2 },
  { name: 'REFUSED, then a hit', upstreams: [refused, hit], want: '10.1.1.1', forwarded: 2 },
  { name: 'silence, then a hit', upstreams: [silent, hit], want: '10.1.1.1', seconds: 4 },
  { name: 'nobody, then a hit', upstreams: [closed, hit], want: '10.1.1.1', seconds: 0 },
  { name: 'NODATA, then a hit', upstreams: [nodata, hit], want: 'NODATA', forwarded: 1 },
  {
    name: 'NXDOMAIN, then a hit, on 20.10',
    engine: '20.10',
    upstreams: [denied, hit],
    want: '10.1.1.1',
    forwarded: 2,
  },
  {
    name: 'authoritative NXDOMAIN, then a hit, on 20.10',
    engine: '20.10',
    upstreams: [deniedFinally, hit],
    want: 'NXDOMAIN',
    forwarded: 1,
  },
  {
    name: 'NXDOMAIN, then a hit, on 26.1',
    upstreams: [denied, hit],
    want: 'NXDOMAIN',
    forwarded: 1,
  },
  {
    name: 'NXDOMAIN of all, on 20.10',
    engine: '20.10',
    upstreams: [denied, denied],
    want: 'NXDOMAIN',
    forwarded: 2,
  },
  { name: 'silence of all, on 20.10', engine: '20.10', upstreams: [silent], want: 'no reply' },
  { name: 'silence of all, on 26.1', upstreams: [silent, silent], want: 'SERVFAIL', seconds: 8 },
  { name: 'SERVFAIL of all, on 20.10', engine: '20.10', upstreams: [broken], want: 'SERVFAIL' },
  {
    name: 'a fourth upstream',
    upstreams: [broken, broken, broken, hit],
    want: 'SERVFAIL',
    forwarded: 3,
  },
];

describe('answerEmbedded', () => {
  for (const {
    name,
    engine = '26.1',
    upstreams,
    asked = 'db.example',
    type = 'A',
    ndotsSet = false,
    want,
    seconds,
    forwarded,
  } of cases) {
    it(`gives ${want} for ${name}`, () => {
      const context: EmbeddedContext = {
        engine,
        settings: {
          upstreams: upstreams.map((_, index) => ({
            address: `10.0.0.${index}`,
            from: 'container',
          })),
          ndotsSet,
        },
        localNames: [{ name: 'web', address: '172.18.0.2', container: 'web' }],
      };
      const result = answerEmbedded({ name: asked, type }, context, ({ address }) => {
        return upstreams[Number(address.slice('10.0.0.'.length))] ?? silent;
      });
      assert.equal(answerText(result.answer), want);
      if (seconds !== undefined) assert.equal(result.delaySeconds, seconds);
      if (forwarded !== undefined) assert.equal(result.forwarded.length, forwarded);
    });
  }

  it('does not guess whether an unmeasured engine goes on after NXDOMAIN', () => {
    const upstreams = [
      { address: '10.0.0.1', from: 'container' } as const,
      { address: '10.0.0.2', from: 'container' } as const,
    ];
    const ask = (count: number) =>
      answerEmbedded(
        { name: 'db.example', type: 'A' },
        {
          engine: undefined,
          settings: { upstreams: upstreams.slice(0, count), ndotsSet: false },
          localNames: [],
        },
        () => denied,
      ).answer.kind;
    assert.equal(ask(2), 'unknown');
    assert.equal(ask(1), 'rcode');
  });
});
