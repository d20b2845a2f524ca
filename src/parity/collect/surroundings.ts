/** Collects what decides look-ups on a host or in a container. What cannot be read becomes a problem; the rest goes on. */
import { parseNsswitch } from '../../resolv-conf/nsswitch.ts';
import {
  type Problem,
  RESOLVER_VARIABLES,
  type SourceFile,
  type Surroundings,
} from '../surroundings.ts';
import { type FileTree, MAX_HOSTS_BYTES, MAX_TEXT_BYTES, readText } from './file-tree.ts';
import { resolvConfProblem } from './resolv-conf-problem.ts';

const LIBRARY_DIRECTORIES = [
  '/lib/x86_64-linux-gnu',
  '/lib/aarch64-linux-gnu',
  '/lib64',
  '/usr/lib64',
  '/lib',
  '/usr/lib',
];

/** Surroundings, and what was not readable of them. */
export interface Collected {
  readonly surroundings: Surroundings;
  readonly problems: readonly Problem[];
}

/** Where to look, and what is known without looking. */
export interface CollectOptions {
  /** goes before each path in messages: `container web: ` */
  readonly label: string;
  readonly hostname: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** default: /etc/resolv.conf */
  readonly resolvConfPath?: string;
}

/** Reads the files of a tree. Never rejects. */
export async function collectSurroundings(
  tree: FileTree,
  options: CollectOptions,
): Promise<Collected> {
  const problems: Problem[] = [];
  const read = async (path: string, maxBytes = MAX_TEXT_BYTES): Promise<SourceFile> => {
    const named = `${options.label}${path}`;
    const found = await readText(tree, path, maxBytes);
    if (found.kind === 'unreadable') problems.push({ thing: named, why: found.why });
    return { path: named, text: found.kind === 'text' ? found.text : undefined };
  };
  const [resolvConf, nsswitch, hosts, hostConf] = await Promise.all([
    read(options.resolvConfPath ?? '/etc/resolv.conf'),
    read('/etc/nsswitch.conf'),
    read('/etc/hosts', MAX_HOSTS_BYTES),
    read('/etc/host.conf'),
  ]);
  const oddity = resolvConfProblem(resolvConf);
  if (oddity !== undefined) problems.push(oddity);
  const environment = resolverEnvironment(options.environment);
  const aliases = environment.HOSTALIASES;
  return {
    surroundings: {
      ...{ resolvConf, nsswitch, hosts, hostConf, environment, hostname: options.hostname },
      aliases: aliases === undefined ? undefined : await read(aliases),
      nssModules: await installedModules(tree, nsswitch.text),
    },
    problems,
  };
}

/** Modules of the hosts line whose file is there; `files` and `dns` are part of the C library. */
async function installedModules(
  tree: FileTree,
  nsswitch: string | undefined,
): Promise<readonly string[]> {
  const names = parseNsswitch(nsswitch)
    .hosts.map(({ source }) => source)
    .filter((source) => /^\w+$/.test(source) && source !== 'files' && source !== 'dns');
  const found = await Promise.all(
    [...new Set(names)].map(async (name) => {
      for (const directory of LIBRARY_DIRECTORIES) {
        if (await tree.has(`${directory}/libnss_${name}.so.2`)) return name;
      }
      return undefined;
    }),
  );
  return found.filter((name) => name !== undefined);
}

/** The variables that stubs read, and no other: an environment holds secrets. */
export function resolverEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    RESOLVER_VARIABLES.flatMap((name) => {
      const value = environment[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
