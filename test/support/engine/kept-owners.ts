/** Sinks of the engine room for tests: they keep what they are told. */
import type { EngineSink, EngineState } from '../../../src/docker/engine-sink.ts';
import type { Owner, OwnersChange } from '../../../src/names/owner.ts';

/** A sink that keeps what it was told, as the names room does. */
export class KeptOwners implements EngineSink {
  readonly owners = new Map<string, Owner>();
  readonly touches = new Map<number, readonly string[]>();
  readonly suspects = new Map<string, number>();
  readonly said: string[] = [];
  readonly changes: OwnersChange[] = [];
  readonly states: string[] = [];

  changed(change: OwnersChange): void {
    this.changes.push(change);
    for (const id of change.removals) this.owners.delete(id);
    for (const owner of change.upserts) this.owners.set(owner.id, owner);
  }

  touched(token: number, names: readonly string[]): void {
    this.touches.set(token, names);
  }

  settled(token: number): void {
    if (!this.touches.delete(token))
      throw new Error(`token ${token} was settled twice or never given`);
  }

  suspected(names: readonly string[], untilMs: number): void {
    for (const name of names) this.suspects.set(name, untilMs);
  }

  state(state: { readonly kind: string }): void {
    this.states.push(state.kind);
  }

  skipped(skipped: {
    readonly container: string;
    readonly name: string | null;
    readonly reason: string;
  }): void {
    this.said.push(`${skipped.container} ${skipped.name}: ${skipped.reason}`);
  }

  /** Whether a query for the name would wait or look first. */
  isWaiting(name: string, nowMs: number): boolean {
    const isTouched = [...this.touches.values()].some((names) => names.includes(name));
    return isTouched || (this.suspects.get(name) ?? 0) > nowMs;
  }

  /** Addresses by container id, as `SimulatedEngine.truth` has them. */
  table(): Record<string, { readonly addresses: string[]; readonly names: string[] }> {
    const entries = [...this.owners.values()].map((owner) => {
      const addresses = owner.addresses.map((at) => at.address).sort();
      const names = [...new Set(owner.claims.map((claim) => claim.name))].sort();
      return [owner.id.slice('local/'.length), { addresses, names }] as const;
    });
    return Object.fromEntries(entries);
  }
}

/** A sink whose news can be awaited. */
export class AwaitedOwners extends KeptOwners {
  readonly history: EngineState[] = [];
  #waiting: { readonly holds: () => boolean; readonly resolve: () => void }[] = [];

  override changed(change: Parameters<KeptOwners['changed']>[0]): void {
    super.changed(change);
    this.#look();
  }

  override touched(token: number, names: readonly string[]): void {
    super.touched(token, names);
    this.#look();
  }

  override suspected(names: readonly string[], untilMs: number): void {
    super.suspected(names, untilMs);
    this.#look();
  }

  override settled(token: number): void {
    super.settled(token);
    this.#look();
  }

  override state(state: EngineState): void {
    super.state(state);
    this.history.push(state);
    this.#look();
  }

  /** Resolves as soon as it holds; rejects after `limitMs`. */
  async until(what: string, holds: () => boolean, limitMs = 10_000): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`never: ${what}`)), limitMs);
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#waiting.push({ holds, resolve: done });
    });
  }

  addressesOf(name: string): string[] {
    const owner = [...this.owners.values()].find((at) =>
      at.claims.some((claim) => claim.name === name),
    );
    return owner?.addresses.map((at) => at.address) ?? [];
  }

  #look(): void {
    const over = this.#waiting.filter((at) => at.holds());
    this.#waiting = this.#waiting.filter((at) => !over.includes(at));
    for (const { resolve } of over) resolve();
  }
}
