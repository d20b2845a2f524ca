/**
 * Names that an event touched: they wait until it is known what it changed. Of each, who may let it go: the inspect
 * of its container, its network before that, or for a name that a rename took away its heir or the time. Pure.
 */

/** So long does a name that a rename took away wait for its heir: scripts rename the old container, then the new one. */
const SUCCESSION_MS = 200;

/** Lets the names go; may be called more than once. */
export type Settle = () => void;

export class Touches {
  readonly #touched: (token: number, names: readonly string[]) => void;
  readonly #settled: (token: number) => void;
  readonly #byContainer = new Map<string, Settle[]>();
  readonly #successions = new Map<string, { readonly untilMs: number; readonly settle: Settle }>();
  #lastToken = 0;

  /**
   * @param touched from then on the names wait
   * @param settled they need not any more; called once for each token
   */
  constructor(
    touched: (token: number, names: readonly string[]) => void,
    settled: (token: number) => void,
  ) {
    this.#touched = touched;
    this.#settled = settled;
  }

  /** These names wait. */
  touch(names: readonly string[]): Settle {
    const touched = [...new Set(names)];
    if (touched.length === 0) return () => undefined;
    const token = ++this.#lastToken;
    this.#touched(token, touched);
    let isSettled = false;
    return () => {
      if (!isSettled) this.#settled(token);
      isSettled = true;
    };
  }

  /** These names wait for a container. */
  touchFor(id: string, names: readonly string[]): Settle {
    const settle = this.touch(names);
    const waiting = this.#byContainer.get(id);
    if (waiting === undefined) this.#byContainer.set(id, [settle]);
    else waiting.push(settle);
    return settle;
  }

  /** Lets go of all that wait for the container now, when it is called. */
  settleOf(id: string): Settle {
    const waiting = [...(this.#byContainer.get(id) ?? [])];
    return () => {
      for (const settle of waiting) settle();
    };
  }

  /** Nobody waits for the container any more. */
  forget(id: string): void {
    this.#byContainer.delete(id);
  }

  /** A rename took the name away: it waits for its heir. */
  leave(name: string, nowMs: number): void {
    this.#successions.get(name)?.settle();
    this.#successions.set(name, {
      untilMs: nowMs + SUCCESSION_MS,
      settle: this.touch([name]),
    });
  }

  /** The name has its heir; returns what lets go of those who waited for him. */
  inherit(name: string): Settle {
    const succession = this.#successions.get(name);
    this.#successions.delete(name);
    return succession?.settle ?? (() => undefined);
  }

  /** When a succession ends without an heir; Infinity: never. */
  get nextMs(): number {
    return Math.min(...[...this.#successions.values()].map(({ untilMs }) => untilMs));
  }

  endSuccessions(nowMs: number): void {
    for (const [name, { untilMs, settle }] of this.#successions) {
      if (untilMs > nowMs) continue;
      this.#successions.delete(name);
      settle();
    }
  }

  /** The connection is lost: nobody waits for inspects or heirs any more. */
  clear(): void {
    this.#byContainer.clear();
    this.endSuccessions(Number.POSITIVE_INFINITY);
  }
}
