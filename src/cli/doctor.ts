/** `homeport doctor`: everything that names on this host hang on, each with the command that mends it. */
import { Command } from 'commander';
import type { DoctorFlags } from './doctor/examine.ts';
import type { Finish } from './program.ts';
import type { Terminal } from './terminal.ts';

/** The command. What looks at a machine is loaded when it does. */
export function doctorCommand(terminal: Terminal, finish: Finish): Command {
  return new Command('doctor')
    .description('find out what is wrong, and which command mends it')
    .option('--control <socket>', "the server's control socket (default: HOMEPORT_CONTROL)")
    .option(
      '--config <file>',
      'its configuration (default: HOMEPORT_CONFIG, else /etc/homeport.yaml)',
    )
    .option('--json', 'print JSON')
    .action(async (flags: DoctorFlags) => {
      const { doctor } = await import('./doctor/examine.ts');
      finish(await doctor(flags, terminal));
    });
}
