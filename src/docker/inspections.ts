/**
 * Which containers must be inspected and when. Pure bookkeeping: one inspect in flight for each
 * container, one more when something happens to it meanwhile, patience where the engine fails.
 */

/** Starting containers hold their inspects back until they run, so these must not be few. */
const MAX_URGENT = 256;
/** Of a whole engine at once: more do not make it faster, and events' inspects would wait behind them. */
const MAX_BULK = 32;
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5000;

/** `urgent`: something happened to it. `bulk`: one of many to be looked at. */
export type Lane = 'urgent' | 'bulk';

interface Job {
  /** When something last happened to it, by the order of happenings; 0: nothing since. */
  dirtyAt: number;
  /** The order at which the inspect in flight or the last one began. */
  beganAt: number;
  isInFlight: boolean;
  lane: Lane;
  inFlightLane: Lane;
  failures: number;
  /** Those who wait until it has been inspected after `at`. */
  waiters: { readonly at: number; readonly done: () => void }[];
}

/** What became of an inspect: the engine described it, knows it no more, or said nothing. */
export type Outcome = 'known' | 'gone' | 'silent';

export class Inspections {
  readonly #jobs = new Map<string, Job>();
  readonly #queues = { urgent: new Set<string>(), bulk: new Set<string>() };
  readonly #walks: Record<Lane, Iterator<string, undefined>> = {
    urgent: this.#queues.urgent.values(),
    bulk: this.#queues.bulk.values(),
  };
  readonly #running = { urgent: 0, bulk: 0 };
  /** Failed ones, by when they may be tried again. */
  readonly #resting = new Map<string, number>();
  #order = 0;

  /** The order of the latest happening; a later one has a greater number. */
  get order(): number {
    return this.#order;
  }

  /** Something else happened that inspects must be told apart by. */
  advance(): number {
    return ++this.#order;
  }

  /**
   * The container must be inspected after now.
   *
   * @param done called once, when that has happened or the engine failed to say
   * @returns the order of this happening
   */
  mark(id: string, lane: Lane, done?: () => void): number {
    const at = ++this.#order;
    const job = this.#jobs.get(id) ?? newJob(lane);
    this.#jobs.set(id, job);
    job.dirtyAt = at;
    if (lane === 'urgent') job.lane = lane;
    // An event is a reason to try again at once.
    if (lane === 'urgent') this.#resting.delete(id);
    const isResting = this.#resting.has(id);
    if (!job.isInFlight && !isResting) this.#enqueue(id, job);
    if (done === undefined) return at;
    // Where the engine has just failed to say, nobody is kept waiting for the next try.
    if (isResting) done();
    else job.waiters.push({ at, done });
    return at;
  }

  /** Whether it waits for an inspect or is in one. */
  isPending(id: string): boolean {
    const job = this.#jobs.get(id);
    return job !== undefined && (job.isInFlight || job.dirtyAt > 0);
  }

  /** The lane of the inspect that is under way or was last. */
  laneOf(id: string): Lane | undefined {
    return this.#jobs.get(id)?.inFlightLane;
  }

  /** How many wait for an inspect or are in one. */
  get pendingCount(): number {
    return this.#jobs.size;
  }

  /** Calls `done` once whatever is pending for the container now is over; at once where nothing is or the engine failed. */
  wait(id: string, done: () => void): void {
    const job = this.#jobs.get(id);
    if (job === undefined || this.#resting.has(id)) done();
    else job.waiters.push({ at: job.dirtyAt || job.beganAt, done });
  }

  /** The inspects to begin now, with the order of their beginning. */
  take(nowMs: number): { readonly id: string; readonly beganAt: number }[] {
    for (const [id, untilMs] of this.#resting) {
      if (untilMs > nowMs) continue;
      this.#resting.delete(id);
      const job = this.#jobs.get(id);
      if (job !== undefined && !job.isInFlight && job.dirtyAt > 0) this.#enqueue(id, job);
    }
    return [...this.#takeFrom('urgent', MAX_URGENT), ...this.#takeFrom('bulk', MAX_BULK)];
  }

  /** An inspect is over; returns whom to tell once its reply has been taken over. */
  finish(id: string, outcome: Outcome, nowMs: number, jitter: number): readonly (() => void)[] {
    const job = this.#jobs.get(id);
    if (job === undefined) return [];
    if (job.isInFlight) this.#running[job.inFlightLane]--;
    job.isInFlight = false;
    if (outcome === 'silent') {
      job.failures++;
      const restMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (job.failures - 1));
      job.dirtyAt = Math.max(job.dirtyAt, job.beganAt);
      this.#resting.set(id, nowMs + restMs * (0.5 + jitter / 2));
    } else {
      job.failures = 0;
      if (job.dirtyAt > 0) this.#enqueue(id, job);
    }
    const isOver = (at: number) => outcome === 'gone' || at <= job.beganAt;
    const over = job.waiters.filter((waiter) => isOver(waiter.at));
    job.waiters = job.waiters.filter((waiter) => !isOver(waiter.at));
    if (outcome === 'gone' || (outcome === 'known' && job.dirtyAt === 0)) this.#forget(id);
    return over.map((waiter) => waiter.done);
  }

  /** When `take` has more although nothing happens; Infinity: never. */
  get nextMs(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#resting.values());
  }

  /** Forgets everything, as after a lost connection; returns all who waited. */
  clear(): readonly (() => void)[] {
    const waiting = [...this.#jobs.values()].flatMap((job) => job.waiters.map((at) => at.done));
    this.#jobs.clear();
    this.#queues.urgent.clear();
    this.#queues.bulk.clear();
    this.#resting.clear();
    this.#running.urgent = 0;
    this.#running.bulk = 0;
    return waiting;
  }

  #enqueue(id: string, job: Job): void {
    this.#queues[job.lane].add(id);
    if (job.lane === 'urgent') this.#queues.bulk.delete(id);
  }

  #takeFrom(lane: Lane, limit: number): { id: string; beganAt: number }[] {
    const taken: { id: string; beganAt: number }[] = [];
    while (this.#running[lane] < limit) {
      const id = this.#next(lane);
      if (id === undefined) break;
      this.#queues[lane].delete(id);
      const job = this.#jobs.get(id);
      if (job === undefined) continue;
      job.isInFlight = true;
      job.inFlightLane = lane;
      job.lane = 'bulk';
      job.beganAt = this.#order;
      job.dirtyAt = 0;
      this.#running[lane]++;
      taken.push({ id, beganAt: job.beganAt });
    }
    return taken;
  }

  /** Goes on where it was: a Set that loses its first elements one by one is slow to find its new first. */
  #next(lane: Lane): string | undefined {
    const step = this.#walks[lane].next();
    if (step.done !== true) return step.value;
    this.#walks[lane] = this.#queues[lane].values();
    return this.#walks[lane].next().value;
  }

  #forget(id: string): void {
    this.#jobs.delete(id);
    this.#queues.urgent.delete(id);
    this.#queues.bulk.delete(id);
    this.#resting.delete(id);
  }
}

function newJob(lane: Lane): Job {
  return {
    dirtyAt: 0,
    beganAt: 0,
    isInFlight: false,
    lane,
    inFlightLane: lane,
    failures: 0,
    waiters: [],
  };
}
