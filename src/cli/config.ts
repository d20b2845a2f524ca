/** `homeport config check` and `homeport config schema`. */
import { Command } from 'commander';
import type { Config } from '../config/config.ts';
import type { ListenTarget } from '../config/endpoint.ts';
import { configJsonSchema } from '../config/json-schema.ts';
import { configFileOf, loadConfig } from '../config/load.ts';
import { type ConfigProblem, printProblem } from '../config/problem.ts';
import { HomeportError } from '../errors.ts';
import { addressWithPort } from './address-text.ts';
import { EXIT } from './exit-code.ts';
import type { Finish } from './program.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';

/** The command with its two below it. */
export function configCommand(terminal: Terminal, finish: Finish): Command {
  return new Command('config')
    .description('check a configuration, or describe its form')
    .addCommand(
      new Command('check')
        .description('tell every error of a configuration file')
        .argument('[file]', 'default: HOMEPORT_CONFIG')
        .option('--json', 'print the errors as JSON')
        .action((file: string | undefined, flags: { json?: boolean }) =>
          finish(check(file, flags.json ?? false, terminal)),
        ),
    )
    .addCommand(
      new Command('schema')
        .description('print the JSON Schema of the configuration, for editors')
        .action(() => {
          terminal.out(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
          finish(EXIT.OK);
        }),
    );
}

function check(given: string | undefined, isJson: boolean, terminal: Terminal): number {
  const options = { ...(given === undefined ? {} : { file: given }), env: terminal.env };
  const file = configFileOf(options);
  if (file === null) {
    throw new HomeportError(
      'USAGE',
      'no file to check; write `homeport config check FILE`, or set HOMEPORT_CONFIG',
    );
  }
  const result = loadConfig(options);
  if (isJson) {
    const [problems, warnings] =
      'problems' in result ? [result.problems, []] : [[], result.warnings];
    terminal.out(`${JSON.stringify({ file, problems, warnings }, null, 2)}\n`);
    return problems.length > 0 ? EXIT.CONFIG : EXIT.OK;
  }
  if ('problems' in result) {
    tell(result.problems, terminal, 'red');
    const count = result.problems.length;
    if (count > 1) terminal.err(`${count} errors\n`);
    return EXIT.CONFIG;
  }
  tell(result.warnings, terminal, 'yellow');
  terminal.out(`${terminal.paint.green('ok')} ${file}\n${summary(result.config, terminal)}`);
  return EXIT.OK;
}

function tell(
  problems: readonly ConfigProblem[],
  terminal: Terminal,
  colour: 'red' | 'yellow',
): void {
  for (const problem of problems) {
    const line = printProblem(problem);
    const rest = line.slice(problem.where.length);
    const kind = colour === 'yellow' ? ' warning:' : '';
    terminal.err(
      `${terminal.errorPaint[colour](problem.where)}${rest.replace(/^:/, `:${kind}`)}\n`,
    );
  }
}

/** What it comes to, so that a wrong file or a wrong key is noticed. */
function summary(config: Config, { paint, columns }: Terminal): string {
  const { upstreams, expected } = config;
  const servers = upstreams.servers.map(({ address, port }) => addressWithPort(address, port));
  const rows = [
    ['listen', config.listen.map(listenText).join(', ')],
    ['search', config.searchDomains.join(', ') || 'none: bare names that nobody owns do not exist'],
    ['upstreams', servers.join(', ') || `the nameservers of ${config.resolvConf}`],
    ...upstreams.byDomain.map(({ domain, servers: own }) => [
      '',
      `${domain}: ${own.map(({ address, port }) => addressWithPort(address, port)).join(', ')}`,
    ]),
    ['engines', config.engines.map(({ name }) => name).join(', ') || 'none'],
    ['records', String(config.records.length)],
    [
      'expected',
      expected.names.length === 0
        ? 'none'
        : `${expected.names.length} names; missing: ${expected.whenMissing}`,
    ],
    ['control', config.control],
  ];
  return table(
    rows.map(([key = '', value = '']) => [`  ${paint.dim(key)}`, value]),
    columns(),
  );
}

function listenText(target: ListenTarget): string {
  switch (target.kind) {
    case 'address':
      return addressWithPort(target.address, target.port);
    case 'interface':
      return `${target.interface}:${target.port}`;
    case 'engineGateways':
      return `engine-gateways:${target.port}`;
  }
}
