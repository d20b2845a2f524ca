/** What was read in containers, kept for the next check: a container is read once for each start. */
import type { RunningContainer } from './container-files.ts';
import type { Libc } from './libc.ts';
import type { Collected } from './surroundings.ts';

/** What one container's files said. */
export interface ReadContainer extends Collected {
  readonly libc: Libc;
}

/** Images come and go with every build; their libraries are cheap to look for again. */
const MAX_LIBRARIES = 1_000;

export class ContainerMemory {
  readonly #read = new Map<string, ReadContainer>();
  /** By image and program: what was found in one container holds for the next of that image. */
  readonly #libcs = new Map<string, Promise<Libc>>();

  /** What a container said before; undefined where it must be read. */
  recall(engine: string, container: RunningContainer): ReadContainer | undefined {
    return this.#read.get(keyOf(engine, container));
  }

  /** Keeps what was read as a whole; what was not readable may be so the next time. */
  keep(engine: string, container: RunningContainer, read: ReadContainer): void {
    const isWhole = read.problems.length === 0 && read.libc.kind !== 'unknown';
    if (isWhole) this.#read.set(keyOf(engine, container), read);
  }

  /** Finds a C library, once for each image and program. */
  libcOf({ imageId, program }: RunningContainer, detect: () => Promise<Libc>): Promise<Libc> {
    if (imageId === '') return detect();
    const key = `${imageId} ${program}`;
    const known = this.#libcs.get(key);
    if (known !== undefined) return known;
    const found = detect();
    if (this.#libcs.size >= MAX_LIBRARIES) this.#libcs.clear();
    this.#libcs.set(key, found);
    const forget = () => this.#libcs.delete(key);
    found.then(({ kind }) => kind === 'unknown' && forget(), forget);
    return found;
  }

  /** Forgets an engine's containers that are not there any more. */
  prune(engine: string, running: readonly RunningContainer[]): void {
    const keys = new Set(running.map((container) => keyOf(engine, container)));
    for (const key of this.#read.keys()) {
      if (key.startsWith(`${engine} `) && !keys.has(key)) this.#read.delete(key);
    }
  }
}

/** The engine writes a container's resolv.conf and hosts at its start, and again when a network joins or leaves. */
function keyOf(engine: string, { id, startedAt, networks }: RunningContainer): string {
  const joined = networks.map(({ name, address }) => `${name}=${address}`).sort();
  return [engine, id, startedAt, ...joined].join(' ');
}
