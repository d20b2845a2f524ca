/** The server's parity verdict as a person reads it. */
import type { ParityReport } from '../control/reports.ts';
import { printable, type Terminal } from './terminal.ts';

/** One line: the verdict, how many differences of which severity, and when it was found. */
export function verdictText(report: ParityReport | null, paint: Terminal['paint']): string {
  if (report === null) return paint.dim('not checked yet');
  const { verdict, checkedAt } = report;
  const text = [verdict, ...countTexts(report)].join(', ');
  const colour = verdict === 'parity' ? paint.green : paint.yellow;
  return `${colour(text)} ${paint.dim(`(checked at ${printable(checkedAt)})`)}`;
}

function countTexts({ verdict, counts, problems }: ParityReport): string[] {
  const counted = (count: number, noun: string): string[] =>
    count === 0 ? [] : [`${count} ${noun}${count === 1 ? '' : 's'}`];
  return [
    ...(verdict === 'could not check' && problems[0] !== undefined ? [printable(problems[0])] : []),
    ...counted(counts.error, 'error'),
    ...counted(counts.warning, 'warning'),
    ...counted(counts.notice, 'notice'),
  ];
}
