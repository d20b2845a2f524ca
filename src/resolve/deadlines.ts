/** Deadlines that are all the same time away, so that a queue keeps them in order without sorting. */

interface Entry<T> {
  readonly dueMs: number;
  readonly item: T;
}

/** Things with one common waiting time. An item whose wait is over is forgotten by the caller's own check. */
export class Deadlines<T> {
  readonly #queue: Entry<T>[] = [];
  #head = 0;

  /** @param dueMs must not be earlier than that of the item before */
  add(item: T, dueMs: number): void {
    this.#queue.push({ dueMs, item });
  }

  /** When the next item is due; Infinity where there is none. */
  get nextMs(): number {
    return this.#queue[this.#head]?.dueMs ?? Number.POSITIVE_INFINITY;
  }

  /** Drops items from the front that the caller no longer waits for. */
  skipWhile(isDone: (item: T) => boolean): void {
    for (
      let entry = this.#queue[this.#head];
      entry !== undefined;
      entry = this.#queue[this.#head]
    ) {
      if (!isDone(entry.item)) return;
      this.#advance();
    }
  }

  /** Takes the next item that is due, or undefined. */
  takeDue(nowMs: number): T | undefined {
    const entry = this.#queue[this.#head];
    if (entry === undefined || entry.dueMs > nowMs) return undefined;
    this.#advance();
    return entry.item;
  }

  #advance(): void {
    this.#head++;
    // Shifting every time would move the whole queue; this moves it once for every 1,024 or more.
    if (this.#head < 1024 || this.#head * 2 < this.#queue.length) {
      if (this.#head === this.#queue.length) this.#compact();
      return;
    }
    this.#compact();
  }

  #compact(): void {
    this.#queue.splice(0, this.#head);
    this.#head = 0;
  }
}
