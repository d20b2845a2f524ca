/** A terminal that keeps what is written to it. */

import { runCli } from '../../src/cli/program.ts';
import type { RunServer } from '../../src/cli/serve.ts';
import { paintFor, type Terminal } from '../../src/cli/terminal.ts';
import type { Environment } from '../../src/config/environment.ts';

export interface Written {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

export interface CaptureOptions {
  readonly env?: Environment;
  readonly isTerminal?: boolean;
  readonly columns?: number;
  readonly interrupted?: AbortSignal;
  readonly runServer?: RunServer;
  /** Called with everything that was written so far, whenever something is. */
  readonly onOut?: (all: string) => void;
}

/** Runs a command and keeps its text. */
export async function homeport(
  argv: readonly string[],
  options: CaptureOptions = {},
): Promise<Written> {
  const { env = {}, isTerminal = false, interrupted, onOut } = options;
  let out = '';
  let err = '';
  const terminal: Terminal = {
    out: (text) => {
      out += text;
      onOut?.(out);
    },
    err: (text) => {
      err += text;
    },
    isTerminal,
    isErrorTerminal: isTerminal,
    columns: () => options.columns ?? (isTerminal ? 80 : Number.POSITIVE_INFINITY),
    paint: paintFor(isTerminal, env),
    errorPaint: paintFor(isTerminal, env),
    env,
    interrupted: interrupted ?? new AbortController().signal,
  };
  const noServer: RunServer = () => Promise.reject(new Error('serve was not meant to run'));
  const exitCode = await runCli(argv, terminal, options.runServer ?? noServer);
  return { exitCode, out, err };
}
