/** A host file that is read now and whenever it changes, however it is written: in place, by rename, through a symlink. */
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { codeOf, messageOf } from '../errors.ts';

/** What a read found: the text, or why there is none. */
export type FileReading =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** A resolv.conf is a few hundred bytes; who writes megabytes into it made a mistake. */
const MAX_FILE_BYTES = 1 << 20;
/** A file that is truncated and then written is read once, when it is whole. */
const SETTLE_MS = 50;
/** What no event tells is seen this late: a folder that is made later, a mount, a host out of watches. */
const LOOK_MS = 2_000;

/** Reads a file once, with a limit on its size. Never throws. */
export async function readHostFile(path: string): Promise<FileReading> {
  try {
    const { size } = await stat(path);
    if (size > MAX_FILE_BYTES)
      return { kind: 'unreadable', reason: `it has ${size} bytes, more than a configuration` };
    return { kind: 'text', text: await readFile(path, 'utf8') };
  } catch (error) {
    const reason = codeOf(error) === 'ENOENT' ? 'there is no such file' : messageOf(error);
    return { kind: 'unreadable', reason };
  }
}

/** Watches one file and tells its content at each change. */
export class WatchedFile {
  readonly #path: string;
  readonly #onChange: (reading: FileReading) => void;
  readonly #watcher: FSWatcher;
  readonly #looks: NodeJS.Timeout;
  #timer: NodeJS.Timeout | undefined;
  #last: string | undefined;
  #isClosed = false;

  /**
   * @param onChange called with what the file holds now, when that differs from the last time
   * @param lookMs how often it is looked at besides, for what no event tells
   */
  constructor(path: string, onChange: (reading: FileReading) => void, lookMs: number = LOOK_MS) {
    this.#path = path;
    this.#onChange = onChange;
    // The folder, not the file: a rename puts another inode in its place.
    this.#watcher = watch([path, dirname(path)], {
      depth: 0,
      ignoreInitial: true,
      followSymlinks: true,
      // The other entries of a busy folder are none of our business.
      ignored: (each) => each !== path && each !== dirname(path),
    });
    this.#watcher.on('all', (_event, changed) => {
      if (changed === path || changed === dirname(path)) this.#soon();
    });
    this.#watcher.on('error', () => undefined);
    this.#looks = setInterval(() => void this.#look(), lookMs);
  }

  /** Reads it now; `onChange` is called where it differs from the last reading. */
  async read(): Promise<FileReading> {
    const reading = await readHostFile(this.#path);
    const content = contentOf(reading);
    if (content !== this.#last) {
      this.#last = content;
      this.#onChange(reading);
    }
    return reading;
  }

  async #look(): Promise<void> {
    if (contentOf(await readHostFile(this.#path)) !== this.#last) this.#soon();
  }

  #soon(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.read(), SETTLE_MS);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#looks);
    await this.#watcher.close();
  }
}

function contentOf(reading: FileReading): string {
  return reading.kind === 'text' ? reading.text : `\0${reading.reason}`;
}
