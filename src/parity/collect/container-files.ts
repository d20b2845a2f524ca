/** What parity asks of an engine: the running containers and single files of theirs. */
import { posix } from 'node:path';
import { codeOf, messageOf } from '../../errors.ts';
import { type FileRead, type FileTree, MAX_HOSTS_BYTES } from './file-tree.ts';
import { type OpenedEntry, openTar, tarEntries } from './tar.ts';

/** A container's place on one network, from its inspect data. */
export interface ContainerNetwork {
  readonly name: string;
  /** empty where it has none (host, none) */
  readonly address: string;
  readonly ipv6: boolean;
  /** every name under which 127.0.0.11 knows the container on this network */
  readonly names: readonly string[];
}

/** A running container, as far as its name resolution goes. */
export interface RunningContainer {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  /** containers of one image have one C library */
  readonly imageId: string;
  /** `HostConfig.NetworkMode`: `bridge`, `host`, `none`, `container:ID`, or a network's name */
  readonly networkMode: string;
  readonly networks: readonly ContainerNetwork[];
  readonly hostname: string;
  readonly domainname: string;
  /** RFC 3339 */
  readonly startedAt: string;
  /** the program of pid 1, as in inspect's `Path`, and its arguments */
  readonly program: string;
  readonly arguments: readonly string[];
  /** `KEY=value` */
  readonly environment: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
}

/** The engine access that `collectContainers` needs; the docker room implements it. */
export interface ContainerFiles {
  /** the engine's name in the configuration, for messages */
  readonly engine: string;
  /** e.g. `26.1.5` */
  version(signal: AbortSignal): Promise<string>;
  /** The running containers; one that vanishes meanwhile is left out. */
  running(signal: AbortSignal): Promise<readonly RunningContainer[]>;
  /** A tar stream of one path, links not followed; undefined where nothing is there. */
  archive(
    id: string,
    path: string,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Buffer | string> | undefined>;
}

/** More links in a row than any image has; the kernel's own limit is 40. */
const MAX_LINKS = 16;

/** Each call has the engine mount the container's file system: the small files come in one. */
const PREFETCHED = ['/etc/host.conf', '/etc/hosts', '/etc/nsswitch.conf', '/etc/resolv.conf'];
/** Of /etc, what stands before the last of them in the alphabet is passed over, up to this. */
const MAX_PREFETCH_BYTES = 8 * 1024 * 1024;

/** A container's files behind the archive API. */
export function containerTree(files: ContainerFiles, id: string, signal: AbortSignal): FileTree {
  let prefetched: Promise<Prefetched> | undefined;
  const open = async (path: string): Promise<Opened | undefined> => {
    if (PREFETCHED.includes(path)) {
      prefetched ??= prefetch(files, id, signal);
      const { found, isComplete } = await prefetched;
      const entry = found.get(path);
      if (entry !== undefined) return entry;
      if (isComplete) return undefined;
    }
    const stream = await files.archive(id, path, signal);
    return stream === undefined ? undefined : await openTar(stream);
  };
  const follow = async (path: string): Promise<Followed> => {
    let at = path;
    for (let links = 0; links <= MAX_LINKS; links++) {
      const entry = await open(at);
      if (entry === undefined) return links === 0 ? 'missing' : 'dangling';
      if (entry.kind !== 'symlink') return { entry, path: at };
      await abandon(entry.bytes);
      at = posix.resolve(posix.dirname(at), entry.linkTarget);
    }
    return 'circular';
  };
  return {
    read: async (path, maxBytes) => {
      try {
        return await readEntry(await follow(path), maxBytes);
      } catch (error) {
        return { kind: 'unreadable', why: reasonOf(error) };
      }
    },
    has: async (path) => {
      try {
        const found = await follow(path);
        if (typeof found === 'string') return false;
        await abandon(found.entry.bytes);
        return true;
      } catch {
        return undefined;
      }
    },
    scan: async function* (path, maxBytes) {
      const found = await follow(path);
      if (typeof found === 'string') return;
      let left = maxBytes;
      for await (const chunk of found.entry.bytes) {
        yield chunk.subarray(0, left);
        left -= chunk.length;
        if (left <= 0) return;
      }
    },
  };
}

/** An entry as it can be read once or, prefetched, again and again. */
type Opened = Pick<OpenedEntry, 'kind' | 'size' | 'linkTarget'> & {
  readonly bytes: AsyncIterable<Buffer>;
};

interface Prefetched {
  readonly found: ReadonlyMap<string, Opened>;
  /** whether what was not found is not there */
  readonly isComplete: boolean;
}

/** Reads the wanted files of /etc in one call. The walk is in the order of names, so it ends early. */
async function prefetch(
  files: ContainerFiles,
  id: string,
  signal: AbortSignal,
): Promise<Prefetched> {
  const stream = await files.archive(id, '/etc', signal);
  const found = new Map<string, Opened>();
  const last = PREFETCHED.at(-1) ?? '';
  if (stream === undefined) return { found, isComplete: true };
  let passed = 0;
  for await (const entry of tarEntries(stream)) {
    const path = `/${entry.name.replace(/\/$/, '')}`;
    // /etc itself may be a link: then the single files are asked for.
    if (entry.kind === 'symlink' && path === '/etc') return { found, isComplete: false };
    if (PREFETCHED.includes(path)) found.set(path, await kept(entry));
    passed += entry.size;
    if (found.size === PREFETCHED.length || path > last) break;
    if (passed > MAX_PREFETCH_BYTES) return { found, isComplete: false };
  }
  return { found, isComplete: true };
}

/** Holds a small file; of a big one only the size, which is enough to refuse it. */
async function kept(entry: OpenedEntry): Promise<Opened> {
  const { kind, size, linkTarget } = entry;
  const chunks: Buffer[] = [];
  if (size <= MAX_HOSTS_BYTES) for await (const chunk of entry.bytes) chunks.push(chunk);
  const bytes: AsyncIterable<Buffer> = {
    async *[Symbol.asyncIterator]() {
      yield* chunks;
    },
  };
  return { kind, size, linkTarget, bytes };
}

type Followed =
  | 'missing'
  | 'dangling'
  | 'circular'
  | { readonly entry: Opened; readonly path: string };

async function readEntry(found: Followed, maxBytes: number): Promise<FileRead> {
  if (found === 'missing') return { kind: 'missing' };
  if (found === 'dangling') {
    return { kind: 'unreadable', why: 'is a symbolic link to a file that does not exist' };
  }
  if (found === 'circular') {
    return { kind: 'unreadable', why: 'is a symbolic link that leads to itself' };
  }
  const { entry, path } = found;
  if (entry.kind !== 'file') {
    await abandon(entry.bytes);
    return { kind: 'unreadable', why: 'is no regular file' };
  }
  if (entry.size > maxBytes) {
    await abandon(entry.bytes);
    return { kind: 'unreadable', why: `is larger than ${maxBytes} bytes` };
  }
  const chunks: Buffer[] = [];
  for await (const chunk of entry.bytes) chunks.push(chunk);
  return { kind: 'read', bytes: Buffer.concat(chunks), path };
}

/** Leaves the stream at its first chunk, which closes it. */
async function abandon(bytes: AsyncIterable<Buffer>): Promise<void> {
  for await (const _ of bytes) return;
}

function reasonOf(error: unknown): string {
  const isTimeout = codeOf(error) === 'ABORT_ERR' || /abort/i.test(messageOf(error));
  return isTimeout ? 'was not read in time' : `cannot be read: ${messageOf(error)}`;
}
