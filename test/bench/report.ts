/** What was measured, as Markdown tables. */
import type { EventResult } from './events.ts';
import type { CostResult, LatencyFigures } from './measure.ts';
import { format } from './plot.ts';
import type { IdleResult, SyncResult } from './sync.ts';
import type { Target } from './targets.ts';

export function costTable(title: string, rows: readonly CostResult[]): string {
  return table(
    [title, 'CPU per query, µs', 'queries/s', 'lost', 'not NOERROR'],
    rows.map(({ subject, cpuUs, queriesPerSecond, lost, failed }) => [
      subject,
      `${format(cpuUs.median)} (${spread(cpuUs.all)})`,
      `${Math.round(queriesPerSecond.median / 1000)}k`,
      String(lost),
      String(failed),
    ]),
  );
}

export function latencyTable(title: string, rows: readonly LatencyFigures[]): string {
  return table(
    [title, 'p50, µs', 'p99, µs', 'lost'],
    rows.map(({ subject, p50Us, p99Us, lost }) => [
      subject,
      `${format(p50Us.median)} (${spread(p50Us.all)})`,
      `${format(p99Us.median)} (${spread(p99Us.all)})`,
      String(lost),
    ]),
  );
}

export function syncTable(sync: SyncResult, idle: IdleResult): string {
  const { containers, firstSyncMs, resyncMs, idleP99Us, resyncP99Us, lost, residentMb } = sync;
  return table(
    ['a host with containers', 'median', 'all'],
    [
      [`idle with ${idle.containers}, % of a core`, format(idle.cpuPercent), ''],
      [`idle with ${idle.containers}, MB resident`, format(idle.residentMb), ''],
      [`first sync of ${containers}, ms`, format(firstSyncMs.median), spread(firstSyncMs.all)],
      [`resync of ${containers}, ms`, format(resyncMs.median), spread(resyncMs.all)],
      ['p99 of a local name, idle, µs', format(idleP99Us.median), spread(idleP99Us.all)],
      ['p99 during a resync, µs', format(resyncP99Us.median), spread(resyncP99Us.all)],
      ['lost during resyncs', String(lost), ''],
      [`MB resident with ${containers}`, format(residentMb), ''],
    ],
  );
}

export function eventTable(rows: readonly EventResult[]): string {
  return table(
    ['event to answer, real engine', 'p50, ms', 'p99, ms', 'max, ms', 'missed'],
    rows.map(({ subject, p50Ms, p99Ms, maxMs, missed, containers }) => [
      subject,
      format(p50Ms),
      format(p99Ms),
      format(maxMs),
      `${missed} of ${containers}`,
    ]),
  );
}

export function targetTable(rows: readonly Target[]): string {
  return table(
    ['promise', 'measured', 'limit', 'kept'],
    rows.map(({ work, promise, value, limit, unit }) => [
      `${work}: ${promise}`,
      `${format(value)}${unit}`,
      `${limit}${unit}`,
      value <= limit ? 'yes' : 'no',
    ]),
  );
}

function spread(values: readonly number[]): string {
  return `${format(Math.min(...values))} - ${format(Math.max(...values))}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) =>
    Math.max(cell.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}
