/**
 * When the swarm is read. Its events tell of services and nodes, none tells of tasks: so after each
 * event, and for as long as the swarm converges, it is read again and again. Pure bookkeeping.
 */

/** An orchestrator acts within milliseconds of an event, a node within tens of them. */
const FIRST_POLL_MS = 100;
/** What has not moved for that long since the last event moves no more by itself. */
const SETTLED_MS = 1600;
/** A service that finds no node converges for ever. */
const CONVERGING_POLL_MS = 4000;
/** The containers of other nodes die without an event of this engine. */
const REMOTE_POLL_MS = 1000;

/** How the swarm stands after a read, as far as it decides when to read again. */
export interface SwarmStanding {
  readonly isChanged: boolean;
  readonly isConverging: boolean;
  readonly hasRemoteTasks: boolean;
}

export class SwarmReads {
  #isWanted = false;
  #isInFlight = false;
  #wanted: (() => void)[] = [];
  #served: (() => void)[] = [];
  #pollMs = FIRST_POLL_MS;
  #pollAtMs = Number.POSITIVE_INFINITY;

  /** The swarm must be read after now; `done` is called when that has happened, or failed. */
  want(done?: () => void): void {
    this.#isWanted = true;
    this.#pollMs = FIRST_POLL_MS;
    if (done !== undefined) this.#wanted.push(done);
  }

  /** Whether to begin a read now. */
  take(nowMs: number): boolean {
    if (this.#isInFlight || !(this.#isWanted || nowMs >= this.#pollAtMs)) return false;
    this.#isWanted = false;
    this.#isInFlight = true;
    this.#pollAtMs = Number.POSITIVE_INFINITY;
    this.#served = this.#wanted;
    this.#wanted = [];
    return true;
  }

  /**
   * A read is over.
   *
   * @param standing null: the engine manages no swarm, so there is nothing to read again
   * @returns whom to tell once its reply has been taken over
   */
  finish(standing: SwarmStanding | null, nowMs: number): readonly (() => void)[] {
    this.#isInFlight = false;
    this.#pollAtMs =
      standing === null ? Number.POSITIVE_INFINITY : nowMs + this.#nextPollMs(standing);
    const served = this.#served;
    this.#served = [];
    return served;
  }

  /** When `take` has more although nothing happens; Infinity: never. */
  get nextMs(): number {
    return this.#isInFlight ? Number.POSITIVE_INFINITY : this.#pollAtMs;
  }

  /** Forgets what is under way, as after a lost connection; returns all who waited. */
  clear(): readonly (() => void)[] {
    const waiting = [...this.#served, ...this.#wanted];
    this.#served = [];
    this.#wanted = [];
    this.#isWanted = false;
    this.#isInFlight = false;
    this.#pollAtMs = Number.POSITIVE_INFINITY;
    return waiting;
  }

  #nextPollMs({ isChanged, isConverging, hasRemoteTasks }: SwarmStanding): number {
    if (isChanged) this.#pollMs = FIRST_POLL_MS;
    const waitMs = this.#pollMs;
    this.#pollMs *= 2;
    const isSettled = waitMs > SETTLED_MS && !isConverging;
    if (isSettled) return hasRemoteTasks ? REMOTE_POLL_MS : Number.POSITIVE_INFINITY;
    return Math.min(waitMs, hasRemoteTasks ? REMOTE_POLL_MS : CONVERGING_POLL_MS);
  }
}
