/**
 * Which queries must wait for the engine, and for how long. Pure bookkeeping: names that an event
 * touched wait for its inspect; unknown and suspected names wait for one look at the engine that
 * began after the query arrived, shared by all that arrived before it began.
 */
import { NameIndex } from '../wire/name-index.ts';

/** A refresh costs the engine a list: it may spend a fifth of its time on them, no more. */
const REFRESH_SHARE = 5;
const MIN_REFRESH_GAP_MS = 5;
const MAX_REFRESH_GAP_MS = 250;

/** The engine side's state as messages tell it. */
export class Freshness {
  readonly #touches = new Map<number, readonly string[]>();
  readonly #touched = new NameIndex<number>();
  readonly #suspects = new NameIndex<number>();
  #suspectedUntilMs = 0;
  #isRefreshable = false;
  #started = 0;
  #finished = 0;
  #isNextWanted = false;
  #startedAtMs = 0;
  #notBeforeMs = 0;

  /** An event touched these names; they wait until `settled` with the same token. */
  touch(token: number, names: readonly string[]): void {
    this.#touches.set(token, names);
    for (const name of names) this.#touched.set(name, (this.#touched.get(name) ?? 0) + 1);
  }

  settle(token: number): void {
    for (const name of this.#touches.get(token) ?? []) {
      const count = (this.#touched.get(name) ?? 1) - 1;
      if (count === 0) this.#touched.delete(name);
      else this.#touched.set(name, count);
    }
    this.#touches.delete(token);
  }

  /** A kill was sent to the owner of these names: until then, look before answering. */
  suspect(names: readonly string[], untilMs: number): void {
    for (const name of names) this.#suspects.set(name, untilMs);
    this.#suspectedUntilMs = Math.max(this.#suspectedUntilMs, untilMs);
  }

  /** Whether any engine can be asked; where none can, nothing waits for a refresh. */
  setRefreshable(isRefreshable: boolean): void {
    this.#isRefreshable = isRefreshable;
  }

  get isRefreshable(): boolean {
    return this.#isRefreshable;
  }

  /** Whether an inspect that touches the labels in `bytes[start, end)` is under way. */
  isTouched(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#touched.size > 0 && (this.#touched.find(bytes, start, end) ?? 0) > 0;
  }

  /** Whether nothing is under way: no name has to wait for the engine. */
  get isQuiet(): boolean {
    return this.#touched.size === 0 && this.#suspectedUntilMs === 0;
  }

  /** Whether any owner was sent a kill; saves the clock where none was. */
  get hasSuspects(): boolean {
    return this.#suspectedUntilMs > 0;
  }

  /** Whether the owner of these labels was sent a kill a moment ago. */
  isSuspected(bytes: Uint8Array, start: number, end: number, nowMs: number): boolean {
    if (this.#suspectedUntilMs === 0) return false;
    if (this.#suspectedUntilMs <= nowMs) {
      this.#suspects.clear();
      this.#suspectedUntilMs = 0;
      return false;
    }
    return (this.#suspects.find(bytes, start, end) ?? 0) > nowMs;
  }

  /** The refresh that a query arriving now must wait for: one that has not begun yet. */
  want(): number {
    this.#isNextWanted = true;
    return this.#started + 1;
  }

  /** Whether that refresh is over. */
  isDone(sequence: number): boolean {
    return this.#finished >= sequence;
  }

  /** Begins the refresh that somebody waits for, if it may begin now: its number, else 0. */
  begin(nowMs: number): number {
    if (!this.#isNextWanted || this.#started > this.#finished || nowMs < this.#notBeforeMs)
      return 0;
    this.#isNextWanted = false;
    this.#startedAtMs = nowMs;
    return ++this.#started;
  }

  finish(sequence: number, nowMs: number): void {
    this.#finished = Math.max(this.#finished, sequence);
    const gap = (nowMs - this.#startedAtMs) * REFRESH_SHARE;
    this.#notBeforeMs = nowMs + Math.min(MAX_REFRESH_GAP_MS, Math.max(MIN_REFRESH_GAP_MS, gap));
  }

  /** When `begin` is worth calling again; Infinity where nobody waits for a refresh to begin. */
  get nextMs(): number {
    const mayBegin = this.#isNextWanted && this.#started === this.#finished;
    return mayBegin ? this.#notBeforeMs : Number.POSITIVE_INFINITY;
  }
}
