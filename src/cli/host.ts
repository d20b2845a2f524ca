/** `homeport host`: makes homeport this host's resolver, proves it, and takes it back. */
import { Command, Option } from 'commander';
import { hostInstall } from './host-install.ts';
import { hostPlan } from './host-plan.ts';
import { hostUninstall } from './host-uninstall.ts';
import { hostVerify } from './host-verify.ts';
import type { Finish } from './program.ts';
import { processTerminal, type Terminal } from './terminal.ts';

/** The command with its four below it. */
export function hostCommand(
  terminal: Terminal = processTerminal(),
  finish: Finish = (code) => {
    process.exitCode = code;
  },
): Command {
  const host = new Command('host').description(
    "make homeport this host's own resolver, prove it, and take it back without a trace",
  );
  const plan = withPlanOptions(new Command('plan'))
    .description('look at the host and print what an install would change, and why')
    .option('--full', "print homeport's own new files in full")
    .action(async (flags) => finish(await hostPlan(flags, terminal)));
  const install = withPlanOptions(new Command('install'))
    .description('change what `plan` prints; may be interrupted and repeated')
    .option('-y, --yes', 'do not ask')
    .addOption(restartEngine())
    .option('--no-restart-engine', 'leave the engine running with its old DNS settings')
    .action(async (flags) => finish(await hostInstall(flags, terminal)));
  const verify = new Command('verify')
    .description('look names up as every kind of client does, and stop homeport for a moment')
    .option('--config <file>', "homeport's configuration (default: /etc/homeport.yaml)")
    .option('--json', 'print the checks as JSON')
    .option('--world <name>', 'a name of the rest of the world', 'example.com')
    .option('--no-stop', 'do not stop homeport')
    .action(async (flags) => finish(await hostVerify(flags, terminal)));
  const uninstall = new Command('uninstall')
    .description('bring every file, link and service back to what it was')
    .option('--json', 'print what was done as JSON')
    .option('-y, --yes', 'do not ask')
    .addOption(restartEngine())
    .option('--no-restart-engine', 'leave the engine running with its old DNS settings')
    .action(async (flags) => finish(await hostUninstall(flags, terminal)));
  for (const command of [plan, install, verify, uninstall]) host.addCommand(command);
  return host;
}

function withPlanOptions(command: Command): Command {
  return command
    .option('--config <file>', "homeport's configuration (default: /etc/homeport.yaml)")
    .option('--region <domain>', "production's search domain, where the configuration has none")
    .option('--no-nscd-hosts', 'end nscd keeping host names')
    .option('--json', 'print it as JSON');
}

/** Three states: asked for, refused, and left to the plan. */
function restartEngine(): Option {
  return new Option('--restart-engine', 'restart the engine even if containers go down with it');
}
