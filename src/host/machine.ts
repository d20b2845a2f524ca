/** The edge to a host: where its files are, and how its commands run. Tests give a folder and commands of their own. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { codeOf } from '../errors.ts';

export interface CommandResult {
  /** null: there is no such command, or it was killed (also after its time). */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Machine {
  /** Where a path of the host is for this process. */
  at(path: string): string;
  /** Runs a command of the host to its end. Never throws. */
  run(argv: readonly string[], options?: RunOptions): Promise<CommandResult>;
}

export interface RunOptions {
  readonly timeoutMs?: number;
  readonly stdin?: string;
}

/** A command of systemd or dpkg that hangs longer than this does not come back. */
const COMMAND_TIMEOUT_MS = 60_000;
const MAX_OUTPUT_BYTES = 16 << 20;
/** As root's own shell has it, also where the caller's has less (sudo, cron). */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The machine that this process runs on.
 *
 * @param root a folder that stands for `/`: its files are read and changed, and no command runs
 */
export function thisMachine(root = '/'): Machine {
  return {
    at: (path) => (root === '/' ? path : join(root, path)),
    run: (argv, options) => (root === '/' ? runCommand(argv, options) : noCommands(argv)),
  };
}

function noCommands(argv: readonly string[]): Promise<CommandResult> {
  return Promise.resolve({ code: null, stdout: '', stderr: `${argv[0]} does not run in a folder` });
}

function runCommand(
  argv: readonly string[],
  { timeoutMs = COMMAND_TIMEOUT_MS, stdin }: RunOptions = {},
): Promise<CommandResult> {
  const [program = '', ...args] = argv;
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      {
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: MAX_OUTPUT_BYTES,
        // Output is parsed, so it must not be translated.
        env: { PATH, LC_ALL: 'C', HOME: '/root' },
      },
      (error, stdout, stderr) => {
        const isAbsent = codeOf(error) === 'ENOENT';
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
        resolve({ code, stdout, stderr: isAbsent ? `there is no ${program} here` : stderr });
      },
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(stdin ?? '');
  });
}
