import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import type { Verdict } from '../../src/control/reports.ts';
import { type ControlServer, startControlServer } from '../../src/control/server.ts';
import { RCODE } from '../../src/dns/codes.ts';
import { silentLogger } from '../../src/log.ts';
import { extendedErrorOption } from '../../src/wire/compiled.ts';
import { FakeControlSource } from '../support/control-source.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { optRecord, replyTo, show } from '../support/message.ts';
import { type CaptureOptions, homeport, type Written } from '../support/terminal.ts';

let folder = '';
let control = '';
let source: FakeControlSource;
let server: ControlServer;
let dns: DnsServer | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'homeport-cli-'));
  control = join(folder, 'c.sock');
  source = new FakeControlSource();
  server = await startControlServer(control, source, silentLogger());
});
afterEach(async () => {
  await server.close();
  await dns?.close();
  dns = undefined;
  rmSync(folder, { recursive: true });
});

function run(argv: readonly string[], options: CaptureOptions = {}): Promise<Written> {
  return homeport(argv, { ...options, env: { HOMEPORT_CONTROL: control, ...options.env } });
}

const TABLE = `NAME                      ADDRESS     NETWORK          OWNER
mongodb-cluster-a-node-1  172.17.0.2  bridge           mongodb-cluster-a-node-1  starting
pg.dev.internal           10.0.0.5                     static record
redis                     172.18.0.3  build-2_default  redis-b (build-2)
                          172.17.0.3  build-1_default  redis-a (build-1)  claims it too
mongodb-cluster-a-node-2  missing                      expected here, and nobody owns it
3 names, 1 collision, 1 expected name missing
`;

describe('homeport names', () => {
  it('is a table, and exits with 2 while one is missing', async () => {
    assert.deepEqual(await run(['names']), { exitCode: 2, out: TABLE, err: '' });
  });

  it('exits with 0 where none is missing, and says so where there are none', async () => {
    source.namesReport = { names: [], missing: [] };
    assert.deepEqual(await run(['names']), { exitCode: 0, out: 'no names are owned\n', err: '' });
  });

  it('--json is the report as the server gives it', async () => {
    const { out } = await run(['names', '--json']);
    assert.deepEqual(JSON.parse(out), source.namesReport);
  });

  it('has colours on a terminal, and none with NO_COLOR', async () => {
    const coloured = await run(['names'], { isTerminal: true, columns: 200 });
    assert.notEqual(coloured.out, TABLE);
    assert.equal(stripVTControlCharacters(coloured.out), TABLE);
    const plain = await run(['names'], { isTerminal: true, columns: 200, env: { NO_COLOR: '1' } });
    assert.equal(plain.out, TABLE);
  });

  it('fits the terminal', async () => {
    const { out } = await run(['names'], { isTerminal: true, columns: 72, env: { NO_COLOR: '1' } });
    for (const line of out.split('\n')) assert.ok(line.length <= 72, line);
  });

  it('lets no control character of a name reach the terminal', async () => {
    source.namesReport = {
      names: [
        {
          name: 'web\u001b[2J',
          groups: [
            {
              owner: 'a\nb\u0007',
              kind: 'container',
              engine: 'local',
              project: null,
              ready: true,
              addresses: [],
            },
          ],
          collision: false,
          expected: false,
        },
      ],
      missing: [],
    };
    const { out } = await run(['names']);
    assert.match(out, /^web \[2J {2}no address {2}.* a b$/m);
    const isControl = (character: string) => character < ' ' && character !== '\n';
    assert.ok(![...out].some(isControl), JSON.stringify(out));
  });

  it('--watch shows changes as they come, and ends with the operator', async () => {
    const aborter = new AbortController();
    const result = run(['names', '--watch'], {
      interrupted: aborter.signal,
      onOut: (all) => {
        if (all === TABLE) {
          source.emit({ kind: 'name', name: 'web', report: webReport() });
          source.emit({ kind: 'name', name: 'redis', report: null });
          source.emit({
            kind: 'engine',
            engine: 'local',
            state: 'stale',
            reason: 'connection refused',
          });
          source.emit({ kind: 'reload', isReloaded: false, problems: ['h.yaml:1:1: x'] });
        }
        if (all.includes('h.yaml')) aborter.abort();
      },
    });
    assert.deepEqual(await result, {
      exitCode: 0,
      err: '',
      out: `${TABLE}+ web 172.17.0.9 web\n- redis\n! engine local is stale: connection refused\n! configuration not reloaded: h.yaml:1:1: x\n`,
    });
  });

  it('--watch --json is a line for each change, the whole list first', async () => {
    const aborter = new AbortController();
    const { out } = await run(['names', '--watch', '--json'], {
      interrupted: aborter.signal,
      onOut: (all) => {
        const lines = all.split('\n').length - 1;
        if (lines === 1) source.emit({ kind: 'name', name: 'redis', report: null });
        if (lines === 2) aborter.abort();
      },
    });
    const [first, second] = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    assert.deepEqual(first, { kind: 'names', ...source.namesReport });
    assert.deepEqual(second, { kind: 'name', name: 'redis', report: null });
  });

  it('--watch on a terminal draws the table again', async () => {
    const aborter = new AbortController();
    const { out } = await run(['names', '--watch'], {
      isTerminal: true,
      interrupted: aborter.signal,
      onOut: (all) => {
        const drawn = all.split('Ctrl-C ends').length - 1;
        if (drawn === 1 && source.namesReport.names.length > 0) {
          source.namesReport = { names: [], missing: [] };
          source.emit({ kind: 'name', name: 'redis', report: null });
        }
        if (drawn === 2) aborter.abort();
      },
    });
    assert.match(
      stripVTControlCharacters(out.slice(out.lastIndexOf('\u001b[H'))),
      /^no names are owned\nlive/,
    );
  });

  it('--watch exits with 3 when the server goes away', async () => {
    const { exitCode, err } = await run(['names', '--watch'], {
      onOut: (all) => {
        if (all === TABLE) void server.close();
      },
    });
    assert.equal(exitCode, 3);
    assert.match(err, /^homeport: the server on .* went away; ask again once it is up\n$/);
    server = await startControlServer(control, source, silentLogger());
  });
});

function webReport() {
  return {
    name: 'web',
    groups: [
      {
        owner: 'web',
        kind: 'container' as const,
        engine: 'local',
        project: null,
        ready: true,
        addresses: [{ address: '172.17.0.9', network: 'bridge' }],
      },
    ],
    collision: false,
    expected: false,
  };
}

describe('homeport explain', () => {
  it('shows the decision step by step', async () => {
    assert.deepEqual(await run(['explain', 'mongodb-cluster-a-node-1', '--from', '172.18.0.9']), {
      exitCode: 0,
      err: '',
      out: `mongodb-cluster-a-node-1 A for 172.18.0.9
  · one group claims the name
  × redis-a: not ready
  ✓ mongodb-cluster-a-node-1: the only one
  → container mongodb-cluster-a-node-1 (network bridge, engine local), by its own name
`,
    });
  });

  it('--json is the report as the server gives it', async () => {
    const { out } = await run(['explain', 'redis', 'aaaa', '--json']);
    const { name, type } = JSON.parse(out) as { name: string; type: string };
    assert.deepEqual([name, type], ['redis', 'AAAA']);
  });

  const verdicts: readonly { verdict: Verdict; line: string; exitCode: number }[] = [
    {
      verdict: { kind: 'refused', reason: 'redis must run here; start it' },
      line: 'refused: redis must run here; start it',
      exitCode: 2,
    },
    {
      verdict: {
        kind: 'unreachable',
        owner: 'redis',
        reason: 'connect it: docker network connect a b',
      },
      line: 'redis runs, but this client does not reach it: connect it: docker network connect a b',
      exitCode: 2,
    },
    {
      verdict: {
        kind: 'forwarded',
        asks: ['a.x', 'a.y'],
        upstreams: ['10.0.0.2:53', '10.0.0.3:53'],
        isLeak: true,
      },
      line: 'forwarded: asked as a.x, then a.y of upstream 10.0.0.2:53, then 10.0.0.3:53; it is expected here, so production is asked in its place (a leak)',
      exitCode: 0,
    },
    {
      verdict: { kind: 'forwarded', asks: ['a.x'], upstreams: [], isLeak: false },
      line: 'forwarded: asked as a.x of no upstream: none is known',
      exitCode: 0,
    },
    {
      verdict: { kind: 'nonexistent', reason: 'no region' },
      line: 'does not exist: no region',
      exitCode: 2,
    },
    {
      verdict: { kind: 'notAllowed', reason: 'not in allow' },
      line: 'this client may not ask: not in allow',
      exitCode: 2,
    },
    {
      verdict: {
        kind: 'owned',
        owner: 'cache',
        ownerKind: 'static',
        engine: '',
        project: null,
        source: 'record',
        addresses: [],
        cname: 'redis',
        ttlSeconds: 0,
        note: null,
      },
      line: 'static record cache, an alias of redis',
      exitCode: 0,
    },
    {
      verdict: {
        kind: 'owned',
        owner: 'web',
        ownerKind: 'container',
        engine: 'local',
        project: 'build-1',
        source: 'service',
        addresses: [
          { address: '172.18.0.2', network: 'a' },
          { address: '172.19.0.2', network: 'b' },
        ],
        cname: null,
        ttlSeconds: 0,
        note: 'starting',
      },
      line: 'container web (networks a, b, engine local, project build-1), by its Compose service; starting',
      exitCode: 0,
    },
  ];
  for (const { verdict, line, exitCode } of verdicts) {
    it(`says "${line.slice(0, 50)}…" and exits with ${exitCode}`, async () => {
      source.verdict = verdict;
      const result = await run(['explain', 'a']);
      assert.equal(result.exitCode, exitCode);
      assert.equal(result.out.trimEnd().split('\n').at(-1), `  → ${line}`);
    });
  }
});

describe('homeport status', () => {
  it('is a table, and JSON for programs', async () => {
    const { exitCode, out } = await run(['status']);
    assert.equal(exitCode, 0);
    assert.match(out, /^homeport {7}0\.1\.0, process 4711, since 2026-01-02T03:04:05\.000Z$/m);
    assert.match(out, /^engines {8}local connected, 3 containers$/m);
    const json = JSON.parse((await run(['status', '--json'])).out) as { pid: number };
    assert.equal(json.pid, 4711);
  });
});

const MONGO = 'mongodb-cluster-a-node-1';

/** Answers A with an address, everything else with nothing, as an owner does. */
async function startOwner(): Promise<void> {
  dns = await startDnsServer((query) => {
    const isA = show(query).question.endsWith(' A');
    const answers = isA ? [`${MONGO}. 0 IN A 172.17.0.2`] : [];
    return replyTo(query, { answers, flags: 0x8580 });
  });
  source.listen = [{ address: '0.0.0.0', port: dns.port }];
}

describe('homeport resolve', () => {
  it('asks where the server listens, and says why', async () => {
    await startOwner();
    assert.deepEqual(await run(['resolve', MONGO]), {
      exitCode: 0,
      err: '',
      out: `172.17.0.2  A  ttl 0  ${MONGO}
  container ${MONGO} (network bridge, engine local), by its own name
`,
    });
  });

  it('--json has it all', async () => {
    await startOwner();
    const { exitCode, out } = await run(['resolve', MONGO, '--json']);
    assert.equal(exitCode, 0);
    const { explanation, ...rest } = JSON.parse(out) as { explanation: { verdict: Verdict } };
    assert.equal(explanation.verdict.kind, 'owned');
    const record = { name: MONGO, type: 'A', ttl: 0, data: '172.17.0.2' };
    assert.deepEqual(rest, {
      name: MONGO,
      server: `127.0.0.1:${dns?.port}`,
      found: true,
      addresses: [{ address: '172.17.0.2', ttl: 0 }],
      answers: [
        { type: 'A', rcode: 'NOERROR', authoritative: true, records: [record], extendedErrors: [] },
        { type: 'AAAA', rcode: 'NOERROR', authoritative: true, records: [], extendedErrors: [] },
      ],
    });
  });

  it('--server asks by DNS alone', async () => {
    await startOwner();
    const { exitCode, out } = await homeport([
      'resolve',
      MONGO,
      'A',
      '--server',
      `127.0.0.1:${dns?.port}`,
    ]);
    assert.equal(exitCode, 0);
    assert.match(
      out,
      /^172\.17\.0\.2 {2}A {2}ttl 0 .*\n {2}answered by 127\.0\.0\.1:\d+, with authority\n$/,
    );
  });

  it('shows aliases once, and the extended error of a name that is refused', async () => {
    dns = await startDnsServer((query) => {
      const { question } = show(query);
      if (question.startsWith('redis. ')) {
        const answers = ['redis. 0 IN CNAME redis.a.example.', 'redis.a.example. 60 IN A 10.1.1.1'];
        return replyTo(query, { answers: question.endsWith(' A') ? answers : answers.slice(0, 1) });
      }
      const option = Buffer.from(extendedErrorOption(15, 'web must run here; start it'));
      return replyTo(query, { rcode: RCODE.NXDOMAIN, opt: optRecord(1232, false, option) });
    });
    source.listen = [{ address: '127.0.0.1', port: dns.port }];
    source.verdict = {
      kind: 'forwarded',
      asks: ['redis.a.example'],
      upstreams: ['10.0.0.2:53'],
      isLeak: false,
    };
    assert.equal(
      (await run(['resolve', 'redis'])).out,
      `redis.a.example  CNAME  ttl 0   redis
10.1.1.1         A      ttl 60  redis.a.example
  forwarded: asked as redis.a.example of upstream 10.0.0.2:53
`,
    );
    source.verdict = { kind: 'refused', reason: 'web must run here' };
    assert.deepEqual(await run(['resolve', 'web']), {
      exitCode: 2,
      err: '',
      out: 'web: no such name (NXDOMAIN)\n  refused: web must run here; start it\n',
    });
    const byDns = await homeport(['resolve', 'web', '--server', `127.0.0.1:${dns.port}`]);
    assert.match(
      byDns.out,
      /\n {2}answered by 127\.0\.0\.1:\d+\n {2}web must run here; start it\n$/,
    );
  });

  it('asks for the names of an address', async () => {
    const asked: string[] = [];
    dns = await startDnsServer((query) => {
      asked.push(show(query).question);
      return replyTo(query, { answers: ['2.0.17.172.in-addr.arpa. 0 IN PTR web.'], flags: 0x8580 });
    });
    source.listen = [{ address: '127.0.0.1', port: dns.port }];
    const { out } = await run(['resolve', '172.17.0.2']);
    assert.deepEqual(asked, ['2.0.17.172.in-addr.arpa. PTR']);
    assert.match(out, /^web {2}PTR /);
  });

  const failures: readonly { name: string; rcode: number; exitCode: number; out: RegExp }[] = [
    {
      name: 'a name that does not exist',
      rcode: RCODE.NXDOMAIN,
      exitCode: 2,
      out: /^a: no such name \(NXDOMAIN\)\n/,
    },
    {
      name: 'a name without addresses',
      rcode: RCODE.NOERROR,
      exitCode: 2,
      out: /^a: the name exists, but has no A or AAAA\n/,
    },
    { name: 'upstreams that fail', rcode: RCODE.SERVFAIL, exitCode: 3, out: /^a: SERVFAIL\n/ },
    { name: 'a client that may not ask', rcode: RCODE.REFUSED, exitCode: 3, out: /^a: REFUSED\n/ },
  ];
  for (const { name, rcode, exitCode, out } of failures) {
    it(`of ${name} exits with ${exitCode}`, async () => {
      dns = await startDnsServer((query) => replyTo(query, { rcode }));
      source.listen = [{ address: '127.0.0.1', port: dns.port }];
      const result = await run(['resolve', 'a']);
      assert.equal(result.exitCode, exitCode);
      assert.match(result.out, out);
    });
  }

  it('exits with 3 where nobody listens, and where the server listens nowhere', async () => {
    dns = await startDnsServer(() => null);
    const { port } = dns;
    await dns.close();
    dns = undefined;
    const closed = await run(['resolve', 'a', '--server', `127.0.0.1:${port}`]);
    assert.deepEqual([closed.exitCode, closed.out], [3, '']);
    assert.match(
      closed.err,
      /^homeport: no server: 127\.0\.0\.1:\d+ does not answer: nobody listens there;/,
    );
    source.listen = [];
    const nowhere = await run(['resolve', 'a']);
    assert.equal(nowhere.exitCode, 3);
    assert.match(nowhere.err, /answers nowhere: it has nothing to listen on yet\n$/);
  });
});
