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
      const file = containers.find(({ container }) => container.id === id)?.files[path];
      if (file === undefined) return undefined;
      if (typeof file === 'object' && 'error' in file) throw file.error;
      return chunked(tarOf(path.split('/').at(-1) ?? '', file));
    },
  };
}

/** A tar with one entry and its two empty blocks. */
export function tarOf(name: string, file: Exclude<FakeFile, { error: Error }>): Buffer {
  const isLink = typeof file === 'object' && 'link' in file;
  const isDirectory = typeof file === 'object' && 'directory' in file;
  const bytes = isLink || isDirectory ? Buffer.alloc(0) : Buffer.from(file as string | Buffer);
  const header = tarHeader(
    name,
    bytes.length,
    isLink ? '2' : isDirectory ? '5' : '0',
    isLink ? file.link : '',
  );
  const padding = Buffer.alloc((BLOCK_BYTES - (bytes.length % BLOCK_BYTES)) % BLOCK_BYTES);
  return Buffer.concat([header, bytes, padding, Buffer.alloc(2 * BLOCK_BYTES)]);
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
