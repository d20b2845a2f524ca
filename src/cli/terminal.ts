/** Where a command's text goes, and what the terminal there can show. Passed in, so that tests can read it. */
import pc from 'picocolors';
import type { Environment } from '../config/environment.ts';

export type Paint = ReturnType<typeof pc.createColors>;

export interface Terminal {
  /** Writes to stdout as it is. */
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** stdout is a terminal: a person reads it. */
  readonly isTerminal: boolean;
  /** stderr is one. */
  readonly isErrorTerminal: boolean;
  /** Columns of the terminal; Infinity where it is none. */
  readonly columns: () => number;
  /** Colours where stdout can show them, else the text as it is. */
  readonly paint: Paint;
  readonly errorPaint: Paint;
  readonly env: Environment;
  /** Aborted when the person ends the command. */
  readonly interrupted: AbortSignal;
}

const UNKNOWN_COLUMNS = 80;

/** The process's own terminal. */
export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process;
  // `homeport names | head`: who reads has seen enough.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
  const aborter = new AbortController();
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    isTerminal: stdout.isTTY === true,
    isErrorTerminal: stderr.isTTY === true,
    // A terminal that does not know its size says 0.
    columns: () => (stdout.isTTY ? stdout.columns || UNKNOWN_COLUMNS : Number.POSITIVE_INFINITY),
    paint: paintFor(stdout.isTTY === true, env),
    errorPaint: paintFor(stderr.isTTY === true, env),
    env,
    get interrupted() {
      // Only a command that asks takes the signals over; the second one ends it at once.
      if (process.listenerCount('SIGINT') === 0) {
        process.once('SIGINT', () => aborter.abort());
        process.once('SIGTERM', () => aborter.abort());
      }
      return aborter.signal;
    },
  };
}

/** Colours for a stream: not in a pipe, not with NO_COLOR (no-color.org), not on a dumb terminal. */
export function paintFor(isTerminal: boolean, env: Environment): Paint {
  const isRefused = env.NO_COLOR !== undefined && env.NO_COLOR !== '';
  return pc.createColors(isTerminal && !isRefused && env.TERM !== 'dumb');
}

/** Text of others on one line of ours: no control character of it reaches the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}
