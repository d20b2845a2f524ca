/**
 * The sockets towards one upstream: which one the next query leaves by, and when a socket is replaced.
 * Opening and closing is the transport's; time is passed in.
 */
import { randomBytes } from 'node:crypto';

/** Sockets of each upstream: with 16-bit IDs and ports of the kernel's choice, 2^36 or so to guess (RFC 5452 §4.5). */
export const SOCKETS_PER_UPSTREAM = 16;
/** A port that is known for long can be guessed at leisure; and a socket keeps the source address it got, even when the host's changes. */
const MAX_AGE_MS = 30_000;
const MAX_USES = 20_000;
/** How long replies may come to a socket that was replaced: longer than any query is waited for. */
const GRACE_MS = 10_000;
/** Not to open a socket for each query while no route leads to the upstream. */
const REOPEN_AFTER_MS = 1_000;

/** How a transport opens and closes a socket of its kind. */
export interface SocketKind<S> {
  /** A connected socket, or undefined where there is no route, or no descriptor left. */
  open(index: number): S | undefined;
  close(socket: S): void;
}

interface Place<S> {
  current: S | undefined;
  openedAtMs: number;
  uses: number;
}

interface Retired<S> {
  readonly socket: S;
  readonly closeAtMs: number;
}

export class SocketPool<S> {
  readonly #kind: SocketKind<S>;
  readonly #places: Place<S>[];
  readonly #retired: Retired<S>[] = [];
  #pickedIndex = 0;
  #pickedRound = -1;

  constructor(kind: SocketKind<S>, nowMs: number) {
    this.#kind = kind;
    this.#places = Array.from({ length: SOCKETS_PER_UPSTREAM }, (_, index) => ({
      current: kind.open(index),
      openedAtMs: nowMs,
      uses: 0,
    }));
  }

  /** The socket for a round's queries: random, and the same until the round is over. Old ones are replaced here. */
  pick(round: number, nowMs: number): number {
    if (round === this.#pickedRound) return this.#pickedIndex;
    this.#pickedRound = round;
    this.#pickedIndex = randomIndex();
    const place = this.#places[this.#pickedIndex];
    if (place !== undefined && isWorn(place, nowMs)) this.#replace(place, nowMs);
    return this.#pickedIndex;
  }

  /** The socket at `index`, opened again where it could not be before; counted as one use. */
  use(index: number, nowMs: number): S | undefined {
    const place = this.#places[index];
    if (place === undefined) return undefined;
    place.uses++;
    if (place.current === undefined && nowMs - place.openedAtMs >= REOPEN_AFTER_MS) {
      place.openedAtMs = nowMs;
      place.current = this.#kind.open(index);
    }
    return place.current;
  }

  /** The socket cannot send any more (the host's address or route changed): the next use opens another. */
  abandon(index: number, nowMs: number): void {
    const place = this.#places[index];
    if (place?.current !== undefined) this.#replace(place, nowMs);
  }

  #replace(place: Place<S>, nowMs: number): void {
    if (place.current !== undefined) {
      this.#retired.push({ socket: place.current, closeAtMs: nowMs + GRACE_MS });
    }
    place.current = this.#kind.open(this.#places.indexOf(place));
    place.openedAtMs = nowMs;
    place.uses = 0;
  }

  /** Closes what was replaced long enough ago. @returns ms until there is more to close, Infinity for nothing */
  sweep(nowMs: number): number {
    for (;;) {
      const oldest = this.#retired[0];
      if (oldest === undefined) return Number.POSITIVE_INFINITY;
      if (oldest.closeAtMs > nowMs) return oldest.closeAtMs - nowMs;
      this.#retired.shift();
      this.#kind.close(oldest.socket);
    }
  }

  close(): void {
    for (const { socket } of this.#retired.splice(0)) this.#kind.close(socket);
    for (const place of this.#places) {
      if (place.current !== undefined) this.#kind.close(place.current);
      place.current = undefined;
    }
  }
}

function isWorn(place: Place<unknown>, nowMs: number): boolean {
  if (place.current === undefined) return false;
  return place.uses >= MAX_USES || (place.uses > 0 && nowMs - place.openedAtMs >= MAX_AGE_MS);
}

/** Random bytes are made 4,096 at a time: one costs more than sending a query otherwise. */
let bytes = randomBytes(0);
let used = 0;

function randomIndex(): number {
  if (used === bytes.length) {
    bytes = randomBytes(4096);
    used = 0;
  }
  return (bytes[used++] ?? 0) % SOCKETS_PER_UPSTREAM;
}
