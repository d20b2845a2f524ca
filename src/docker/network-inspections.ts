/**
 * Which networks must be inspected: one inspect of a network at a time serves all containers that
 * connected to it before it began, so that many starting at once cost few inspects. Pure.
 */

/** A container that a network is asked about. */
export interface Prefetch {
  readonly id: string;
  /** The order of the event that announced the connection. */
  readonly order: number;
  readonly atMs: number;
  /** Called when the reply has been taken over, or none came. */
  over(): void;
}

export class NetworkInspections {
  readonly #wanted = new Map<string, Prefetch[]>();
  readonly #inFlight = new Map<string, Prefetch[]>();

  /** The network must be inspected after now, for this container or for itself. */
  want(networkId: string, prefetch?: Prefetch): void {
    const wanted = this.#wanted.get(networkId) ?? [];
    this.#wanted.set(networkId, wanted);
    if (prefetch !== undefined) wanted.push(prefetch);
  }

  /** The networks to inspect now. */
  take(): string[] {
    const ids = [...this.#wanted.keys()].filter((id) => !this.#inFlight.has(id));
    for (const id of ids) {
      this.#inFlight.set(id, this.#wanted.get(id) ?? []);
      this.#wanted.delete(id);
    }
    return ids;
  }

  /** An inspect is over; returns for whom it was. */
  finish(networkId: string): readonly Prefetch[] {
    const served = this.#inFlight.get(networkId) ?? [];
    this.#inFlight.delete(networkId);
    return served;
  }

  get pendingIds(): readonly string[] {
    return [...new Set([...this.#wanted.keys(), ...this.#inFlight.keys()])];
  }

  /** Calls `done` when what is wanted of the network now has been served. */
  wait(networkId: string, done: () => void): void {
    const queue = this.#wanted.get(networkId) ?? this.#inFlight.get(networkId);
    if (queue === undefined) done();
    else queue.push({ id: '', order: 0, atMs: 0, over: done });
  }

  /** Forgets everything; returns all who waited. */
  clear(): readonly Prefetch[] {
    const waiting = [...this.#wanted.values(), ...this.#inFlight.values()].flat();
    this.#wanted.clear();
    this.#inFlight.clear();
    return waiting;
  }
}
