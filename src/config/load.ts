/** Reads, checks and builds a configuration from file, flags and environment; what is wrong comes back as values. */
import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { buildConfig } from './build-config.ts';
import { senseFaults } from './checks.ts';
import type { Config } from './config.ts';
import { type Environment, variable } from './environment.ts';
import { formFaults, type PathFault } from './issues.ts';
import { type ConfigOverrides, layered } from './layers.ts';
import { type ConfigProblem, pathText, printProblem } from './problem.ts';
import { type FileReading, readConfigFile } from './read-file.ts';
import { warningsOf } from './warnings.ts';
import type { Written } from './written.ts';
import { readYaml, type YamlSource } from './yaml-source.ts';

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
  const told = new Map(problems.map((problem) => [printProblem(problem), problem]));
  return [...told.values()].sort((a, b) => {
    const [lineA, columnA] = rank(a);
    const [lineB, columnB] = rank(b);
    return lineA - lineB || columnA - columnB;
  });
}
