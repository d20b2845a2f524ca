/** `homeport status`: how the server is. */
import { Command } from 'commander';
import type { ParityReport, StatusReport } from '../control/reports.ts';
import { addressWithPort } from './address-text.ts';
import { counted } from './counted.ts';
import { EXIT } from './exit-code.ts';
import { verdictText } from './parity-line.ts';
import type { Finish } from './program.ts';
import { controlClient, type ServerFlags, withServerOptions } from './server-options.ts';
import { table } from './table.ts';
import { printable, type Terminal } from './terminal.ts';

/** The command. */
export function statusCommand(terminal: Terminal, finish: Finish): Command {
  return withServerOptions(
    new Command('status').description('show how the server is').option('--json', 'print JSON'),
  ).action(async (flags: ServerFlags & { json?: boolean }) => {
    const status = await controlClient(flags, terminal).status();
    terminal.out(flags.json ? `${JSON.stringify(status, null, 2)}\n` : printed(status, terminal));
    finish(EXIT.OK);
  });
}

function printed(status: StatusReport, { paint, columns }: Terminal): string {
  const { counts } = status;
  const rows: [string, string][] = [
    ['homeport', `${status.version}, process ${status.pid}, since ${status.startedAt}`],
    ['configuration', status.configFile ?? 'defaults and flags'],
    ...status.configProblems.map((line): [string, string] => [
      '',
      paint.red(`not taken over: ${line}`),
    ]),
    [
      'listens on',
      status.listen.map(({ address, port }) => addressWithPort(address, port)).join(', ') ||
        paint.red('nothing'),
    ],
    ...status.listenProblems.map((line): [string, string] => ['', paint.red(line)]),
    [
      'transport',
      `${status.transport}, ${status.threads} ${status.threads === 1 ? 'thread' : 'threads'}`,
    ],
    ['search', status.searchDomains.join(', ') || 'none'],
    ...labelled(
      'engines',
      status.engines.map((engine) => {
        const text = `${engine.name} ${engine.state}, ${engine.containers} containers`;
        const reason = engine.reason === null ? '' : `: ${engine.reason}`;
        return engine.state === 'connected' ? text : paint.yellow(`${text}${reason}`);
      }),
    ),
    ...labelled(
      'upstreams',
      status.upstreams.map(({ server, domain, isUp }) => {
        const text = domain === '' ? server : `${server} for ${domain}`;
        return isUp ? text : paint.red(`${text} is down`);
      }),
    ),
    [
      'names',
      `${counts.names}, ${counted(counts.collisions, 'collision')}, ${counts.missing} expected and missing`,
    ],
    ...(status.parity === undefined ? [] : parityRows(status.parity, paint)),
    ['counted', counterText(status.counters)],
  ];
  return table(
    rows.map(([key, value]) => [paint.dim(key), printableLine(value)]),
    columns(),
  );
}

/** What the worst differences are; `homeport parity` tells all. */
const FINDINGS_SHOWN = 3;

function parityRows(
  report: ParityReport | null,
  paint: Terminal['paint'],
): readonly [string, string][] {
  const findings = (report?.findings ?? []).slice(0, FINDINGS_SHOWN);
  return [
    ['parity', verdictText(report, paint)],
    ...findings.map(({ severity, target, message }): [string, string] => [
      '',
      (severity === 'error' ? paint.red : paint.yellow)(printable(`${target}: ${message}`)),
    ]),
  ];
}

/** Colour codes are ours and stay; line ends of others do not. */
function printableLine(text: string): string {
  return text.includes('\u001b') ? text.replaceAll('\n', ' ') : printable(text);
}

/** The label on the first line alone. */
function labelled(label: string, values: readonly string[]): [string, string][] {
  return (values.length === 0 ? ['none'] : values).map((value, index) => [
    index === 0 ? label : '',
    value,
  ]);
}

/** What never happened is left out. */
function counterText(counters: StatusReport['counters']): string {
  const parts = Object.entries(counters).filter(([, value]) => value > 0);
  return parts.map(([key, value]) => `${value} ${key}`).join(', ') || 'nothing yet';
}
