/** Gathers what `homeport parity` compares: configuration, flags, files, containers, the running server. */
import { stat } from 'node:fs/promises';
import type { Config } from '../config/config.ts';
import { type LoadOptions, loadConfig } from '../config/load.ts';
import { printProblem } from '../config/problem.ts';
import { homeportSide } from '../daemon/homeport-side.ts';
import { gatherInputs } from '../daemon/parity-inputs.ts';
import { nameProblem } from '../dns/name.ts';
import { codeOf } from '../errors.ts';
import { productionProfile } from '../parity/collect/production-profile.ts';
import type { Severity } from '../parity/findings/finding.ts';
import type { ParityInputs } from '../parity/inputs.ts';
import { serviceNames, type UsedNames } from '../parity/names-from/service-names.ts';
import type { Profile } from '../parity/profile/profile.ts';
import type { Problem } from '../parity/surroundings.ts';
import { parseResolvConf } from '../resolv-conf/resolv-conf.ts';
import { fileTargets, namesFrom } from './parity-files.ts';
import { askServer } from './parity-server.ts';

/** The flags of `homeport parity`, as commander hands them over. */
export interface ParityFlags {
  readonly config?: string;
  readonly control?: string;
  readonly region?: string;
  readonly production?: string;
  readonly expect?: readonly string[];
  readonly namesFrom?: readonly string[];
  readonly stubs?: readonly string[];
  readonly stubOf?: readonly string[];
  readonly resolvConf?: readonly string[];
  readonly engine?: readonly string[];
  readonly homeport?: readonly string[];
  readonly host: boolean;
  readonly containers: boolean;
  readonly budget?: string;
  readonly failOn: Severity;
}

/** What was gathered; without production there is nothing to compare with. */
export interface Gathered {
  readonly inputs: ParityInputs | undefined;
  readonly names: UsedNames;
  readonly notes: readonly string[];
  readonly problems: readonly Problem[];
}

/** Reads the configuration; its problems are lines, and nothing else is done then. */
export function configFor(flags: Pick<ParityFlags, 'config' | 'control' | 'region' | 'engine'>): {
  readonly config: Config | undefined;
  readonly problems: readonly string[];
} {
  const options: LoadOptions = {
    file: flags.config ?? null,
    overrides: {
      ...(flags.region === undefined ? {} : { region: flags.region }),
      ...(flags.control === undefined ? {} : { control: flags.control }),
      ...(flags.engine === undefined ? {} : { engine: flags.engine }),
    },
  };
  const loaded = loadConfig(options);
  return 'config' in loaded
    ? { config: loaded.config, problems: [] }
    : { config: undefined, problems: loaded.problems.map(printProblem) };
}

/** Gathers everything. Never rejects for what it meets on the way: that becomes a problem. */
export async function gather(
  config: Config,
  flags: ParityFlags,
  onProgress: (text: string) => void,
): Promise<Gathered> {
  const problems: Problem[] = [];
  const source = flags.production ?? config.parity.production;
  const production = source === null ? undefined : await productionFrom(source, problems);
  const scan = await namesFrom(flags.namesFrom ?? [], problems);
  const search = searchOf(config, production);
  const names = serviceNames(scan.mentions, search);
  if (production === undefined) return { inputs: undefined, names, notes: scan.notes, problems };

  const gathered = await gatherInputs(config, {
    production,
    hasHost: flags.host,
    environment: process.env,
    engines: flags.containers ? await enginesFor(config, flags) : [],
    homeport: async (containers) => {
      const side = homeportSide(config, await askServer(config), containers);
      return { ...side, addresses: flags.homeport ?? side.addresses };
    },
    onProgress,
  });
  problems.push(...gathered.problems);
  const files = await fileTargets(flags.resolvConf ?? [], problems);
  const expected = expectedNames(config, flags, names, problems);
  const inputs: ParityInputs = {
    ...gathered,
    expected,
    expectedFrom: placesOf(names),
    stubs: flags.stubs ?? gathered.stubs,
    stubOverrides: { ...gathered.stubOverrides, ...overridesOf(flags.stubOf ?? []) },
    budgetSeconds: flags.budget === undefined ? gathered.budgetSeconds : Number(flags.budget),
    failOn: flags.failOn,
    targets: [...gathered.targets, ...files],
    problems,
  };
  return { inputs, names, notes: scan.notes, problems };
}

async function productionFrom(path: string, problems: Problem[]): Promise<Profile | undefined> {
  const read = await productionProfile(path);
  problems.push(...read.problems);
  return read.profile;
}

/** The engine that nobody configured may not be there: a host without Docker is no problem. */
async function enginesFor(config: Config, flags: ParityFlags): Promise<Config['engines']> {
  if (config.file !== null || flags.engine !== undefined) return config.engines;
  const isHere = await Promise.all(config.engines.map(async ({ url }) => !(await isAbsent(url))));
  return config.engines.filter((_, index) => isHere[index]);
}

async function isAbsent(url: Config['engines'][number]['url']): Promise<boolean> {
  if (url.kind !== 'unix') return false;
  try {
    await stat(url.path);
    return false;
  } catch (error) {
    return codeOf(error) === 'ENOENT';
  }
}

function expectedNames(
  config: Config,
  flags: ParityFlags,
  names: UsedNames,
  problems: Problem[],
): readonly string[] {
  const given = (flags.expect ?? []).map((name) => name.toLowerCase().replace(/\.$/, ''));
  for (const name of given) {
    const why = nameProblem(name);
    if (why !== undefined)
      problems.push({ thing: `expected name "${name}"`, why: `is no name: ${why}` });
  }
  const all = [
    ...config.expected.names,
    ...given.filter((name) => nameProblem(name) === undefined),
    ...names.services.map(({ name }) => name),
  ];
  return [...new Set(all)];
}

function searchOf(config: Config, production: Profile | undefined): readonly string[] {
  if (config.searchDomains.length > 0) return config.searchDomains;
  const text = production?.surroundings.resolvConf.text ?? '';
  return parseResolvConf(text).search.map(({ domain }) => domain);
}

function placesOf(names: UsedNames): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    names.services.map(({ name, mentions }) => [
      name,
      mentions.map(({ file, line }) => `${file}:${line}`),
    ]),
  );
}

/** `TARGET=STUB`, checked by the command. */
function overridesOf(entries: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    entries.map((entry) => {
      const at = entry.lastIndexOf('=');
      return [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}
