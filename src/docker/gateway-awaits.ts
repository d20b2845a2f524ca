/**
 * Containers of overlay networks that are about to appear on the gateway bridge, whose address there
 * they ask from: no event tells of it, and it comes 8 to 30 ms after the one of the connection. Pure.
 */

const LOOK_EVERY_MS = 25;
/** Internal overlay networks have no way to the host, and so no address on the bridge. */
const PATIENCE_MS = 500;

export class GatewayAwaits {
  readonly #untilMs = new Map<string, number>();
  #lookAtMs = Number.POSITIVE_INFINITY;

  /** The container has connected to an overlay network. */
  add(id: string, nowMs: number): void {
    this.#untilMs.set(id, nowMs + PATIENCE_MS);
    this.#lookAtMs = Math.min(this.#lookAtMs, nowMs + LOOK_EVERY_MS);
  }

  /** Whether to look at the bridge now. */
  take(nowMs: number): boolean {
    if (nowMs < this.#lookAtMs) return false;
    for (const [id, untilMs] of this.#untilMs) if (untilMs < nowMs) this.#untilMs.delete(id);
    const isAwaited = this.#untilMs.size > 0;
    this.#lookAtMs = isAwaited ? nowMs + LOOK_EVERY_MS : Number.POSITIVE_INFINITY;
    return isAwaited;
  }

  /** The container is on the bridge. */
  found(id: string): void {
    this.#untilMs.delete(id);
  }

  /** When `take` may say yes; Infinity: never, as things stand. */
  get nextMs(): number {
    return this.#lookAtMs;
  }

  clear(): void {
    this.#untilMs.clear();
    this.#lookAtMs = Number.POSITIVE_INFINITY;
  }
}
