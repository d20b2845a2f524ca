/** Deadlines that are all the same time away, so that a queue keeps them in order without sorting. Adding one allocates nothing. */

const FIRST_ROOM = 64;

/**
 * Things with one common waiting time. Things may be used again for something else: the tag they were added with
 * tells, and one whose wait is over is forgotten by the caller's own check.
 */
export class Deadlines<T> {
  /** A ring whose size is a power of two. */
  #items: (T | undefined)[] = new Array<T | undefined>(FIRST_ROOM).fill(undefined);
  #dueMs = new Float64Array(FIRST_ROOM);
  #tags = new Int32Array(FIRST_ROOM);
  #head = 0;
  #count = 0;
  /** The tag of what `takeDue` returned last. */
  takenTag = 0;

  /** @param dueMs must not be earlier than that of the item before */
  add(item: T, tag: number, dueMs: number): void {
    if (this.#count === this.#items.length) this.#grow();
    const at = (this.#head + this.#count) & (this.#items.length - 1);
    this.#items[at] = item;
    this.#tags[at] = tag;
    this.#dueMs[at] = dueMs;
    this.#count++;
  }

  /** When the next item is due; Infinity where there is none. */
  get nextMs(): number {
    return this.#count === 0 ? Number.POSITIVE_INFINITY : (this.#dueMs[this.#head] ?? 0);
  }

  /** Drops items from the front that the caller no longer waits for. */
  skipWhile(isDone: (item: T, tag: number) => boolean): void {
    while (this.#count > 0) {
      const item = this.#items[this.#head];
      if (item !== undefined && !isDone(item, this.#tags[this.#head] ?? 0)) return;
      this.#advance();
    }
  }

  /** Takes the next item that is due, or undefined. */
  takeDue(nowMs: number): T | undefined {
    if (this.nextMs > nowMs) return undefined;
    const item = this.#items[this.#head];
    this.takenTag = this.#tags[this.#head] ?? 0;
    this.#advance();
    return item;
  }

  #advance(): void {
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#items.length - 1);
    this.#count--;
  }

  #grow(): void {
    const room = this.#items.length;
    const items = new Array<T | undefined>(room * 2).fill(undefined);
    const dueMs = new Float64Array(room * 2);
    const tags = new Int32Array(room * 2);
    for (let i = 0; i < room; i++) {
      const at = (this.#head + i) & (room - 1);
      items[i] = this.#items[at];
      dueMs[i] = this.#dueMs[at] ?? 0;
      tags[i] = this.#tags[at] ?? 0;
    }
    this.#items = items;
    this.#dueMs = dueMs;
    this.#tags = tags;
    this.#head = 0;
  }
}
