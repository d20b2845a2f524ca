/** Which resolver the programs of a host or an image use, told from files alone. */
import { posix } from 'node:path';
import type { FileTree } from './file-tree.ts';

/** What was found; `version` as the file itself says it. */
export interface Libc {
  readonly kind: 'glibc' | 'musl' | 'go' | 'busybox' | 'unknown';
  readonly version: string | undefined;
  /** the file that told */
  readonly evidence: string;
}

/** A C library has 2 MB, a static Go program up to a hundred: its build info lies at the start of its data. */
const MAX_LIBRARY_BYTES = 8 * 1024 * 1024;
const MAX_PROGRAM_BYTES = 192 * 1024 * 1024;
/** Enough for an ELF header and its program headers. */
const ELF_HEAD_BYTES = 4096;
/** Go's debug/buildinfo: a magic, then the version as a length-prefixed string at offset 32. */
const GO_MAGIC = Buffer.from('\xff Go buildinf:', 'latin1');
const GO_INFO_BYTES = 64;
const PT_INTERP = 3;

/** musl's and Debian's names of the architectures, by Node's. */
const ARCHITECTURES: ReadonlyMap<string, readonly [musl: string, triplet: string]> = new Map([
  ['x64', ['x86_64', 'x86_64-linux-gnu']],
  ['arm64', ['aarch64', 'aarch64-linux-gnu']],
  ['arm', ['armhf', 'arm-linux-gnueabihf']],
  ['ia32', ['i386', 'i386-linux-gnu']],
  ['riscv64', ['riscv64', 'riscv64-linux-gnu']],
  ['ppc64', ['powerpc64le', 'powerpc64le-linux-gnu']],
  ['s390x', ['s390x', 's390x-linux-gnu']],
]);
const GLIBC_ELSEWHERE = ['/lib64/libc.so.6', '/usr/lib64/libc.so.6', '/lib/libc.so.6'];

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What pid 1 runs. */
export interface Entrypoint {
  readonly program: string;
  readonly environment: readonly string[];
}

/**
 * Finds the resolver that decides: a static Go program brings its own; else the C library of the
 * image; else busybox's. Rejects only where the tree does.
 *
 * @param entrypoint left out for a host, where programs of all kinds run
 */
export async function detectLibc(tree: FileTree, entrypoint?: Entrypoint): Promise<Libc> {
  const go = entrypoint === undefined ? undefined : await staticGo(tree, entrypoint);
  if (go !== undefined) return go;
  const own = await firstOf(tree, ownCandidates());
  if (own !== undefined) return own;
  const found = (await busybox(tree)) ?? (await firstOf(tree, foreignCandidates()));
  return found ?? { kind: 'unknown', version: undefined, evidence: 'no C library found' };
}

type Candidate = readonly [path: string, kind: 'musl' | 'glibc'];

async function firstOf(
  tree: FileTree,
  candidates: readonly Candidate[],
): Promise<Libc | undefined> {
  for (const [path, kind] of candidates) {
    const found = await library(tree, path, kind);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Our own architecture: each miss is a call to the engine, and most images are of it. */
function ownCandidates(): readonly Candidate[] {
  const own = ARCHITECTURES.get(process.arch);
  const elsewhere = GLIBC_ELSEWHERE.map((path): Candidate => [path, 'glibc']);
  return [...(own === undefined ? [] : candidatesOf(own)), ...elsewhere];
}

function foreignCandidates(): readonly Candidate[] {
  const own = ARCHITECTURES.get(process.arch);
  return [...ARCHITECTURES.values()].filter((names) => names !== own).flatMap(candidatesOf);
}

/** glibc first: Debian's musl-tools put musl's loader beside it, and its own programs stay with glibc. */
function candidatesOf([musl, triplet]: readonly [string, string]): readonly Candidate[] {
  return [
    [`/lib/${triplet}/libc.so.6`, 'glibc'],
    [`/lib/ld-musl-${musl}.so.1`, 'musl'],
  ];
}

async function library(
  tree: FileTree,
  path: string,
  kind: 'musl' | 'glibc',
): Promise<Libc | undefined> {
  const read = await tree.read(path, MAX_LIBRARY_BYTES);
  if (read.kind === 'missing') return undefined;
  const versionOf = kind === 'musl' ? muslVersion : glibcVersion;
  const version = read.kind === 'read' ? versionOf(read.bytes) : undefined;
  return { kind, version, evidence: path };
}

/** The banner of `libc.so.6`: `GNU C Library (Debian GLIBC 2.36-9+deb12u10) stable release version 2.36.` */
function glibcVersion(bytes: Buffer): string | undefined {
  return /GNU C Library[^\n]*?release version (\d+\.\d+)/.exec(bytes.toString('latin1'))?.[1];
}

/** musl's loader prints its version when it is called alone, so it holds it as a string of its own. */
function muslVersion(bytes: Buffer): string | undefined {
  return /\0(1\.\d+\.\d+)(?:-git[^\0]*)?\0/.exec(bytes.toString('latin1'))?.[1];
}

async function busybox(tree: FileTree): Promise<Libc | undefined> {
  const path = '/bin/busybox';
  const read = await tree.read(path, MAX_LIBRARY_BYTES);
  if (read.kind !== 'read') return undefined;
  const version = /BusyBox v(\d+\.\d+)/.exec(read.bytes.toString('latin1'))?.[1];
  return { kind: 'busybox', version, evidence: path };
}

async function staticGo(tree: FileTree, entrypoint: Entrypoint): Promise<Libc | undefined> {
  const path = await programPath(tree, entrypoint);
  if (path === undefined) return undefined;
  try {
    const version = await goVersion(tree, path);
    return version === undefined ? undefined : { kind: 'go', version, evidence: path };
  } catch {
    // Whatever the entry point is, it could not be read: the image's C library is the next best sign.
    return undefined;
  }
}

async function programPath(
  tree: FileTree,
  { program, environment }: Entrypoint,
): Promise<string | undefined> {
  if (program.includes('/')) return posix.resolve('/', program);
  if (program === '') return undefined;
  const path = environment.find((entry) => entry.startsWith('PATH='))?.slice('PATH='.length);
  for (const directory of (path ?? DEFAULT_PATH).split(':')) {
    const candidate = posix.resolve('/', directory, program);
    if (await tree.has(candidate)) return candidate;
  }
  return undefined;
}

/** Reads the program once, in order: no dynamic loader in its ELF head, then Go's build info. */
async function goVersion(tree: FileTree, path: string): Promise<string | undefined> {
  let head = Buffer.alloc(0);
  let isHeadRead = false;
  let tail = Buffer.alloc(0);
  for await (const chunk of tree.scan(path, MAX_PROGRAM_BYTES)) {
    if (!isHeadRead) {
      head = Buffer.concat([head, chunk]);
      if (head.length < ELF_HEAD_BYTES) continue;
      if (!isStaticElf(head)) return undefined;
      isHeadRead = true;
      tail = head;
    } else tail = Buffer.concat([tail, chunk]);
    const at = tail.indexOf(GO_MAGIC);
    if (at >= 0 && tail.length >= at + GO_INFO_BYTES) return versionAt(tail.subarray(at));
    tail = tail.subarray(Math.max(at < 0 ? tail.length - GO_MAGIC.length : at, 0));
  }
  return undefined;
}

/** Go 1.18 on: flag bit 2 says that the version string is inline. Older ones hold a pointer: version unknown. */
function versionAt(info: Buffer): string {
  const INLINE = 2;
  if (((info[15] ?? 0) & INLINE) === 0) return '';
  const length = info[32] ?? 0;
  return info
    .subarray(33, 33 + length)
    .toString('latin1')
    .replace(/^go/, '');
}

function isStaticElf(head: Buffer): boolean {
  if (head.toString('latin1', 0, 4) !== '\x7fELF') return false;
  const is64 = head[4] === 2;
  const isLittle = head[5] === 1;
  const half = (at: number): number => (isLittle ? head.readUInt16LE(at) : head.readUInt16BE(at));
  const word = (at: number): number => (isLittle ? head.readUInt32LE(at) : head.readUInt32BE(at));
  const start = is64 ? word(isLittle ? 0x20 : 0x24) : word(0x1c);
  const size = half(is64 ? 0x36 : 0x2a);
  const count = half(is64 ? 0x38 : 0x2c);
  for (let i = 0; i < count && start + i * size + 4 <= head.length; i++) {
    if (word(start + i * size) === PT_INTERP) return false;
  }
  return true;
}
