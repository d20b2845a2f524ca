/** `homeport parity`: does this host resolve names as production does? */
import { writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { messageOf } from '../errors.ts';
import { checkParity } from '../parity/check.ts';
import { asker } from '../parity/collect/ask.ts';
import { lookUpLive } from '../parity/collect/live.ts';
import { parseStub, STUB_FAMILIES } from '../parity/compare/stub-name.ts';
import { SEVERITIES } from '../parity/findings/finding.ts';
import { findingKind, findingKinds } from '../parity/findings/registry.ts';
import type { ParityInputs } from '../parity/inputs.ts';
import type { UsedNames } from '../parity/names-from/service-names.ts';
import { junitReport } from '../parity/report/junit.ts';
import { type Report, reportJsonSchema } from '../parity/report/report.ts';
import { sarifReport } from '../parity/report/sarif.ts';
import { explanation, type Paint, terminalReport } from '../parity/report/terminal.ts';
import { problemLine } from '../parity/surroundings.ts';
import { VERSION } from '../version.ts';
import { captureCommand } from './parity-capture.ts';
import { configFor, type Gathered, gather, type ParityFlags } from './parity-inputs.ts';
import { paintFor, printable } from './terminal.ts';

const EXIT_PARITY = 0;
const EXIT_COULD_NOT_CHECK = 2;

interface OutputFlags {
  readonly json?: boolean;
  readonly jsonSchema?: boolean;
  readonly junit?: string;
  readonly sarif?: string;
  readonly explain?: string;
  readonly live?: boolean;
}

type Flags = ParityFlags & OutputFlags;

/** The command, with `capture` and `schema` below it. Sets the process's exit code. */
export function parityCommand(): Command {
  return (
    new Command('parity')
      // `capture` has options of the same names.
      .enablePositionalOptions()
      .description('check that this host resolves names as production does')
      .option('--config <file>', 'configuration file (default: HOMEPORT_CONFIG)')
      .option('--control <socket>', "the running server's control socket")
      .option('--region <domain>', "production's first search domain")
      .option('--production <file>', "production's profile, or its resolv.conf")
      .option('--expect <names...>', 'further names that production runs', listed)
      .option('--names-from <files...>', 'find expected names in configuration files')
      .option('--stubs <list>', `stubs to try: ${STUB_FAMILIES.join(', ')}`, stubList)
      .option('--stub-of <target=stub...>', 'the stub of a container or target', stubOf)
      .option('--resolv-conf <files...>', 'check these resolv.conf files, too')
      .option('--engine <urls...>', 'engines whose containers are checked')
      .option('--homeport <addresses...>', 'where homeport answers on port 53')
      .option('--no-host', 'leave this host out')
      .option('--no-containers', 'leave containers out')
      .option('--budget <seconds>', 'longest look-up when no server answers', seconds)
      .addOption(
        new Option('--fail-on <severity>', 'mildest finding that fails the check')
          .choices(SEVERITIES)
          .default('warning'),
      )
      .option('--live', 'make the look-ups for real, too')
      .option('--explain <id>', 'all about one kind of finding', knownId)
      .option('--json', 'print the report as JSON')
      .option('--json-schema', 'print the schema of the JSON report')
      .option('--junit <file>', 'write the report as JUnit XML')
      .option('--sarif <file>', 'write the report as SARIF')
      .addCommand(captureCommand())
      .addCommand(
        new Command('schema')
          .description('print the schema of the JSON report')
          .action(() => printJson(reportJsonSchema())),
      )
      .action(async (flags: Flags) => {
        process.exitCode = await parity(flags);
      })
  );
}

async function parity(flags: Flags): Promise<number> {
  if (flags.jsonSchema) {
    printJson(reportJsonSchema());
    return EXIT_PARITY;
  }
  const { config, problems } = configFor(flags);
  if (config === undefined) return couldNotCheck(problems);
  const progress = progressLine(flags);
  const gathered = await gather(config, flags, progress.show);
  progress.end();
  if (gathered.inputs === undefined) return withoutProduction(gathered, flags);
  const report = await check(gathered.inputs, flags);
  const isWritten = await print(report, gathered, flags);
  return isWritten ? report.exitCode : EXIT_COULD_NOT_CHECK;
}

/** With `--live` the simulation comes first: reality is compared with it. */
async function check(inputs: ParityInputs, flags: Flags): Promise<Report> {
  const report = checkParity(inputs);
  if (!flags.live) return report;
  return checkParity({ ...inputs, live: await lookUpLive(inputs, report, asker()) });
}

/** @returns whether every file that was asked for is written */
async function print(report: Report, gathered: Gathered, flags: Flags): Promise<boolean> {
  for (const problem of report.problems) tell(problemLine(problem));
  const sarif = (): string => `${JSON.stringify(sarifReport(report, VERSION), null, 2)}\n`;
  const isWritten = [
    await writeReport(flags.junit, () => junitReport(report, flags.failOn)),
    await writeReport(flags.sarif, sarif),
  ];
  if (flags.json) printJson(report);
  else if (flags.explain !== undefined) printExplanation(flags.explain, report);
  else {
    if (flags.namesFrom !== undefined) printNames(gathered);
    process.stdout.write(terminalReport(report, paint()));
  }
  return isWritten.every(Boolean);
}

/** Names alone, or an explanation alone, need no production; a check does. */
function withoutProduction(gathered: Gathered, flags: Flags): number {
  if (gathered.problems.length > 0) return couldNotCheck(gathered.problems.map(problemLine));
  if (flags.namesFrom !== undefined) {
    if (flags.json) printJson(gathered.names);
    else printNames(gathered);
    return EXIT_PARITY;
  }
  if (flags.explain !== undefined) {
    printExplanation(flags.explain, undefined);
    return EXIT_PARITY;
  }
  return couldNotCheck([
    "no production profile: give --production FILE or `parity.production` in the configuration; `homeport parity capture` makes one, production's resolv.conf will do",
  ]);
}

function couldNotCheck(lines: readonly string[]): number {
  for (const line of lines) tell(line);
  return EXIT_COULD_NOT_CHECK;
}

function printNames({
  names,
  notes,
}: {
  readonly names: UsedNames;
  readonly notes: readonly string[];
}): void {
  for (const note of notes) tell(note);
  for (const { name, mentions } of names.services) {
    console.log(name);
    for (const { file, line, key } of mentions)
      console.log(`  ${file}:${line}${key === '' ? '' : ` ${key}`}`);
  }
  if (names.others.length > 0) {
    console.log(`outside the search domains: ${names.others.map(({ name }) => name).join(', ')}`);
  }
  console.log('');
}

function printExplanation(id: string, report: Report | undefined): void {
  const kind = findingKind(id);
  if (kind !== undefined) process.stdout.write(explanation(kind, report, paint()));
}

async function writeReport(path: string | undefined, text: () => string): Promise<boolean> {
  if (path === undefined) return true;
  try {
    await writeFile(path, text());
    return true;
  } catch (error) {
    tell(`cannot write ${path}: ${messageOf(error)}`);
    return false;
  }
}

/** One line for people, beside what the command prints. */
function tell(line: string): void {
  process.stderr.write(`homeport: ${printable(line)}\n`);
}

function printJson(value: unknown): void {
  console.log(JSON.stringify(value, null, 2));
}

function paint(): Paint {
  return paintFor(process.stdout.isTTY === true, process.env);
}

/** Says which container is being read, on one line of a terminal that is wiped afterwards. */
function progressLine(flags: Flags): {
  readonly show: (text: string) => void;
  readonly end: () => void;
} {
  const isShown = process.stderr.isTTY === true && flags.json !== true;
  const wipe = '\r\u001b[K';
  return {
    show: (text) => {
      if (isShown) process.stderr.write(`${wipe}${text}`);
    },
    end: () => {
      if (isShown) process.stderr.write(wipe);
    },
  };
}

function listed(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, ...value.split(/[\s,]+/).filter((name) => name !== '')];
}

function stubList(value: string): readonly string[] {
  const stubs = listed(value);
  for (const stub of stubs) checkStub(stub);
  return stubs;
}

function stubOf(value: string, previous: readonly string[] = []): readonly string[] {
  const at = value.lastIndexOf('=');
  if (at < 1) throw new InvalidArgumentError('write TARGET=STUB, as in web=musl');
  checkStub(value.slice(at + 1));
  return [...previous, value];
}

function checkStub(stub: string): void {
  if (parseStub(stub) !== undefined) return;
  throw new InvalidArgumentError(
    `"${stub}" is not simulated; known are ${STUB_FAMILIES.join(', ')}`,
  );
}

function seconds(value: string): string {
  if (/^\d+(?:\.\d+)?$/.test(value)) return value;
  throw new InvalidArgumentError('write a number of seconds, as in 10');
}

function knownId(value: string): string {
  if (findingKind(value) !== undefined) return value;
  const ids = findingKinds.map(({ id }) => id).join(', ');
  throw new InvalidArgumentError(`no finding has that id; there are ${ids}`);
}
