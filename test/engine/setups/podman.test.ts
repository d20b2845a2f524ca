/** Debian's podman through its Docker-compatible API: names looked up on the host and in containers. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';
import { output } from '../../support/engine/run.ts';
import { Homeport } from '../../support/homeport.ts';
import { Podman, podmanAvailable } from '../../support/podman.ts';
import { type Ran, REGION, ran } from '../scene.ts';
import { itDoesWhatThePageSays } from './support/page.ts';
import { EXAMPLES, FOR_CONTAINERS, IMAGE } from './support/setup.ts';

const FOLDER = join(EXAMPLES, 'podman');
const MAIN = new URL('../../../src/main.ts', import.meta.url).pathname;
const PATIENCE_MS = 10_000;

/** The page's host: podman, homeport with the page's homeport.yaml, and the programs of the page. */
class PodmanHost {
  readonly podman: Podman;
  readonly server: Homeport;

  private constructor(podman: Podman, server: Homeport) {
    this.podman = podman;
    this.server = server;
  }

  static async start(): Promise<PodmanHost> {
    const podman = await Podman.start({ nameServer: FOR_CONTAINERS, searchDomain: REGION });
    try {
      await podman.inNamespace(['ip', 'address', 'add', `${FOR_CONTAINERS}/32`, 'dev', 'lo']);
      const env = { ...process.env, DOCKER_HOST: podman.url };
      await output(['sh', join(EXAMPLES, 'image.sh'), IMAGE], { env });
      const page = parse(readFileSync(join(FOLDER, 'homeport.yaml'), 'utf8'));
      const server = await Homeport.start({
        config: {
          ...page,
          engines: [{ ...page.engines[0], url: podman.url }],
          // Nobody is there: whatever leaves the host fails.
          upstreams: ['127.0.0.9'],
        },
        wrap: (argv) => podman.namespaceArgv(argv),
      });
      const host = new PodmanHost(podman, server);
      host.#prepare();
      return host;
    } catch (error) {
      await podman.stop();
      throw error;
    }
  }

  get #programs(): string {
    return join(this.podman.directory, 'bin');
  }

  #prepare(): void {
    mkdirSync(this.#programs);
    const write = (name: string, body: string): void => {
      writeFileSync(join(this.#programs, name), `#!/bin/bash\n${body}\n`);
      chmodSync(join(this.#programs, name), 0o755);
    };
    write('podman', `exec /usr/bin/podman --url '${this.podman.url}' "$@"`);
    const node = `'${process.execPath}' --import '${import.meta.resolve('tsx')}'`;
    write('homeport', `exec ${node} '${MAIN}' "$@"`);
    write(
      'connect',
      'exec 3<>"/dev/tcp/$1/$2" || exit 1\n' +
        "printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3\n" +
        'while read -r line <&3 && [ "$line" != $\'\\r\' ]; do :; done\ncat <&3',
    );
    const { directory } = this.podman;
    writeFileSync(join(directory, 'resolv.conf'), `search ${REGION}\nnameserver 127.0.0.1\n`);
    writeFileSync(join(directory, 'nsswitch.conf'), 'hosts: files dns\n');
  }

  shell(line: string): Promise<Ran> {
    const { directory } = this.podman;
    const env = {
      PATH: `${this.#programs}:${process.env.PATH}:/usr/sbin:/sbin`,
      HOME: directory,
      LC_ALL: 'C',
      NO_COLOR: '1',
      HOMEPORT_CONTROL: this.server.control,
    };
    const words = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const script =
      'mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/nsswitch.conf && cd "$3" && exec bash -c "$4"';
    const files = [join(directory, 'resolv.conf'), join(directory, 'nsswitch.conf'), FOLDER];
    const argv = ['env', '-i', ...words, 'unshare', '--mount', 'sh', '-c', script, 'sh', ...files];
    return ran(this.podman.namespaceArgv([...argv, line]));
  }

  async addresses(name: string): Promise<readonly string[]> {
    const { stdout } = await this.shell(`dig +short ${name}.${REGION} | sort`);
    return stdout.split('\n').filter((line) => line !== '');
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await this.podman.stop();
  }
}

describe('podman as the engine', { skip: podmanAvailable() ?? false }, () => {
  let host: PodmanHost;

  before(async () => {
    host = await PodmanHost.start();
  });
  after(() => host?.stop());

  itDoesWhatThePageSays(FOLDER, () => host);

  it('finds a container at the first look-up after podman run, 5 times of 5', async () => {
    const { stdout } = await host.shell(
      `for i in 1 2 3 4 5; do podman run -d --name quick-$i ${IMAGE} >/dev/null; dig +short quick-$i; done`,
    );
    assert.match(stdout, /^(?:10\.88\.\d+\.\d+\n){5}$/);
  });

  it('forgets a container that was removed, as soon as podman tells', async () => {
    await host.shell('podman rm -f -t 0 quick-1');
    const deadline = Date.now() + PATIENCE_MS;
    while ((await host.addresses('quick-1')).length > 0) {
      assert.ok(Date.now() < deadline, 'its address stays');
      await delay(50);
    }
    assert.equal((await host.addresses('quick-2')).length, 1);
  });

  it('knows which container asks on the default network', async () => {
    const [address] = await host.addresses('quick-2');
    const { stdout } = await host.shell(`homeport explain web --from ${address}`);
    assert.match(stdout, /asked by container "quick-2"/);
  });

  it('answers everything that it is asked, and is no swarm', () => {
    const complaints = host.server.lines.filter(
      ({ room, level }) => room === 'docker' && level !== 'info',
    );
    assert.deepEqual(complaints, []);
  });
});
