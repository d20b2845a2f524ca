/** Leases while the server runs: on disk before they are answered, gone when they end. */
import { join } from 'node:path';
import type { LeaseOutcome, LeaseReport, LeaseWords } from '../control/reports.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import { leaseState, leasesOfState } from '../names/lease-state.ts';
import {
  type Lease,
  type Leases,
  leasesChange,
  livingLeases,
  nextLeaseEndMs,
  withLease,
  withoutLease,
} from '../names/leases.ts';
import type { OwnersChange } from '../names/owner.ts';
import { isoTime } from '../names/words.ts';
import { checkLease, checkLeaseName } from './lease-request.ts';
import { readState, setAside, writeState } from './state-file.ts';

export interface LeasingOptions {
  /** The directory that keeps them. */
  readonly state: string;
  readonly log: Logger;
  /** What changes for the table of names. */
  apply(change: OwnersChange): void;
}

type Unkept = LeaseOutcome & { readonly kind: 'unkept' };

/** The file is written as a whole at each change. */
const MAX_LEASES = 10_000;
/** Timers do not run while a machine sleeps, and the clock may be set: so it is looked at this often. */
const MAX_WAIT_MS = 10_000;

export class Leasing {
  readonly #path: string;
  readonly #options: LeasingOptions;
  #leases: Leases = new Map();
  /** Why nothing may be written: it would be over a file that could neither be read nor moved. */
  #blocked: string | null = null;
  #timer: NodeJS.Timeout | undefined;
  #working: Promise<unknown> = Promise.resolve();

  constructor(options: LeasingOptions) {
    this.#options = options;
    this.#path = join(options.state, 'leases.json');
  }

  /** Takes up what was kept. A file that cannot be used is said and kept aside; everything else is served. Never throws. */
  async restore(): Promise<void> {
    const { log } = this.#options;
    try {
      const content = await readState(this.#path);
      if (content === undefined) return;
      const { leases, problem } = leasesOfState(content);
      if (problem === null) this.#serve(leases);
      else await this.#salvage(leases, problem);
    } catch (error) {
      await this.#giveUp(messageOf(error), 0);
    }
    const { size } = this.#leases;
    if (size > 0) log.info({ leases: size }, 'leases are taken up');
  }

  async #salvage(leases: Leases, problem: string): Promise<void> {
    await this.#giveUp(`${this.#path}: ${problem}`, leases.size);
    this.#serve(leases);
    if (leases.size === 0) return;
    const failure = await this.#keep(this.#leases);
    if (failure !== undefined) this.#options.log.error(failure, 'leases are not kept');
  }

  async #giveUp(reason: string, kept: number): Promise<void> {
    const aside = await setAside(this.#path);
    if (aside === null) {
      this.#blocked = `${reason}; move it away and restart homeport`;
      this.#options.log.error({ reason }, 'leases can neither be read nor changed');
    } else {
      const fields = { reason, keptAs: aside, leases: kept };
      this.#options.log.error(fields, 'leases that cannot be read are lost');
    }
  }

  /** By name. */
  list(): readonly LeaseReport[] {
    const sorted = [...this.#leases.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return sorted.map(leaseReport);
  }

  /** Until when, ISO 8601; null: there is no such lease. */
  untilOf(name: string): string | null {
    const lease = this.#leases.get(name);
    return lease === undefined ? null : isoTime(lease.untilMs);
  }

  /** Adds a lease or renews it. When this resolves with `added`, it survives whatever happens next. */
  add(words: LeaseWords): Promise<LeaseOutcome> {
    const checked = checkLease(words);
    if ('problem' in checked) return Promise.resolve({ kind: 'invalid', message: checked.problem });
    const { name, addresses, forMs } = checked.request;
    return this.#serially(async () => {
      const nowMs = Date.now();
      const before = livingLeases(this.#leases, nowMs);
      const isRenewed = before.has(name);
      if (!isRenewed && before.size >= MAX_LEASES) {
        return unkept(`there are ${before.size} leases already; remove some first`);
      }
      const lease: Lease = { name, addresses, sinceMs: nowMs, untilMs: nowMs + forMs };
      const failure = await this.#keep(withLease(before, lease));
      return failure ?? { kind: 'added', lease: leaseReport(lease), isRenewed };
    });
  }

  remove(text: string): Promise<LeaseOutcome> {
    const checked = checkLeaseName(text);
    if ('problem' in checked) return Promise.resolve({ kind: 'invalid', message: checked.problem });
    const { name } = checked;
    return this.#serially(async () => {
      const before = livingLeases(this.#leases, Date.now());
      const lease = before.get(name);
      if (lease === undefined) {
        const message = `there is no lease of ${name}; \`homeport lease list\` shows them`;
        return { kind: 'unknown', message };
      }
      const failure = await this.#keep(withoutLease(before, name));
      return failure ?? { kind: 'removed', lease: leaseReport(lease) };
    });
  }

  /** Disk first: who is told of a lease has it, and who is told that it failed has what was before. */
  async #keep(leases: Leases): Promise<Unkept | undefined> {
    if (this.#blocked !== null) return unkept(this.#blocked);
    try {
      await writeState(this.#path, leaseState(leases));
    } catch (error) {
      return unkept(`cannot write ${this.#path}: ${messageOf(error)}; nothing has changed`);
    }
    this.#serve(leases);
    return undefined;
  }

  #serve(leases: Leases): void {
    const living = livingLeases(leases, Date.now());
    const change = leasesChange(this.#leases, living);
    this.#leases = living;
    if (change.upserts.length > 0 || change.removals.length > 0) this.#options.apply(change);
    this.#wakeLater();
  }

  #wakeLater(): void {
    clearTimeout(this.#timer);
    if (this.#leases.size === 0) return;
    const waitMs = Math.max(0, nextLeaseEndMs(this.#leases) - Date.now());
    this.#timer = setTimeout(() => this.#end(), Math.min(MAX_WAIT_MS, waitMs));
  }

  /** What has ended needs no write: a restart reads its end, too. */
  #end(): void {
    const before = this.#leases;
    this.#serve(before);
    for (const name of before.keys()) {
      if (!this.#leases.has(name)) this.#options.log.info({ name }, 'lease ended');
    }
  }

  #serially<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#working.then(action);
    this.#working = done.catch(() => undefined);
    return done;
  }

  /** Resolves when nothing is being written any more. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#working;
    clearTimeout(this.#timer);
  }
}

function leaseReport({ name, addresses, sinceMs, untilMs }: Lease): LeaseReport {
  return { name, addresses, since: isoTime(sinceMs), until: isoTime(untilMs) };
}

function unkept(message: string): Unkept {
  return { kind: 'unkept', message };
}
