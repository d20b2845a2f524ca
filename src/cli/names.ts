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
  const events = await client.events(terminal.interrupted);
  if (!flags.json && terminal.isTerminal) await watchScreen(client, events, terminal);
  else await watchLines(client, events, flags.json ?? false, terminal);
  return EXIT.OK;
}

/** One line for each change, behind the whole list; JSON: the list again after changes were lost. */
async function watchLines(
  client: ControlClient,
  events: AsyncIterable<ControlEvent>,
  isJson: boolean,
  terminal: Terminal,
): Promise<void> {
  const json = (value: unknown): void => terminal.out(`${JSON.stringify(value)}\n`);
  const whole = async (): Promise<void> => {
    const report = await client.names();
    if (isJson) json({ kind: 'names', ...report });
    else terminal.out(namesTable(report, terminal));
  };
  await whole();
  for await (const event of events) {
    if (isJson) json(event);
    else terminal.out(changeLine(event, terminal));
    if (event.kind === 'lost') await whole();
  }
}

const CLEAR = '\u001b[2J';
const HOME = '\u001b[H';
const TO_LINE_END = '\u001b[K';
const TO_SCREEN_END = '\u001b[J';
/** A Compose project that starts makes dozens of changes within one look. */
const REDRAW_MS = 100;

/** The table, always as it is now; drawn over itself, so that it does not flicker. */
async function watchScreen(
  client: ControlClient,
  events: AsyncIterable<ControlEvent>,
  terminal: Terminal,
): Promise<void> {
  const draw = async (): Promise<void> => {
    const text = `${namesTable(await client.names(), terminal)}${terminal.paint.dim('live; Ctrl-C ends')}\n`;
    terminal.out(`${HOME}${text.replaceAll('\n', `${TO_LINE_END}\n`)}${TO_SCREEN_END}`);
  };
  terminal.out(CLEAR);
  await draw();
  let timer: NodeJS.Timeout | undefined;
  try {
    for await (const _event of events) {
      timer ??= setTimeout(() => {
        timer = undefined;
        // A server that went away ends the events, which is told of.
        draw().catch(() => undefined);
      }, REDRAW_MS);
    }
  } finally {
    clearTimeout(timer);
  }
}
