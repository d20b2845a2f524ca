/** `homeport wait`: a barrier for pipelines, until names have owners that are ready. */
import { isIP } from 'node:net';
import { Command } from 'commander';
import { parseDuration } from '../config/duration.ts';
import { HomeportError } from '../errors.ts';
import { EXIT } from './exit-code.ts';
import type { Finish } from './program.ts';
import { checkedName } from './question-arguments.ts';
import { controlClient, type ServerFlags, withServerOptions } from './server-options.ts';
import { printable, type Terminal } from './terminal.ts';
import { type Standing, waitForNames } from './waiting.ts';

interface WaitFlags extends ServerFlags {
  readonly timeout: string;
  readonly port?: string;
  readonly from?: string;
  readonly json?: boolean;
}

const MAX_PORT = 65_535;
/** A timer takes no more. */
const MAX_TIMEOUT_MS = 0x7fffffff;

/** The command. */
export function waitCommand(terminal: Terminal, finish: Finish): Command {
  return withServerOptions(
    new Command('wait')
      .description('wait until names have owners that are ready')
      .argument('<name...>', 'the names, as an application writes them')
      .option('--timeout <time>', 'how long at most: 90s, 15m; 0: look once', '60s')
      .option('--port <number>', 'a TCP port that must accept connections, too')
      .option('--from <address>', "the IP address of the client that asks (default: this host's)")
      .option('--json', 'print JSON at the end'),
  ).action(async (names: readonly string[], flags: WaitFlags) =>
    finish(await wait(names, flags, terminal)),
  );
}

async function wait(
  asked: readonly string[],
  flags: WaitFlags,
  terminal: Terminal,
): Promise<number> {
  const names = [...new Set(asked.map(checkedName))];
  const timeoutMs = checkedTimeout(flags.timeout);
  const port = flags.port === undefined ? null : checkedPort(flags.port);
  const from = flags.from === undefined ? null : checkedAddress(flags.from);
  const begun = performance.now();
  const readyAfterMs = new Map<string, number>();
  const standings = await waitForNames({
    client: controlClient(flags, terminal),
    names,
    port,
    from,
    signal: AbortSignal.any([terminal.interrupted, timeoutSignal(timeoutMs)]),
    tell: (name, standing) => {
      const ms = performance.now() - begun;
      if (standing.isReady) readyAfterMs.set(name, ms);
      else readyAfterMs.delete(name);
      if (!flags.json) terminal.out(line(name, standing, terminal, { port, ms }));
    },
  });
  const all = names.map((name) => ({ name, standing: standings.get(name) ?? UNKNOWN }));
  if (flags.json) {
    const reports = all.map(({ name, standing }) => report(name, standing, readyAfterMs.get(name)));
    const ready = all.every(({ standing }) => standing.isReady);
    terminal.out(`${JSON.stringify({ ready, port, names: reports }, null, 2)}\n`);
  } else {
    for (const { name, standing } of all) {
      if (!standing.isReady) terminal.out(line(name, standing, terminal, { port, ms: null }));
    }
  }
  return all.every(({ standing }) => standing.isReady) ? EXIT.OK : EXIT.NOT_READY;
}

const UNKNOWN: Standing = { isReady: false, reason: 'it was not looked at' };

/** AbortSignal.timeout(0) comes a turn too late to be the end from the beginning. */
function timeoutSignal(ms: number): AbortSignal {
  return ms === 0 ? AbortSignal.abort() : AbortSignal.timeout(ms);
}

function report(name: string, standing: Standing, ms: number | undefined): unknown {
  if (!standing.isReady) return { name, ready: false, reason: standing.reason };
  const { owner, addresses } = standing;
  return { name, ready: true, owner, addresses, ms: Math.round(ms ?? 0) };
}

function line(
  name: string,
  standing: Standing,
  { paint }: Terminal,
  { port, ms }: { readonly port: number | null; readonly ms: number | null },
): string {
  const title = printable(name);
  if (!standing.isReady) {
    // What was ready and is no more is told at once, and at the end with all others.
    const word = ms === null ? paint.red('missing') : paint.yellow('lost   ');
    return `${word} ${title}: ${printable(standing.reason)}\n`;
  }
  const where = `${standing.addresses.join(' ')}${port === null ? '' : ` port ${port}`}`;
  const after = ms === null ? '' : paint.dim(`, after ${(ms / 1000).toFixed(1)} s`);
  return `${paint.green('ready  ')} ${title}: ${printable(where)}, ${printable(standing.owner)}${after}\n`;
}

function checkedTimeout(text: string): number {
  const span = parseDuration(text);
  if ('fault' in span) {
    throw new HomeportError(
      'USAGE',
      `--timeout "${text}" ${span.fault.message}; ${span.fault.wayOut}`,
    );
  }
  return Math.min(span.value, MAX_TIMEOUT_MS);
}

function checkedPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port > 0 && port <= MAX_PORT) return port;
  throw new HomeportError('USAGE', `--port "${text}" is no TCP port; write one like 27017`);
}

function checkedAddress(text: string): string {
  if (isIP(text) !== 0) return text;
  throw new HomeportError(
    'USAGE',
    `--from "${text}" is no IP address; \`docker inspect\` shows a container's`,
  );
}
