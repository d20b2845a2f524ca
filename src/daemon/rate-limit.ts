/** Keeps a message that repeats per query from filling the log: so many of one key in a window. */
export class RateLimit {
  readonly #perWindow: number;
  readonly #windowMs: number;
  readonly #counts = new Map<string, number>();
  #windowEndMs = 0;

  constructor(perWindow: number, windowMs: number) {
    this.#perWindow = perWindow;
    this.#windowMs = windowMs;
  }

  /** Whether one more may be said now. @param nowMs any clock, as long as it is always the same */
  allows(key: string, nowMs: number = performance.now()): boolean {
    if (nowMs >= this.#windowEndMs) {
      this.#counts.clear();
      this.#windowEndMs = nowMs + this.#windowMs;
    }
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    return count <= this.#perWindow;
  }
}
