/**
 * A private Docker engine for tests, in fresh namespaces: its own network, processes, data root and
 * socket. Any number run side by side, and nothing of them is left when the test process ends.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import Docker from 'dockerode';
import { importBusybox, importGlibc } from './engine/images.ts';
import { output } from './engine/run.ts';

const OUTER = fileURLToPath(new URL('./engine/outer.sh', import.meta.url));
const PROGRAMS = ['docker', 'unshare', 'nsenter', 'ip', 'iptables', 'busybox', 'bash', 'tar'];
/** An engine that was killed first cleans up its orphans: 12 s were measured. */
const START_TIMEOUT_MS = 60_000;
const PING_EVERY_MS = 20;

/** Ask for it with `run`. */
export interface RunOptions {
  /** Further arguments of `docker run`: `['--network', 'n', '--ip', '10.0.0.9']`. */
  readonly args?: readonly string[];
  /** Default `bb`. */
  readonly image?: string;
  /** Default: waits, and ends at once on TERM. */
  readonly command?: readonly string[];
}

export interface TestEngine {
  readonly name: string;
  readonly directory: string;
  /** Path of the engine's unix socket, visible from every mount namespace. */
  readonly socket: string;
  /** `unix://…` of that socket. */
  readonly url: string;
  /** Process 1 of the engine's namespaces, as this process sees it. */
  readonly pid1: number;
  readonly api: Docker;
  /** Runs the docker command against this engine: its standard output, trimmed. */
  docker(...args: string[]): Promise<string>;
  /** An image of busybox with all applets. */
  importBusybox(tag?: string): Promise<void>;
  /** An image of busybox and these programs of the host with their glibc (default: getent). */
  importGlibc(tag?: string, programs?: readonly string[]): Promise<void>;
  /** `docker run -d --name NAME …`: the container's id. Needs the image (see `importBusybox`). */
  run(name: string, options?: RunOptions): Promise<string>;
  /** Runs a program in the engine's network namespace, beside the containers: its standard output. */
  inNamespace(argv: readonly string[]): Promise<string>;
  /** The words that run `argv` in the engine's network namespace, for a program that is spawned. */
  namespaceArgv(argv: readonly string[]): string[];
  /** SIGKILL to dockerd alone; resolves when it is gone. Containers are orphaned as in a crash. */
  kill(): Promise<void>;
  /** SIGTERM to dockerd; resolves when it has ended, containers stopped. */
  terminate(): Promise<void>;
  /** Starts dockerd after `kill` or `terminate`, else terminates it first; resolves when it answers. */
  restart(...args: string[]): Promise<void>;
  /** SIGSTOP: dockerd hangs, sockets stay open. */
  freeze(): Promise<void>;
  /** SIGCONT. */
  thaw(): Promise<void>;
  /** What dockerd has logged. */
  log(): string;
  /** Ends it and removes every trace; resolves when that is done. Safe to call again. */
  stop(): Promise<void>;
}

/**
 * Why no private engine can run here, as the reason of a skip: `describe(…, { skip: engineAvailable() ?? false }, …)`.
 * With HOMEPORT_REQUIRE_ENGINE=1 always null: then `startEngine` fails instead, and the tests with it.
 */
export function engineAvailable(): string | null {
  return process.env.HOMEPORT_REQUIRE_ENGINE === '1' ? null : problem();
}

function problem(): string | null {
  if (process.getuid?.() !== 0) return 'a private engine needs root';
  const missing = PROGRAMS.filter((program) => pathOf(program) === undefined);
  if (pathOf('dockerd') === undefined) missing.unshift('dockerd');
  if (missing.length > 0) return `a private engine needs ${missing.join(', ')}`;
  try {
    accessSync('/sys/fs/cgroup', constants.W_OK);
    return null;
  } catch {
    return 'a private engine needs a writable /sys/fs/cgroup';
  }
}

function pathOf(program: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/**
 * Starts an engine and waits until it answers.
 *
 * @param options `name`: for messages and its host name; `args`: further arguments of dockerd
 * @throws Error that says what is missing, or with the engine's log where it does not answer
 */
export async function startEngine(options: {
  readonly name: string;
  readonly args?: readonly string[];
}): Promise<TestEngine> {
  const reason = problem();
  if (reason !== null) throw new Error(reason);
  // Short: the path of a unix socket ends at 108 bytes.
  const directory = mkdtempSync(join(tmpdir(), 'hp-'));
  mkdirSync(join(directory, 'cli'));
  const engine = new NamespacedEngine(options.name, directory);
  try {
    await engine.begin(options.args ?? []);
    return engine;
  } catch (error) {
    await engine.stop();
    throw error;
  }
}

class NamespacedEngine implements TestEngine {
  readonly name: string;
  readonly directory: string;
  readonly socket: string;
  readonly url: string;
  readonly api: Docker;
  pid1 = 0;
  #args: readonly string[] = [];
  #isRunning = false;
  readonly #outer: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;
  readonly #ended: Promise<void>;
  #lastAnswer: Promise<unknown> = Promise.resolve();

  constructor(name: string, directory: string) {
    this.name = name;
    this.directory = directory;
    this.socket = join(directory, 'docker.sock');
    this.url = `unix://${this.socket}`;
    this.api = new Docker({ socketPath: this.socket });
    const cgroup = `hp-test-${basename(directory)}`;
    this.#outer = spawn('bash', [OUTER, directory, cgroup], {
      // A process group of its own: Ctrl-C must not kill what cleans up.
      detached: true,
      env: {
        ...process.env,
        PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
        DOCKERD: pathOf('dockerd'),
      },
    });
    this.#outer.stderr.pipe(process.stderr);
    // After the test's end nobody reads the answers, and a write must not throw.
    this.#outer.stdin.on('error', () => undefined);
    this.#answers = createInterface({ input: this.#outer.stdout })[Symbol.asyncIterator]();
    this.#ended = new Promise((resolve) => this.#outer.on('close', () => resolve()));
  }

  async begin(args: readonly string[]): Promise<void> {
    this.#args = args;
    this.pid1 = Number(await this.#answer());
    await this.#start();
  }

  async docker(...args: string[]): Promise<string> {
    const env = { ...process.env, DOCKER_CONFIG: join(this.directory, 'cli') };
    return (await output(['docker', '-H', this.url, ...args], { env })).trim();
  }

  importBusybox(tag = 'bb'): Promise<void> {
    return importBusybox(this.socket, tag);
  }

  importGlibc(tag = 'glibc', programs: readonly string[] = ['getent']): Promise<void> {
    return importGlibc(this.socket, tag, programs);
  }

  run(name: string, options: RunOptions = {}): Promise<string> {
    const { args = [], image = 'bb', command = [] } = options;
    return this.docker('run', '-d', '--name', name, ...args, image, ...command);
  }

  inNamespace(argv: readonly string[]): Promise<string> {
    return output(this.namespaceArgv(argv));
  }

  namespaceArgv(argv: readonly string[]): string[] {
    return ['nsenter', `--net=/proc/${this.pid1}/ns/net`, ...argv];
  }

  async kill(): Promise<void> {
    await this.#command('signal KILL');
    await this.#command('wait');
    this.#isRunning = false;
  }

  async terminate(): Promise<void> {
    await this.#command('signal TERM');
    await this.#command('wait');
    this.#isRunning = false;
  }

  async restart(...args: string[]): Promise<void> {
    if (this.#isRunning) await this.terminate();
    if (args.length > 0) this.#args = args;
    await this.#start();
  }

  freeze(): Promise<void> {
    return this.#command('signal STOP');
  }

  thaw(): Promise<void> {
    return this.#command('signal CONT');
  }

  log(): string {
    return readFileSync(join(this.directory, 'log'), 'utf8');
  }

  async stop(): Promise<void> {
    this.#outer.stdin.end();
    await this.#ended;
  }

  async #start(): Promise<void> {
    await this.#command(`start ${this.#args.join(' ')}`);
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await answersPing(this.socket))) {
      if (Date.now() > deadline) {
        throw new Error(
          `engine ${this.name} does not answer; its log:\n${this.log().slice(-4000)}`,
        );
      }
      await delay(PING_EVERY_MS);
    }
    this.#isRunning = true;
  }

  /** Commands are answered in order, so one at a time keeps each answer with its command. */
  #command(line: string): Promise<void> {
    const answered = this.#lastAnswer.then(async () => {
      this.#outer.stdin.write(`${line}\n`);
      await this.#answer();
    });
    this.#lastAnswer = answered.catch(() => undefined);
    return answered;
  }

  async #answer(): Promise<string> {
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error(`engine ${this.name} ended unexpectedly`);
    return value;
  }
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
