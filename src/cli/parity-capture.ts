/** `homeport parity capture`: writes production's profile, on a production machine or inside a container. */
import { readFile, writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { nameProblem } from '../dns/name.ts';
import { messageOf } from '../errors.ts';
import { asker } from '../parity/collect/ask.ts';
import { captureProfile } from '../parity/collect/capture.ts';
import { hostTree } from '../parity/collect/host-tree.ts';
import { DEFAULT_STUBS } from '../parity/compare/stub-name.ts';
import { mentionsIn } from '../parity/names-from/mentions.ts';
import { serviceNames } from '../parity/names-from/service-names.ts';
import { printProfile } from '../parity/profile/profile.ts';
import { problemLine } from '../parity/surroundings.ts';
import { parseResolvConf } from '../resolv-conf/resolv-conf.ts';
import { configFor } from './parity-inputs.ts';
import { printable } from './terminal.ts';

const EXIT_OK = 0;
const EXIT_COULD_NOT_CHECK = 2;

interface CaptureFlags {
  readonly out?: string;
  readonly names?: readonly string[];
  readonly namesFrom?: readonly string[];
  readonly config?: string;
  readonly ask: boolean;
}

/** The subcommand. Sets the process's exit code. */
export function captureCommand(): Command {
  return new Command('capture')
    .description("write this machine's profile: production's, where it runs there")
    .option('--out <file>', 'write to this file instead of standard output')
    .option(
      '--names <names...>',
      'names whose answers are captured',
      (value: string, previous: readonly string[] = []) => [
        ...previous,
        ...value.split(/[\s,]+/).filter((name) => name !== ''),
      ],
    )
    .option('--names-from <files...>', 'find the names in configuration files')
    .option('--config <file>', 'take the expected names of this configuration')
    .option('--no-ask', 'capture files only, ask no server')
    .action(async (flags: CaptureFlags) => {
      process.exitCode = await capture(flags);
    });
}

async function capture(flags: CaptureFlags): Promise<number> {
  const complaints: string[] = [];
  const names = await namesFor(flags, complaints);
  if (names === undefined) {
    for (const line of complaints) tell(`${line}`);
    return EXIT_COULD_NOT_CHECK;
  }
  const { profile, problems } = await captureProfile({
    tree: hostTree(),
    names,
    stubs: DEFAULT_STUBS,
    environment: process.env,
    now: new Date(),
    ask: flags.ask ? asker() : undefined,
  });
  complaints.push(...problems.map(problemLine));
  if (names.length === 0) {
    tell('no names were given, so no answers are captured: --names, --names-from or --config');
  }
  for (const line of complaints) tell(`${line}`);
  const isWritten = await write(flags.out, printProfile(profile));
  return isWritten && complaints.length === 0 ? EXIT_OK : EXIT_COULD_NOT_CHECK;
}

async function namesFor(
  flags: CaptureFlags,
  complaints: string[],
): Promise<readonly string[] | undefined> {
  const names = (flags.names ?? []).map((name) => name.toLowerCase().replace(/\.$/, ''));
  const search = await ownSearch();
  for (const file of flags.namesFrom ?? []) {
    try {
      const { mentions, note } = mentionsIn(file, await readFile(file, 'utf8'));
      if (note !== undefined) tell(`${note}`);
      names.push(...serviceNames(mentions, search).services.map(({ name }) => name));
    } catch (error) {
      complaints.push(`${file} cannot be read: ${messageOf(error)}`);
    }
  }
  if (flags.config !== undefined) {
    const { config, problems } = configFor({ config: flags.config });
    if (config === undefined) {
      complaints.push(...problems);
      return undefined;
    }
    names.push(...config.expected.names);
  }
  for (const name of names) {
    const why = nameProblem(name);
    if (why !== undefined) complaints.push(`"${name}" is no name: ${why}`);
  }
  return [...new Set(names)].filter((name) => nameProblem(name) === undefined);
}

async function ownSearch(): Promise<readonly string[]> {
  try {
    const conf = parseResolvConf(await readFile('/etc/resolv.conf', 'utf8'));
    return conf.search.map(({ domain }) => domain);
  } catch {
    // The capture itself tells what is wrong with the file.
    return [];
  }
}

async function write(path: string | undefined, text: string): Promise<boolean> {
  if (path === undefined) {
    process.stdout.write(text);
    return true;
  }
  try {
    await writeFile(path, text);
    tell(`wrote ${path}`);
    return true;
  } catch (error) {
    tell(`cannot write ${path}: ${messageOf(error)}`);
    return false;
  }
}

/** One line for people, beside the profile. */
function tell(line: string): void {
  process.stderr.write(`homeport: ${printable(line)}\n`);
}
