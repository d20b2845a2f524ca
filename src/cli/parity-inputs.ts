/** Gathers what `homeport parity` compares: configuration, flags, files, containers, the running server. */
import { readFile, stat } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import { type LoadOptions, loadConfig } from '../config/load.ts';
import { printProblem } from '../config/problem.ts';
import { nameProblem } from '../dns/name.ts';
import { archiveAt } from '../docker/archive.ts';
import type { EngineAddress, EngineTls } from '../docker/engine-url.ts';
import { codeOf, HomeportError, messageOf } from '../errors.ts';
import type { RunningContainer } from '../parity/collect/container-files.ts';
import { collectContainers } from '../parity/collect/containers.ts';
import { MAX_TEXT_BYTES, readText } from '../parity/collect/file-tree.ts';
import { collectHostFacts } from '../parity/collect/host-facts.ts';
import { hostTree } from '../parity/collect/host-tree.ts';
import { detectLibc } from '../parity/collect/libc.ts';
import { ownedByContainers } from '../parity/collect/owned-names.ts';
import { resolvConfProblem } from '../parity/collect/resolv-conf-problem.ts';
import { collectSurroundings } from '../parity/collect/surroundings.ts';
import type { Severity } from '../parity/findings/finding.ts';
import type { HomeportSide, OwnedName, ParityInputs } from '../parity/inputs.ts';
import { type Mention, mentionsIn } from '../parity/names-from/mentions.ts';
import { serviceNames, type UsedNames } from '../parity/names-from/service-names.ts';
import { type Profile, parseProfile } from '../parity/profile/profile.ts';
import type { Problem } from '../parity/surroundings.ts';
import type { Target } from '../parity/target.ts';
import { parseResolvConf } from '../resolv-conf/resolv-conf.ts';
import { serverSide } from './parity-server.ts';

const DNS_PORT = 53;
const MAX_SOURCE_BYTES = 16 * 1024 * 1024;

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
  const production = await productionProfile(config, flags, problems);
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

async function productionProfile(
  config: Config,
  flags: ParityFlags,
  problems: Problem[],
): Promise<Profile | undefined> {
  const path = flags.production ?? config.parity.production;
  if (path === null || path === undefined) return undefined;
  const read = await readText(hostTree(), resolve(path), MAX_SOURCE_BYTES);
  if (read.kind !== 'text') {
    const why = read.kind === 'missing' ? 'does not exist' : read.why;
    problems.push({ thing: `production's profile ${path}`, why });
    return undefined;
  }
  try {
    const profile = parseProfile(path, read.text);
    const oddity = resolvConfProblem(profile.surroundings.resolvConf);
    if (oddity !== undefined) problems.push(oddity);
    if (profile.surroundings.resolvConf.text === undefined) {
      problems.push({ thing: path, why: 'holds no resolv.conf' });
    }
    return profile;
  } catch (error) {
    if (!(error instanceof HomeportError)) throw error;
    problems.push({ thing: "production's profile:", why: error.message });
    return undefined;
  }
}

async function namesFrom(
  files: readonly string[],
  problems: Problem[],
): Promise<{ readonly mentions: readonly Mention[]; readonly notes: readonly string[] }> {
  const mentions: Mention[] = [];
  const notes: string[] = [];
  for (const file of files) {
    const read = await readText(hostTree(), resolve(file), MAX_SOURCE_BYTES);
    if (read.kind !== 'text') {
      problems.push({ thing: file, why: read.kind === 'missing' ? 'does not exist' : read.why });
      continue;
    }
    const scan = mentionsIn(file, read.text);
    mentions.push(...scan.mentions);
    if (scan.note !== undefined) notes.push(scan.note);
  }
  return { mentions, notes };
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

/** A resolv.conf by itself: the other files beside it are taken as absent. */
async function fileTargets(
  paths: readonly string[],
  problems: Problem[],
): Promise<readonly Target[]> {
  const targets: Target[] = [];
  for (const path of paths) {
    const tree = hostTree(dirname(resolve(path)));
    const read = await readText(tree, basename(path), MAX_TEXT_BYTES);
    if (read.kind !== 'text') {
      problems.push({ thing: path, why: read.kind === 'missing' ? 'does not exist' : read.why });
      continue;
    }
    const resolvConf = { path, text: read.text };
    const oddity = resolvConfProblem(resolvConf);
    if (oddity !== undefined) {
      problems.push(oddity);
      continue;
    }
    const absent = (name: string) => ({ path: `${path}: ${name}`, text: undefined });
    targets.push({
      kind: 'file',
      title: path,
      libc: undefined,
      surroundings: {
        resolvConf,
        nsswitch: absent('nsswitch.conf'),
        hosts: absent('hosts'),
        hostConf: absent('host.conf'),
        hostname: '',
        environment: {},
        aliases: undefined,
        nssModules: [],
      },
    });
  }
  return targets;
}

async function homeportSide(
  config: Config,
  flags: ParityFlags,
  containers: readonly RunningContainer[],
): Promise<HomeportSide> {
  const suffixes = [...config.searchDomains, ...config.localDomains];
  const server = await serverSide(config.control, suffixes);
  const records: OwnedName[] = config.records
    .filter(({ addresses }) => addresses.length > 0)
    .map(({ name, addresses }) => ({
      name,
      owner: { kind: 'static', title: name },
      addresses: addresses.map((address) => ({ address, network: null })),
    }));
  return {
    addresses: flags.homeport ?? server?.addresses ?? listeningAddresses(config),
    owned: server?.owned ?? [
      ...records,
      ...(flags.containers ? ownedByContainers(containers) : []),
    ],
    isRunning: server !== undefined,
    whenMissing: config.expected.whenMissing,
    ttlSeconds: config.ttlSeconds,
    upstreams: config.upstreams.servers.map(({ address }) => address),
  };
}

/** Where clients reach homeport: stubs know no port but 53. */
function listeningAddresses(config: Config): readonly string[] {
  const interfaces = networkInterfaces();
  const of = (name: string): readonly string[] =>
    (interfaces[name] ?? []).map(({ address }) => address);
  const names = Object.keys(interfaces);
  const isWildcard = (address: string): boolean => address === '0.0.0.0' || address === '::';
  const addressesOf = (target: Config['listen'][number]): readonly string[] => {
    switch (target.kind) {
      case 'interface':
        return of(target.interface);
      case 'engineGateways':
        return names.filter((name) => /^(?:docker0|docker_gwbridge|br-)/.test(name)).flatMap(of);
      case 'address':
        return isWildcard(target.address) ? names.flatMap(of) : [target.address];
    }
  };
  return config.listen.filter(({ port }) => port === DNS_PORT).flatMap(addressesOf);
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
