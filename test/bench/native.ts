/** Compiles the benchmark's two C programs. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface NativePrograms {
  readonly echo: string;
  readonly ask: string;
}

/** @returns their paths in `directory`, or undefined where there is no C compiler */
export function compileNative(directory: string): NativePrograms | undefined {
  try {
    const compile = (name: string): string => {
      const source = fileURLToPath(new URL(`./native/${name}.c`, import.meta.url));
      const program = join(directory, name);
      execFileSync('gcc', ['-O2', '-Wall', '-o', program, source], { stdio: 'pipe' });
      return program;
    };
    return { echo: compile('echo'), ask: compile('ask') };
  } catch {
    return undefined;
  }
}
