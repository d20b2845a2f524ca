/** Finds the control socket that a command asks. */
import { dirname, resolve } from 'node:path';
import { absolutePath } from './build-config.ts';
import { controlCandidates, variable } from './environment.ts';
import { checkReading, configFileOf, type LoadOptions } from './load.ts';
import type { ConfigProblem } from './problem.ts';
import { readConfigFile } from './read-file.ts';
import { textAt } from './tolerant.ts';
import { parseSocketPath } from './values.ts';
import { readYaml } from './yaml-source.ts';

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
