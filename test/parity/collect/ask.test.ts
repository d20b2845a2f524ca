import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { checkParity } from '../../../src/parity/check.ts';
import { asker, writtenAnswer } from '../../../src/parity/collect/ask.ts';
import { captureProfile } from '../../../src/parity/collect/capture.ts';
import { decodeReply, encodeQuestion } from '../../../src/parity/collect/dns-message.ts';
import type { FileTree } from '../../../src/parity/collect/file-tree.ts';
import { lookUpLive } from '../../../src/parity/collect/live.ts';
import { parseProfile, printProfile } from '../../../src/parity/profile/profile.ts';
import { homeport, host, inputs, owned, production, REGION } from '../builders.ts';
import { fakeServer } from './fake-server.ts';

describe('decodeReply', () => {
  const question = encodeQuestion(7, 'db.example', 'A');
  const reply = Buffer.concat([
    question,
    Buffer.from('c00c0005000100000005000704616c6961c00f', 'hex'),
    Buffer.from('c00c00010001000000090004ac120005', 'hex'),
  ]);
  reply.writeUInt16BE(0x8580, 2);
  reply.writeUInt16BE(2, 6);

  it('reads addresses, the alias, flags and the smallest TTL', () => {
    assert.deepEqual(decodeReply(reply, question), {
      rcode: 'NOERROR',
      isAuthoritative: true,
      isRecursionAvailable: true,
      isTruncated: false,
      addresses: ['172.18.0.5'],
      cname: 'alia.example',
      ttlSeconds: 5,
      bytes: reply.length,
    });
  });

  it('refuses another id, another question and a query', () => {
    assert.equal(decodeReply(reply, encodeQuestion(8, 'db.example', 'A')), undefined);
    assert.equal(decodeReply(reply, encodeQuestion(7, 'web.example', 'A')), undefined);
    assert.equal(decodeReply(reply, encodeQuestion(7, 'db.example', 'AAAA')), undefined);
    assert.equal(decodeReply(question, question), undefined);
  });

  it('never throws on a cut or changed message', () => {
    for (let length = 0; length < reply.length; length++) {
      assert.equal(decodeReply(reply.subarray(0, length), question), undefined);
    }
    let seed = 42;
    for (let round = 0; round < 2000; round++) {
      seed = (seed * 48_271) % 2_147_483_647;
      const changed = Buffer.from(reply);
      changed[seed % changed.length] = (seed >> 8) & 0xff;
      changed[(seed >> 4) % changed.length] = (seed >> 16) & 0xff;
      decodeReply(changed, question);
    }
  });
});

describe('asker', () => {
  it('asks over UDP and writes the answer as profiles do', async () => {
    const server = await fakeServer({
      'db.example A': '10.1.1.1',
      'db.example AAAA': 'NOERROR',
      'bad.example A': 'SERVFAIL',
      'slow.example A': 'TIMEOUT',
    });
    after(() => server.close());
    const ask = asker({ port: server.port, timeoutMs: 100, attempts: 2 });
    const written = async (name: string, type: 'A' | 'AAAA') =>
      writtenAnswer(await ask('127.0.0.1', name, type));
    assert.deepEqual(await written('db.example', 'A'), ['10.1.1.1', 'TTL:60']);
    assert.equal(await written('db.example', 'AAAA'), 'NODATA');
    assert.equal(await written('bad.example', 'A'), 'SERVFAIL');
    assert.equal(await written('nothing', 'A'), 'NXDOMAIN');
    assert.equal(await written('slow.example', 'A'), 'TIMEOUT');
    assert.equal(server.asked.filter((question) => question === 'slow.example A').length, 2);
    assert.equal(await written('no name at all!', 'A'), 'TIMEOUT');
  });

  it('tells a port where nobody listens', async () => {
    const server = await fakeServer({});
    server.close();
    const ask = asker({ port: server.port, timeoutMs: 1000 });
    assert.equal(writtenAnswer(await ask('127.0.0.1', 'db', 'A')), 'CLOSED');
  });
});

/** A tree of the given files alone. */
function treeOf(files: Readonly<Record<string, string>>): FileTree {
  return {
    read: async (path) => {
      const text = files[path];
      return text === undefined
        ? { kind: 'missing' }
        : { kind: 'read', bytes: Buffer.from(text), path };
    },
    has: async (path) => path in files,
    scan: async function* (path) {
      yield Buffer.from(files[path] ?? '');
    },
  };
}

describe('captureProfile', () => {
  it('captures files and all answers that the stubs need, and nothing secret', async () => {
    const server = await fakeServer({
      [`db.${REGION} A`]: '10.1.1.1',
      [`db.${REGION} AAAA`]: 'NOERROR',
    });
    after(() => server.close());
    const { profile, problems } = await captureProfile({
      tree: treeOf({
        '/etc/resolv.conf': `# note\nsearch ${REGION}\nnameserver 127.0.0.1\n`,
        '/etc/hosts': '127.0.0.1 localhost # password: hunter2\n',
        '/etc/docker/daemon.json': '{"dns": ["10.0.0.2"], "registry-token": "x"}',
      }),
      names: ['db', 'web'],
      stubs: ['glibc', 'musl', 'go', 'c-ares'],
      environment: { RES_OPTIONS: 'timeout:1', SECRET_TOKEN: 'x' },
      now: new Date('2026-06-01T12:00:00Z'),
      ask: asker({ port: server.port, timeoutMs: 500 }),
    });
    assert.deepEqual(problems, []);
    const text = printProfile(profile);
    assert.ok(!/hunter2|token|SECRET/i.test(text), text);
    const again = parseProfile('profile.yaml', text);
    assert.deepEqual(again.answers, profile.answers);
    assert.deepEqual(again.surroundings.environment, { RES_OPTIONS: 'timeout:1' });
    assert.deepEqual(again.daemon?.servers, ['10.0.0.2']);
    assert.equal(again.surroundings.resolvConf.text, `\nsearch ${REGION}\nnameserver 127.0.0.1\n`);

    const report = checkParity(
      inputs({ production: again, stubs: ['glibc', 'musl', 'go', 'c-ares'], failOn: 'error' }),
    );
    assert.deepEqual(report.problems, [], 'every question of every stub has its answer');
    const found = report.lookups
      .filter(({ name }) => name === 'db')
      .map(({ production: side }) => side.addresses);
    assert.deepEqual(found, [['10.1.1.1'], ['10.1.1.1'], ['10.1.1.1'], ['10.1.1.1']]);
  });

  it('says so when a server answers nothing', async () => {
    const { problems } = await captureProfile({
      tree: treeOf({ '/etc/resolv.conf': 'nameserver 127.0.0.1\n' }),
      names: ['db'],
      stubs: ['glibc'],
      environment: {},
      now: new Date(),
      ask: async () => ({ kind: 'timeout' }),
    });
    assert.deepEqual(problems, [{ thing: 'nameserver 127.0.0.1', why: 'answered nothing' }]);
  });
});

describe('lookUpLive', () => {
  const base = inputs({
    expected: ['db', 'web'],
    targets: [host(`search ${REGION}\nnameserver 127.0.0.1\n`)],
    homeport: homeport({ addresses: ['127.0.0.1'], owned: [owned('db', '172.18.0.5')] }),
    production: production(undefined, {
      answers: { '10.0.0.2': { [`db.${REGION} A`]: '10.1.1.1' } },
    }),
    stubs: ['glibc'],
  });
  const reply = (addresses: readonly string[], rcode = 'NOERROR') => ({
    kind: 'reply' as const,
    reply: {
      ...{ rcode, addresses, cname: undefined, ttlSeconds: 0, bytes: 50 },
      ...{ isAuthoritative: true, isRecursionAvailable: true, isTruncated: false },
    },
  });

  it('agrees where reality is as simulated', async () => {
    const results = await lookUpLive(
      base,
      checkParity(base),
      async (server, name) =>
        server === '127.0.0.1'
          ? name === 'db'
            ? reply(['172.18.0.5'])
            : reply([], 'NXDOMAIN')
          : reply(['10.1.1.1']),
      async (name) => (name === 'db' ? ['172.18.0.5'] : 'ENOTFOUND'),
    );
    assert.deepEqual(
      results
        .filter(({ verdict }) => verdict !== 'agrees')
        .map(({ name, through }) => `${name} ${through}`),
      [],
    );
    assert.deepEqual(
      [...new Set(results.map(({ through }) => through))],
      ['homeport 127.0.0.1', 'production 10.0.0.2', 'getaddrinfo'],
    );
  });

  it('finds a leak, a disagreement and silence', async () => {
    const results = await lookUpLive(
      base,
      checkParity(base),
      async (server) => (server === '127.0.0.1' ? reply(['10.1.1.1']) : { kind: 'timeout' }),
      async () => ['10.6.6.6'],
    );
    const verdicts = (through: string) =>
      results
        .filter((result) => result.through === through)
        .map(({ name, verdict }) => `${name} ${verdict}`);
    assert.deepEqual(verdicts('homeport 127.0.0.1'), ['db leak', 'web disagrees']);
    assert.deepEqual(verdicts('production 10.0.0.2'), ['db unanswered', 'web unanswered']);
    assert.deepEqual(verdicts('getaddrinfo'), ['db disagrees', 'web disagrees']);
  });
});
