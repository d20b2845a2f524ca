/**
 * Datagrams that upstreams have not answered yet, by socket and ID: one table for each upstream, which allocates
 * nothing for a query once it is as large as the load asks for.
 */
import type { Pending } from './pending.ts';
import type { Upstream } from './upstreams.ts';

const IDS = 0x10000;
/** A power of two; at most half of it is taken. */
const FIRST_ROOM = 128;
const NO_MESSAGE: Buffer = Buffer.alloc(0);

/** One query that was sent. Used again for another once it is answered, or nobody waits for the answer any more. */
export class Datagram {
  upstream: Upstream;
  /** What it was sent for; null: it only finds out whether a down server is back. */
  pending: Pending | null = null;
  message: Buffer = NO_MESSAGE;
  questionEnd = 0;
  socket = 0;
  id = 0;
  /** The attempt of `pending` that it is, or for a probe a number of its own; 0 while nobody uses this object. */
  attempt = 0;

  constructor(upstream: Upstream) {
    this.upstream = upstream;
  }

  get key(): number {
    return keyOf(this.socket, this.id);
  }
}

function keyOf(socket: number, id: number): number {
  return socket * IDS + id;
}

/** The datagrams to one upstream. */
export class Datagrams {
  /** Keys plus one; 0: empty. Read from the place that a key's hash gives on, up to the first empty one. */
  #keys = new Int32Array(FIRST_ROOM);
  #items: (Datagram | undefined)[] = new Array<Datagram | undefined>(FIRST_ROOM).fill(undefined);
  #count = 0;

  find(socket: number, id: number): Datagram | undefined {
    return this.#items[this.#placeOf(keyOf(socket, id))];
  }

  has(socket: number, id: number): boolean {
    return this.find(socket, id) !== undefined;
  }

  /** @param datagram under a socket and ID that no other has */
  add(datagram: Datagram): void {
    if (this.#count * 2 >= this.#keys.length) this.#grow();
    const place = this.#placeOf(datagram.key);
    this.#keys[place] = datagram.key + 1;
    this.#items[place] = datagram;
    this.#count++;
  }

  delete(datagram: Datagram): void {
    let gap = this.#placeOf(datagram.key);
    if (this.#items[gap] !== datagram) return;
    const mask = this.#keys.length - 1;
    this.#count--;
    this.#keys[gap] = 0;
    this.#items[gap] = undefined;
    // What stands behind the gap only because its own place was taken moves up.
    for (let at = (gap + 1) & mask; this.#keys[at] !== 0; at = (at + 1) & mask) {
      const home = hashOf((this.#keys[at] ?? 0) - 1) & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      this.#keys[gap] = this.#keys[at] ?? 0;
      this.#items[gap] = this.#items[at];
      this.#keys[at] = 0;
      this.#items[at] = undefined;
      gap = at;
    }
  }

  /** All that left by one socket. */
  of(socket: number): Datagram[] {
    return this.#items.filter((item) => item?.socket === socket) as Datagram[];
  }

  /** Where that key is, or the empty place where it would go. */
  #placeOf(key: number): number {
    const mask = this.#keys.length - 1;
    let at = hashOf(key) & mask;
    while (this.#keys[at] !== 0 && this.#keys[at] !== key + 1) at = (at + 1) & mask;
    return at;
  }

  #grow(): void {
    const before = this.#items;
    this.#keys = new Int32Array(before.length * 2);
    this.#items = new Array<Datagram | undefined>(before.length * 2).fill(undefined);
    this.#count = 0;
    for (const item of before) if (item !== undefined) this.add(item);
  }
}

/** IDs are random, so hardly anything is left to mix. */
function hashOf(key: number): number {
  return key ^ (key >>> 12);
}
