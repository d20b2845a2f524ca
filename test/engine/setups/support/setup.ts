/**
 * A set-up as its page has it: a private engine, the examples' image, production's name server, and
 * homeport with the page's own homeport.yaml, beside the containers in the engine's network namespace.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { output } from '../../../support/engine/run.ts';
import { engineAvailable, startEngine, type TestEngine } from '../../../support/engine.ts';
import { Homeport } from '../../../support/homeport.ts';
import { PRODUCTION, Production, type Ran, REGION, ran } from '../../scene.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
export const EXAMPLES: string = join(ROOT, 'config/examples');
export const IMAGE = 'homeport-example';
/** On `lo`, as `homeport host install` has it: containers of every network reach it, whatever bridges come and go. */
export const FOR_CONTAINERS = '169.254.53.53';

export interface SetupOptions {
  /** The folder below config/examples, or another name where `folder` says which. */
  readonly name: string;
  /** The page's folder; default: that of the name. */
  readonly folder?: string;
  /** Further variables for the page's commands. */
  readonly env?: Readonly<Record<string, string>>;
  /** What production has: name → address. */
  readonly production?: Readonly<Record<string, string>>;
  /** Over the page's configuration. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** homeport is started later, or by the page itself. */
  readonly withoutServer?: true;
}

export class Setup {
  readonly engine: TestEngine;
  /** The page's folder. */
  readonly folder: string;
  readonly #env: Readonly<Record<string, string>>;
  #production: Production | null = null;
  #server: Homeport | null = null;

  private constructor({ name, folder, env = {} }: SetupOptions, engine: TestEngine) {
    this.folder = folder ?? join(EXAMPLES, name);
    this.#env = env;
    this.engine = engine;
  }

  /** Builds everything that a page presupposes; its own commands come after. */
  static async start(options: SetupOptions): Promise<Setup> {
    const { name, production = {}, config = {} } = options;
    // As in daemon.json of the index page: containers ask homeport, with production's search domain.
    const engine = await startEngine({
      name,
      args: ['--dns', FOR_CONTAINERS, '--dns-search', REGION],
    });
    const setup = new Setup(options, engine);
    try {
      setup.#prepare();
      await engine.inNamespace(['ip', 'address', 'add', `${FOR_CONTAINERS}/32`, 'dev', 'lo']);
      await output(['sh', join(EXAMPLES, 'image.sh'), IMAGE], { env: environmentOf(engine) });
      setup.#production = await Production.start(engine, production);
      if (options.withoutServer !== true) await setup.serve(config);
      return setup;
    } catch (error) {
      await setup.stop();
      throw error;
    }
  }

  get production(): Production {
    if (this.#production === null) throw new Error('production has not been started');
    return this.#production;
  }

  get server(): Homeport {
    if (this.#server === null) throw new Error('homeport has not been started');
    return this.#server;
  }

  /** Starts homeport with the page's configuration. */
  async serve(config: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const page: unknown = parse(readFileSync(join(this.folder, 'homeport.yaml'), 'utf8'));
    this.#server = await Homeport.start({
      config: {
        ...(page as Readonly<Record<string, unknown>>),
        // The page's host has both by itself: its docker.sock, and its resolv.conf.
        engines: [{ name: 'local', url: this.engine.url }],
        upstreams: [PRODUCTION],
        ...config,
      },
      wrap: (argv) => this.engine.namespaceArgv(argv),
    });
    writeProgram(join(this.#programs, 'homeport'), `exec ${mainProgram()} "$@"`);
  }

  get #programs(): string {
    return join(this.engine.directory, 'bin');
  }

  #prepare(): void {
    mkdirSync(this.#programs);
    // The host's own programs ask homeport; what it does not own comes from production.
    writeFileSync(this.#path('resolv.conf'), `search ${REGION}\nnameserver 127.0.0.1\n`);
    writeFileSync(this.#path('nsswitch.conf'), 'hosts: files dns\n');
    symlinkSync(join(EXAMPLES, 'connect'), join(this.#programs, 'connect'));
  }

  #path(file: string): string {
    return join(this.engine.directory, file);
  }

  /** Puts the engine's socket where every Docker host has it, for containers that mount it. */
  async mountSocket(): Promise<void> {
    const { pid1, socket } = this.engine;
    const script =
      'mount -t tmpfs tmpfs /run && touch /run/docker.sock && mount --bind "$0" /run/docker.sock';
    await output(['nsenter', `--mount=/proc/${pid1}/ns/mnt`, 'sh', '-c', script, socket]);
  }

  /** The words that run a program as the host does: its network, its resolv.conf, the page's folder. */
  hostArgv(argv: readonly string[]): readonly string[] {
    const env = {
      ...environmentOf(this.engine),
      PATH: `${this.#programs}:${process.env.PATH}`,
      NO_COLOR: '1',
      ...this.#env,
      ...(this.#server === null ? {} : { HOMEPORT_CONTROL: this.#server.control }),
    };
    const script =
      'mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/nsswitch.conf && cd "$3" && shift 3 && exec "$@"';
    const files = [this.#path('resolv.conf'), this.#path('nsswitch.conf'), this.folder];
    const words = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const host = ['env', '-i', ...words, 'unshare', '--mount', 'sh', '-c', script, 'sh', ...files];
    return this.engine.namespaceArgv([...host, ...argv]);
  }

  /** What a shell on the host says to a command line, in the page's folder. */
  shell(line: string): Promise<Ran> {
    return ran(this.hostArgv(['timeout', '180', 'bash', '-c', line]));
  }

  /** As `shell`; the command must succeed: its standard output, trimmed. */
  async sh(line: string): Promise<string> {
    const { code, stdout } = await this.shell(line);
    if (code === 0) return stdout.trim();
    throw new Error(`${line} ended with ${code}: ${stdout}`);
  }

  /** The IPv4 addresses that the C library gives, on the host or in a container, each once. */
  async lookUp(name: string, container?: string): Promise<readonly string[]> {
    const where = container === undefined ? '' : `docker exec ${container} `;
    const { stdout } = await this.shell(`${where}getent ahostsv4 ${name}`);
    return [...new Set(stdout.match(/^\S+/gm) ?? [])];
  }

  /** Who answers at the name and port, looked up and connected by one program; empty: nobody. */
  async connect(name: string, port: number, container?: string): Promise<string> {
    const where = container === undefined ? '' : `docker exec ${container} `;
    const { stdout } = await this.shell(`${where}connect ${name} ${port}`);
    return stdout.trim();
  }

  /** The address of a container on a network, as the engine says it. */
  async addressOf(container: string, network = 'bridge'): Promise<string> {
    const { NetworkSettings } = await this.engine.api.getContainer(container).inspect();
    return NetworkSettings.Networks[network]?.IPAddress ?? '';
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    await this.#production?.stop();
    await this.engine.stop();
  }
}

function environmentOf(engine: TestEngine): Record<string, string> {
  const path = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
  const config = join(engine.directory, 'cli');
  return {
    PATH: path,
    HOME: engine.directory,
    DOCKER_HOST: engine.url,
    DOCKER_CONFIG: config,
    LC_ALL: 'C',
  };
}

/** homeport as it is built, which starts in a third of the time; as it is written where the build is older. */
function mainProgram(): string {
  const built = join(ROOT, 'dist/main.js');
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  const changedMs = sources.map((path) => statSync(join(ROOT, 'src', path)).mtimeMs);
  if (existsSync(built) && statSync(built).mtimeMs > Math.max(...changedMs)) {
    return `'${process.execPath}' '${built}'`;
  }
  const loader = import.meta.resolve('tsx');
  return `'${process.execPath}' --import '${loader}' '${join(ROOT, 'src/main.ts')}'`;
}

function writeProgram(path: string, body: string): void {
  writeFileSync(path, `#!/bin/bash\n${body}\n`);
  chmodSync(path, 0o755);
}

/** Why a set-up that needs these programs of the host cannot be built here, as the reason of a skip; null: it can. */
export function unavailable(...programs: readonly string[]): string | null {
  const missing = programs.filter((program) => !has(program));
  return engineAvailable() ?? (missing.length > 0 ? `it needs ${missing.join(', ')}` : null);
}

/** Whether a program is installed; where the engine suites are required, it must be. */
export function has(program: string): boolean {
  if (process.env.HOMEPORT_REQUIRE_ENGINE === '1') return true;
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, program)));
}
