/** A parity check's report in the few lines that a status has room for. Pure. */
import type { ParityReport } from '../control/reports.ts';
import { isAtLeast } from '../parity/findings/finding.ts';
import type { Report } from '../parity/report/report.ts';
import { problemLine } from '../parity/surroundings.ts';

/** Further ones are counted, and told by `homeport parity`. */
const MAX_LISTED = 10;

/** What status, names and events say of a check. */
export function parityReport(report: Report): ParityReport {
  const differing = report.findings.filter(({ severity }) => isAtLeast(severity, 'warning'));
  return {
    verdict: report.verdict === 'differences' ? 'differs' : report.verdict,
    checkedAt: report.checkedAt,
    counts: report.counts,
    findings: differing
      .slice(0, MAX_LISTED)
      .map(({ id, severity, target, message }) => ({ id, severity, target, message })),
    problems: report.problems.slice(0, MAX_LISTED).map(problemLine),
  };
}

/** A check that did not come about. @param problems why, one line each */
export function couldNotCheck(problems: readonly string[]): ParityReport {
  return {
    verdict: 'could not check',
    checkedAt: new Date().toISOString(),
    counts: { error: 0, warning: 0, notice: 0 },
    findings: [],
    problems: problems.slice(0, MAX_LISTED),
  };
}
