/** homeport as a process, as operators run it: started with a configuration, asked, signalled, stopped. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const START_MS = 30_000;

/** One line of the server's log. */
export type LogLine = Readonly<Record<string, unknown>> & {
  readonly msg: string;
  readonly level: string;
};

export interface StartOptions {
  /** Keys of the configuration file; `listen`, `control` and `state` have defaults for tests. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Puts the command into another namespace: `engine.namespaceArgv`. */
  readonly wrap?: (argv: readonly string[]) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** What a command printed. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class Homeport {
  readonly child: ChildProcess;
  readonly directory: string;
  readonly lines: LogLine[] = [];
  readonly #waiting = new Set<() => void>();
  readonly exited: Promise<number | null>;

  private constructor(child: ChildProcess, directory: string) {
    this.child = child;
    this.directory = directory;
    this.exited = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
    if (child.stderr !== null) {
      createInterface({ input: child.stderr }).on('line', (text) => this.#take(text));
    }
    void this.exited.then(() => this.#wake());
  }

  /** Starts a server; resolves when it says that it is ready. */
  static async start(options: StartOptions = {}): Promise<Homeport> {
    const directory = await mkdtemp(join(tmpdir(), 'homeport-'));
    const file = join(directory, 'homeport.yaml');
    const config = {
      listen: ['127.0.0.1:0'],
      engines: [],
      upstreams: ['127.0.0.1:9'],
      control: join(directory, 'control.sock'),
      state: join(directory, 'state'),
      ...options.config,
    };
    await writeFile(file, stringify(config));
    const argv = [process.execPath, '--import', 'tsx', MAIN, 'serve', '--config', file];
    const [command = '', ...args] = options.wrap?.(argv) ?? argv;
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
    });
    const server = new Homeport(child, directory);
    try {
      await server.waitFor(({ msg }) => msg === 'ready', START_MS);
    } catch (error) {
      // Its pipes would keep the test process alive for ever.
      child.kill('SIGKILL');
      throw error;
    }
    return server;
  }

  get file(): string {
    return join(this.directory, 'homeport.yaml');
  }

  get control(): string {
    return join(this.directory, 'control.sock');
  }

  /** The port of the first listening address. */
  get port(): number {
    const ready = this.lines.find(({ msg }) => msg === 'ready');
    const [first] = Array.isArray(ready?.listen) ? ready.listen : [];
    return Number(String(first).split(':').at(-1));
  }

  #take(text: string): void {
    try {
      this.lines.push(JSON.parse(text));
    } catch {
      this.lines.push({ msg: text, level: 'text' });
    }
    this.#wake();
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Resolves to the first log line that fits, also one that was written before. */
  async waitFor(fits: (line: LogLine) => boolean, timeoutMs = 15_000): Promise<LogLine> {
    const found = () => this.lines.find(fits);
    const line = await new Promise<LogLine | undefined>((resolve) => {
      const finish = (result: LogLine | undefined) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(result);
      };
      const look = () => {
        const result = found();
        if (result !== undefined || this.child.exitCode !== null) finish(result);
      };
      const timer = setTimeout(() => finish(undefined), timeoutMs);
      this.#waiting.add(look);
      look();
    });
    if (line !== undefined) return line;
    const said = this.lines.slice(-20).map((each) => JSON.stringify(each));
    throw new Error(`the line did not come; the last ones:\n${said.join('\n')}`);
  }

  /** Writes the configuration anew, in place. */
  async configure(change: (text: string) => string): Promise<void> {
    await writeFile(this.file, change(await readFile(this.file, 'utf8')));
  }

  /** Runs a homeport command against this server. */
  run(...args: string[]): Promise<CommandResult> {
    return runHomeport([...args, '--control', this.control]);
  }

  /** Stops it with SIGTERM and removes its directory; resolves to the exit code. */
  async stop(): Promise<number | null> {
    if (this.child.exitCode === null) this.child.kill('SIGTERM');
    const code = await this.exited;
    await rm(this.directory, { recursive: true, force: true });
    return code;
  }
}

/** Runs a homeport command. */
export function runHomeport(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, maxBuffer: 64 << 20 };
    const child = execFile(
      process.execPath,
      ['--import', 'tsx', MAIN, ...args],
      options,
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}
