/** Names without Docker: records and wildcards, bare names under the search domains, the guard. `engines: []` throughout. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ask } from '../support/ask.ts';
import { answer, denial, FakeUpstream } from '../support/fake-upstream.ts';
import { Homeport } from '../support/homeport.ts';
import { statusOf } from './status.ts';

const REGION = 'us-east-1.domain.com';
const SECOND = 'domain.com';
const MINUTE_MS = 60_000;

/** A state file as a former server left it. */
function departed(names: Readonly<Record<string, number | null>>): string {
  const now = Date.now();
  return JSON.stringify({
    version: 1,
    names: Object.entries(names).map(([name, minutesAgo]) => ({
      name,
      owner: `${name}-container`,
      departedAtMs: minutesAgo === null ? null : now - minutesAgo * MINUTE_MS,
      projects: [],
    })),
  });
}

describe('names without Docker', () => {
  let upstream: FakeUpstream;
  let server: Homeport;
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'homeport-names-'));
    mkdirSync(join(folder, 'state'));
    writeFileSync(
      join(folder, 'state', 'departed.json'),
      departed({ 'was-stopped': 2, 'was-running': null, 'long-gone': 30 }),
    );
    upstream = await FakeUpstream.start();
    const production = (name: string) => answer(`${name} 60 IN A 10.66.6.6`);
    upstream.answers({
      [`billing.${REGION}`]: production(`billing.${REGION}.`),
      [`only-second.${SECOND}`]: production(`only-second.${SECOND}.`),
      [`half.${REGION} A`]: denial(0),
      [`broken.${REGION}`]: denial(2, null),
      [`broken.${SECOND}`]: production(`broken.${SECOND}.`),
      [`mongodb-1.${REGION}`]: production(`mongodb-1.${REGION}.`),
      [`long-gone.${REGION}`]: production(`long-gone.${REGION}.`),
      'elsewhere.example.com': answer('elsewhere.example.com. 60 IN A 10.0.0.99'),
    });
    server = await Homeport.start({
      config: {
        region: REGION,
        search: [REGION, SECOND],
        domains: ['docker.internal'],
        upstreams: [upstream.url],
        cache: { size: 0 },
        state: join(folder, 'state'),
        records: {
          'pg.dev.internal': '10.0.0.5',
          both: ['10.0.0.7', 'fd00::7'],
          '*.env.dev.internal': '10.0.0.8',
          'fixed.env.dev.internal': '10.0.0.9',
          cache: { cname: 'both' },
          away: { cname: 'elsewhere.example.com' },
          mongo: {
            addresses: ['10.0.0.10'],
            srv: { '_mongodb._tcp': 27017 },
            txt: ['rs0'],
            ttl: 60,
          },
        },
        expected: { names: ['mongodb-1', 'mongodb-2'] },
      },
    });
  });
  after(async () => {
    assert.deepEqual(upstream?.bareNames, []);
    await server?.stop();
    await upstream?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const cases: readonly {
    readonly name: string;
    readonly ask: readonly [string, string];
    readonly answers: readonly string[];
    readonly rcode?: string;
  }[] = [
    {
      name: 'a record by its own name',
      ask: ['pg.dev.internal', 'A'],
      answers: ['pg.dev.internal. 0 IN A 10.0.0.5'],
    },
    {
      name: 'a record under the region',
      ask: [`both.${REGION}`, 'AAAA'],
      answers: [`both.${REGION}. 0 IN AAAA fd00::7`],
    },
    {
      name: 'a record under the second search domain',
      ask: [`both.${SECOND}`, 'A'],
      answers: [`both.${SECOND}. 0 IN A 10.0.0.7`],
    },
    {
      name: 'a record under a local domain',
      ask: ['both.docker.internal', 'A'],
      answers: ['both.docker.internal. 0 IN A 10.0.0.7'],
    },
    {
      name: 'a record under the region twice',
      ask: [`both.${REGION}.${REGION}`, 'A'],
      answers: [`both.${REGION}.${REGION}. 0 IN A 10.0.0.7`],
    },
    { name: 'a type that a record has not', ask: ['pg.dev.internal', 'AAAA'], answers: [] },
    {
      name: 'whatever is below a wildcard',
      ask: ['Any.Thing.env.dev.internal', 'A'],
      answers: ['Any.Thing.env.dev.internal. 0 IN A 10.0.0.8'],
    },
    {
      name: 'the name beside a wildcard',
      ask: ['fixed.env.dev.internal', 'A'],
      answers: ['fixed.env.dev.internal. 0 IN A 10.0.0.9'],
    },
    {
      name: 'an alias of a record',
      ask: ['cache', 'A'],
      answers: ['cache. 0 IN CNAME both.', 'both. 0 IN A 10.0.0.7'],
    },
    {
      name: 'an alias of a name elsewhere',
      ask: ['away', 'A'],
      answers: [
        'away. 0 IN CNAME elsewhere.example.com.',
        'elsewhere.example.com. 60 IN A 10.0.0.99',
      ],
    },
    {
      name: 'a service with its port',
      ask: ['_mongodb._tcp.mongo', 'SRV'],
      answers: ['_mongodb._tcp.mongo. 60 IN SRV 0 0 27017 mongo.'],
    },
    { name: 'a text', ask: ['mongo', 'TXT'], answers: ['mongo. 60 IN TXT "rs0"'] },
    {
      name: 'a bare name that production has',
      ask: ['billing', 'A'],
      answers: [`billing. 0 IN CNAME billing.${REGION}.`, `billing.${REGION}. 60 IN A 10.66.6.6`],
    },
    {
      name: 'a bare name that the second search domain has',
      ask: ['only-second', 'A'],
      answers: [
        `only-second. 0 IN CNAME only-second.${SECOND}.`,
        `only-second.${SECOND}. 60 IN A 10.66.6.6`,
      ],
    },
    {
      name: 'a bare name that no search domain has',
      ask: ['nowhere', 'A'],
      answers: [],
      rcode: 'NXDOMAIN',
    },
    {
      name: 'a bare name whose search domain fails, and asks no other',
      ask: ['broken', 'A'],
      answers: [`broken. 0 IN CNAME broken.${REGION}.`],
      rcode: 'SERVFAIL',
    },
    {
      name: 'a bare name that the region has without this type, and asks no other',
      ask: ['half', 'A'],
      answers: [`half. 0 IN CNAME half.${REGION}.`],
    },
    { name: 'localhost', ask: ['localhost', 'A'], answers: ['localhost. 0 IN A 127.0.0.1'] },
    {
      name: 'the name whose departure is over',
      ask: ['long-gone', 'A'],
      answers: [
        `long-gone. 0 IN CNAME long-gone.${REGION}.`,
        `long-gone.${REGION}. 60 IN A 10.66.6.6`,
      ],
    },
  ];
  for (const { name, ask: asked, answers, rcode = 'NOERROR' } of cases) {
    it(`answers ${name}`, async () => {
      const reply = await ask(server.port, ...asked);
      assert.deepEqual([reply.rcode, reply.answers], [rcode, answers]);
      if (rcode === 'NOERROR' && answers.length === 0 && reply.authority.length === 0)
        assert.fail('NODATA without an SOA');
    });
  }

  const guarded = [
    {
      what: 'an expected name',
      name: 'mongodb-1',
      reason: /mongodb-1 must run on this host, and no container owns the name/,
    },
    {
      what: 'a name that departed before the restart',
      name: 'was-stopped',
      reason: /was-stopped was owned by was-stopped-container, which is gone/,
    },
    {
      what: 'a name that was owned when the server was killed',
      name: 'was-running',
      reason: /was-running was owned by was-running-container/,
    },
  ];
  for (const { what, name, reason } of guarded) {
    for (const asked of [
      name,
      `${name}.${REGION}`,
      `${name}.${REGION}.${REGION}`,
      `${name}.${SECOND}`,
      `${name.toUpperCase()}.docker.internal`,
    ]) {
      it(`refuses ${what} as ${asked}, says why, and asks nobody`, async () => {
        const reply = await ask(server.port, asked, 'A', { edns: 1232 });
        assert.equal(reply.rcode, 'NXDOMAIN');
        assert.match(reply.errors.join(), new RegExp(`^15 ${reason.source}`));
        assert.match(reply.errors.join(), /not looked up in us-east-1\.domain\.com/);
        assert.equal(
          upstream.seen.filter((seen) => seen.name.toLowerCase().startsWith(`${name}.`)).length,
          0,
        );
      });
    }
  }

  it('explains the root as what it is: asked as it stands', async () => {
    const { code, stdout } = await server.run('explain', '.', '--json');
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout).verdict.asks, ['.']);
  });

  it('logs a refusal, and not once for each query', async () => {
    for (let i = 0; i < 30; i++) await ask(server.port, 'mongodb-2');
    const line = await server.waitFor(({ msg, name }) => msg === 'refused' && name === 'mongodb-2');
    assert.equal(line.client, '127.0.0.1');
    assert.match(String(line.reason), /must run on this host/);
    const { counters } = await statusOf(server);
    assert.ok((counters.refused ?? 0) >= 30);
    const lines = server.lines.filter(({ msg, name }) => msg === 'refused' && name === 'mongodb-2');
    assert.ok(lines.length <= 5, `${lines.length} lines`);
  });

  it('forwards an expected name where the configuration says so, and tells of the leak', async () => {
    await server.configure((text) =>
      text.replace('expected:', 'expected:\n  when_missing: forward'),
    );
    await server.waitFor(({ msg }) => msg === 'configuration reloaded');
    const reply = await ask(server.port, 'mongodb-1');
    assert.deepEqual(reply.answers, [
      `mongodb-1. 0 IN CNAME mongodb-1.${REGION}.`,
      `mongodb-1.${REGION}. 60 IN A 10.66.6.6`,
    ]);
    const line = await server.waitFor(({ msg }) => String(msg).startsWith('leak'));
    assert.equal(line.name, 'mongodb-1');
    assert.equal((await statusOf(server)).counters.leaked, 1);
  });
});

describe('a state file that cannot be read', () => {
  it('costs what it held, not the start', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'homeport-state-'));
    writeFileSync(join(folder, 'departed.json'), '{"version":1,"names":[{"na');
    const server = await Homeport.start({
      config: { state: folder, records: { web: '10.0.0.1' } },
    });
    assert.deepEqual((await ask(server.port, 'web')).answers, ['web. 0 IN A 10.0.0.1']);
    const line = await server.waitFor(({ msg }) => msg === 'departed names are forgotten');
    assert.match(
      String(line.reason),
      /departed\.json: .*; it is kept as .*departed\.json\.unreadable-/,
    );
    assert.equal(await server.stop(), 0);
    rmSync(folder, { recursive: true, force: true });
  });
});
