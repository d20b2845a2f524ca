/**
 * Keeps the parity verdict up to date: checks after the start, and again when a file, a container or
 * the configuration that it rests on changes. How to check is `ParityChecker`'s business.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ParityReport } from '../control/reports.ts';
import { messageOf } from '../errors.ts';
import { WatchedFile } from '../host/watched-file.ts';
import type { Logger } from '../log.ts';
import { couldNotCheck } from './parity-report.ts';

export interface ParityWatchOptions {
  readonly log: Logger;
  /** Checks once; null where production is not configured any more. */
  check(): Promise<ParityReport | null>;
  /** The verdict, or what led to it, changed: for `/v1/events`. */
  changed(report: ParityReport): void;
  /** Left out: the files of this host. */
  readonly watchFile?: (path: string, onChange: () => void) => FileWatch;
  /** Left out: the process's monotonic clock, which nobody sets back. */
  readonly nowMs?: () => number;
}

/** A watched file, as far as it is needed here. */
export interface FileWatch {
  /** Calls back where the content differs from the last reading. */
  read(): Promise<unknown>;
  close(): Promise<void>;
}

/** What the check rests on, of the configuration. */
export interface ParitySources {
  /** Production's profile; null: nothing is checked. */
  readonly production: string | null;
  readonly resolvConf: string;
}

/** A Compose project that starts makes dozens of changes; one check after the last of them will do. */
const QUIET_MS = 2_000;
/** Where changes do not end, a check comes all the same. */
const MAX_WAIT_MS = 10_000;
/** Lasting churn has one check in so long… */
const INTERVAL_MS = 10_000;
/** …a few at once are free… */
const FREE_MS = 3 * INTERVAL_MS;
/** …and a check that takes long is made up for: in the long run a fifth of one core at most. */
const REST_FACTOR = 5;
/** They decide before DNS does. */
const HOST_FILES = ['/etc/nsswitch.conf', '/etc/hosts'];

export class ParityWatch {
  readonly #options: ParityWatchOptions;
  readonly #watchFile: (path: string, onChange: () => void) => FileWatch;
  readonly #nowMs: () => number;
  #paths: readonly string[] = [];
  #files: readonly FileWatch[] = [];
  #isOn = false;
  #report: ParityReport | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isRunning = false;
  #firstTouchMs: number | null = null;
  #lastTouchMs = 0;
  #paidUntilMs = Number.NEGATIVE_INFINITY;
  #isInDoubt = false;

  constructor(options: ParityWatchOptions) {
    this.#options = options;
    this.#watchFile = options.watchFile ?? ((path, onChange) => new WatchedFile(path, onChange));
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** The last check; null: none yet; undefined: no production is configured. */
  get report(): ParityReport | null | undefined {
    return this.#isOn ? this.#report : undefined;
  }

  /** Takes the configuration, watches its files, and checks soon. */
  configure({ production, resolvConf }: ParitySources): void {
    this.#isOn = production !== null;
    if (!this.#isOn) this.#rest();
    this.#watch(production === null ? [] : [...HOST_FILES, resolvConf, production]);
    this.touch();
  }

  #watch(paths: readonly string[]): void {
    if (isDeepStrictEqual(paths, this.#paths)) return;
    this.#paths = paths;
    const old = this.#files;
    this.#files = paths.map((path) => this.#watchFile(path, () => this.touch()));
    // The first reading is what later ones are compared with.
    this.#settle(Promise.all(this.#files.map((file) => file.read())));
    this.#settle(Promise.all(old.map((file) => file.close())));
  }

  #settle(work: Promise<unknown>): void {
    work.catch((err: unknown) => this.#options.log.error({ err }, 'the parity watch failed'));
  }

  /** Something that the verdict rests on may have changed. Costs next to nothing. */
  touch(): void {
    if (!this.#isOn) return;
    this.#lastTouchMs = this.#nowMs();
    this.#firstTouchMs ??= this.#lastTouchMs;
    if (!this.#isRunning) this.#timer ??= this.#wakeAt(this.#dueMs());
  }

  #dueMs(): number {
    const quietMs = this.#lastTouchMs + QUIET_MS;
    const latestMs = (this.#firstTouchMs ?? quietMs) + MAX_WAIT_MS;
    return Math.max(Math.min(quietMs, latestMs), this.#paidUntilMs - FREE_MS);
  }

  /** Touches in between do not move the timer: it looks again when it fires. */
  #wakeAt(dueMs: number): NodeJS.Timeout {
    return setTimeout(() => this.#wake(), Math.max(0, dueMs - this.#nowMs()));
  }

  #wake(): void {
    this.#timer = undefined;
    const dueMs = this.#dueMs();
    if (dueMs > this.#nowMs()) this.#timer = this.#wakeAt(dueMs);
    else this.#settle(this.#run());
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    this.#firstTouchMs = null;
    const startMs = this.#nowMs();
    const report = await this.#check();
    const tookMs = this.#nowMs() - startMs;
    const priceMs = Math.max(INTERVAL_MS, tookMs * REST_FACTOR);
    this.#paidUntilMs = Math.max(this.#paidUntilMs, startMs) + priceMs;
    this.#isRunning = false;
    if (!this.#isOn) return;
    const wasTouched = this.#firstTouchMs !== null;
    if (wasTouched) this.#timer ??= this.#wakeAt(this.#dueMs());
    if (report !== null) this.#take(report, wasTouched);
  }

  /** Never rejects: what goes wrong in a check is a verdict. */
  async #check(): Promise<ParityReport | null> {
    try {
      return await this.#options.check();
    } catch (error) {
      return couldNotCheck([messageOf(error)]);
    }
  }

  #take(report: ParityReport, wasTouched: boolean): void {
    // A container that stops while it is read: the next check, which is due, does not meet it. Once only.
    const isInDoubt = report.verdict === 'could not check' && wasTouched && !this.#isInDoubt;
    this.#isInDoubt = isInDoubt;
    if (isInDoubt) return;
    const before = this.#report;
    this.#report = report;
    if (before?.verdict !== report.verdict) this.#log(before, report);
    if (!isSame(before, report)) this.#options.changed(report);
  }

  #log(before: ParityReport | null, report: ParityReport): void {
    const { verdict, counts, findings, problems } = report;
    const fields = {
      verdict,
      before: before?.verdict ?? null,
      ...counts,
      ...(findings.length === 0 ? {} : { findings: [...new Set(findings.map(({ id }) => id))] }),
      ...(problems.length === 0 ? {} : { problems }),
    };
    this.#options.log[verdict === 'parity' ? 'info' : 'warn'](fields, 'parity verdict changed');
  }

  /** Nothing is due any more, and nothing known. */
  #rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#firstTouchMs = null;
    this.#report = null;
    this.#isInDoubt = false;
  }

  /** Ends the watching; a check that is under way is not waited for, and its result not taken. */
  close(): void {
    this.#isOn = false;
    this.#rest();
    this.#watch([]);
  }
}

/** Apart from when it was checked. */
function isSame(before: ParityReport | null, now: ParityReport): boolean {
  return (
    before !== null && isDeepStrictEqual({ ...before, checkedAt: '' }, { ...now, checkedAt: '' })
  );
}
