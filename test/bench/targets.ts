/** The figures that homeport promises, each against what was measured in the same run. */
import type { EventResult } from './events.ts';
import { type CostResult, type Figure, type LatencyFigures, medianOf } from './measure.ts';
import type { IdleResult, SyncResult } from './sync.ts';

export interface Target {
  readonly work: string;
  readonly promise: string;
  /** The measured ratio or time, and the most that it may be. */
  readonly value: number;
  readonly limit: number;
  readonly unit: string;
}

/** What targets are taken from. */
export interface Measured {
  readonly local: Readonly<Record<number, readonly CostResult[]>>;
  readonly cached: readonly CostResult[];
  readonly uncached: readonly CostResult[];
  readonly latency: Readonly<Record<string, readonly LatencyFigures[]>>;
  readonly sync: SyncResult | undefined;
  readonly idle: IdleResult | undefined;
  readonly events: readonly EventResult[];
}

/** Those targets for which both sides were measured. */
export function targets(measured: Measured): Target[] {
  const { local, cached, uncached, latency, sync, idle, events } = measured;
  const middle = local[1000] ?? Object.values(local)[0] ?? [];
  const own = costOf(middle, 'homeport');
  const few = costOf(local[100] ?? [], 'homeport');
  const many = costOf(local[10_000] ?? [], 'homeport');
  const kept = costOf(cached, 'homeport');
  const relayed = costOf(uncached, 'homeport');
  const event = events.find(({ subject }) => subject === 'homeport');
  const all = [
    ratio('local name, CPU', own, 'the floor', costOf(middle, 'floor (C batch echo)'), 1.25),
    ratio('local name, CPU', own, 'dnsmasq', costOf(middle, 'dnsmasq'), 0.65),
    ratio('local name, CPU', own, 'unbound', costOf(middle, 'unbound'), 0.85),
    ratio('cached forward, CPU', kept, 'a local name', own, 1.1),
    ratio('uncached forward, CPU', relayed, 'unbound', costOf(uncached, 'unbound'), 0.35),
    ratio('uncached forward, CPU', relayed, 'dnsmasq', costOf(uncached, 'dnsmasq'), 0.35),
    limit('uncached forward', 'nothing lost', lostOf(uncached), 0, ' lost'),
    ratio(
      'local name, p50 of one outstanding',
      p50Of(latency, 'homeport'),
      'dnsmasq',
      p50Of(latency, 'dnsmasq'),
      1,
    ),
    ratio('p99 of a local name during a resync', sync?.resyncP99Us, 'idle', sync?.idleP99Us, 2),
    ratio('10,000 owned names, CPU', many, 'that of 100', few, 1.1),
    limit('first full sync', 'ms to the last name', sync?.firstSyncMs.median, 2_000, ' ms'),
    limit('event to new answer', 'p99 in ms', event?.p99Ms, 10, ' ms'),
    limit('idle', 'percent of a core', idle?.cpuPercent, 0.2, ' %'),
    limit('idle', 'MB resident', idle?.residentMb, 90, ' MB'),
  ];
  return all.filter(({ value }) => Number.isFinite(value));
}

/**
 * Both were measured one after the other in each round, so each round gives a ratio of its own: what
 * slows the host down in one round slows both. Their median counts.
 */
function ratio(
  work: string,
  value: Figure | undefined,
  to: string,
  base: Figure | undefined,
  most: number,
): Target {
  const rounds = (value?.all ?? []).map((own, round) => own / (base?.all[round] ?? Number.NaN));
  return {
    work,
    promise: `at most ${most} x ${to}`,
    value: medianOf(rounds).median,
    limit: most,
    unit: 'x',
  };
}

function limit(
  work: string,
  promise: string,
  value: number | undefined,
  most: number,
  unit: string,
): Target {
  return { work, promise, value: value ?? Number.NaN, limit: most, unit };
}

function costOf(rows: readonly CostResult[], subject: string): Figure | undefined {
  return rows.find((row) => row.subject === subject)?.cpuUs;
}

function p50Of(latency: Measured['latency'], subject: string): Figure | undefined {
  return latency['local 1']?.find((row) => row.subject === subject)?.p50Us;
}

function lostOf(uncached: readonly CostResult[]): number | undefined {
  return uncached.find(({ subject }) => subject === 'homeport')?.lost;
}
