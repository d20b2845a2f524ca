/** The figures that homeport promises, each against what was measured in the same run. */
import type { CostResult, LatencyFigures } from './measure.ts';

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
}

/** Those targets for which both sides were measured. */
export function targets(measured: Measured): Target[] {
  const { local, cached, uncached, latency } = measured;
  const middle = local[1000] ?? Object.values(local)[0] ?? [];
  const own = costOf(middle, 'homeport');
  const ratio = (work: string, value: number, to: string, base: number, limit: number): Target => ({
    work,
    promise: `at most ${limit} x ${to}`,
    value: value / base,
    limit,
    unit: 'x',
  });
  const all = [
    ratio('local name, CPU', own, 'the floor', costOf(middle, 'floor (C batch echo)'), 1.25),
    ratio('local name, CPU', own, 'dnsmasq', costOf(middle, 'dnsmasq'), 0.65),
    ratio('local name, CPU', own, 'unbound', costOf(middle, 'unbound'), 0.85),
    ratio('cached forward, CPU', costOf(cached, 'homeport'), 'a local name', own, 1.1),
    ratio(
      'uncached forward, CPU',
      costOf(uncached, 'homeport'),
      'unbound',
      costOf(uncached, 'unbound'),
      0.35,
    ),
    ratio(
      'uncached forward, CPU',
      costOf(uncached, 'homeport'),
      'dnsmasq',
      costOf(uncached, 'dnsmasq'),
      0.35,
    ),
    ratio(
      'local name, p50 of one outstanding',
      p50Of(latency, 'homeport'),
      'dnsmasq',
      p50Of(latency, 'dnsmasq'),
      1,
    ),
    ratio(
      '10,000 owned names, CPU',
      costOf(local[10_000] ?? [], 'homeport'),
      'that of 100',
      costOf(local[100] ?? [], 'homeport'),
      1.1,
    ),
    lostOf(uncached),
  ];
  return all.filter(({ value }) => Number.isFinite(value));
}

function costOf(rows: readonly CostResult[], subject: string): number {
  return rows.find((row) => row.subject === subject)?.cpuUs.median ?? Number.NaN;
}

function p50Of(latency: Measured['latency'], subject: string): number {
  return latency['local 1']?.find((row) => row.subject === subject)?.p50Us.median ?? Number.NaN;
}

function lostOf(uncached: readonly CostResult[]): Target {
  const value = uncached.find(({ subject }) => subject === 'homeport')?.lost ?? Number.NaN;
  return { work: 'uncached forward', promise: 'nothing lost', value, limit: 0, unit: ' lost' };
}
