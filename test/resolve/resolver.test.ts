import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { optRecord, query, replyTo, show, wireName } from '../support/message.ts';
import { entry, Harness } from '../support/resolver-harness.ts';

const REGION = 'us-east-1.domain.com';

describe('an owned name', () => {
  const cases = [
    { name: 'A by its bare name', ask: ['web', 'A'], want: ['web. 0 IN A 172.17.0.2'] },
    { name: 'AAAA by its bare name', ask: ['web', 'AAAA'], want: ['web. 0 IN AAAA fd00::2'] },
    {
      name: 'A under the region',
      ask: [`web.${REGION}`, 'A'],
      want: [`web.${REGION}. 0 IN A 172.17.0.2`],
    },
    {
      name: 'A under a local domain',
      ask: ['web.docker.internal', 'A'],
      want: ['web.docker.internal. 0 IN A 172.17.0.2'],
    },
    {
      name: 'A under the region twice, as glibc asks after a denial',
      ask: [`web.${REGION}.${REGION}`, 'A'],
      want: [`web.${REGION}.${REGION}. 0 IN A 172.17.0.2`],
    },
    { name: 'in the spelling of the client', ask: ['wEB', 'A'], want: ['wEB. 0 IN A 172.17.0.2'] },
    { name: 'ANY as one RRset', ask: ['web', 'ANY'], want: ['web. 0 IN A 172.17.0.2'] },
  ] as const;
  for (const { name, ask, want } of cases) {
    it(`answers ${name}`, () => {
      const harness = new Harness({ localDomains: ['docker.internal'] });
      harness.own({ web: ['172.17.0.2', 'fd00::2'] });
      const reply = harness.lookUp(ask[0], ask[1]);
      assert.deepEqual(reply?.answers, want);
      assert.equal(reply?.flags, 'qr aa rd ra');
    });
  }

  for (const type of ['AAAA', 'MX', 'TXT', 'HTTPS', 'CNAME', 'NS', 'TYPE65280']) {
    it(`answers ${type} of a name with an IPv4 address only as NODATA with SOA, RA and AA`, () => {
      const harness = new Harness();
      harness.own({ web: ['172.17.0.2'] });
      const reply = harness.lookUp('web', type);
      assert.equal(reply?.rcode, 'NOERROR');
      assert.deepEqual(reply?.answers, []);
      assert.deepEqual(reply?.authority, [
        'web. 0 IN SOA homeport.invalid. hostmaster.homeport.invalid. minimum=0',
      ]);
      assert.equal(reply?.flags, 'qr aa rd ra');
      assert.equal(harness.sent.length, 0);
    });
  }

  it('rotates its addresses', () => {
    const harness = new Harness();
    harness.own({ web: ['10.0.0.1', '10.0.0.2', '10.0.0.3'] });
    const firsts = [1, 2, 3, 4].map(() => harness.lookUp('web')?.answers[0]);
    assert.deepEqual(firsts, [
      'web. 0 IN A 10.0.0.1',
      'web. 0 IN A 10.0.0.2',
      'web. 0 IN A 10.0.0.3',
      'web. 0 IN A 10.0.0.1',
    ]);
    const whole = harness.lookUp('web')?.answers ?? [];
    assert.deepEqual(
      [...whole].sort(),
      [1, 2, 3].map((n) => `web. 0 IN A 10.0.0.${n}`),
    );
  });

  it('is cut to nothing with TC where its addresses do not fit, and whole over TCP', () => {
    const harness = new Harness();
    harness.own({ web: Array.from({ length: 60 }, (_, i) => `10.0.0.${i + 1}`) });
    const udp = harness.lookUp('web');
    assert.equal(udp?.flags, 'qr aa tc rd ra');
    assert.deepEqual(udp?.answers, []);
    assert.equal(harness.ask(query('web', 'A', { edns: 1232 }))?.answers.length, 60);
    assert.equal(
      harness.ask(query('web', 'A'), { address: '127.0.0.1', isTcp: true })?.answers.length,
      60,
    );
  });

  it('fits a datagram of exactly 512 bytes, and is cut at one over', () => {
    const harness = new Harness();
    // 12 header + 4 for the root question's type and class + name + 16 an address: 30 addresses are 480.
    const fits = 'a'.repeat(512 - 12 - 4 - 480 - 2);
    harness.own({
      [fits]: Array.from({ length: 30 }, (_, i) => `10.0.0.${i + 1}`),
      [`${fits}b`]: Array.from({ length: 30 }, (_, i) => `10.0.0.${i + 1}`),
    });
    assert.equal(harness.lookUp(fits)?.answers.length, 30);
    assert.equal(harness.replies.at(-1)?.bytes.length, 512);
    assert.match(harness.lookUp(`${fits}b`)?.flags ?? '', /tc/);
  });
});

describe('service records', () => {
  const members = { ports: [{ service: '_27017._tcp', port: 27017 }], texts: ['role=primary'] };
  it('gives SRV with the address beside it, under the suffix that was asked', () => {
    const harness = new Harness();
    harness.apply({ entries: [entry('mongo', ['172.17.0.2'], members)] });
    const reply = harness.lookUp(`_27017._tcp.mongo.${REGION}`, 'SRV');
    assert.deepEqual(reply?.answers, [
      `_27017._tcp.mongo.${REGION}. 0 IN SRV 0 0 27017 mongo.${REGION}.`,
    ]);
    assert.deepEqual(reply?.additional, [`mongo.${REGION}. 0 IN A 172.17.0.2`]);
  });
  it('is NODATA for a port that it does not have', () => {
    const harness = new Harness();
    harness.apply({ entries: [entry('mongo', ['172.17.0.2'], members)] });
    const reply = harness.lookUp('_1._tcp.mongo', 'SRV');
    assert.deepEqual([reply?.rcode, reply?.answers], ['NOERROR', []]);
  });
  it('gives TXT', () => {
    const harness = new Harness();
    harness.apply({ entries: [entry('mongo', ['172.17.0.2'], members)] });
    assert.deepEqual(harness.lookUp('mongo', 'TXT')?.answers, ['mongo. 0 IN TXT "role=primary"']);
  });
});

describe('wildcards and static aliases', () => {
  const wild = () => {
    const harness = new Harness();
    harness.upstreams({ '': ['10.0.0.2'] });
    harness.own({
      '*.env.dev.internal': ['10.0.0.7'],
      'demo.env.dev.internal': ['10.0.0.8'],
      redis: ['172.17.0.9'],
    });
    return harness;
  };
  it('answers below a wildcard, at any depth', () => {
    for (const name of ['a.env.dev.internal', 'a.b.env.dev.internal']) {
      assert.deepEqual(wild().lookUp(name)?.answers, [`${name}. 0 IN A 10.0.0.7`]);
    }
  });
  it('prefers the name itself, which hides the wildcard below it (RFC 4592 §3.3.1)', () => {
    assert.deepEqual(wild().lookUp('demo.env.dev.internal')?.answers, [
      'demo.env.dev.internal. 0 IN A 10.0.0.8',
    ]);
    const harness = wild();
    assert.equal(harness.lookUp('x.demo.env.dev.internal'), undefined);
    assert.equal(harness.sent.length, 1);
  });
  it('does not cover the name that the wildcard stands under', () => {
    const harness = wild();
    assert.equal(harness.lookUp('env.dev.internal'), undefined);
    assert.equal(harness.sent.length, 1);
  });
  it('follows a static alias to an owned name', () => {
    const harness = wild();
    harness.apply({ entries: [entry('cache', [], { cname: 'redis' })] });
    assert.deepEqual(harness.lookUp('cache')?.answers, [
      'cache. 0 IN CNAME redis.',
      'redis. 0 IN A 172.17.0.9',
    ]);
  });
  it('follows a static alias to a name that the upstream has', () => {
    const harness = wild();
    harness.apply({ entries: [entry('cache', [], { cname: 'cache.example.com' })] });
    assert.equal(harness.lookUp('cache'), undefined);
    const sent = harness.sent[0];
    assert.equal(show(sent?.message ?? Buffer.alloc(12)).question, 'cache.example.com. A');
    harness.answer(
      sent,
      replyTo(sent?.message ?? Buffer.alloc(0), {
        answers: ['cache.example.com. 60 IN A 192.0.2.1'],
      }),
    );
    assert.deepEqual(harness.last.answers, [
      'cache. 0 IN CNAME cache.example.com.',
      'cache.example.com. 60 IN A 192.0.2.1',
    ]);
  });
  it('ends a ring of aliases', () => {
    const harness = wild();
    harness.apply({ entries: [entry('a', [], { cname: 'b' }), entry('b', [], { cname: 'a' })] });
    const reply = harness.lookUp('a');
    assert.equal(reply?.rcode, 'NOERROR');
    assert.ok((reply?.answers.length ?? 0) >= 2);
  });
});

describe('a bare name that nobody owns', () => {
  const region = () => {
    const harness = new Harness({ searchDomains: [REGION, 'domain.com'] });
    harness.upstreams({ '': ['10.0.0.2'] });
    return harness;
  };
  it('is asked under the region and answered with an alias in front', () => {
    const harness = region();
    assert.equal(harness.lookUp('Redis'), undefined);
    const sent = harness.sent[0];
    const asked = sent?.message ?? Buffer.alloc(0);
    assert.equal(show(asked).question, `Redis.${REGION}. A`);
    harness.answer(sent, replyTo(asked, { answers: [`Redis.${REGION}. 60 IN A 192.0.2.5`] }));
    assert.equal(harness.last.question, 'Redis. A');
    assert.equal(harness.last.id, 0x1234);
    assert.deepEqual(harness.last.answers, [
      `Redis. 0 IN CNAME Redis.${REGION}.`,
      `Redis.${REGION}. 60 IN A 192.0.2.5`,
    ]);
  });
  it('goes on to the next search domain after NXDOMAIN, never to the bare name', () => {
    const harness = region();
    harness.lookUp('redis');
    for (const [index, domain] of [REGION, 'domain.com'].entries()) {
      const sent = harness.sent[index];
      const asked = sent?.message ?? Buffer.alloc(0);
      assert.equal(show(asked).question, `redis.${domain}. A`);
      harness.answer(sent, replyTo(asked, { rcode: 3, authority: ['. 60 IN SOA 60'] }));
    }
    assert.equal(harness.sent.length, 2);
    assert.equal(harness.last.rcode, 'NXDOMAIN');
    assert.equal(harness.last.authority.length, 1);
  });
  it('stops at a search domain that has the name without the type', () => {
    const harness = region();
    harness.lookUp('redis', 'AAAA');
    const sent = harness.sent[0];
    harness.answer(
      sent,
      replyTo(sent?.message ?? Buffer.alloc(0), { authority: [`${REGION}. 60 IN SOA 60`] }),
    );
    assert.equal(harness.sent.length, 1);
    assert.equal(harness.last.rcode, 'NOERROR');
    assert.deepEqual(harness.last.answers, [`redis. 0 IN CNAME redis.${REGION}.`]);
  });
  it('does not go on after a failure: another domain would answer for the one that is down', () => {
    const harness = region();
    harness.lookUp('redis');
    const sent = harness.sent[0];
    harness.answer(sent, replyTo(sent?.message ?? Buffer.alloc(0), { rcode: 2 }));
    assert.equal(harness.last.rcode, 'SERVFAIL');
    assert.equal(harness.sent.length, 1);
  });
  it('is NXDOMAIN without a region', () => {
    const harness = new Harness({ searchDomains: [] });
    harness.upstreams({ '': ['10.0.0.2'] });
    assert.equal(harness.ask(query('redis', 'A', { edns: 1232 }))?.rcode, 'NXDOMAIN');
    assert.match(harness.last.errors[0] ?? '', /no region is configured/);
    assert.equal(harness.sent.length, 0);
  });
});

describe('relaying', () => {
  const relay = (addresses: readonly string[] = ['10.0.0.2', '10.0.0.3']) => {
    const harness = new Harness();
    harness.upstreams({ '': addresses, 'corp.example.com': ['10.9.0.1'] });
    return harness;
  };
  it('relays an answer byte for byte but for the ID', () => {
    const harness = relay();
    const asked = query('Www.Example.com', 'MX', { id: 7, edns: 1400, dnssecOk: true });
    harness.ask(asked);
    const sent = harness.sent[0];
    const upstream = replyTo(sent?.message ?? Buffer.alloc(0), {
      answers: ['www.example.com. 300 IN A 192.0.2.1', 'odd.example. 9 IN TYPE65280 x'],
      opt: optRecord(4096, true, Buffer.from('0003000100', 'hex')),
    });
    harness.answer(sent, upstream);
    const got = harness.replies[0]?.bytes ?? Buffer.alloc(0);
    assert.equal(got.readUInt16BE(0), 7);
    assert.deepEqual(got.subarray(2), upstream.subarray(2));
  });
  it('asks the servers of the longest matching domain', () => {
    const harness = relay();
    harness.lookUp('git.corp.example.com');
    harness.lookUp('corp.example.com');
    harness.lookUp('notcorp.example.com');
    assert.deepEqual(
      harness.sent.map(({ server }) => server.address),
      ['10.9.0.1', '10.9.0.1', '10.0.0.2'],
    );
  });
  it('asks once for identical questions in flight, and gives each its own ID and spelling', () => {
    const harness = relay();
    harness.ask(query('example.com', 'A', { id: 1 }));
    harness.ask(query('EXAMPLE.com', 'A', { id: 2 }));
    assert.equal(harness.sent.length, 1);
    harness.answer(
      harness.sent[0],
      replyTo(harness.sent[0]?.message ?? Buffer.alloc(0), {
        answers: ['example.com. 5 IN A 192.0.2.1'],
      }),
    );
    assert.deepEqual(
      harness.replies.map(({ bytes }) => [show(bytes).id, show(bytes).question]),
      [
        [1, 'example.com. A'],
        [2, 'EXAMPLE.com. A'],
      ],
    );
  });
  it('does not share between a query with DO and one without', () => {
    const harness = relay();
    harness.ask(query('example.com', 'A', { edns: 1232 }));
    harness.ask(query('example.com', 'A', { edns: 1232, dnssecOk: true }));
    assert.equal(harness.sent.length, 2);
  });
  it('keeps a cookie from going upstream, and passes a client subnet', () => {
    const harness = relay();
    const options = Buffer.from('000a00080102030405060708' + '00080007000118000a0000', 'hex');
    harness.ask(query('example.com', 'A', { edns: 1232, options }));
    const sent = harness.sent[0]?.message.toString('hex') ?? '';
    assert.ok(!sent.includes('0102030405060708'));
    assert.ok(sent.endsWith('00080007000118000a0000'));
  });
  it('retries over TCP when the upstream cuts its answer, and cuts to the client by whole RRsets', () => {
    const harness = relay();
    harness.ask(query('big.example.com', 'A'));
    const udp = harness.sent[0];
    harness.answer(udp, replyTo(udp?.message ?? Buffer.alloc(0), { flags: 0x8380 }));
    const tcp = harness.sent[1];
    assert.ok((tcp?.token ?? 0) > 0);
    const answers = Array.from({ length: 60 }, (_, i) => `big.example.com. 5 IN A 10.1.0.${i + 1}`);
    harness.answer(tcp, replyTo(tcp?.message ?? Buffer.alloc(0), { answers }));
    assert.match(harness.last.flags, /tc/);
    assert.deepEqual(harness.last.answers, []);
    assert.ok((harness.replies[0]?.bytes.length ?? 999) <= 512);
  });
  const refused = [
    {
      name: 'another ID',
      forge: (bytes: Buffer) => void bytes.writeUInt16BE(bytes.readUInt16BE(0) ^ 1, 0),
    },
    { name: 'another question', forge: (bytes: Buffer) => void bytes.writeUInt8(0x7a, 13) },
    { name: 'another type', forge: (bytes: Buffer) => void bytes.writeUInt8(28, bytes.length - 3) },
    { name: 'no QR bit', forge: (bytes: Buffer) => void bytes.writeUInt8(0, 2) },
  ];
  for (const { name, forge } of refused) {
    it(`ignores a reply with ${name}`, () => {
      const harness = relay();
      harness.lookUp('example.com');
      const sent = harness.sent[0];
      const forged = replyTo(sent?.message ?? Buffer.alloc(0));
      forge(forged);
      harness.answer(sent, forged);
      assert.equal(harness.replies.length, 0);
    });
  }
  it('ignores a reply on another socket or from another server', () => {
    const harness = relay();
    harness.lookUp('example.com');
    const sent = harness.sent[0];
    const reply = replyTo(sent?.message ?? Buffer.alloc(0));
    if (sent === undefined) throw new Error('nothing sent');
    harness.resolver.onUpstreamReply(sent.server.id, (sent.socket + 1) % 8, reply, reply.length);
    harness.resolver.onUpstreamReply(sent.server.id + 1, sent.socket, reply, reply.length);
    assert.equal(harness.replies.length, 0);
  });
  it('asks the next server after a second of silence, remembers who is down, and notices when it is back', () => {
    const harness = relay();
    const serve = (name: string) => {
      const before = harness.sent.length;
      harness.lookUp(name);
      harness.pass(1_000);
      const sent = harness.sent.slice(before);
      harness.answer(sent.at(-1), replyTo(sent.at(-1)?.message ?? Buffer.alloc(0)));
      return sent.map(({ server }) => server.address);
    };
    assert.deepEqual(serve('one.example'), ['10.0.0.2', '10.0.0.3']);
    assert.deepEqual(serve('two.example'), ['10.0.0.2', '10.0.0.3']);
    assert.deepEqual(harness.upstreamChanges[0], '10.0.0.2 down');
    harness.sent.length = 0;
    harness.lookUp('three.example');
    assert.equal(harness.sent[0]?.server.address, '10.0.0.3');
    harness.answer(harness.sent[0], replyTo(harness.sent[0]?.message ?? Buffer.alloc(0)));
    harness.pass(5_000);
    harness.sent.length = 0;
    harness.lookUp('four.example');
    assert.equal(
      harness.sent[0]?.server.address,
      '10.0.0.3',
      'nobody waits for the one that is down',
    );
    const probe = harness.sent.find(({ server }) => server.address === '10.0.0.2');
    harness.answer(probe, replyTo(probe?.message ?? Buffer.alloc(0)));
    assert.ok(harness.upstreamChanges.includes('10.0.0.2 up'));
  });
  it('answers SERVFAIL with what each server did when none answers', () => {
    const harness = relay();
    harness.ask(query('example.com', 'A', { edns: 1232 }));
    harness.pass(5_000);
    assert.equal(harness.last.rcode, 'SERVFAIL');
    assert.match(harness.last.errors[0] ?? '', /^22 10\.0\.0\.2, 10\.0\.0\.3: no answer in time$/);
    assert.equal(harness.replies.length, 1);
    assert.equal(harness.resolver.pendingCount, 0);
  });
  it('goes on at once when nobody listens there', () => {
    const harness = relay();
    harness.lookUp('example.com');
    const sent = harness.sent[0];
    harness.resolver.onUpstreamError(sent?.server.id ?? 0, sent?.socket ?? 0, 'connection refused');
    assert.equal(harness.sent[1]?.server.address, '10.0.0.3');
  });
  it('relays a refusal when every server refuses', () => {
    const harness = relay();
    harness.lookUp('example.com');
    for (let i = 0; i < 2; i++)
      harness.answer(
        harness.sent[i],
        replyTo(harness.sent[i]?.message ?? Buffer.alloc(0), { rcode: 5 }),
      );
    assert.equal(harness.last.rcode, 'REFUSED');
  });
  it('says so when it has nobody to ask', () => {
    const harness = new Harness();
    assert.equal(harness.ask(query('example.com', 'A', { edns: 1232 }))?.rcode, 'SERVFAIL');
    assert.match(harness.last.errors[0] ?? '', /no upstream is configured/);
  });
});

describe('the guard', () => {
  const guarded = (whenMissing: 'refuse' | 'forward') => {
    const harness = new Harness({ expected: ['mongo'], whenMissing });
    harness.upstreams({ '': ['10.0.0.2'] });
    return harness;
  };
  for (const name of ['mongo', `mongo.${REGION}`, `mongo.${REGION}.${REGION}`, 'MONGO']) {
    it(`refuses ${name} while nobody owns it, and says what is missing`, () => {
      const harness = guarded('refuse');
      const reply = harness.ask(query(name, 'A', { edns: 1232 }));
      assert.equal(reply?.rcode, 'NXDOMAIN');
      assert.match(reply?.errors[0] ?? '', /^15 mongo must run on this host/);
      assert.equal(harness.sent.length, 0);
    });
  }
  it('sends no extended error to a client without EDNS (RFC 8914 §3)', () => {
    assert.equal(guarded('refuse').lookUp('mongo')?.edns, false);
  });
  it('forwards and counts a leak where the configuration says so', () => {
    const harness = guarded('forward');
    assert.equal(harness.lookUp('mongo'), undefined);
    assert.deepEqual(harness.leaks, ['mongo 127.0.0.1']);
    assert.equal(harness.sent.length, 1);
  });
  it('answers once the service runs', () => {
    const harness = guarded('refuse');
    harness.own({ mongo: ['172.17.0.2'] });
    assert.deepEqual(harness.lookUp('mongo')?.answers, ['mongo. 0 IN A 172.17.0.2']);
  });
  it('refuses a name that has just departed, and forwards it when that time is over', () => {
    const harness = new Harness();
    harness.upstreams({ '': ['10.0.0.2'] });
    const departed = {
      ...entry('db', []),
      groups: [],
      departedUntilMs: harness.nowMs + 1000,
      departedOwner: 'db',
    };
    harness.apply({ entries: [departed] });
    assert.equal(harness.lookUp('db')?.rcode, 'NXDOMAIN');
    harness.nowMs += 1001;
    assert.equal(harness.lookUp('db'), undefined);
    assert.equal(harness.sent.length, 1);
  });
});

describe('a name that is expected no more', () => {
  it('is forwarded as one that departed long ago, though something is known of it still', () => {
    const harness = new Harness({ expected: ['db'] });
    harness.upstreams({ '': ['10.0.0.2'] });
    const departedUntilMs = harness.nowMs - 1;
    harness.apply({
      entries: [{ ...entry('db', []), groups: [], departedUntilMs, departedOwner: 'db' }],
    });
    assert.equal(harness.lookUp('db')?.rcode, 'NXDOMAIN');
    harness.resolver.configure({ ...harness.settings, expected: [] });
    assert.equal(harness.lookUp('db'), undefined);
    assert.equal(harness.sent.length, 1);
  });
});

describe('freshness', () => {
  const connected = () => {
    const harness = new Harness();
    harness.upstreams({ '': ['10.0.0.2'] });
    harness.resolver.setEngines([{ engine: 'local', isAskable: true, stale: null }]);
    return harness;
  };
  it('looks at the engine before an unknown bare name is forwarded', () => {
    const harness = connected();
    assert.equal(harness.lookUp('web'), undefined);
    assert.deepEqual(harness.refreshes, [1]);
    assert.equal(harness.sent.length, 0);
    harness.own({ web: ['172.17.0.2'] });
    harness.resolver.onRefreshed(1);
    assert.deepEqual(harness.last.answers, ['web. 0 IN A 172.17.0.2']);
  });
  it('shares one look among all that arrive before it begins, and takes another for who arrives later', () => {
    const harness = connected();
    harness.lookUp('one');
    harness.lookUp('two');
    harness.lookUp('three');
    assert.deepEqual(harness.refreshes, [1]);
    harness.resolver.onRefreshed(1);
    assert.equal(harness.sent.length, 1, 'only the first arrived before that look began');
    harness.pass(20);
    assert.deepEqual(harness.refreshes, [1, 2]);
    harness.resolver.onRefreshed(2);
    assert.equal(harness.sent.length, 3);
  });
  it('does not wait longer than hold_ms', () => {
    const harness = connected();
    harness.lookUp('web');
    harness.pass(249);
    assert.equal(harness.sent.length, 0);
    harness.pass(1);
    assert.equal(harness.sent.length, 1);
  });
  it('holds a touched name until its inspect is applied, and no other', () => {
    const harness = connected();
    harness.own({ web: ['172.17.0.2'], db: ['172.17.0.3'] });
    harness.resolver.touch(1, ['web']);
    assert.equal(harness.lookUp(`web.${REGION}`), undefined);
    assert.deepEqual(harness.lookUp('db')?.answers, ['db. 0 IN A 172.17.0.3']);
    harness.own({ web: ['172.17.0.9'] });
    harness.resolver.settle(1);
    assert.deepEqual(harness.last.answers, [`web.${REGION}. 0 IN A 172.17.0.9`]);
  });
  it('waits for every inspect that touches the name', () => {
    const harness = connected();
    harness.own({ web: ['172.17.0.2'] });
    harness.resolver.touch(1, ['web']);
    harness.resolver.touch(2, ['web', 'api']);
    harness.lookUp('web');
    harness.resolver.settle(1);
    assert.equal(harness.replies.length, 0);
    harness.resolver.settle(2);
    assert.equal(harness.replies.length, 1);
  });
  it('looks before it answers for an owner that was sent a kill', () => {
    const harness = connected();
    harness.own({ web: ['172.17.0.2'] });
    harness.resolver.suspect(['web'], harness.nowMs + 1000);
    assert.equal(harness.lookUp('web'), undefined);
    harness.apply({
      entries: [
        {
          ...entry('web', []),
          groups: [],
          departedUntilMs: harness.nowMs + 60_000,
          departedOwner: 'web',
        },
      ],
    });
    harness.resolver.onRefreshed(1);
    assert.equal(harness.last.rcode, 'NXDOMAIN');
    harness.own({ web: ['172.17.0.2'] });
    harness.pass(1001);
    assert.deepEqual(harness.lookUp('web')?.answers, ['web. 0 IN A 172.17.0.2']);
  });
  it('does not wait for an engine that cannot be asked, and says that the answer is stale', () => {
    const harness = connected();
    harness.resolver.setEngines([
      { engine: '', isAskable: false, stale: 'engine local is not reachable since 10:00' },
    ]);
    harness.own({ web: ['172.17.0.2'] });
    const reply = harness.ask(query('web', 'A', { edns: 1232 }));
    assert.deepEqual(reply?.errors, ['3 engine local is not reachable since 10:00']);
    harness.lookUp('unknown');
    assert.deepEqual(harness.refreshes, []);
    assert.equal(harness.sent.length, 1);
  });
  it('does not look at the engine for names that no container can have', () => {
    const harness = connected();
    harness.lookUp('www.example.com');
    assert.deepEqual(harness.refreshes, []);
    assert.equal(harness.sent.length, 1);
  });
});

describe('reverse names', () => {
  it("gives the owner of an address, denies the rest of the engine's subnets, and forwards all other", () => {
    const harness = new Harness();
    harness.upstreams({ '': ['10.0.0.2'] });
    const network = {
      key: 'local/n',
      name: 'bridge',
      engine: 'local',
      project: null,
      subnets: ['172.17.0.0/16'],
      gateways: ['172.17.0.1'],
      isHostReachable: true,
      tellsWhoAsks: true,
    };
    harness.apply({
      networks: [network],
      reverse: [
        { address: '172.17.0.2', names: ['web', 'web.shop'] },
        { address: 'fd00::2', names: ['web'] },
      ],
    });
    assert.deepEqual(harness.lookUp('2.0.17.172.in-addr.arpa', 'PTR')?.answers, [
      `2.0.17.172.in-addr.arpa. 0 IN PTR web.${REGION}.`,
      '2.0.17.172.in-addr.arpa. 0 IN PTR web.shop.',
    ]);
    const ofIpv6 = `2.${'0.'.repeat(29)}D.F.IP6.Arpa`;
    assert.match(harness.lookUp(ofIpv6, 'PTR')?.answers[0] ?? '', / IN PTR web\./);
    assert.equal(harness.lookUp('2.0.17.172.in-addr.arpa', 'A')?.rcode, 'NOERROR');
    assert.equal(harness.lookUp('3.0.17.172.in-addr.arpa', 'PTR')?.rcode, 'NXDOMAIN');
    assert.equal(harness.lookUp('1.1.1.10.in-addr.arpa', 'PTR'), undefined);
    assert.equal(harness.sent.length, 1);
    harness.apply({ reverse: [{ address: '172.17.0.2', names: [] }] });
    assert.equal(harness.lookUp('2.0.17.172.in-addr.arpa', 'PTR')?.rcode, 'NXDOMAIN');
  });
});

describe('what is no proper query', () => {
  const harness = new Harness({ allow: ['127.0.0.0/8'], allowEngineNetworks: false });
  harness.own({ web: ['172.17.0.2'] });
  const good = query('web', 'A');
  const patched = (patch: (bytes: Buffer) => void, from = good) => {
    const bytes = Buffer.from(from);
    patch(bytes);
    return bytes;
  };
  const opt = optRecord(1232, false, Buffer.alloc(0));
  const withArcount = (count: number, ...records: Buffer[]) =>
    Buffer.concat([patched((bytes) => bytes.writeUInt16BE(count, 10)), ...records]);
  const cases: { name: string; bytes: Buffer; rcode?: string; from?: string }[] = [
    { name: 'nothing', bytes: Buffer.alloc(0) },
    { name: 'eleven bytes', bytes: good.subarray(0, 11) },
    { name: 'a reply', bytes: patched((bytes) => void bytes.writeUInt8(0x80, 2)) },
    { name: 'a header alone', bytes: good.subarray(0, 12), rcode: 'FORMERR' },
    { name: 'no question', bytes: patched((bytes) => bytes.writeUInt16BE(0, 4)), rcode: 'FORMERR' },
    {
      name: 'two questions',
      bytes: patched((bytes) => bytes.writeUInt16BE(2, 4)),
      rcode: 'FORMERR',
    },
    {
      name: 'a label that runs over the end',
      bytes: patched((bytes) => void bytes.writeUInt8(60, 12)),
      rcode: 'FORMERR',
    },
    {
      name: 'a pointer in the question',
      bytes: patched((bytes) => void bytes.writeUInt8(0xc0, 12)),
      rcode: 'FORMERR',
    },
    {
      name: 'an extended label type',
      bytes: patched((bytes) => void bytes.writeUInt8(0x41, 12)),
      rcode: 'FORMERR',
    },
    {
      name: 'a question without a class',
      bytes: good.subarray(0, good.length - 2),
      rcode: 'FORMERR',
    },
    { name: 'bytes after the end', bytes: Buffer.concat([good, Buffer.of(0)]), rcode: 'FORMERR' },
    {
      name: 'an OPT that is announced and missing',
      bytes: patched((bytes) => bytes.writeUInt16BE(1, 10)),
      rcode: 'FORMERR',
    },
    { name: 'two OPT records', bytes: withArcount(2, opt, opt), rcode: 'FORMERR' },
    {
      name: 'an OPT with a broken option',
      bytes: withArcount(1, optRecord(1232, false, Buffer.from('000a00ff', 'hex'))),
      rcode: 'FORMERR',
    },
    {
      name: 'a cookie of seven bytes',
      bytes: withArcount(1, optRecord(1232, false, Buffer.from('000a000701020304050607', 'hex'))),
      rcode: 'FORMERR',
    },
    {
      name: 'an unknown EDNS version',
      bytes: withArcount(
        1,
        patched((bytes) => void bytes.writeUInt8(1, 6), opt),
      ),
      rcode: 'BADVERS',
    },
    {
      name: 'a name of 256 bytes',
      bytes: query(Array.from({ length: 64 }, () => 'aaa').join('.'), 'A'),
      rcode: 'FORMERR',
    },
    {
      name: 'opcode NOTIFY',
      bytes: patched((bytes) => void bytes.writeUInt8(0x20, 2)),
      rcode: 'NOTIMP',
    },
    { name: 'class CHAOS', bytes: query('version.bind', 'TXT', { qclass: 3 }), rcode: 'REFUSED' },
    { name: 'AXFR', bytes: query('web', 'AXFR'), rcode: 'REFUSED' },
    { name: 'a client that is not allowed', bytes: good, rcode: 'REFUSED', from: '192.0.2.1' },
  ];
  for (const { name, bytes, rcode, from } of cases) {
    it(`answers ${name} with ${rcode ?? 'silence'}`, () => {
      assert.equal(harness.ask(bytes, from ?? '127.0.0.1')?.rcode, rcode);
      assert.deepEqual(harness.failures, []);
      assert.equal(harness.lookUp('web')?.answers.length, 1, 'and serves on');
    });
  }
  it('knows localhost, invalid and onion itself (RFC 6761, RFC 7686)', () => {
    assert.deepEqual(harness.lookUp('localhost')?.answers, ['localhost. 0 IN A 127.0.0.1']);
    assert.deepEqual(harness.lookUp('a.localhost', 'AAAA')?.answers, [
      'a.localhost. 0 IN AAAA ::1',
    ]);
    assert.equal(harness.lookUp('x.invalid')?.rcode, 'NXDOMAIN');
    assert.equal(harness.lookUp('x.onion')?.rcode, 'NXDOMAIN');
  });
  it('spells a maximal name back', () => {
    const long = [63, 63, 63, 61].map((size) => 'a'.repeat(size)).join('.');
    assert.equal(wireName(long).length, 255);
    harness.own({ [long]: ['10.0.0.1'] });
    assert.equal(harness.lookUp(long)?.answers.length, 1);
  });
});
