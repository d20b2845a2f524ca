/** JSON files that survive kill -9 at any moment: written beside, synced, renamed over. */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf, HomeportError, messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';

/** Changes that come in a burst are written together. */
const WRITE_DELAY_MS = 1_000;

/**
 * Reads a file of state.
 *
 * @returns the parsed JSON, or undefined where there is none yet
 * @throws HomeportError STATE_UNREADABLE
 */
export async function readState(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new HomeportError('STATE_UNREADABLE', `cannot read ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * Writes a file of state; when this resolves, the new content is on disk, and until then the old one is.
 *
 * @throws what the file system says; the old content is there as it was
 */
export async function writeState(path: string, content: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const aside = `${path}.new`;
  try {
    await writeSynced(aside, `${JSON.stringify(content)}\n`);
    await rename(aside, path);
  } catch (error) {
    // Half a file is of no use, and takes room where there may be none.
    await rm(aside, { force: true }).catch(() => undefined);
    throw error;
  }
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Keeps a file that cannot be used for whoever wants to look into it, and makes room for a new one.
 *
 * @returns where it is now; null: it could not be moved
 */
export async function setAside(path: string): Promise<string | null> {
  // Without colons, which not every file system and shell likes.
  const kept = `${path}.unreadable-${new Date().toISOString().replaceAll(/[-:.]/g, '')}`;
  try {
    await rename(path, kept);
    return kept;
  } catch {
    return null;
  }
}

/** One file, whose content is whatever `content` returns when it is time to write. */
export class StateFile {
  readonly #path: string;
  readonly #content: () => unknown;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #hasComplained = false;

  constructor(path: string, content: () => unknown, log: Logger) {
    this.#path = path;
    this.#content = content;
    this.#log = log;
  }

  /**
   * Reads the file.
   *
   * @returns the parsed JSON, or undefined where there is none yet
   * @throws HomeportError STATE_UNREADABLE, which says where the file was put aside
   */
  async read(): Promise<unknown> {
    try {
      return await readState(this.#path);
    } catch (error) {
      const kept = await setAside(this.#path);
      if (kept === null) throw error;
      throw new HomeportError('STATE_UNREADABLE', `${messageOf(error)}; it is kept as ${kept}`, {
        cause: error,
      });
    }
  }

  /** Writes soon. A failure is said once: names are served all the same. */
  changed(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#writeQuietly();
    }, WRITE_DELAY_MS);
  }

  async #writeQuietly(): Promise<void> {
    try {
      await this.flush();
      this.#hasComplained = false;
    } catch (err) {
      if (!this.#hasComplained)
        this.#log.warn(
          { err, path: this.#path },
          'cannot keep the state; a restart will forget it',
        );
      this.#hasComplained = true;
    }
  }

  /** Writes now, and resolves when it is on disk. Throws what the file system says. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const write = this.#writing
      .catch(() => undefined)
      .then(() => writeState(this.#path, this.#content()));
    this.#writing = write;
    await write;
  }
}
