/** One query while it is decided, and one that waits for the engine. */
import type { ClientRef } from './ports.ts';
import type { Capture } from './relay-job.ts';
import type { ClientStanding } from './zone.ts';

/** What a query that just came and a held one have in common. Filled anew for each query. */
export interface Turn {
  message: Uint8Array;
  client: ClientRef;
  /** What the client may see; null until that is known. */
  standing: ClientStanding | null;
  held: Held | undefined;
  capture: Capture | null;
  /** Answering it does more than answer: it is counted, told, or depends on the clock. So its reply is not given again. */
  isOnce: boolean;
}

/** A query that waits for the engine. */
export interface Held {
  readonly message: Buffer;
  readonly client: ClientRef;
  readonly capture: Capture | null;
  readonly sinceMs: number;
  /** The refresh that it waits for; 0: none. */
  refresh: number;
  isFinal: boolean;
}

/** The turn that is used for one query after the other. */
export function newTurn(): Turn {
  return {
    message: new Uint8Array(0),
    client: NOBODY,
    standing: null,
    held: undefined,
    capture: null,
    isOnce: false,
  };
}

/** Stands where a client has to before the first query. */
const NOBODY: ClientRef = {
  isTcp: false,
  addressKey: 0,
  addressText: () => '0.0.0.0',
  localAddressText: () => null,
  retain: () => NOBODY,
  release: () => undefined,
};
