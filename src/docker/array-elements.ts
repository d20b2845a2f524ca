/** Cuts a JSON array that arrives in pieces into its elements. Pure. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const COMMA = 0x2c;
const SPACES: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

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
  #isArray = true;

  /** Whether it was an array of objects and has been closed: a list that was cut off is no list. */
  get isComplete(): boolean {
    return this.#isArray && this.#isEnded;
  }

  /** The texts of the objects that this piece completes. Never throws; what is no JSON fails when it is parsed. */
  add(piece: Buffer): string[] {
    const elements: string[] = [];
    let start = 0;
    for (let i = 0; i < piece.length; i++) {
      const byte = piece[i] ?? 0;
      if (this.#isInString) this.#inString(byte);
      else if (this.#depth < 2) {
        if (this.#outside(byte)) start = i;
      } else if (byte === QUOTE) this.#isInString = true;
      else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.#depth++;
      else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        this.#depth--;
        if (this.#depth > 1) continue;
        this.#pieces.push(piece.subarray(start, i + 1));
        elements.push(Buffer.concat(this.#pieces).toString('utf8'));
        this.#pieces = [];
      }
    }
    if (this.#depth > 1) this.#pieces.push(piece.subarray(start));
    return elements;
  }

  #inString(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === BACKSLASH) this.#isEscaped = true;
    else if (byte === QUOTE) this.#isInString = false;
  }

  /** A byte between elements or around the array; returns whether an element begins with it. */
  #outside(byte: number): boolean {
    if (SPACES.has(byte)) return false;
    if (this.#depth === 0) {
      if (byte !== OPEN_ARRAY || this.#isEnded) this.#isArray = false;
      this.#depth = 1;
      return false;
    }
    if (byte === CLOSE_ARRAY) {
      this.#depth = 0;
      this.#isEnded = true;
    } else if (byte === OPEN_OBJECT) {
      this.#depth = 2;
      return true;
    } else if (byte !== COMMA) {
      this.#isArray = false;
    }
    return false;
  }
}
