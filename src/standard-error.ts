/** Standard error as the log's end: never blocks, never fails, never grows: a full disk or a reader who hangs costs lines, not the service. */
import { write, writeSync } from 'node:fs';
import { codeOf } from './errors.ts';

const STANDARD_ERROR = 2;
/** Characters that wait for a reader; beyond them lines are dropped. */
const MAX_WAITING = 4 << 20;
/** A pipe that is full and does not block is tried again after this long. */
const RETRY_MS = 20;

/** What pino writes to. sonic-boom throws where the disk is full, and then keeps the process from ending. */
export class StandardError {
  readonly #waiting: string[] = [];
  #waitingLength = 0;
  #isWriting = false;

  constructor() {
    process.on('exit', () => this.#writeRest());
  }

  write(line: string): void {
    if (this.#waitingLength > MAX_WAITING) return;
    this.#waiting.push(line);
    this.#waitingLength += line.length;
    if (!this.#isWriting) this.#writeNext();
  }

  #take(): Buffer {
    const lines = Buffer.from(this.#waiting.join(''));
    this.#waiting.length = 0;
    this.#waitingLength = 0;
    return lines;
  }

  #writeNext(): void {
    this.#isWriting = this.#waiting.length > 0;
    if (this.#isWriting) this.#write(this.#take());
  }

  #write(bytes: Buffer): void {
    write(STANDARD_ERROR, bytes, (error, written) => {
      if (codeOf(error) === 'EAGAIN') setTimeout(() => this.#write(bytes), RETRY_MS);
      else if (error === null && written < bytes.length) this.#write(bytes.subarray(written));
      else this.#writeNext();
    });
  }

  /** What a process that ends at once has not written yet: its last words matter most. */
  #writeRest(): void {
    try {
      writeSync(STANDARD_ERROR, this.#take());
    } catch {
      // Nobody is left to be told.
    }
  }
}
