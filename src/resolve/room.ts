/** A place for one short message, used again for the next: a Buffer for each costs more than forwarding it. */

/** Queries are hardly ever longer; one that is gets a Buffer of its own. */
const ROOM_BYTES = 512;
/** Views of the first so many bytes are kept by their length: names are of a few lengths, and a new view is a new object. */
const KEPT_VIEWS = 8;

export class MessageRoom {
  readonly #bytes: Buffer = Buffer.allocUnsafeSlow(ROOM_BYTES);
  readonly #views: (Buffer | undefined)[] = new Array(KEPT_VIEWS).fill(undefined);

  /** @returns a copy of the first `length` bytes, and no byte more; the next call may write over it */
  copy(from: Uint8Array, length: number): Buffer {
    const view = this.#view(length);
    for (let i = 0; i < length; i++) view[i] = from[i] ?? 0;
    return view;
  }

  #view(length: number): Buffer {
    if (length > ROOM_BYTES) return Buffer.alloc(length);
    const kept = this.#views[length % KEPT_VIEWS];
    if (kept !== undefined && kept.length === length) return kept;
    const view = this.#bytes.subarray(0, length);
    this.#views[length % KEPT_VIEWS] = view;
    return view;
  }
}
