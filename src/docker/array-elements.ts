/** Cuts a JSON array that arrives in pieces into its elements. Pure. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const COMMA = 0x2c;
const SPACES: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** 1 for the bytes that mean something inside an element; nearly all others are passed over. */
const MARKS = new Uint8Array(256);
for (const byte of [QUOTE, BACKSLASH, OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT]) {
  MARKS[byte] = 1;
}

/**
 * The elements of a JSON array of objects, as they come in: the list of 10,000 containers has some
 * 12 MB, and parsing it at once would keep the thread for a tenth of a second.
 */
export class ArrayElements {
  /** 0 outside the array, 1 between elements, 2 and more inside one. */
  #depth = 0;
  #isInString = false;
  /** The last piece ended with a backslash that belongs to the next byte. */
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
    for (let at = 0; at < piece.length; ) {
      if (this.#depth < 2 && !this.#begin(piece[at] ?? 0)) {
        at++;
        continue;
      }
      const end = this.#endOfElement(piece, at);
      this.#pieces.push(piece.subarray(at, end));
      at = end;
      if (this.#depth > 1) break;
      elements.push(Buffer.concat(this.#pieces).toString('utf8'));
      this.#pieces = [];
    }
    return elements;
  }

  /** Takes a byte outside any element; returns whether an element begins with it. */
  #begin(byte: number): boolean {
    if (SPACES.has(byte)) return false;
    if (this.#depth === 0) {
      if (byte !== OPEN_ARRAY || this.#isEnded) this.#isArray = false;
      this.#depth = 1;
    } else if (byte === CLOSE_ARRAY) {
      this.#depth = 0;
      this.#isEnded = true;
    } else if (byte !== COMMA && byte !== OPEN_OBJECT) {
      this.#isArray = false;
    }
    return this.#depth === 1 && byte === OPEN_OBJECT;
  }

  /** The offset after the element that goes on at `from`, or the piece's end where it goes on beyond. */
  #endOfElement(piece: Buffer, from: number): number {
    let at = this.#isEscaped ? from + 1 : from;
    let depth = Math.max(1, this.#depth);
    let isInString = this.#isInString;
    for (; at < piece.length; at++) {
      const byte = piece[at] ?? 0;
      if (MARKS[byte] === 0) continue;
      if (isInString) {
        if (byte === BACKSLASH) at++;
        else if (byte === QUOTE) isInString = false;
      } else if (byte === QUOTE) isInString = true;
      else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++;
      else if (byte !== BACKSLASH && --depth === 1) {
        at++;
        break;
      }
    }
    this.#isEscaped = at > piece.length;
    this.#depth = depth;
    this.#isInString = isInString;
    return Math.min(at, piece.length);
  }
}
