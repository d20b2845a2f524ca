/** Two resolvers live through the same: one may give replies again, the other makes each anew. Nobody can tell which is which. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { NameEntry, ZoneDelta } from '../../src/names/zone-delta.ts';
import type { ResolverSettings } from '../../src/resolve/settings.ts';
import { query, replyTo } from '../support/message.ts';
import { clientAt, entry, Harness } from '../support/resolver-harness.ts';

const REGION = 'us-east-1.domain.com';
const NAMES = ['web', 'db', 'a.project', 'gone', '7.0.18.172.in-addr.arpa'];
const FOREIGN = ['www.example.com', 'short.example.com', 'nowhere.example.com', 'redis'];
const CLIENTS = ['127.0.0.1', '172.18.0.9', '172.19.0.9', '192.0.2.7', 'fd00::9'];
const SETTINGS: Partial<ResolverSettings> = {
  allow: ['127.0.0.0/8', '192.0.2.7/32'],
  cache: { size: 50, maxTtlSeconds: 600, negativeMaxTtlSeconds: 60, serveStaleSeconds: 100 },
};
const COOKIE = Buffer.from('000a00080123456789abcdef', 'hex');

/** Something that happens to a resolver. */
type Step = (harness: Harness) => void;

/** A container on two networks: who asks from one of them is told the address there. */
function onNetworks(name: string, last: number, condition: 'ready' | 'starting'): NameEntry {
  const addresses = [
    { address: `172.18.0.${last}`, network: 'local/one' },
    { address: `172.19.0.${last}`, network: 'local/two' },
  ];
  return entry(name, [], {
    addresses,
    condition,
    ports: [{ service: '_27017._tcp', port: 27017 }],
  });
}

function networks(isSecond: boolean): NonNullable<ZoneDelta['networks']> {
  return (isSecond ? ['one', 'two'] : ['one']).map((name, i) => ({
    key: `local/${name}`,
    name,
    engine: 'local',
    project: null,
    subnets: [`172.${18 + i}.0.0/16`],
    gateways: [`172.${18 + i}.0.1`],
    isHostReachable: true,
    tellsWhoAsks: true,
  }));
}

const name = fc.constantFrom(...NAMES);
const last = fc.integer({ min: 2, max: 4 });
const delta =
  (make: Partial<ZoneDelta>): Step =>
  (harness) =>
    harness.apply(make);

const asking: fc.Arbitrary<Step> = fc
  .record({
    name: fc.constantFrom(
      ...NAMES,
      ...['web', 'web', 'web', `web.${REGION}`, 'WEB', '_27017._tcp.db', 'lower.localhost'],
      ...FOREIGN,
      'www.example.com',
    ),
    type: fc.constantFrom('A', 'A', 'A', 'A', 'A', 'AAAA', 'SRV', 'TXT', 'PTR', 'ANY'),
    from: fc.constantFrom(...CLIENTS, '127.0.0.1', '127.0.0.1'),
    isTcp: fc.boolean(),
    edns: fc.constantFrom(undefined, undefined, undefined, 1232),
    options: fc.constantFrom(Buffer.alloc(0), Buffer.alloc(0), COOKIE),
    flags: fc.constantFrom(0x0100, 0x0100, 0x0100, 0x0110),
    id: fc.integer({ min: 0, max: 0xffff }),
    times: fc.integer({ min: 1, max: 5 }),
  })
  .map(({ name: asked, type, from, isTcp, edns, options, flags, id, times }) => (harness) => {
    const eDns = edns === undefined ? {} : { edns, options };
    for (let i = 0; i < times; i++) {
      const bytes = query(asked, type, { id: (id + i) & 0xffff, flags, ...eDns });
      harness.resolver.onQuery(bytes, bytes.length, clientAt(from, isTcp && i === 0));
      harness.resolver.onTick();
    }
  });

const changing: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(name, last).map(([at, i]) => delta({ entries: [entry(at, [`10.0.0.${i}`])] })),
  fc
    .tuple(name, last)
    .map(([at, i]) => delta({ entries: [entry(at, [`10.0.0.${i}`, '10.0.1.1', 'fd00::1'])] })),
  fc
    .tuple(name, last, fc.constantFrom('ready' as const, 'starting' as const))
    .map(([at, i, condition]) => delta({ entries: [onNetworks(at, i, condition)] })),
  name.map((at) => delta({ entries: [entry(at, [], { cname: 'db' })] })),
  name.map((at) => delta({ forgotten: [at] })),
  name.map(
    (at): Step =>
      (harness) =>
        harness.apply({
          entries: [{ ...entry(at, []), groups: [], departedUntilMs: harness.nowMs + 3_000 }],
        }),
  ),
  last.map((i) =>
    delta({ reverse: [{ address: '172.18.0.7', names: i === 2 ? [] : [`web${i}`] }] }),
  ),
  fc.boolean().map((isSecond) => delta({ networks: networks(isSecond) })),
  fc.constantFrom('one', 'two').map((network) =>
    delta({
      clients: [
        {
          address: '172.18.0.9',
          title: 'asker',
          engine: 'local',
          project: null,
          networks: [`local/${network}`],
        },
      ],
    }),
  ),
  fc.constant(delta({ leftClients: ['172.18.0.9'] })),
);

const telling: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.boolean(), fc.constantFrom(null, 'not heard of for a minute')).map(
    ([isAskable, stale]): Step =>
      (harness) =>
        harness.resolver.setEngines([{ engine: '', isAskable, stale }]),
  ),
  fc.tuple(name, fc.integer({ min: 1, max: 3 })).map(
    ([at, token]): Step =>
      (harness) =>
        harness.resolver.touch(token, [at]),
  ),
  fc.integer({ min: 1, max: 3 }).map(
    (token): Step =>
      (harness) =>
        harness.resolver.settle(token),
  ),
  name.map(
    (at): Step =>
      (harness) =>
        harness.resolver.suspect([at], harness.nowMs + 700),
  ),
  fc.constant<Step>((harness) => {
    const sequence = harness.refreshes.at(-1);
    if (sequence !== undefined) harness.resolver.onRefreshed(sequence);
  }),
  fc
    .record({
      ttlSeconds: fc.constantFrom(0, 5),
      expected: fc.constantFrom([], ['gone'], ['web', 'gone']),
      whenMissing: fc.constantFrom('refuse' as const, 'forward' as const),
      allow: fc.constantFrom(['127.0.0.0/8'], ['0.0.0.0/0', '::/0']),
      localDomains: fc.constantFrom([], ['docker.internal']),
      searchDomains: fc.constantFrom([REGION], [REGION], ['eu.domain.com', REGION], []),
    })
    .map(
      (settings): Step =>
        (harness) =>
          harness.resolver.configure({ ...harness.settings, ...settings }),
    ),
  fc.constant<Step>((harness) => harness.upstreams({ '': ['10.9.0.1', '10.9.0.2'] })),
);

/** The upstream answers what it was asked last, with a TTL. */
const upstreamReply: fc.Arbitrary<Step> = fc
  .tuple(fc.constantFrom(0, 1, 3, 20, 300), fc.constantFrom(0, 0, 0, 3, 2), fc.nat(3))
  .map(([ttl, rcode, back]) => (harness) => {
    const sent = harness.sent.at(-1 - back);
    if (sent === undefined) return;
    const at = nameOf(sent.message);
    const reply =
      rcode === 0
        ? { answers: [`${at} ${ttl} IN A 192.0.2.${ttl % 256}`] }
        : { rcode, authority: [`example.com. ${ttl} IN SOA ${ttl}`] };
    harness.answer(sent, replyTo(sent.message, reply));
  });

function nameOf(message: Buffer): string {
  let text = '';
  for (let at = 12; message[at] !== 0; at += (message[at] ?? 0) + 1)
    text += `${message.toString('latin1', at + 1, at + 1 + (message[at] ?? 0))}.`;
  return text;
}

const passing: fc.Arbitrary<Step> = fc
  .constantFrom(1, 100, 400, 999, 1000, 2500, 20_000)
  .map((ms) => (harness) => harness.pass(ms));

const step = fc.oneof(
  { weight: 10, arbitrary: asking },
  { weight: 3, arbitrary: changing },
  { weight: 2, arbitrary: telling },
  { weight: 3, arbitrary: upstreamReply },
  { weight: 3, arbitrary: passing },
);

describe('a resolver that gives replies again', () => {
  it('says and does what one does that makes each reply anew, whatever happens between', () => {
    let given = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), (steps) => {
        const quick = new Harness(SETTINGS);
        const slow = new Harness(SETTINGS, () => undefined);
        for (const harness of [quick, slow]) {
          harness.upstreams({ '': ['10.9.0.1'] });
          harness.own({ web: ['10.0.0.1'], db: ['10.0.0.2'] });
        }
        for (const happen of steps) {
          happen(quick);
          happen(slow);
          assert.deepEqual(quick.replies, slow.replies);
          assert.deepEqual(quick.sent, slow.sent);
          for (const harness of [quick, slow]) {
            assert.deepEqual(harness.failures, []);
            harness.replies.length = 0;
          }
        }
        assert.deepEqual(quick.leaks, slow.leaks);
        assert.deepEqual(quick.refreshes, slow.refreshes);
        assert.deepEqual(quick.resolver.counters, slow.resolver.counters);
        given += quick.resolver.hotCount;
      }),
      { numRuns: 80 },
    );
    assert.ok(given > 50, `${given} replies were given again`);
  });
});
