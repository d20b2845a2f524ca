/** `homeport names`: all owned names, who owns them, what collides and what is missing; live with `--watch`. */
import { Command } from 'commander';
import type { ControlClient } from '../control/client.ts';
import type { ControlEvent, NamesReport } from '../control/reports.ts';
import { EXIT } from './exit-code.ts';
import { changeLine, namesTable } from './names-table.ts';
import type { Finish } from './program.ts';
import { controlClient, type ServerFlags, withServerOptions } from './server-options.ts';
import type { Terminal } from './terminal.ts';

interface NamesFlags extends ServerFlags {
  readonly json?: boolean;
  readonly watch?: boolean;
}

/** The command. */
export function namesCommand(terminal: Terminal, finish: Finish): Command {
  return withServerOptions(
    new Command('names')
      .description('list owned names, their owners and addresses, and what is missing')
      .option('--json', 'print JSON; with --watch one line for each change')
      .option('--watch', 'stay, and show changes as they come'),
  ).action(async (flags: NamesFlags) => {
    const client = controlClient(flags, terminal);
    finish(
      flags.watch ? await watch(client, flags, terminal) : await list(client, flags, terminal),
    );
  });
}

async function list(client: ControlClient, flags: NamesFlags, terminal: Terminal): Promise<number> {
  const report = await client.names();
  terminal.out(flags.json ? `${JSON.stringify(report, null, 2)}\n` : namesTable(report, terminal));
  return exitCode(report);
}

function exitCode({ missing }: NamesReport): number {
  return missing.length > 0 ? EXIT.NOT_FOUND : EXIT.OK;
}

/** Events are subscribed to first and listed after, so that no change falls between. */
async function watch(
  client: ControlClient,
  flags: NamesFlags,
  terminal: Terminal,
): Promise<number> {
  const signal = terminal.interrupted;
  const events = client.events(signal);
  let next = events.next();
  let report = await client.names();
  const show = flags.json ? showJson : terminal.isTerminal ? showScreen : showLines;
  show(report, null, terminal);
  for (let result = await next; result.done !== true; result = await next) {
    next = events.next();
    // A stream that fails while the names are fetched is told of by the next round.
    next.catch(() => undefined);
    const event = result.value;
    if (event.kind === 'lost' || (!flags.json && terminal.isTerminal))
      report = await client.names();
    show(report, event, terminal);
  }
  return EXIT.OK;
}

function showJson(report: NamesReport, event: ControlEvent | null, { out }: Terminal): void {
  const isWhole = event === null || event.kind === 'lost';
  out(`${JSON.stringify(isWhole ? { kind: 'names', ...report } : event)}\n`);
}

/** Home, the table, and clear what is left of the former one: no flicker. */
function showScreen(report: NamesReport, _event: ControlEvent | null, terminal: Terminal): void {
  const text = namesTable(report, terminal).replaceAll('\n', '\u001b[K\n');
  terminal.out(`\u001b[H${text}${terminal.paint.dim('live; Ctrl-C ends')}\u001b[K\n\u001b[J`);
}

function showLines(report: NamesReport, event: ControlEvent | null, terminal: Terminal): void {
  terminal.out(
    event === null || event.kind === 'lost'
      ? namesTable(report, terminal)
      : changeLine(event, terminal),
  );
}
