/** A fake engine that serves files of containers as its archive API does: tar streams, links not followed. */
import type {
  ContainerFiles,
  RunningContainer,
} from '../../../src/parity/collect/container-files.ts';

const BLOCK_BYTES = 512;

/** A file's bytes, a link, a directory, or what reading it throws. */
export type FakeFile =
  | string
  | Buffer
  | { readonly link: string }
  | { readonly directory: true }
  | { readonly error: Error };

/** One container: inspect data with defaults, and its files by absolute path. */
export function fakeContainer(
  name: string,
  files: Readonly<Record<string, FakeFile>>,
  changes: Partial<RunningContainer> = {},
): { readonly container: RunningContainer; readonly files: Readonly<Record<string, FakeFile>> } {
  const container: RunningContainer = {
    id: `id-${name}`,
    name,
    image: 'image',
    imageId: '',
    networkMode: 'bridge',
    networks: [],
    hostname: name,
    domainname: '',
    startedAt: '2026-01-01T00:00:00Z',
    program: '/bin/sh',
    arguments: [],
    environment: [],
    labels: {},
    dns: [],
    dnsSearch: [],
    dnsOptions: [],
    ...changes,
  };
  return { container, files };
}

/** The engine of these containers; it counts what it is asked. */
export function fakeEngine(
  containers: readonly ReturnType<typeof fakeContainer>[],
  version = '20.10.24',
): ContainerFiles & { archives: number } {
  return {
    engine: 'local',
    archives: 0,
    version: async () => version,
    running: async () => containers.map(({ container }) => container),
    async archive(id, path) {
      this.archives++;
      const files = containers.find(({ container }) => container.id === id)?.files ?? {};
      if (path === '/etc') return chunked(tarOfDirectory(path, files));
      const file = files[path];
      if (file === undefined) return undefined;
      if (isError(file)) throw file.error;
      return chunked(tarOf(path.split('/').at(-1) ?? '', file));
    },
  };
}

function isError(file: FakeFile): file is { readonly error: Error } {
  return typeof file === 'object' && 'error' in file;
}

/** A directory in the order in which the engine walks it; a file that cannot be read ends the walk. */
function tarOfDirectory(path: string, files: Readonly<Record<string, FakeFile>>): Buffer {
  const below = Object.keys(files)
    .filter((name) => name.startsWith(`${path}/`))
    .sort();
  const entries = below.map((name) => {
    const file = files[name];
    if (file === undefined) return Buffer.alloc(0);
    if (isError(file)) throw file.error;
    return tarEntry(name.slice(1), file);
  });
  const head = tarHeader(`${path.slice(1)}/`, 0, '5');
  return Buffer.concat([head, ...entries, Buffer.alloc(2 * BLOCK_BYTES)]);
}

/** A tar with one entry and its two empty blocks. */
export function tarOf(name: string, file: Exclude<FakeFile, { error: Error }>): Buffer {
  return Buffer.concat([tarEntry(name, file), Buffer.alloc(2 * BLOCK_BYTES)]);
}

function tarEntry(name: string, file: Exclude<FakeFile, { error: Error }>): Buffer {
  if (typeof file === 'object' && 'link' in file) return tarHeader(name, 0, '2', file.link);
  if (typeof file === 'object' && 'directory' in file) return tarHeader(name, 0, '5');
  const bytes = Buffer.from(file);
  const padding = Buffer.alloc((BLOCK_BYTES - (bytes.length % BLOCK_BYTES)) % BLOCK_BYTES);
  return Buffer.concat([tarHeader(name, bytes.length, '0'), bytes, padding]);
}

/** A ustar header (POSIX.1-1988); the checksum is left out, as nobody checks it. */
export function tarHeader(name: string, size: number, type: string, link = ''): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES);
  header.write(name.slice(0, 100), 0);
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write(type, 156);
  header.write(link.slice(0, 100), 157);
  header.write('ustar\u000000', 257);
  return header;
}

/** Uneven pieces, as a socket delivers them. */
export async function* chunked(bytes: Buffer, size = 700): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
