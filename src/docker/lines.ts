/** Cuts a byte stream into lines. Pure. */

const NEWLINE = 10;

/**
 * Lines of a stream that arrives in pieces of any size: an event of more than 64 KB comes in several,
 * cut in the middle of a character.
 */
export class Lines {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #isTooLong = false;

  /** @param maxBytes longer lines are left out, so that no stream can fill the memory */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that this piece completes, without their ends; empty ones are left out. Never throws. */
  add(piece: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = piece.indexOf(NEWLINE); end !== -1; end = piece.indexOf(NEWLINE, start)) {
      this.#keep(piece.subarray(start, end));
      if (!this.#isTooLong) lines.push(Buffer.concat(this.#pieces).toString('utf8').trim());
      this.#pieces = [];
      this.#bytes = 0;
      this.#isTooLong = false;
      start = end + 1;
    }
    this.#keep(piece.subarray(start));
    return lines.filter((line) => line !== '');
  }

  #keep(piece: Buffer): void {
    if (piece.length === 0 || this.#isTooLong) return;
    this.#bytes += piece.length;
    this.#isTooLong = this.#bytes > this.#maxBytes;
    if (this.#isTooLong) this.#pieces = [];
    else this.#pieces.push(piece);
  }
}
