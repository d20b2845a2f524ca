/** What a parity check compares, gathered as the configuration says: for the command and for the server. */
import type { Config, EngineConfig } from '../config/config.ts';
import { archiveAt } from '../docker/archive.ts';
import { messageOf } from '../errors.ts';
import type { RunningContainer } from '../parity/collect/container-files.ts';
import type { ContainerMemory } from '../parity/collect/container-memory.ts';
import { type CollectedTargets, collectContainers } from '../parity/collect/containers.ts';
import { collectHostFacts } from '../parity/collect/host-facts.ts';
import { hostTarget } from '../parity/collect/host-target.ts';
import { hostTree } from '../parity/collect/host-tree.ts';
import type { HomeportSide, ParityInputs } from '../parity/inputs.ts';
import type { Profile } from '../parity/profile/profile.ts';
import type { Problem } from '../parity/surroundings.ts';
import { engineAddress } from './engine-address.ts';

export interface GatherOptions {
  readonly production: Profile;
  /** Whether this host is a target, too. */
  readonly hasHost: boolean;
  /** Of the processes that look names up on this host. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Whose containers are targets. */
  readonly engines: readonly EngineConfig[];
  homeport(containers: readonly RunningContainer[]): HomeportSide | Promise<HomeportSide>;
  /** What earlier checks read; left out: everything is read. */
  readonly memory?: ContainerMemory;
  onProgress?(text: string): void;
}

/** Gathers everything. What cannot be read becomes a problem of the inputs. */
export async function gatherInputs(config: Config, options: GatherOptions): Promise<ParityInputs> {
  const collected = await containersOf(options);
  const { facts, problems: factProblems } = await collectHostFacts(hostTree());
  const host = options.hasHost
    ? await hostTarget(config.resolvConf, options.environment)
    : undefined;
  return {
    expected: [...new Set(config.expected.names)],
    region: config.searchDomains[0],
    search: config.searchDomains,
    domains: config.localDomains,
    stubs: config.parity.stubs,
    stubOverrides: config.parity.overrides,
    budgetSeconds: config.parity.budgetMs === null ? undefined : config.parity.budgetMs / 1000,
    accept: config.parity.accept,
    failOn: 'warning',
    now: new Date(),
    production: options.production,
    homeport: await options.homeport(collected.containers),
    host: facts,
    targets: [...(host === undefined ? [] : [host.target]), ...collected.targets],
    problems: [
      ...collected.problems,
      ...(host === undefined ? [] : [...factProblems, ...host.problems]),
    ],
  };
}

async function containersOf({
  engines,
  memory,
  onProgress,
}: GatherOptions): Promise<CollectedTargets> {
  const each: CollectedTargets[] = [];
  for (const engine of engines) {
    each.push(
      await containersAt(engine, {
        ...(memory === undefined ? {} : { memory }),
        onProgress: (name, index, count) =>
          onProgress?.(`reading container ${index + 1} of ${count}: ${name}`),
      }),
    );
  }
  return {
    targets: each.flatMap(({ targets }) => targets),
    containers: each.flatMap(({ containers }) => containers),
    problems: each.flatMap(({ problems }) => problems),
  };
}

async function containersAt(
  engine: EngineConfig,
  options: Parameters<typeof collectContainers>[1],
): Promise<CollectedTargets> {
  try {
    const archive = archiveAt(engine.name, await engineAddress(engine));
    try {
      return await collectContainers(archive, options);
    } finally {
      archive.close();
    }
  } catch (error) {
    const problems: Problem[] = [{ thing: `engine ${engine.name}`, why: messageOf(error) }];
    return { targets: [], containers: [], problems };
  }
}
