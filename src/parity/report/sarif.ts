/** The report as SARIF 2.1.0, for code hosts that show findings beside files. */
import type { Evidence, Severity } from '../findings/finding.ts';
import { findingKinds } from '../findings/registry.ts';
import { problemLine } from '../surroundings.ts';
import type { Report, ReportedFinding } from './report.ts';

const LEVELS: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = {
  error: 'error',
  warning: 'warning',
  notice: 'note',
};

/** A SARIF log with one run, as an object to print. */
export function sarifReport(report: Report, version: string): unknown {
  const accepted = report.accepted.map((finding) => ({
    ...resultOf(finding),
    suppressions: [
      { kind: 'external', justification: `${finding.reason} (until ${finding.until})` },
    ],
  }));
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'homeport parity',
            version,
            rules: findingKinds.map(({ id, title, impact, fix, why, severity }) => ({
              id,
              shortDescription: { text: title },
              fullDescription: { text: impact },
              help: { text: `${why}\n\nFix: ${fix}` },
              defaultConfiguration: { level: LEVELS[severity] },
            })),
          },
        },
        invocations: [
          {
            executionSuccessful: report.problems.length === 0,
            endTimeUtc: report.checkedAt,
            toolExecutionNotifications: report.problems.map((problem) => ({
              level: 'error',
              message: { text: problemLine(problem) },
            })),
          },
        ],
        results: [...report.findings.map(resultOf), ...accepted],
      },
    ],
  };
}

function resultOf(finding: ReportedFinding): object {
  const locations = finding.evidence.flatMap(locationOf);
  return {
    ruleId: finding.id,
    level: LEVELS[finding.severity],
    message: { text: `${finding.target}: ${finding.message}. ${finding.fix}` },
    ...(locations.length > 0 ? { locations } : {}),
    partialFingerprints: {
      homeportFinding: [finding.id, finding.target, ...finding.names].join('/'),
    },
  };
}

function locationOf(evidence: Evidence): readonly object[] {
  if (evidence.kind !== 'line') return [];
  // `container web: /etc/resolv.conf` is no URI until it is encoded; slashes stay
  const uri = evidence.file.split('/').map(encodeURIComponent).join('/');
  const region = evidence.line === undefined ? {} : { region: { startLine: evidence.line } };
  return [{ physicalLocation: { artifactLocation: { uri }, ...region } }];
}
