/** `homeport serve`: the server, with flags over its file. */
import { Command } from 'commander';
import type { ConfigOverrides } from '../config/layers.ts';
import { type LoadOptions, loadConfig } from '../config/load.ts';
import { printProblem } from '../config/problem.ts';
import type { ServeOptions } from '../daemon/serve.ts';
import { createLogger } from '../log.ts';
import { EXIT } from './exit-code.ts';
import type { Finish } from './program.ts';
import type { Terminal } from './terminal.ts';

/** Serves until a signal; resolves to the exit code. */
export type RunServer = (options: ServeOptions) => Promise<number>;

interface ServeFlags extends Omit<ConfigOverrides, 'logLevel'> {
  readonly config?: string;
  readonly logLevel?: string;
}

/** The command. */
export function serveCommand(terminal: Terminal, run: RunServer, finish: Finish): Command {
  const several = (value: string, list: readonly string[] | undefined): readonly string[] => [
    ...(list ?? []),
    value,
  ];
  return new Command('serve')
    .description('answer queries until stopped')
    .option('--config <file>', 'configuration file (default: HOMEPORT_CONFIG; none: the defaults)')
    .option(
      '--listen <address:port>',
      'where to answer; also interface:port, engine-gateways:port; may be repeated',
      several,
    )
    .option('--region <domain>', "production's first search domain")
    .option(
      '--search <domain>',
      "production's search list, the region first; may be repeated",
      several,
    )
    .option('--upstream <address>', 'whom to forward to; may be repeated', several)
    .option('--resolv-conf <file>', 'whose nameservers to forward to, where no upstream is given')
    .option('--engine <url>', 'a Docker engine; may be repeated', several)
    .option('--control <socket>', 'the control socket')
    .option('--state <directory>', 'what survives a restart')
    .option('--threads <number>', 'answering threads')
    .option('--transport <kind>', 'auto, batch or dgram')
    .option('--log-level <level>', 'debug, info, warn, error or silent')
    .action(async (flags: ServeFlags) => finish(await serve(flags, terminal, run)));
}

async function serve(flags: ServeFlags, terminal: Terminal, run: RunServer): Promise<number> {
  const { config: file, ...overrides } = flags;
  const loadOptions: LoadOptions = {
    ...(file === undefined ? {} : { file }),
    overrides,
    env: terminal.env,
  };
  const loaded = loadConfig(loadOptions);
  if ('problems' in loaded) {
    for (const problem of loaded.problems) terminal.err(`${printProblem(problem)}\n`);
    // A flag is used wrongly; a file or a variable is configuration.
    const isUsage = loaded.problems.every(({ where }) => where.startsWith('--'));
    return isUsage ? EXIT.USAGE : EXIT.CONFIG;
  }
  const { config, warnings } = loaded;
  const log = await createLogger({
    level: config.log.level,
    isTerminal: terminal.isErrorTerminal,
    isColoured: terminal.errorPaint.isColorSupported,
  });
  for (const warning of warnings) {
    log.child({ room: 'config' }).warn({ problem: printProblem(warning) }, 'seldom meant');
  }
  return await run({ config, loadOptions, loaded, log, env: terminal.env });
}
