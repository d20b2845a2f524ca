/** Asks a person, and knows what may be done without asking. */
import { createInterface } from 'node:readline/promises';
import { HomeportError } from '../errors.ts';
import type { EngineRestart } from '../host/plan/change.ts';
import type { Terminal } from './terminal.ts';

export interface ConsentFlags {
  readonly yes?: boolean;
  /** undefined: as the plan sees fit. */
  readonly restartEngine?: boolean;
}

/**
 * Asks whether to go on; without a terminal only `--yes` is a consent.
 *
 * @throws HomeportError USAGE where nobody can be asked
 */
export async function consents(
  question: string,
  flags: ConsentFlags,
  terminal: Terminal,
): Promise<boolean> {
  if (flags.yes === true) return true;
  if (!terminal.isTerminal || !process.stdin.isTTY) {
    throw new HomeportError('USAGE', 'nobody can be asked here; say --yes');
  }
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await lines.question(`${question} [y/N] `, { signal: terminal.interrupted });
    return /^y(es)?$/i.test(answer.trim());
  } catch {
    return false;
  } finally {
    lines.close();
  }
}

/** A restart that ends containers needs a word of its own; any other is part of the plan. */
export function mayRestartEngine(flags: ConsentFlags, restart: EngineRestart | null): boolean {
  if (flags.restartEngine !== undefined) return flags.restartEngine;
  return restart === null || restart.goDown.length === 0;
}
