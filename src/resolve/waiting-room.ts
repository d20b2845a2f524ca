/** Queries that wait for the engine: until what an event touched is known, or until one look at it is over; never longer than `hold_ms`. */
import type { ResolverCounters } from './counters.ts';
import { Deadlines } from './deadlines.ts';
import { Freshness } from './freshness.ts';
import type { ResolverPorts } from './ports.ts';
import type { Held, Turn } from './turn.ts';
import type { Match } from './zone.ts';

/** Queries that wait at most; more than that are answered from what is known. */
const MAX_HELD = 10_000;

export class WaitingRoom {
  readonly freshness: Freshness = new Freshness();
  readonly #ports: ResolverPorts;
  readonly #counters: ResolverCounters;
  readonly #retry: (held: Held) => void;
  readonly #held = new Set<Held>();
  readonly #deadlines = new Deadlines<Held>();
  readonly #isOver = (held: Held): boolean => !this.#held.has(held);
  #holdMs: number;

  /** @param retry decides a held query anew, which may hold it again */
  constructor(
    ports: ResolverPorts,
    counters: ResolverCounters,
    holdMs: number,
    retry: (held: Held) => void,
  ) {
    this.#ports = ports;
    this.#counters = counters;
    this.#holdMs = holdMs;
    this.#retry = retry;
  }

  configure(holdMs: number): void {
    this.#holdMs = holdMs;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Whether this query is held until the engine's state is known for its name; holds it then. */
  mustWait(turn: Turn, match: Match): boolean {
    const { held, message } = turn;
    if (held?.isFinal === true || (held === undefined && this.#held.size >= MAX_HELD)) return false;
    const { freshness } = this;
    if (freshness.isTouched(message, match.start, match.end)) {
      this.#hold(turn, held?.refresh ?? 0);
      return true;
    }
    if (!freshness.isRefreshable || !this.#isLooked(turn, match)) return false;
    const refresh = held !== undefined && held.refresh > 0 ? held.refresh : freshness.want();
    if (freshness.isDone(refresh)) return false;
    this.#hold(turn, refresh);
    this.beginRefresh();
    return true;
  }

  /** Whether an answer is given only after a look at the engine that begins now. */
  #isLooked({ message }: Turn, match: Match): boolean {
    const isUnowned = (match.known?.entry?.groups.length ?? 0) === 0;
    const labels = match.endLabel - match.firstLabel;
    // A longer name that nobody owns is somebody else's; a bare one may be started this moment.
    if (isUnowned && (match.known !== undefined || labels === 1)) return true;
    const { freshness } = this;
    return (
      freshness.hasSuspects &&
      freshness.isSuspected(message, match.start, match.end, this.#ports.now())
    );
  }

  #hold(turn: Turn, refresh: number): void {
    if (turn.held !== undefined) {
      turn.held.refresh = refresh;
      this.#held.add(turn.held);
      return;
    }
    this.#counters.held++;
    const nowMs = this.#ports.steady();
    const held: Held = {
      message: Buffer.from(turn.message),
      client: turn.client.retain(),
      capture: turn.capture,
      sinceMs: nowMs,
      refresh,
      isFinal: false,
    };
    this.#held.add(held);
    this.#deadlines.add(held, 0, nowMs + this.#holdMs);
  }

  /** Begins the look at the engine that somebody waits for, if it may begin now. */
  beginRefresh(): void {
    const sequence = this.freshness.begin(this.#ports.steady());
    if (sequence > 0) this.#ports.refresh(sequence);
  }

  onRefreshed(sequence: number): void {
    this.freshness.finish(sequence, this.#ports.steady());
    this.resume();
    this.beginRefresh();
  }

  /** Lets every held query try again; those that must wait on stay as they are. */
  resume(): void {
    if (this.#held.size === 0) return;
    for (const held of [...this.#held]) this.#tryAgain(held);
  }

  #tryAgain(held: Held): void {
    this.#held.delete(held);
    this.#retry(held);
  }

  /** Answers those whose time is up from what is known. @returns when it wants to be called again, by the steady clock */
  tick(nowMs: number): number {
    const deadlines = this.#deadlines;
    for (let held = deadlines.takeDue(nowMs); held !== undefined; held = deadlines.takeDue(nowMs)) {
      if (this.#isOver(held)) continue;
      held.isFinal = true;
      this.#tryAgain(held);
    }
    deadlines.skipWhile(this.#isOver);
    this.beginRefresh();
    return Math.min(deadlines.nextMs, this.freshness.nextMs);
  }
}
