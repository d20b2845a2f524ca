/** Cuts a JSON array that arrives in pieces into its elements. Pure. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = new Set([0x7b, 0x5b]);
const CLOSE = new Set([0x7d, 0x5d]);

/**
 * The elements of a JSON array of objects, as they come in: the list of 10,000 containers has some
 * 12 MB, and parsing it at once would keep the thread for a tenth of a second.
 */
export class ArrayElements {
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  #pieces: Buffer[] = [];
  #isEnded = false;

  /** Whether the array has been closed: a list that was cut off is no list. */
  get isComplete(): boolean {
    return this.#isEnded;
  }

  /** The texts of the objects that this piece completes. Never throws; what is no JSON fails when it is parsed. */
  add(piece: Buffer): string[] {
    const elements: string[] = [];
    let start = 0;
    for (let i = 0; i < piece.length; i++) {
      const byte = piece[i] ?? 0;
      if (this.#isInString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === BACKSLASH) this.#isEscaped = true;
        else if (byte === QUOTE) this.#isInString = false;
      } else if (byte === QUOTE) {
        this.#isInString = true;
      } else if (OPEN.has(byte)) {
        if (this.#depth === 1) start = i;
        this.#depth++;
      } else if (CLOSE.has(byte)) {
        this.#depth--;
        if (this.#depth === 0) this.#isEnded = true;
        if (this.#depth === 1) {
          this.#pieces.push(piece.subarray(start, i + 1));
          elements.push(Buffer.concat(this.#pieces).toString('utf8'));
          this.#pieces = [];
          start = piece.length;
        }
      }
    }
    if (this.#depth > 1 && start < piece.length) this.#pieces.push(piece.subarray(start));
    return elements;
  }
}
