/**
 * Running containers and single files of theirs, through an engine's inspect and archive APIs: what
 * the parity check reads. Nothing is executed in a container.
 */
import Docker from 'dockerode';
import { codeOf, HomeportError, messageOf } from '../errors.ts';
import type { ContainerFiles, RunningContainer } from '../parity/collect/container-files.ts';
import type { EngineAddress } from './engine-address.ts';
import { Modem } from './modem.ts';

/** The most containers that are inspected at a time. */
const INSPECT_BATCH = 8;

/**
 * Reads an engine's containers through dockerode.
 *
 * @param engine its name in the configuration, for messages
 */
export function engineArchive(engine: string, docker: Docker): ContainerFiles {
  return {
    engine,
    version: async () => {
      const { Version } = await call(engine, () => docker.version());
      return Version;
    },
    running: async (signal) => {
      const list = await call(engine, () => docker.listContainers({ abortSignal: signal }));
      const containers: RunningContainer[] = [];
      for (let start = 0; start < list.length; start += INSPECT_BATCH) {
        const batch = list.slice(start, start + INSPECT_BATCH);
        const inspected = await Promise.all(
          batch.map(({ Id }) => inspect(docker, engine, Id, signal)),
        );
        containers.push(...inspected.filter((container) => container !== undefined));
      }
      return containers;
    },
    archive: async (id, path, signal) => {
      try {
        const stream = await docker.getContainer(id).getArchive({ path, abortSignal: signal });
        // dockerode types it as a bare NodeJS.ReadableStream; both are async iterable.
        return stream as AsyncIterable<Buffer | string>;
      } catch (error) {
        // 404 is a missing path and a missing container alike; only the engine's own words tell.
        const isContainerGone = /no such container: /i.test(messageOf(error));
        if (statusOf(error) === 404 && !isContainerGone) return undefined;
        throw unavailable(engine, error);
      }
    },
  };
}

/** An engine's own archive, over a connection of its own. */
export interface OwnedArchive extends ContainerFiles {
  /** Closes idle connections. */
  close(): void;
}

/** The archive of the engine at an address. */
export function archiveAt(engine: string, address: EngineAddress): OwnedArchive {
  const modem = new Modem(address);
  // Its types know no modem option, though dockerode has one.
  const docker = new Docker({ modem } as unknown as Docker.DockerOptions);
  return { ...engineArchive(engine, docker), close: () => modem.close() };
}

async function inspect(
  docker: Docker,
  engine: string,
  id: string,
  signal: AbortSignal,
): Promise<RunningContainer | undefined> {
  try {
    const found = await docker.getContainer(id).inspect({ abortSignal: signal });
    return found.State.Running ? containerOf(found) : undefined;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw unavailable(engine, error);
  }
}

/** Fields that an engine may leave out or set to null are read as empty (Podman, older engines). */
function containerOf(found: Docker.ContainerInspectInfo): RunningContainer {
  const name = found.Name.replace(/^\//, '');
  const shortId = found.Id.slice(0, 12);
  return {
    id: found.Id,
    name,
    image: found.Config.Image ?? '',
    imageId: found.Image ?? '',
    networkMode: found.HostConfig.NetworkMode ?? '',
    networks: Object.entries(found.NetworkSettings.Networks ?? {}).map(([network, endpoint]) => ({
      name: network,
      address: endpoint.IPAddress ?? '',
      ipv6: (endpoint.GlobalIPv6Address ?? '') !== '',
      names: [...new Set([name, shortId, ...(endpoint.Aliases ?? []), ...dnsNamesOf(endpoint)])],
    })),
    hostname: found.Config.Hostname ?? '',
    domainname: found.Config.Domainname ?? '',
    startedAt: found.State.StartedAt ?? '',
    program: found.Path ?? '',
    arguments: found.Args ?? [],
    environment: found.Config.Env ?? [],
    labels: found.Config.Labels ?? {},
    dns: found.HostConfig.Dns ?? [],
    dnsSearch: found.HostConfig.DnsSearch ?? [],
    dnsOptions: found.HostConfig.DnsOptions ?? [],
  };
}

/** `DNSNames` (API 1.44 on), which the types do not know yet. */
function dnsNamesOf(endpoint: object): readonly string[] {
  const names: unknown = 'DNSNames' in endpoint ? endpoint.DNSNames : undefined;
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
}

async function call<T>(engine: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw unavailable(engine, error);
  }
}

function unavailable(engine: string, error: unknown): unknown {
  if (codeOf(error) === 'ABORT_ERR') return error;
  return new HomeportError(
    'DOCKER_UNAVAILABLE',
    `engine ${engine} cannot be asked: ${messageOf(error)}`,
    { cause: error },
  );
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}
