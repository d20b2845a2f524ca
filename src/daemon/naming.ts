/** From owners to the answering threads: the table of names, its clock, and what survives a restart. */
import { join } from 'node:path';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import { isEmptyDelta, NameTable } from '../names/name-table.ts';
import type { Owner, OwnerId, OwnersChange } from '../names/owner.ts';
import { type SealedDelta, sealDelta } from '../names/sealed-delta.ts';
import type { ZoneDelta, ZoneNetwork } from '../names/zone-delta.ts';
import type { ToAnswering } from './messages.ts';
import { StateFile } from './state-file.ts';

export interface NamingOptions {
  readonly departedForMs: number;
  /** The directory that keeps departed names. */
  readonly state: string;
  readonly log: Logger;
  /** Sends a message to every answering thread. */
  post(message: ToAnswering): void;
  /** Something changed: for `/v1/events`. */
  changed(delta: ZoneDelta, sealed: SealedDelta): void;
}

/** Longer waits than a timer takes are cut; the table is then asked too early, which does no harm. */
const MAX_TIMER_MS = 0x7fffffff;

export class Naming {
  readonly table: NameTable;
  readonly #options: NamingOptions;
  readonly #state: StateFile;
  readonly #ownersOf = new Map<string, Set<OwnerId>>();
  #networks: readonly ZoneNetwork[] = [];
  #statics: readonly Owner[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: NamingOptions) {
    this.#options = options;
    this.table = new NameTable({ departedForMs: options.departedForMs });
    this.#state = new StateFile(
      join(options.state, 'departed.json'),
      () => this.table.exportDeparted(),
      options.log,
    );
  }

  get networks(): readonly ZoneNetwork[] {
    return this.#networks;
  }

  /** Takes up what had departed before the last stop. A file that cannot be read is said and left alone. */
  async restore(): Promise<void> {
    try {
      const saved = await this.#state.read();
      if (saved !== undefined) this.#publish(this.table.importDeparted(saved, Date.now()));
    } catch (error) {
      this.#options.log.warn({ reason: messageOf(error) }, 'departed names are forgotten');
    }
  }

  /** What an engine, or the configuration, has to say of its owners. */
  apply(engine: string, change: OwnersChange): void {
    const owners = this.#ownersOf.get(engine) ?? new Set();
    this.#ownersOf.set(engine, owners);
    for (const { id } of change.upserts) owners.add(id);
    for (const id of change.removals) owners.delete(id);
    this.#publish(this.table.apply(change, Date.now()));
  }

  /** The configuration's records: what is not listed any more goes. */
  setStatics(statics: readonly Owner[]): void {
    const ids = new Set(statics.map(({ id }) => id));
    const removals = this.#statics.map(({ id }) => id).filter((id) => !ids.has(id));
    this.#statics = statics;
    this.apply('', { upserts: statics, removals });
  }

  /** An engine is gone from the configuration, and its owners with it. */
  forget(engine: string): void {
    const removals = [...(this.#ownersOf.get(engine) ?? [])];
    this.#ownersOf.delete(engine);
    const nothing = { engine, list: [] };
    this.#publish(
      this.table.apply({ upserts: [], removals, networks: nothing, projects: nothing }, Date.now()),
    );
  }

  setDepartedFor(departedForMs: number): void {
    this.#publish(this.table.configure({ departedForMs }, Date.now()));
  }

  #publish(delta: ZoneDelta): void {
    if (delta.networks !== null) this.#networks = delta.networks;
    if (!isEmptyDelta(delta)) {
      const sealed = sealDelta(delta);
      this.#options.post({ kind: 'delta', delta: sealed });
      this.#options.changed(delta, sealed);
      if (delta.entries.length > 0 || delta.forgotten.length > 0) this.#state.changed();
    }
    this.#wakeLater();
  }

  #wakeLater(): void {
    clearTimeout(this.#timer);
    const waitMs = this.table.nextWakeMs - Date.now();
    if (!Number.isFinite(waitMs)) return;
    this.#timer = setTimeout(() => this.#tick(), Math.min(MAX_TIMER_MS, Math.max(0, waitMs)));
  }

  #tick(): void {
    const delta = this.table.tick(Date.now());
    if (delta === null) this.#wakeLater();
    else this.#publish(delta);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      await this.#state.flush();
    } catch (error) {
      this.#options.log.warn({ reason: messageOf(error) }, 'departed names could not be kept');
    }
  }
}
