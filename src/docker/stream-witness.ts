/**
 * Whether an event stream that seems open still delivers. A proxy on the socket can cut it without a
 * sign, and pings on another connection succeed; so another connection is asked for the events of a
 * few seconds that are over, and each of them must have come by the stream. Pure.
 */
import type { EngineEvent } from './engine-event.ts';

/** The engine keeps 256 events; the stream's last thousand hold all that can be asked for. */
const MAX_KEPT = 1024;
/** The stream is open from some moment between its headers and that; events at its very begin prove nothing. */
const GRACE_MS = 1500;

export class StreamWitness {
  readonly #openedAtMs: number;
  readonly #seen = new Set<string>();

  /** @param openedAtMs by the engine's clock */
  constructor(openedAtMs: number) {
    this.#openedAtMs = openedAtMs;
  }

  /** The stream delivered this. */
  see(event: EngineEvent): void {
    this.#seen.add(event.key);
    if (this.#seen.size <= MAX_KEPT) return;
    for (const oldest of this.#seen) {
      this.#seen.delete(oldest);
      break;
    }
  }

  /**
   * An event that the stream must have delivered and did not; undefined where it has missed none. An
   * event that is not among `told` proves nothing: the engine forgets the older ones.
   */
  missed(told: readonly EngineEvent[]): EngineEvent | undefined {
    const since = this.#openedAtMs + GRACE_MS;
    return told.find((event) => event.atMs >= since && !this.#seen.has(event.key));
  }
}
