/**
 * A test host: Debian with systemd as process 1 and a Docker engine of its own, in namespaces. What is run
 * in it cannot reach beyond its own network, and nothing of it is left when the test process ends.
 */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const BOOT_TIMEOUT_MS = 60_000;
const COMMAND_TIMEOUT_MS = 180_000;
const MEMORY = '/dev/shm';
/** Two hosts with their images and packages, thrice. */
const ENOUGH_BYTES = 6 * 2 ** 30;

/** Who writes resolv.conf there. */
export type Manager =
  | 'plain'
  | 'resolved'
  | 'nss-resolve'
  | 'resolvconf'
  | 'openresolv'
  | 'network-manager'
  | 'dhclient';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Why no test host can run here, for a skip; null: one can. */
export function hostAvailable(): string | null {
  return process.getuid?.() === 0 ? null : 'a test host needs root';
}

/** Where images are kept, for all tests of a run; another recipe is another folder. */
export function imageCache(): string {
  const recipe = readFileSync(join(HERE, 'build-images.sh'));
  const key = createHash('sha256').update(recipe).digest('hex').slice(0, 12);
  return process.env.HOMEPORT_IMAGE_CACHE ?? join(tmpdir(), `homeport-test-images-${key}`);
}

/** Builds what is not built yet; minutes the first time. */
export async function buildImages(): Promise<void> {
  await run(['bash', join(HERE, 'build-images.sh'), imageCache()], 900_000);
}

export class TestHost {
  readonly name: string;
  readonly #directory: string = mkdtempSync(join(placeOfDisks(), 'hph-'));
  readonly #lower: string;
  #outer: ChildProcessWithoutNullStreams | undefined;
  #production: ChildProcessWithoutNullStreams | undefined;
  #questions = '';
  #pid1 = 0;

  constructor(manager: Manager) {
    this.name = basename(this.#directory);
    const layers = manager === 'nss-resolve' ? [manager, 'resolved'] : [manager];
    const cache = imageCache();
    this.#lower = [
      ...layers.map((layer) => join(cache, 'layers', layer)),
      join(cache, 'base'),
    ].join(':');
  }

  /** Boots, with production's server at the uplink; resolves when systemd says that all runs. */
  async boot(): Promise<void> {
    this.#outer = spawn('bash', [join(HERE, 'outer.sh'), this.#directory, this.#lower, this.name], {
      detached: true,
    });
    this.#outer.stdin.on('error', () => undefined);
    let said = '';
    let hasEnded = false;
    this.#outer.on('close', () => {
      hasEnded = true;
    });
    for (const stream of [this.#outer.stdout, this.#outer.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    }
    await until(
      BOOT_TIMEOUT_MS,
      () => `${this.name} to begin: ${said}`,
      async () => {
        if (hasEnded) throw new Error(`${this.name} ended: ${said}`);
        this.#pid1 = Number(/^pid (\d+)$/m.exec(said)?.[1] ?? 0);
        return this.#pid1 > 0 && isSystemd(this.#pid1);
      },
    );
    await this.#startProduction();
    await until(
      BOOT_TIMEOUT_MS,
      () => `${this.name} to run: ${said}`,
      async () => {
        const { stdout } = await this.run('systemctl is-system-running');
        return /running|degraded/.test(stdout);
      },
    );
  }

  async #startProduction(): Promise<void> {
    const program = join(HERE, 'fake-production.mjs');
    this.#questions = '';
    const argv = [`--net=/proc/${this.#pid1}/ns/net`, process.execPath, program];
    const production = spawn('nsenter', argv);
    this.#production = production;
    await new Promise<void>((resolve, reject) => {
      production.stdout.setEncoding('utf8').on('data', (text: string) => {
        this.#questions += text;
        if (this.#questions.includes('ready')) resolve();
      });
      production.on('exit', () => reject(new Error("production's server ended")));
    });
  }

  /** What production was asked since the last call: `NAME TYPE`, in order. */
  takeQuestions(): readonly string[] {
    const questions = this.#questions.split('\n').filter((line) => line !== '' && line !== 'ready');
    this.#questions = '';
    return questions;
  }

  /** Runs a line of shell in the host. */
  run(command: string, timeoutMs: number = COMMAND_TIMEOUT_MS): Promise<Outcome> {
    return run(this.argv(command), timeoutMs, true);
  }

  /** The words that run a line of shell in the host, for a process of the test's own. */
  argv(command: string): readonly string[] {
    const enter = ['nsenter', '-t', String(this.#pid1), '-m', '-u', '-i', '-n', '-p', '-C'];
    return [
      ...enter,
      'env',
      '-i',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'HOME=/root',
      'LC_ALL=C.UTF-8',
      'sh',
      '-c',
      command,
    ];
  }

  /** Its standard output, trimmed; fails with everything that was said. */
  async output(command: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(command);
    if (code !== 0) throw new Error(`${command} ended with ${code}:\n${stdout}${stderr}`);
    return stdout.trim();
  }

  /** Where a path of the host is for this process. */
  path(path: string): string {
    return `/proc/${this.#pid1}/root${path}`;
  }

  /** Ends it in an orderly way and boots it again; what it wrote to its disk is still there. */
  async reboot(): Promise<void> {
    const outer = this.#outer;
    const ended = new Promise((resolve) => outer?.on('close', resolve));
    await this.run('systemctl reboot --no-block');
    await ended;
    this.#production?.kill('SIGKILL');
    await this.boot();
  }

  async stop(): Promise<void> {
    const outer = this.#outer;
    if (outer !== undefined) {
      const ended = new Promise((resolve) => outer.on('close', resolve));
      outer.stdin.end();
      await ended;
    }
    this.#production?.kill('SIGKILL');
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** In memory where it has the room: dpkg, dockerd and an install sync all the time. */
function placeOfDisks(): string {
  if (!existsSync(MEMORY)) return tmpdir();
  const { bavail, bsize } = statfsSync(MEMORY);
  const [major = 0, minor = 0] = release().split('.').map(Number);
  // From 6.6 on tmpfs has extended attributes of users, which are compared.
  const hasAttributes = major > 6 || (major === 6 && minor >= 6);
  return hasAttributes && bavail * bsize > ENOUGH_BYTES ? MEMORY : tmpdir();
}

/** Waits for something that only asking tells. */
export async function until(
  timeoutMs: number,
  what: string | (() => string),
  holds: () => Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > deadline)
      throw new Error(
        `waited ${timeoutMs / 1000} s for ${typeof what === 'string' ? what : what()}`,
      );
    await delay(100);
  }
}

function run(argv: readonly string[], timeoutMs = 60_000, mayFail = false): Promise<Outcome> {
  const [program = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 64 << 20 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 255;
        if (code !== 0 && !mayFail)
          reject(new Error(`${argv.join(' ')} ended with ${code}: ${stderr}`));
        else
          resolve({
            code,
            stdout,
            stderr: error?.killed === true ? `${stderr}\nkilled after ${timeoutMs} ms` : stderr,
          });
      },
    );
    child.stdin?.end();
  });
}

function isSystemd(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('systemd');
  } catch {
    return false;
  }
}
