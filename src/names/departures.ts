/** Names that no container owns any more, in the order in which they were left, until their time is up. */

export interface Departure {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** Who owned it last. */
  readonly owner: string;
}

export class Departures {
  /** In the order of departure, so the first is the next to run out. */
  readonly #byName = new Map<string, Departure>();
  #departedForMs: number;

  constructor(departedForMs: number) {
    this.#departedForMs = departedForMs;
  }

  /** How long a name counts as departed; 0: not at all. */
  get departedForMs(): number {
    return this.#departedForMs;
  }

  /** Changes how long, for the names that have departed already too. */
  setDepartedFor(departedForMs: number): void {
    this.#departedForMs = departedForMs;
  }

  leave(name: string, departure: Departure): void {
    if (this.#departedForMs === 0) return;
    this.#byName.delete(name);
    this.#byName.set(name, departure);
  }

  comeBack(name: string): void {
    this.#byName.delete(name);
  }

  of(name: string): Departure | undefined {
    return this.#byName.get(name);
  }

  names(): readonly string[] {
    return [...this.#byName.keys()];
  }

  /** When the next one runs out, milliseconds since the epoch; Infinity: never. */
  get nextEndMs(): number {
    for (const { atMs } of this.#byName.values()) return atMs + this.#departedForMs;
    return Number.POSITIVE_INFINITY;
  }

  /** Forgets the names whose time is up, and returns them. */
  expire(nowMs: number): readonly string[] {
    const expired: string[] = [];
    for (const [name, { atMs }] of this.#byName) {
      // A clock that was set back delays those that left before by as much; the answering side compares times itself.
      if (atMs + this.#departedForMs > nowMs) break;
      this.#byName.delete(name);
      expired.push(name);
    }
    return expired;
  }
}
