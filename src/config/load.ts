/** Reads, checks and builds a configuration from file, flags and environment; what is wrong comes back as values. */
import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { absolutePath, buildConfig } from './build-config.ts';
import { senseFaults } from './checks.ts';
import type { Config } from './config.ts';
import { type Environment, engineOfEnvironment, variable } from './environment.ts';
import { formFaults, type PathFault } from './issues.ts';
import { type ConfigProblem, pathText, printProblem } from './problem.ts';
import { type FileReading, readConfigFile } from './read-file.ts';
import { isMapping, textAt } from './tolerant.ts';
import { parseSocketPath } from './values.ts';
import { warningsOf } from './warnings.ts';
import type { Written } from './written.ts';
import { readYaml, type YamlSource } from './yaml-source.ts';

/** Flags of the command line; they win over the file. Unchecked, as they were typed. */
export interface ConfigOverrides {
  readonly listen?: readonly string[];
  readonly region?: string;
  readonly search?: readonly string[];
  readonly upstream?: readonly string[];
  /** URLs. */
  readonly engine?: readonly string[];
  readonly control?: string;
  readonly state?: string;
  readonly logLevel?: string;
  readonly threads?: string;
  readonly transport?: string;
}

export interface LoadOptions {
  /** Default: HOMEPORT_CONFIG; without either, defaults. */
  readonly file?: string | null;
  readonly overrides?: ConfigOverrides;
  /** Default: the process's own. */
  readonly env?: Environment;
}

export type LoadResult =
  | {
      readonly config: Config;
      readonly warnings: readonly ConfigProblem[];
      readonly digest: string;
    }
  | {
      /** In the order of the file; at least one. */
      readonly problems: readonly ConfigProblem[];
      /** Of what the file held, or of why it could not be read: a watch knows by it what is new. */
      readonly digest: string;
    };

/** The file that a configuration would be read from, as it was given; null: none. */
export function configFileOf(options: LoadOptions): string | null {
  return options.file ?? variable(options.env ?? process.env, 'HOMEPORT_CONFIG') ?? null;
}

/** Loads the configuration. Never throws for anything that a file, a flag or a variable can hold. */
export function loadConfig(options: LoadOptions = {}): LoadResult {
  const file = configFileOf(options);
  return checkReading(file === null ? null : readConfigFile(file), file, options);
}

/**
 * Checks and builds what was read of a file.
 *
 * @param reading null: no file, defaults alone
 * @param file its path for messages, and where relative paths start
 */
export function checkReading(
  reading: FileReading | null,
  file: string | null,
  options: LoadOptions = {},
): LoadResult {
  const digest = digestOf(reading);
  if (reading !== null && 'problem' in reading) return { problems: [reading.problem], digest };
  return { ...checkText(reading?.text ?? null, file, options), digest };
}

/** Which control socket a command asks. */
export type ControlChoice =
  | { readonly paths: readonly string[] }
  | { readonly problems: readonly ConfigProblem[] };

/**
 * Finds the control socket for a command: the flag, HOMEPORT_CONTROL, the file's `control:`, the
 * default places. Other faults of the file do not matter: the server may serve an older state of it.
 */
export function findControl(options: LoadOptions & { readonly control?: string }): ControlChoice {
  const env = options.env ?? process.env;
  const said = options.control ?? variable(env, 'HOMEPORT_CONTROL');
  if (said !== undefined) return { paths: [resolve(said)] };
  const file = configFileOf(options);
  if (file === null) return { paths: controlCandidates(env) };
  const reading = readConfigFile(file);
  if ('problem' in reading) return { problems: [reading.problem] };
  const control = textAt(readYaml(reading.text).data, ['control']);
  if (control !== undefined && 'value' in parseSocketPath(control.value)) {
    return { paths: [absolutePath(control.value, dirname(resolve(file)), env)] };
  }
  const result = checkReading(reading, file, options);
  return 'config' in result ? { paths: controlCandidates(env) } : { problems: result.problems };
}

/** What tells two readings apart. */
export function digestOf(reading: FileReading | null): string {
  const content =
    reading === null ? '' : 'text' in reading ? `=${reading.text}` : printProblem(reading.problem);
  return createHash('sha256').update(content).digest('hex');
}

type Checked =
  | { readonly config: Config; readonly warnings: readonly ConfigProblem[] }
  | { readonly problems: readonly ConfigProblem[] };

function checkText(text: string | null, file: string | null, options: LoadOptions): Checked {
  const env = options.env ?? process.env;
  const source = text === null ? null : readYaml(text);
  const yamlProblems = (source?.faults ?? []).map(({ place, fault, value }) => ({
    where: `${file}:${place.line}:${place.column}`,
    path: '',
    ...fault,
    value,
  }));
  if (source?.data === undefined && yamlProblems.length > 0) return { problems: yamlProblems };
  const layers = layered(source?.data ?? {}, options.overrides ?? {}, env);
  const toProblem = problemsAt(source, file, layers.origins);
  const faults = [
    ...formFaults(layers.data),
    ...senseFaults(layers.data, { isRegionForced: layers.origins.has('region') }),
  ];
  if (faults.length + yamlProblems.length > 0) {
    return { problems: inOrder([...yamlProblems, ...faults.map(toProblem)]) };
  }
  // `formFaults` has found that this is its form.
  const written = layers.data as Written;
  const base = file === null ? process.cwd() : dirname(resolve(file));
  const config = buildConfig(written, {
    file: file === null ? null : resolve(file),
    baseOf: (key) => (layers.origins.has(key) ? process.cwd() : base),
    replacedRegion: layers.replacedRegion,
    env,
  });
  return { config, warnings: inOrder(warningsOf(written, config).map(toProblem)) };
}

interface Layers {
  readonly data: unknown;
  /** Top-level keys that do not come from the file, and what they come from: `--listen`, `DOCKER_HOST`. */
  readonly origins: ReadonlyMap<string, string>;
  /** The file's region where a flag gives another: it leaves the search list too. */
  readonly replacedRegion: string | null;
}

/** Lays flags and variables over the file's data. Top-level keys `x-…` only hold anchors. */
function layered(fromFile: unknown, overrides: ConfigOverrides, env: Environment): Layers {
  if (!isMapping(fromFile)) return { data: fromFile, origins: new Map(), replacedRegion: null };
  const data: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fromFile)) {
    if (!key.startsWith('x-')) data[key] = value;
  }
  const origins = new Map<string, string>();
  const put = (key: string, origin: string, value: unknown): void => {
    if (value === undefined) return;
    data[key] = value;
    origins.set(key, origin);
  };
  if (data.engines === undefined) {
    const engine = engineOfEnvironment(env);
    put('engines', 'DOCKER_HOST', engine === undefined ? undefined : [engine]);
  }
  put('control', 'HOMEPORT_CONTROL', variable(env, 'HOMEPORT_CONTROL'));
  put('listen', '--listen', overrides.listen);
  put('search', '--search', overrides.search);
  if (overrides.search !== undefined) delete data.region;
  const replacedRegion =
    overrides.region !== undefined && typeof data.region === 'string' ? data.region : null;
  put('region', '--region', overrides.region);
  put('upstreams', '--upstream', overrides.upstream);
  put('engines', '--engine', overrides.engine?.map(namedEngine));
  put('control', '--control', overrides.control);
  put('state', '--state', overrides.state);
  put('threads', '--threads', numberOf(overrides.threads));
  put('transport', '--transport', overrides.transport);
  if (overrides.logLevel !== undefined) {
    const log = isMapping(data.log) ? data.log : {};
    put('log', '--log-level', { ...log, level: overrides.logLevel });
  }
  return { data, origins, replacedRegion };
}

function namedEngine(url: string): Record<string, unknown> {
  return { url };
}

/** What is no number stays text, and is told of as such. */
function numberOf(text: string | undefined): number | string | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : text;
}

function problemsAt(
  source: YamlSource | null,
  file: string | null,
  origins: ReadonlyMap<string, string>,
): (fault: PathFault) => ConfigProblem {
  return ({ path, of, fault, value }) => {
    const origin = origins.get(String(path[0] ?? ''));
    if (origin !== undefined) return { where: origin, path: '', ...fault, value };
    const place = of === 'key' ? source?.keyAt(path) : source?.valueAt(path);
    const where =
      place === undefined ? (file ?? 'configuration') : `${file}:${place.line}:${place.column}`;
    return { where, path: pathText(path), ...fault, value };
  };
}

/** By line and column; flags and variables first. One problem is told once. */
function inOrder(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  const rank = ({ where }: ConfigProblem): readonly [number, number] => {
    const [, line, column] = /:(\d+):(\d+)$/.exec(where) ?? [];
    return [Number(line ?? 0), Number(column ?? 0)];
  };
  return [...problems].sort((a, b) => {
    const [lineA, columnA] = rank(a);
    const [lineB, columnB] = rank(b);
    return lineA - lineB || columnA - columnB;
  });
}
