/**
 * Debian's podman as a private engine: its API service in namespaces and with storage of its own, so that
 * it neither sees nor leaves anything of the host's.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { output } from './engine/run.ts';
import { engineAvailable } from './engine.ts';

const RUN = fileURLToPath(new URL('./podman/run.sh', import.meta.url));
const PROGRAMS = ['podman', 'runc', 'conmon', 'catatonit'];
const HELPERS = ['/usr/lib/podman/netavark', '/usr/lib/podman/aardvark-dns'];
const START_TIMEOUT_MS = 60_000;
const PING_EVERY_MS = 50;

/** Why podman cannot run here, as the reason of a skip; with HOMEPORT_REQUIRE_ENGINE=1 always null. */
export function podmanAvailable(): string | null {
  if (process.env.HOMEPORT_REQUIRE_ENGINE === '1') return null;
  return engineAvailable() ?? problem();
}

function problem(): string | null {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  const missing = [
    ...PROGRAMS.filter((name) => !folders.some((folder) => existsSync(join(folder, name)))),
    ...HELPERS.filter((path) => !existsSync(path)),
  ];
  return missing.length === 0 ? null : `podman needs ${missing.join(', ')}`;
}

export interface PodmanOptions {
  /** The name server and search domain of every container, as containers.conf(5) sets them. */
  readonly nameServer: string;
  readonly searchDomain: string;
}

export class Podman {
  readonly directory: string;
  readonly socket: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<void>;
  #pid1 = 0;

  private constructor(directory: string) {
    this.directory = directory;
    this.socket = join(directory, 'podman.sock');
    // Its standard input is its life: it ends with this process, however that ends.
    this.#child = spawn('bash', [RUN, directory], { detached: true });
    this.#child.stderr.pipe(process.stderr);
    this.#child.stdin.on('error', () => undefined);
    this.#ended = new Promise((resolve) => this.#child.on('close', () => resolve()));
  }

  /** Starts the service; resolves once it answers. */
  static async start(options: PodmanOptions): Promise<Podman> {
    const reason = problem();
    if (reason !== null) throw new Error(reason);
    const directory = mkdtempSync(join(tmpdir(), 'hp-podman-'));
    writeFileSync(join(directory, 'containers.conf'), containersConf(options));
    const podman = new Podman(directory);
    try {
      await podman.#begin();
      return podman;
    } catch (error) {
      await podman.stop();
      throw error;
    }
  }

  async #begin(): Promise<void> {
    const [line] = await new Promise<string[]>((resolve, reject) => {
      createInterface({ input: this.#child.stdout }).once('line', (text) => resolve([text]));
      void this.#ended.then(() => reject(new Error(`podman ended: ${this.log()}`)));
    });
    this.#pid1 = Number(line);
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await answersPing(this.socket))) {
      if (Date.now() > deadline) throw new Error(`podman does not answer: ${this.log()}`);
      await delay(PING_EVERY_MS);
    }
  }

  get url(): string {
    return `unix://${this.socket}`;
  }

  /** The words that run `argv` in the engine's network namespace. */
  namespaceArgv(argv: readonly string[]): string[] {
    return ['nsenter', `--net=/proc/${this.#pid1}/ns/net`, ...argv];
  }

  inNamespace(argv: readonly string[]): Promise<string> {
    return output(this.namespaceArgv(argv));
  }

  /** What the service has logged. */
  log(): string {
    const file = join(this.directory, 'log');
    return existsSync(file) ? readFileSync(file, 'utf8').slice(-4000) : '';
  }

  /** Ends it and removes every trace. */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
  }
}

/** Without systemd: control groups and events are podman's own files. */
function containersConf({ nameServer, searchDomain }: PodmanOptions): string {
  return `[containers]
dns_servers = ["${nameServer}"]
dns_searches = ["${searchDomain}"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[network]
network_backend = "netavark"
`;
}

function answersPing(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request({ socketPath, path: '/_ping', timeout: 5000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.on('timeout', () => ping.destroy());
    ping.on('error', () => resolve(false));
    ping.end();
  });
}
