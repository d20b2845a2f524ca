/** `homeport lease`: names with a life span, added, listed and removed. */
import { Command } from 'commander';
import type { LeaseReport } from '../control/reports.ts';
import { checkLease, checkLeaseName } from '../daemon/lease-request.ts';
import { HomeportError } from '../errors.ts';
import { EXIT } from './exit-code.ts';
import type { Finish } from './program.ts';
import { controlClient, type ServerFlags, withServerOptions } from './server-options.ts';
import { spanText } from './span-text.ts';
import { table } from './table.ts';
import { printable, type Terminal } from './terminal.ts';

interface LeaseFlags extends ServerFlags {
  readonly json?: boolean;
}

/** The command with its three below it. */
export function leaseCommand(terminal: Terminal, finish: Finish): Command {
  const lease = new Command('lease').description('give a name addresses for a while');
  const add = new Command('add')
    .description('add a name, or give it other addresses and a new end')
    .argument('<name>', 'demo.env.dev.internal, or a wildcard "*.env.dev.internal"')
    .argument('<address...>', 'IPv4 and IPv6')
    .requiredOption('--for <time>', 'how long: 90s, 15m, 12h, 5d')
    .option('--json', 'print JSON')
    .action(async (name: string, addresses: readonly string[], flags: AddFlags) =>
      finish(await addLease(name, addresses, flags, terminal)),
    );
  const list = new Command('list')
    .description('list the names that are leased, and until when')
    .option('--json', 'print JSON')
    .action(async (flags: LeaseFlags) => finish(await listLeases(flags, terminal)));
  const remove = new Command('remove')
    .description('end a lease now')
    .argument('<name>', 'the name, as it was added')
    .option('--json', 'print JSON')
    .action(async (name: string, flags: LeaseFlags) =>
      finish(await removeLease(name, flags, terminal)),
    );
  for (const command of [add, list, remove]) lease.addCommand(withServerOptions(command));
  return lease;
}

interface AddFlags extends LeaseFlags {
  readonly for: string;
}

async function addLease(
  name: string,
  addresses: readonly string[],
  flags: AddFlags,
  terminal: Terminal,
): Promise<number> {
  const words = { name, addresses, for: flags.for };
  const checked = checkLease(words);
  if ('problem' in checked) throw new HomeportError('USAGE', checked.problem);
  const { lease, isRenewed } = await controlClient(flags, terminal).addLease(words);
  const verb = isRenewed ? 'renewed' : 'added';
  const text = `${verb} ${lease.name} ${lease.addresses.join(' ')} until ${lease.until}`;
  terminal.out(flags.json ? json({ lease, isRenewed }) : `${printable(text)}\n`);
  return EXIT.OK;
}

async function listLeases(flags: LeaseFlags, terminal: Terminal): Promise<number> {
  const report = await controlClient(flags, terminal).leases();
  terminal.out(flags.json ? json(report) : leaseTable(report.leases, terminal));
  return EXIT.OK;
}

async function removeLease(name: string, flags: LeaseFlags, terminal: Terminal): Promise<number> {
  const checked = checkLeaseName(name);
  if ('problem' in checked) throw new HomeportError('USAGE', checked.problem);
  const { lease } = await controlClient(flags, terminal).removeLease(checked.name);
  const text = `removed ${lease.name} ${lease.addresses.join(' ')}`;
  terminal.out(flags.json ? json({ lease }) : `${printable(text)}\n`);
  return EXIT.OK;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function leaseTable(leases: readonly LeaseReport[], { paint, columns }: Terminal): string {
  if (leases.length === 0) return 'no names are leased\n';
  const head = ['NAME', 'ADDRESSES', 'UNTIL', 'LEFT'].map((title) => paint.dim(title));
  const rows = leases.map(({ name, addresses, until }) => [
    paint.bold(printable(name)),
    printable(addresses.join(' ')),
    until,
    spanText(Date.parse(until) - Date.now()),
  ]);
  return table([head, ...rows], columns());
}
