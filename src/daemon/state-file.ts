/** A JSON file that survives kill -9 at any moment: written beside, synced, renamed over. */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf, HomeportError, messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';

/** Changes that come in a burst are written together. */
const WRITE_DELAY_MS = 1_000;

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
   * @throws HomeportError STATE_UNREADABLE
   */
  async read(): Promise<unknown> {
    try {
      return JSON.parse(await readFile(this.#path, 'utf8'));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      const reason = messageOf(error);
      throw new HomeportError(
        'STATE_UNREADABLE',
        `cannot read ${this.#path}: ${reason}; remove it to start afresh`,
        { cause: error },
      );
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
    const write = this.#writing.catch(() => undefined).then(() => this.#write());
    this.#writing = write;
    await write;
  }

  async #write(): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    const aside = `${this.#path}.new`;
    const file = await open(aside, 'w', 0o600);
    try {
      await file.writeFile(`${JSON.stringify(this.#content())}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, this.#path);
    const folder = await open(dirname(this.#path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}
