/** Real clients against a running server over real containers: whoever asks, and from wherever, is told the same. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { engineAvailable, startEngine, type TestEngine } from '../support/engine.ts';
import type { Homeport } from '../support/homeport.ts';
import {
  addressesIn,
  addressOf,
  inContainer,
  Production,
  type Ran,
  REGION,
  startBeside,
  withResolvConf,
} from './scene.ts';

const MUSL_SOURCE = fileURLToPath(new URL('./musl-lookup.c', import.meta.url));
const GATEWAY = '172.17.0.1';
const EXPECTED = 'mongodb-9';
const BILLING = '10.66.6.6';

function has(program: string): boolean {
  if (process.env.HOMEPORT_REQUIRE_ENGINE === '1') return true;
  return (process.env.PATH ?? '').split(':').some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** A program that looks a name up: where it runs, and how it is called. */
interface Client {
  readonly name: string;
  readonly skip?: string | false;
  readonly lookUp: (name: string) => Promise<Ran>;
  /** It asks for a bare name as it is, without a search list: only homeport's own answer can help. */
  readonly isPlain?: true;
}

describe('real clients', { skip: engineAvailable() ?? false }, () => {
  let engine: TestEngine;
  let production: Production;
  let server: Homeport;
  let web: string;
  let db: string;

  before(async () => {
    engine = await startEngine({ name: 'clients' });
    await Promise.all([engine.importBusybox(), engine.importGlibc()]);
    if (has('musl-gcc')) {
      const program = join(engine.directory, 'musl-lookup');
      execFileSync('musl-gcc', ['-static', '-o', program, MUSL_SOURCE]);
    }
    await engine.docker('network', 'create', 'backend');
    await engine.docker('network', 'create', 'apart');
    production = await Production.start(engine, {
      [`billing.${REGION}`]: BILLING,
      [`web.${REGION}`]: '10.66.6.1',
      [`${EXPECTED}.${REGION}`]: '10.66.6.9',
    });
    server = await startBeside(engine, { expected: { names: [EXPECTED] } });
    const dns = ['--dns', GATEWAY, '--dns-search', REGION];
    const programs = ['-v', `${engine.directory}:/programs:ro`];
    await engine.run('web');
    await engine.run('db-1', { args: ['--network', 'backend', '--network-alias', 'mongodb-1'] });
    await engine.run('asker', { image: 'glibc', args: [...dns, ...programs] });
    await engine.run('neighbour', {
      image: 'glibc',
      args: [...dns, ...programs, '--network', 'backend'],
    });
    await engine.run('stranger', {
      image: 'glibc',
      args: [...dns, ...programs, '--network', 'apart'],
    });
    web = await addressOf(engine, 'web');
    db = await addressOf(engine, 'db-1', 'backend');
    await server.waitFor(({ msg, address }) => msg === 'listening' && address === GATEWAY);
  });
  after(async () => {
    assert.deepEqual(production?.leaks([EXPECTED, 'web', 'mongodb-1']), []);
    await server?.stop();
    await production?.stop();
    await engine?.stop();
  });

  const onHost =
    (resolvConf: string, ...argv: readonly string[]) =>
    (name: string) =>
      withResolvConf(engine, resolvConf, [...argv, name]);
  const inside =
    (container: string, ...argv: readonly string[]) =>
    (name: string) =>
      inContainer(engine, container, ...argv, name);
  const plain = `search ${REGION}\nnameserver 127.0.0.1\n`;
  const nodeScript = (call: string) =>
    `const dns = require('node:dns'); ${call}.then((all) => console.log(JSON.stringify(all)), (e) => { console.log(e.code); process.exitCode = 2; })`;
  const node = (call: string) => (name: string) =>
    withResolvConf(engine, plain, [process.execPath, '-e', nodeScript(call), name]);
  const musl = has('musl-gcc') ? false : 'there is no musl-gcc here (package musl-tools)';

  const dig = ['dig', '+short', '+time=2', '+tries=1'];
  const kdig = ['kdig', '+short', '+time=2', '+retry=0'];
  const clients: readonly Client[] = [
    { name: 'dig', isPlain: true, lookUp: onHost(plain, ...dig) },
    { name: 'dig +search', lookUp: onHost(plain, ...dig, '+search') },
    { name: 'dig over TCP', isPlain: true, lookUp: onHost(plain, ...dig, '+tcp') },
    {
      name: 'dig without EDNS and with 0x20',
      isPlain: true,
      lookUp: (name) => onHost(plain, ...dig, '+noedns')(name.toUpperCase()),
    },
    {
      name: 'dig with a cookie and DO',
      isPlain: true,
      lookUp: onHost(plain, ...dig, '+cookie', '+dnssec'),
    },
    { name: 'kdig', isPlain: true, lookUp: onHost(plain, ...kdig) },
    { name: 'kdig over TCP', isPlain: true, lookUp: onHost(plain, ...kdig, '+tcp') },
    { name: 'glibc', lookUp: onHost(plain, 'getent', 'ahosts') },
    { name: 'glibc with ndots:5', lookUp: onHost(`${plain}options ndots:5\n`, 'getent', 'ahosts') },
    { name: 'glibc over TCP', lookUp: onHost(`${plain}options use-vc\n`, 'getent', 'ahosts') },
    {
      name: 'glibc one question at a time',
      lookUp: onHost(`${plain}options single-request\n`, 'getent', 'ahosts'),
    },
    {
      name: 'glibc with EDNS and AD',
      lookUp: onHost(`${plain}options edns0 trust-ad\n`, 'getent', 'ahosts'),
    },
    { name: "glibc's gethostbyname", lookUp: onHost(plain, 'getent', 'hosts') },
    {
      name: 'glibc without a search list',
      lookUp: onHost('nameserver 127.0.0.1\n', 'getent', 'ahosts'),
    },
    { name: "Node's lookup", lookUp: node('dns.promises.lookup(process.argv[1], { all: true })') },
    {
      name: "Node's resolve4",
      isPlain: true,
      lookUp: node('dns.promises.resolve4(process.argv[1])'),
    },
    {
      name: 'musl',
      skip: musl,
      lookUp: (name) =>
        withResolvConf(engine, plain, [join(engine.directory, 'musl-lookup'), name]),
    },
    { name: 'busybox nslookup on the default bridge', lookUp: inside('asker', 'nslookup') },
    { name: 'glibc on the default bridge', lookUp: inside('asker', 'getent', 'ahosts') },
    {
      name: 'musl on the default bridge',
      skip: musl,
      lookUp: inside('asker', '/programs/musl-lookup'),
    },
    { name: 'glibc through 127.0.0.11', lookUp: inside('neighbour', 'getent', 'ahosts') },
    { name: 'busybox nslookup through 127.0.0.11', lookUp: inside('neighbour', 'nslookup') },
    {
      name: 'musl through 127.0.0.11',
      skip: musl,
      lookUp: inside('neighbour', '/programs/musl-lookup'),
    },
  ];

  for (const { name, skip = false, lookUp } of clients) {
    describe(name, { skip }, () => {
      /** The client's own server and gateway stand in some outputs. */
      const answers = async (asked: string) =>
        addressesIn(await lookUp(asked)).filter(
          (at) => ![GATEWAY, '127.0.0.11', '127.0.0.1'].includes(at),
        );

      it('is given the address of a container by its plain name and as production names it', async () => {
        const isNeighbour = name.includes('127.0.0.11');
        const [asked, address] = isNeighbour ? ['mongodb-1', db] : ['web', web];
        assert.deepEqual(await answers(asked), [address]);
        assert.deepEqual(await answers(`${asked}.${REGION}`), [address]);
      });

      it('is given production’s address of a name that production runs', async () => {
        assert.deepEqual(await answers('billing'), [BILLING]);
        assert.deepEqual(await answers(`billing.${REGION}`), [BILLING]);
      });

      it('is refused an expected name that nobody runs', async () => {
        assert.deepEqual(await answers(EXPECTED), []);
        assert.deepEqual(await answers(`${EXPECTED}.${REGION}`), []);
      });

      it('is told that a name does not exist', async () => {
        assert.deepEqual(await answers('no-such-name'), []);
      });
    });
  }

  it('says how missing a name is in the words of each', async () => {
    const ended = async (...argv: readonly string[]) =>
      (await withResolvConf(engine, plain, argv)).code;
    assert.equal(await ended('getent', 'ahosts', EXPECTED), 2);
    const { stdout } = await withResolvConf(engine, plain, [
      'dig',
      '+time=2',
      '+tries=1',
      EXPECTED,
    ]);
    assert.match(stdout, /status: NXDOMAIN/);
    assert.match(stdout, /EDE: 15 \(Blocked\): \(mongodb-9 must run on this host/);
    const codes = await Promise.all(
      ['dns.promises.lookup', 'dns.promises.resolve4'].map(async (call) => {
        const script = nodeScript(`${call}(process.argv[1])`);
        const { stdout: code } = await withResolvConf(engine, plain, [
          process.execPath,
          '-e',
          script,
          EXPECTED,
        ]);
        return code.trim();
      }),
    );
    assert.deepEqual(codes, ['ENOTFOUND', 'ENOTFOUND']);
  });

  it('answers from the address that was asked, for every gateway', async () => {
    const bridges = await engine.docker(
      'network',
      'inspect',
      'backend',
      'apart',
      '--format',
      '{{(index .IPAM.Config 0).Gateway}}',
    );
    for (const gateway of [GATEWAY, ...bridges.split('\n')]) {
      const { stdout } = await withResolvConf(engine, plain, [...dig, `@${gateway}`, 'web']);
      assert.equal(stdout.trim(), web, gateway);
    }
  });

  it('tells a container that shares no network which one to connect, and gives no other address', async () => {
    const { stdout } = await inContainer(engine, 'stranger', 'nslookup', 'mongodb-1', GATEWAY);
    assert.ok(!stdout.includes(db), stdout);
    const explained = await server.run(
      'explain',
      'mongodb-1',
      '--from',
      await addressOf(engine, 'stranger', 'apart'),
    );
    assert.match(explained.stdout, /backend/);
  });
});
