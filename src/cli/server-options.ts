/** The flags by which every command finds the server. */
import type { Command } from 'commander';
import { findControl } from '../config/find-control.ts';
import { printProblem } from '../config/problem.ts';
import { ControlClient } from '../control/client.ts';
import { HomeportError } from '../errors.ts';
import type { Terminal } from './terminal.ts';

export interface ServerFlags {
  readonly control?: string;
  readonly config?: string;
}

/** Adds `--control` and `--config`. */
export function withServerOptions(command: Command): Command {
  return command
    .option('--control <socket>', "the server's control socket (default: HOMEPORT_CONTROL)")
    .option('--config <file>', 'find it by this configuration (default: HOMEPORT_CONFIG)');
}

/**
 * A client for the server that the flags, the environment or the defaults name.
 *
 * @throws HomeportError CONFIG_INVALID where the configuration that should name it cannot be read
 */
export function controlClient(flags: ServerFlags, { env }: Terminal): ControlClient {
  const found = findControl({
    ...(flags.control === undefined ? {} : { control: flags.control }),
    ...(flags.config === undefined ? {} : { file: flags.config }),
    env,
  });
  if ('paths' in found) return new ControlClient(found.paths);
  throw new HomeportError('CONFIG_INVALID', found.problems.map(printProblem).join('\n'));
}
