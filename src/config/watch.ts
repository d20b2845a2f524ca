/**
 * Loads the configuration anew when its file changes, however that is done: in place, truncated and
 * written, replaced by a rename, deleted and made again, or by a swap of a symbolic link on the way
 * (as Kubernetes mounts ConfigMaps). A file that became wrong is told of; what to keep is the caller's.
 */
import { type FSWatcher, watch } from 'chokidar';
import { messageOf } from '../errors.ts';
import { linkChain } from './link-chain.ts';
import { checkReading, digestOf, type LoadOptions, type LoadResult } from './load.ts';
import { readConfigFile } from './read-file.ts';

export interface WatchCallbacks {
  /** What the file holds now differs from what it held. */
  readonly onChange: (result: LoadResult) => void;
  /** Changes are not seen any more; SIGHUP still loads the file. */
  readonly onTrouble: (reason: string) => void;
}

export interface ConfigWatch {
  /** Resolves once changes are seen. */
  readonly ready: Promise<void>;
  /** Loads the file now, changed or not, and remembers it; for SIGHUP. Does not call `onChange`. */
  reload(): LoadResult;
  close(): Promise<void>;
}

/** A file that is truncated and then written is read once, when it is whole. */
const SETTLE_MS = 100;
/** A file that is empty or gone may only be between two steps of an editor. */
const CONFIRM_MS = 400;

/**
 * Watches a configuration file.
 *
 * @param file as the user gave it
 * @param options as given to `loadConfig`
 * @param loaded what `loadConfig` returned: what was changed since counts as a change
 */
export function watchConfig(
  file: string,
  options: LoadOptions,
  loaded: LoadResult,
  callbacks: WatchCallbacks,
): ConfigWatch {
  return new FileWatch(file, options, loaded.digest, callbacks);
}

class FileWatch implements ConfigWatch {
  readonly ready: Promise<void>;
  readonly #file: string;
  readonly #options: LoadOptions;
  readonly #callbacks: WatchCallbacks;
  #digest: string;
  #watcher: FSWatcher | undefined;
  #watched = '';
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(file: string, options: LoadOptions, digest: string, callbacks: WatchCallbacks) {
    this.#file = file;
    this.#options = options;
    this.#digest = digest;
    this.#callbacks = callbacks;
    this.ready = this.#watch();
  }

  reload(): LoadResult {
    const result = checkReading(readConfigFile(this.#file), this.#file, this.#options);
    this.#digest = result.digest;
    return result;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#watcher?.close();
  }

  /** Watches the way to the file as it is now. The old watcher goes only when the new one sees. */
  async #watch(): Promise<void> {
    const { directories, entries } = linkChain(this.#file);
    const watched = [...entries, ...directories].join('\0');
    if (watched === this.#watched || this.#isClosed) return;
    this.#watched = watched;
    const relevant = new Set([...directories, ...entries]);
    const watcher = watch([...directories], {
      depth: 0,
      ignoreInitial: true,
      // The target of a link is on the way itself, and so watched in its own directory.
      followSymlinks: false,
      ignored: (path) => !relevant.has(path),
    });
    const previous = this.#watcher;
    this.#watcher = watcher;
    watcher.on('all', () => this.#soon(SETTLE_MS, false));
    // chokidar compares times and sizes; what the kernel says counts, too.
    watcher.on('raw', () => this.#soon(SETTLE_MS, false));
    watcher.on('error', (error) => this.#callbacks.onTrouble(messageOf(error)));
    await new Promise<void>((resolve) => watcher.once('ready', () => resolve()));
    await previous?.close();
    // What changed while nobody was watching.
    if (!this.#isClosed) this.#soon(SETTLE_MS, false);
  }

  #soon(delayMs: number, isConfirmed: boolean): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#check(isConfirmed), delayMs);
  }

  #check(isConfirmed: boolean): void {
    this.#watch().catch((error: unknown) => this.#callbacks.onTrouble(messageOf(error)));
    const reading = readConfigFile(this.#file);
    const digest = digestOf(reading);
    if (digest === this.#digest) return;
    if ('problem' in reading && !isConfirmed) {
      this.#soon(CONFIRM_MS, true);
      return;
    }
    this.#digest = digest;
    this.#callbacks.onChange(checkReading(reading, this.#file, this.#options));
  }
}
