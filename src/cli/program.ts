/** The command line: commands mounted, wrong uses told in one line, errors turned into exit codes. */
import { Command, CommanderError } from 'commander';
import { HomeportError, messageOf } from '../errors.ts';
import { VERSION } from '../version.ts';
import { configCommand } from './config.ts';
import { doctorCommand } from './doctor.ts';
import { EXIT, exitCodeOf } from './exit-code.ts';
import { explainCommand } from './explain.ts';
import { leaseCommand } from './lease.ts';
import { namesCommand } from './names.ts';
import { resolveCommand } from './resolve.ts';
import { type RunServer, serveCommand } from './serve.ts';
import { statusCommand } from './status.ts';
import type { Terminal } from './terminal.ts';
import { waitCommand } from './wait.ts';

/** What a command's action leaves behind. */
export type Finish = (exitCode: number) => void;

/**
 * Runs one command.
 *
 * @param argv without node and the script
 * @param runServer what `serve` calls; it loads more than other commands need
 * @returns the exit code
 */
export async function runCli(
  argv: readonly string[],
  terminal: Terminal,
  runServer: RunServer,
): Promise<number> {
  let exitCode: number | undefined;
  const finish: Finish = (code) => {
    exitCode = code;
  };
  const program = await buildProgram(argv, terminal, runServer, finish);
  try {
    if (argv.length === 0) {
      program.outputHelp({ error: true });
      return EXIT.USAGE;
    }
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode ?? Number(process.exitCode ?? EXIT.OK);
  } catch (error) {
    return told(error, terminal);
  }
}

/**
 * All commands. Those that load many modules are complete only where `argv` begins with their name.
 */
export async function buildProgram(
  argv: readonly string[],
  terminal: Terminal,
  runServer: RunServer,
  finish: Finish,
): Promise<Command> {
  const program = new Command('homeport')
    .description(
      'The DNS server of a CI host: plain service names from Docker, everything else forwarded.',
    )
    .version(VERSION, '-V, --version', 'print the version')
    .addCommand(serveCommand(terminal, runServer, finish))
    .addCommand(resolveCommand(terminal, finish))
    .addCommand(explainCommand(terminal, finish))
    .addCommand(namesCommand(terminal, finish))
    .addCommand(waitCommand(terminal, finish))
    .addCommand(leaseCommand(terminal, finish))
    .addCommand(statusCommand(terminal, finish))
    .addCommand(await parityOrItsName(argv))
    .addCommand(doctorCommand(terminal, finish))
    .addCommand(await hostOrItsName(argv, terminal, finish))
    .addCommand(configCommand(terminal, finish));
  inStyle(program, terminal);
  return program;
}

/** `parity` loads many modules, which the others need not wait for. */
async function parityOrItsName(argv: readonly string[]): Promise<Command> {
  if (argv.slice(0, 2).includes('parity')) return (await import('./parity.ts')).parityCommand();
  return new Command('parity').description(
    'check that this host resolves names as production does',
  );
}

/** `host` loads what changes a machine. */
async function hostOrItsName(
  argv: readonly string[],
  terminal: Terminal,
  finish: Finish,
): Promise<Command> {
  if (argv.slice(0, 2).includes('host')) {
    return (await import('./host.ts')).hostCommand(terminal, finish);
  }
  return new Command('host').description("make homeport this host's own resolver, or undo that");
}

/** Errors are thrown, not exited on, and told in one line with the way to help. */
function inStyle(command: Command, terminal: Terminal, parents = ''): void {
  const name = `${parents}${command.name()}`;
  command
    .exitOverride()
    .helpCommand(command.commands.length > 0)
    .configureOutput({
      writeOut: terminal.out,
      writeErr: terminal.err,
      getOutHelpWidth: () => Math.min(terminal.columns(), 100),
      getErrHelpWidth: () => Math.min(terminal.columns(), 100),
      outputError: (text, write) => write(usageLine(text, name)),
    });
  for (const inner of command.commands) inStyle(inner, terminal, `${name} `);
}

/** commander's two lines as one of ours. */
function usageLine(text: string, command: string): string {
  const [first = '', ...more] = text
    .trim()
    .replace(/^error: /, '')
    .split('\n');
  const meant = /^\(Did you mean (.+)\?\)$/.exec(more.join(' '))?.[1];
  const wayOut = meant === undefined ? `see \`${command} --help\`` : `did you mean ${meant}?`;
  // "too many arguments for 'serve'. Expected 0 arguments but got 1."
  const what = first.replace(/\. Expected (.+)\.$/, ': expected $1');
  return `homeport: ${what}; ${wayOut}\n`;
}

function told(error: unknown, { err, errorPaint }: Terminal): number {
  // Help and version come this way too, with exit code 0; usage errors are told already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.USAGE;
  const mark = errorPaint.red('homeport:');
  if (error instanceof HomeportError) {
    for (const line of error.message.split('\n')) err(`${mark} ${line}\n`);
    return exitCodeOf(error.code);
  }
  const where = error instanceof Error ? (error.stack?.split('\n')[1]?.trim() ?? '') : '';
  err(`${mark} this is a bug: ${messageOf(error)} ${where}\n`);
  return EXIT.FAILED;
}
