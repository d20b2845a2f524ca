/** Turns an engine's running containers into targets: their files, their C library, their neighbours. */
import { codeOf, messageOf } from '../../errors.ts';
import type { DnsSettings } from '../engine/settings.ts';
import type { Problem } from '../surroundings.ts';
import type { ContainerFacts, Neighbour, Target } from '../target.ts';
import {
  type ContainerFiles,
  type ContainerNetwork,
  containerTree,
  type RunningContainer,
} from './container-files.ts';
import { ContainerMemory, type ReadContainer } from './container-memory.ts';
import { detectLibc } from './libc.ts';
import { collectSurroundings } from './surroundings.ts';

/** Containers read at a time: the engine opens each one's file system for every file. */
const PARALLEL = 6;
const ENGINE_TIMEOUT_MS = 10_000;
const CONTAINER_TIMEOUT_MS = 10_000;

/** The targets of an engine, and what could not be read. */
export interface CollectedTargets {
  readonly targets: readonly Target[];
  readonly problems: readonly Problem[];
  /** the containers that were listed, read or not */
  readonly containers: readonly RunningContainer[];
}

/** How to collect. */
export interface CollectContainersOptions {
  /** called before each container is read */
  readonly onProgress?: (container: string, index: number, count: number) => void;
  readonly signal?: AbortSignal;
  /** what earlier collections read; left out: every container is read */
  readonly memory?: ContainerMemory;
}

/** Reads every running container of an engine. Never rejects: an engine that is away is one problem. */
export async function collectContainers(
  files: ContainerFiles,
  options: CollectContainersOptions = {},
): Promise<CollectedTargets> {
  try {
    const signal = deadline(options.signal, ENGINE_TIMEOUT_MS);
    const [version, containers] = await Promise.all([files.version(signal), files.running(signal)]);
    return await collectAll(files, version, containers, options);
  } catch (error) {
    const problems = [{ thing: `engine ${files.engine}`, why: whyOf(error) }];
    return { targets: [], problems, containers: [] };
  }
}

async function collectAll(
  files: ContainerFiles,
  engineVersion: string,
  containers: readonly RunningContainer[],
  options: CollectContainersOptions,
): Promise<CollectedTargets> {
  const shared: Shared = {
    memory: options.memory ?? new ContainerMemory(),
    signal: options.signal,
  };
  shared.memory.prune(files.engine, containers);
  const results: { target: Target | undefined; problems: readonly Problem[] }[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < containers.length; index = next++) {
      const container = containers[index];
      if (container === undefined) return;
      options.onProgress?.(container.name, index, containers.length);
      const facts = factsOf(container, containers, engineVersion);
      results[index] = await collectOne(files, container, facts, shared);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return {
    targets: results.flatMap(({ target }) => target ?? []),
    problems: results.flatMap(({ problems }) => problems),
    containers,
  };
}

async function collectOne(
  files: ContainerFiles,
  container: RunningContainer,
  facts: ContainerFacts,
  shared: Shared,
): Promise<{ target: Target | undefined; problems: readonly Problem[] }> {
  const title = `container ${container.name}`;
  const known = shared.memory.recall(files.engine, container);
  const read = known ?? (await readContainer(files, container, title, shared));
  if ('why' in read) return { target: undefined, problems: [read] };
  if (known === undefined) shared.memory.keep(files.engine, container, read);
  const { surroundings, problems, libc } = read;
  return {
    target: { kind: 'container', title, surroundings, libc, container: facts },
    problems,
  };
}

/** What the containers of one run share. */
interface Shared {
  readonly memory: ContainerMemory;
  readonly signal: AbortSignal | undefined;
}

async function readContainer(
  files: ContainerFiles,
  container: RunningContainer,
  title: string,
  { memory, signal }: Shared,
): Promise<ReadContainer | Problem> {
  const { program, environment } = container;
  const tree = containerTree(files, container.id, deadline(signal, CONTAINER_TIMEOUT_MS));
  const { surroundings, problems } = await collectSurroundings(tree, {
    label: `${title}: `,
    hostname: [container.hostname, container.domainname].filter((part) => part !== '').join('.'),
    environment: Object.fromEntries(environment.map(keyAndValue)),
  });
  // One that stops meanwhile fails every read: one line says it, not one for each file.
  if (surroundings.resolvConf.text === undefined && problems.length > 1) {
    const why = problems[0]?.why ?? '';
    if (problems.every((problem) => problem.why === why)) return { thing: title, why };
  }
  const libc = await memory.libcOf(container, () => detectLibc(tree, { program, environment }));
  return { surroundings, problems, libc };
}

function factsOf(
  container: RunningContainer,
  all: readonly RunningContainer[],
  engineVersion: string,
): ContainerFacts {
  const network = networkKind(container.networkMode);
  // A sharer has no networks of its own; it asks as the container whose namespace it is in.
  const sharedId = container.networkMode.replace(/^container:/, '');
  const networks =
    network === 'shared'
      ? (all.find(({ id, name }) => id === sharedId || name === sharedId)?.networks ?? [])
      : container.networks;
  const flags: DnsSettings = {
    servers: container.dns,
    search: container.dnsSearch,
    options: container.dnsOptions,
  };
  return {
    id: container.id,
    engineVersion,
    network,
    networks,
    flags,
    startedAt: container.startedAt,
    runtime: isJvm(container) ? 'jvm' : undefined,
    neighbours: neighboursOf(networks, all),
  };
}

/**
 * The names that the embedded resolver answers for a container: those of every container, itself
 * too, on its user-defined networks, and each with the network's name after a dot. The default
 * bridge has none.
 */
function neighboursOf(
  networks: readonly ContainerNetwork[],
  all: readonly RunningContainer[],
): readonly Neighbour[] {
  const shared = new Set(networks.map(({ name }) => name).filter((name) => name !== 'bridge'));
  return all.flatMap(({ name: container, networks: theirs }) =>
    theirs
      .filter(({ name, address }) => shared.has(name) && address !== '')
      .flatMap(({ name: network, address, names }) =>
        names.flatMap((alias) => {
          const lower = alias.toLowerCase();
          return [
            { container, name: lower, address, network },
            { container, name: `${lower}.${network.toLowerCase()}`, address, network },
          ];
        }),
      ),
  );
}

/** The program is java, or the image is one of a JVM (their JAVA_HOME, JAVA_VERSION). */
function isJvm({ program, environment }: RunningContainer): boolean {
  return (
    /(?:^|\/)java$/.test(program) ||
    environment.some((entry) => /^JAVA_(?:HOME|VERSION)=/.test(entry))
  );
}

function networkKind(mode: string): ContainerFacts['network'] {
  if (mode === 'default' || mode === 'bridge' || mode === '') return 'default-bridge';
  if (mode === 'host' || mode === 'none') return mode;
  return mode.startsWith('container:') ? 'shared' : 'user-defined';
}

function keyAndValue(entry: string): [string, string] {
  const equals = entry.indexOf('=');
  return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
}

function deadline(outer: AbortSignal | undefined, ms: number): AbortSignal {
  const timeout = AbortSignal.timeout(ms);
  return outer === undefined ? timeout : AbortSignal.any([outer, timeout]);
}

function whyOf(error: unknown): string {
  const isTimeout = codeOf(error) === 'ABORT_ERR' || /abort/i.test(messageOf(error));
  return isTimeout ? 'did not answer in time' : `cannot be asked: ${messageOf(error)}`;
}
