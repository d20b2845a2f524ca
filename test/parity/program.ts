/** `homeport parity` alone as a program, for tests that run it as a process. Bad usage exits 64. */
import { Command, type CommanderError } from 'commander';
import { parityCommand } from '../../src/cli/parity.ts';

function withExit(command: Command): Command {
  command.exitOverride((error: CommanderError) => process.exit(error.exitCode === 0 ? 0 : 64));
  for (const child of command.commands) withExit(child);
  return command;
}

withExit(new Command('homeport').addCommand(parityCommand()))
  .parseAsync()
  .catch((error: unknown) => {
    console.error(error);
    process.exitCode = 70;
  });
