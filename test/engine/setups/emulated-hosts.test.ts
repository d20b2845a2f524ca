/** Hosts that are containers with an engine of their own: names are at the host that publishes them. */
import assert from 'node:assert/strict';
import { accessSync, chmodSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { engineAvailable } from '../../support/engine.ts';
import { REGION } from '../scene.ts';
import { itDoesWhatThePageSays } from './support/page.ts';
import { EXAMPLES, Setup } from './support/setup.ts';

const NAME = 'emulated-hosts';
/** Where the page has the keys. */
const FOLDER = '/etc/homeport/emulated-hosts';
const GUARDED = ['redis', 'postgres', 'mongodb'];

interface PageEngine {
  readonly name: string;
  readonly url: string;
  readonly tls?: Readonly<Record<string, string>>;
}

describe('emulated hosts', { skip: engineAvailable() ?? withoutSshd() ?? false }, () => {
  let setup: Setup;
  let folder: string;

  before(async () => {
    setup = await Setup.start({
      name: NAME,
      production: Object.fromEntries(GUARDED.map((name) => [`${name}.${REGION}`, '10.66.6.6'])),
      withoutServer: true,
    });
    folder = join(setup.engine.directory, 'hosts');
    await setup.sh(`sh up.sh ${folder}`);
    configureSsh(setup.engine.directory, join(folder, 'ssh.conf'));
    await setup.serve({ engines: engines() });
  });
  after(async () => {
    assert.deepEqual(setup?.production.leaks(GUARDED), []);
    await setup?.stop();
  });

  /** The page's engines, with this test's socket and keys. */
  function engines(): readonly PageEngine[] {
    const text = readFileSync(join(EXAMPLES, NAME, 'homeport.yaml'), 'utf8');
    const page: { readonly engines: readonly PageEngine[] } = parse(
      text.replaceAll(FOLDER, folder),
    );
    return page.engines.map((at) => (at.name === 'local' ? { ...at, url: setup.engine.url } : at));
  }

  itDoesWhatThePageSays(join(EXAMPLES, NAME), () => setup);

  const dig = (words: string) => setup.sh(`dig +noall +answer +comments ${words}`);
  const until = (condition: string) => setup.sh(`until ${condition}; do sleep 0.1; done`);

  it('says in SRV the port that an engine chose itself', async () => {
    await setup.sh(
      'docker exec host-b docker run -d --name queue -p 5672 homeport-example answer 5672 queue@host-b',
    );
    const published = await setup.sh('docker exec host-b docker port queue 5672 | head -n 1');
    const port = Number(published.split(':').at(-1));
    const srv = `dig +short SRV _5672._tcp.queue.${REGION}`;
    assert.equal(await setup.sh(srv), `0 0 ${port} queue.${REGION}.`);
    await until(`[ "$(connect $(${srv} | awk '{ print $4, $3 }'))" = queue@host-b ]`);
  });

  it('tells a host that hangs from one that is well, and gives its names as stale', async () => {
    await setup.sh('docker pause host-a');
    await until("dig redis | grep -q 'EDE: 3 .*host-a'");
    assert.match(await dig(`redis.${REGION}`), /\s10\.81\.82\.100$/m);
    assert.doesNotMatch(await dig('postgres'), /EDE/);
    assert.equal(await setup.connect('postgres', 15432), 'postgres@host-b');
    await setup.sh('docker unpause host-a');
    await until("! dig redis | grep -q 'EDE'");
    assert.equal(await setup.connect('redis', 6379), 'redis@host-a');
  });

  it('follows a service from one host to the other', async () => {
    await setup.sh('docker exec host-a docker rm -f redis');
    await setup.sh(
      'docker exec host-b docker run -d --name redis -p 6379:6379 homeport-example answer 6379 redis@host-b',
    );
    assert.deepEqual(await setup.lookUp('redis'), ['10.81.82.101']);
    await until('[ "$(connect redis 6379)" = redis@host-b ]');
  });

  it('asks the same engines by unix URLs, with the same answers', async () => {
    const { server } = setup;
    const before = server.lines.length;
    await server.configure((text) =>
      text
        .replace('tcp://10.81.82.100:2376', `unix://${folder}/sockets/host-a.sock`)
        .replace('ssh://root@10.81.82.101', `unix://${folder}/sockets/host-b.sock`)
        .replace(/^ +tls:\n(?: {6}.*\n)+/m, ''),
    );
    for (const host of ['host-a', 'host-b']) {
      await server.waitFor(
        (line) =>
          line.msg === 'connected to the engine' &&
          line.engine === host &&
          server.lines.indexOf(line) >= before,
      );
    }
    await setup.sh('docker exec host-a docker run -d --name cache -p 11211:11211 homeport-example');
    await until('getent hosts cache');
    assert.deepEqual(await setup.lookUp('cache'), ['10.81.82.100']);
    assert.deepEqual(await setup.lookUp('redis'), ['10.81.82.101']);
  });
});

/** Why there can be no ssh to the hosts; null where there can. */
function withoutSshd(): string | null {
  if (process.env.HOMEPORT_REQUIRE_ENGINE === '1') return null;
  try {
    accessSync('/usr/sbin/sshd', constants.X_OK);
    return null;
  } catch {
    return 'an emulated host needs sshd (openssh-server)';
  }
}

/** The page's ssh.conf for every ssh that is started from here on, without touching the user's own. */
function configureSsh(directory: string, config: string): void {
  const programs = join(directory, 'ssh-bin');
  mkdirSync(programs);
  const ssh = join(programs, 'ssh');
  writeFileSync(ssh, `#!/bin/sh\nexec /usr/bin/ssh -F '${config}' "$@"\n`);
  chmodSync(ssh, 0o755);
  process.env.PATH = `${programs}:${process.env.PATH}`;
}
