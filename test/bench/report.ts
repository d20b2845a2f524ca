/** What was measured, as Markdown tables. */
import type { CostResult, LatencyFigures } from './measure.ts';
import { format } from './plot.ts';
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
