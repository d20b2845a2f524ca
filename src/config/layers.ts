/** Lays flags and variables over what a file says, and remembers which is which. Pure. */
import { type Environment, engineOfEnvironment, variable } from './environment.ts';
import { isMapping } from './tolerant.ts';

/** Flags of the command line; they win over the file. Unchecked, as they were typed. */
export interface ConfigOverrides {
  readonly listen?: readonly string[];
  readonly region?: string;
  readonly search?: readonly string[];
  readonly upstream?: readonly string[];
  readonly resolvConf?: string;
  /** URLs. */
  readonly engine?: readonly string[];
  readonly control?: string;
  readonly state?: string;
  readonly logLevel?: string;
  readonly threads?: string;
  readonly transport?: string;
}

export interface Layers {
  readonly data: unknown;
  /** Top-level keys that do not come from the file, and what they come from: `--listen`, `DOCKER_HOST`. */
  readonly origins: ReadonlyMap<string, string>;
  /** The file's region where a flag gives another: it leaves the search list too. */
  readonly replacedRegion: string | null;
}

/** Lays flags and variables over the file's data. Top-level keys `x-…` only hold anchors. */
export function layered(fromFile: unknown, overrides: ConfigOverrides, env: Environment): Layers {
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
  put('resolv_conf', '--resolv-conf', overrides.resolvConf);
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
