/** Gathers what `homeport parity` compares: configuration, flags, files, containers, the running server. */
import { readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Config } from '../config/config.ts';
import { type LoadOptions, loadConfig } from '../config/load.ts';
import { printProblem } from '../config/problem.ts';
import { nameProblem } from '../dns/name.ts';
import { archiveAt } from '../docker/archive.ts';
import type { EngineAddress, EngineTls } from '../docker/engine-url.ts';
import { codeOf, messageOf } from '../errors.ts';
import type { RunningContainer } from '../parity/collect/container-files.ts';
import { collectContainers } from '../parity/collect/containers.ts';
import { collectHostFacts } from '../parity/collect/host-facts.ts';
import { hostTree } from '../parity/collect/host-tree.ts';
import { detectLibc } from '../parity/collect/libc.ts';
import { collectSurroundings } from '../parity/collect/surroundings.ts';
import type { Severity } from '../parity/findings/finding.ts';
import type { ParityInputs } from '../parity/inputs.ts';
import { serviceNames, type UsedNames } from '../parity/names-from/service-names.ts';
import type { Profile } from '../parity/profile/profile.ts';
import type { Problem } from '../parity/surroundings.ts';
import type { Target } from '../parity/target.ts';
import { parseResolvConf } from '../resolv-conf/resolv-conf.ts';
import { fileTargets, namesFrom, productionProfile } from './parity-files.ts';
import { homeportSide } from './parity-server.ts';

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
  const production = source === null ? undefined : await productionProfile(source, problems);
  const scan = await namesFrom(flags.namesFrom ?? [], problems);
  const search = searchOf(config, production);
  const names = serviceNames(scan.mentions, search);
  if (production === undefined) return { inputs: undefined, names, notes: scan.notes, problems };

  const containers = await containersOf(config, flags, onProgress, problems);
  const { facts, problems: hostProblems } = await collectHostFacts(hostTree());
  if (flags.host) problems.push(...hostProblems);
  const targets = [
    ...(flags.host ? [await hostTarget(config, problems)] : []),
    ...containers.targets,
    ...(await fileTargets(flags.resolvConf ?? [], problems)),
  ];
  const expected = expectedNames(config, flags, names, problems);
  const inputs: ParityInputs = {
    expected,
    expectedFrom: placesOf(names),
    region: config.searchDomains[0],
    search: config.searchDomains,
    domains: config.localDomains,
    stubs: flags.stubs ?? config.parity.stubs,
    stubOverrides: { ...config.parity.overrides, ...overridesOf(flags.stubOf ?? []) },
    budgetSeconds: budgetOf(config, flags),
    accept: config.parity.accept,
    failOn: flags.failOn,
    now: new Date(),
    production,
    homeport: await homeportSide(config, flags, containers.all),
    host: facts,
    targets,
    problems,
  };
  return { inputs, names, notes: scan.notes, problems };
}

async function containersOf(
  config: Config,
  flags: ParityFlags,
  onProgress: (text: string) => void,
  problems: Problem[],
): Promise<{ readonly targets: readonly Target[]; readonly all: readonly RunningContainer[] }> {
  if (!flags.containers) return { targets: [], all: [] };
  const targets: Target[] = [];
  const all: RunningContainer[] = [];
  for (const engine of config.engines) {
    // The engine that nobody configured may not be there: a host without Docker is no problem.
    if (config.file === null && flags.engine === undefined && (await isAbsent(engine.url)))
      continue;
    try {
      const archive = archiveAt(engine.name, await addressOf(engine));
      const collected = await collectContainers(archive, {
        onProgress: (name, index, count) =>
          onProgress(`reading container ${index + 1} of ${count}: ${name}`),
      });
      archive.close();
      targets.push(...collected.targets);
      all.push(...collected.containers);
      problems.push(...collected.problems);
    } catch (error) {
      problems.push({ thing: `engine ${engine.name}`, why: messageOf(error) });
    }
  }
  return { targets, all };
}

async function addressOf({ url, tls }: Config['engines'][number]): Promise<EngineAddress> {
  if (url.kind !== 'tcp') return url;
  return { ...url, prefix: '', tls: tls === null ? null : await pemOf(tls) };
}

async function pemOf(tls: NonNullable<Config['engines'][number]['tls']>): Promise<EngineTls> {
  const read = async (key: keyof EngineTls): Promise<EngineTls> => {
    const path = tls[key];
    return path === null ? {} : { [key]: await readFile(path, 'utf8') };
  };
  return { ...(await read('ca')), ...(await read('cert')), ...(await read('key')) };
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

async function hostTarget(config: Config, problems: Problem[]): Promise<Target> {
  const tree = hostTree();
  const collected = await collectSurroundings(tree, {
    label: '',
    hostname: hostname(),
    environment: process.env,
    resolvConfPath: config.resolvConf,
  });
  problems.push(...collected.problems);
  return {
    kind: 'host',
    title: 'host',
    surroundings: collected.surroundings,
    libc: await detectLibc(tree),
  };
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

function budgetOf(config: Config, flags: ParityFlags): number | undefined {
  if (flags.budget !== undefined) return Number(flags.budget);
  return config.parity.budgetMs === null ? undefined : config.parity.budgetMs / 1000;
}
