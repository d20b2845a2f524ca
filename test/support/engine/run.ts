/** Runs a program to its end and hands back what it printed. */
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

/**
 * Standard output of a program that must succeed.
 *
 * @throws Error with the command, the exit code and standard error
 */
export function output(
  argv: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly stdin?: Readable } = {},
): Promise<string> {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, {
    stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    env: options.env ?? process.env,
  });
  if (options.stdin !== undefined && child.stdin !== null) options.stdin.pipe(child.stdin);
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${argv.join(' ')} ended with ${signal ?? code}: ${stderr.trim()}`));
    });
  });
}
