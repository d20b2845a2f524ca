/** A query that waits for upstreams: what is remembered of it until it is answered. Used again for another after that. */
import type { Outcome, Waiter } from './pending.ts';
import type { ClientRef } from './ports.ts';
import { MessageRoom } from './room.ts';

/** Takes a reply in place of the client: the answer to an alias's target, on its way to get the alias in front. */
export interface Capture {
  /** How many aliases led here. */
  readonly depth: number;
  deliver(reply: Uint8Array): void;
}

const NO_MESSAGE: Buffer = Buffer.alloc(0);

export class RelayJob implements Waiter {
  nextWaiter: Waiter | null = null;
  message: Buffer = NO_MESSAGE;
  client: ClientRef;
  capture: Capture | null = null;
  startedAtMs = 0;
  readonly #room = new MessageRoom();
  readonly #onSettled: (job: RelayJob, outcome: Outcome) => void;

  /** @param onSettled told what came of the client's own question; the same for all jobs */
  constructor(client: ClientRef, onSettled: (job: RelayJob, outcome: Outcome) => void) {
    this.client = client;
    this.#onSettled = onSettled;
  }

  /** Begins with a copy of the query. */
  begin(
    message: Uint8Array,
    client: ClientRef,
    capture: Capture | null,
    startedAtMs: number,
  ): void {
    this.message = this.#room.copy(message, message.length);
    this.client = client;
    this.capture = capture;
    this.startedAtMs = startedAtMs;
  }

  settled(outcome: Outcome): void {
    this.#onSettled(this, outcome);
  }
}
