/** What the engine room tells, and to whom. */
import type { OwnersChange } from '../names/owner.ts';
import type { Skipped } from './container-table.ts';

export interface EngineCounts {
  readonly containers: number;
  /** Containers that run and hold names. */
  readonly owners: number;
  readonly networks: number;
}

/** How it stands with one engine. */
export type EngineState =
  /** Never connected yet: nothing is known of it. */
  | { readonly kind: 'waiting'; readonly sinceMs: number; readonly reason: string | null }
  | {
      readonly kind: 'connected';
      readonly sinceMs: number;
      readonly version: string;
      readonly apiVersion: string;
      readonly counts: EngineCounts;
    }
  /** It was connected; what was known then is still served. */
  | {
      readonly kind: 'stale';
      readonly sinceMs: number;
      readonly reason: string;
      readonly version: string;
      readonly apiVersion: string;
      readonly counts: EngineCounts;
    };

/** Receives what is known of an engine's containers; `daemon/` connects it to names and resolve. */
export interface EngineSink {
  /** Owners, networks or projects changed; to be applied as a whole. */
  changed(change: OwnersChange): void;
  /** An event touched these names: until `settled(token)` nobody knows whether they still hold. */
  touched(token: number, names: readonly string[]): void;
  /** What the event changed has been told by `changed`, or the engine failed to say. */
  settled(token: number): void;
  /** A kill was sent to their owner: until then, look (`refresh`) before answering. */
  suspected(names: readonly string[], untilMs: number): void;
  state(state: EngineState): void;
  /** A name, label or container is left out; said once for each. */
  skipped(skipped: Skipped): void;
}
