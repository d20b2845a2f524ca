/** `homeport explain`: the whole decision on a name, step by step, for one client's view. */
import { isIP } from 'node:net';
import { Command } from 'commander';
import type { ExplainReport, ExplainStep } from '../control/reports.ts';
import { HomeportError } from '../errors.ts';
import { EXIT } from './exit-code.ts';
import type { Finish } from './program.ts';
import { checkedName, checkedType } from './question-arguments.ts';
import { controlClient, type ServerFlags, withServerOptions } from './server-options.ts';
import { printable, type Terminal } from './terminal.ts';
import { isFound, verdictLine } from './verdict.ts';

interface ExplainFlags extends ServerFlags {
  readonly from?: string;
  readonly json?: boolean;
}

/** The command. */
export function explainCommand(terminal: Terminal, finish: Finish): Command {
  return withServerOptions(
    new Command('explain')
      .description('show how a name is decided for a client, step by step')
      .argument('<name>', 'the name, as an application writes it')
      .argument('[type]', 'A, AAAA, SRV… (default: A)')
      .option('--from <address>', "the client's IP address (default: this host)")
      .option('--json', 'print JSON'),
  ).action(async (name: string, type: string | undefined, flags: ExplainFlags) =>
    finish(await explain(name, type, flags, terminal)),
  );
}

async function explain(
  name: string,
  type: string | undefined,
  flags: ExplainFlags,
  terminal: Terminal,
): Promise<number> {
  const asked = checkedName(name);
  const { from } = flags;
  if (from !== undefined && isIP(from) === 0) {
    throw new HomeportError(
      'USAGE',
      `--from "${from}" is no IP address; \`docker inspect\` shows a container's`,
    );
  }
  const report = await controlClient(flags, terminal).explain(asked, {
    ...(from === undefined ? {} : { from }),
    ...(type === undefined ? {} : { type: checkedType(type) }),
  });
  terminal.out(flags.json ? `${JSON.stringify(report, null, 2)}\n` : printed(report, terminal));
  return isFound(report.verdict) ? EXIT.OK : EXIT.NOT_FOUND;
}

function printed(report: ExplainReport, { paint }: Terminal): string {
  const isGood = isFound(report.verdict);
  const marks: Readonly<Record<ExplainStep['kind'], string>> = {
    chosen: paint.green('✓'),
    passed: paint.yellow('×'),
    note: paint.dim('·'),
  };
  const verdict = verdictLine(report.verdict);
  const { client } = report;
  const who = client.view === 'host' ? `${client.address} (this host)` : client.address;
  return [
    `${paint.bold(report.name)} ${report.type} ${paint.dim(`for ${who}`)}`,
    // The last line says it, too.
    ...report.steps
      .filter(({ text }) => !verdict.includes(text))
      .map(({ kind, text }) => `  ${marks[kind]} ${printable(text)}`),
    `  ${isGood ? paint.green('→') : paint.red('→')} ${verdict}`,
    '',
  ].join('\n');
}
