/** The report as JUnit XML, for Jenkins and GitLab: one suite for each target, one case for each name and for each finding. */

import { isAtLeast, type Severity } from '../findings/finding.ts';
import { problemLine } from '../surroundings.ts';
import type { Report, ReportedFinding, ReportedLookup } from './report.ts';

interface Case {
  readonly name: string;
  readonly outcome: 'passed' | 'failure' | 'error' | 'skipped';
  readonly message?: string;
  readonly text?: string;
}

/**
 * JUnit XML. What fails the check is a failure, what could not be checked an error, what somebody
 * accepted is skipped.
 */
export function junitReport(report: Report, failOn: Severity): string {
  const suites = new Map<string, Case[]>();
  const add = (suite: string, one: Case): void => {
    suites.set(suite, [...(suites.get(suite) ?? []), one]);
  };
  for (const { title } of report.targets) suites.set(title, []);
  for (const [title, name, lookups] of byTargetAndName(report))
    add(title, lookupCase(name, lookups));
  for (const finding of report.findings) add(finding.target, findingCase(finding, failOn));
  for (const { id, target, message, reason, until } of report.accepted) {
    add(target, {
      name: `${id}: ${message}`,
      outcome: 'skipped',
      message: `accepted until ${until}: ${reason}`,
    });
  }
  for (const problem of report.problems) {
    add('could not check', {
      name: problem.thing,
      outcome: 'error',
      message: problemLine(problem),
    });
  }
  const all = [...suites.values()].flat();
  const body = [...suites].map(([name, cases]) => suiteXml(name, cases, report.checkedAt)).join('');
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="homeport parity" ${totals(all)}>\n${body}</testsuites>\n`;
}

function byTargetAndName(
  report: Report,
): readonly (readonly [title: string, name: string, lookups: readonly ReportedLookup[]])[] {
  const byTarget = new Map<string, Map<string, ReportedLookup[]>>();
  for (const lookup of report.lookups) {
    for (const title of lookup.targets) {
      const names = byTarget.get(title) ?? new Map<string, ReportedLookup[]>();
      names.set(lookup.name, [...(names.get(lookup.name) ?? []), lookup]);
      byTarget.set(title, names);
    }
  }
  return [...byTarget].flatMap(([title, names]) =>
    [...names].map(([name, lookups]) => [title, name, lookups] as const),
  );
}

function lookupCase(name: string, lookups: readonly ReportedLookup[]): Case {
  const text = lookups.map(lookupText).join('\n');
  const differing = lookups.filter(({ verdict }) => verdict !== 'same' && verdict !== 'unknown');
  const unknown = lookups.filter(({ verdict }) => verdict === 'unknown');
  const caseName = `looks up ${name}`;
  if (differing.length > 0) {
    const message = differing.map(({ stub, verdict }) => `${stub}: ${verdict}`).join(', ');
    return { name: caseName, outcome: 'failure', message, text };
  }
  if (unknown.length > 0) {
    const message = unknown.map(({ stub, why = '' }) => `${stub}: ${why}`).join(', ');
    return { name: caseName, outcome: 'error', message, text };
  }
  return { name: caseName, outcome: 'passed' };
}

function lookupText({ stub, verdict, production, here }: ReportedLookup): string {
  const side = (label: string, { questions, result, owner, error }: typeof here): string[] => [
    `  ${label}: ${result} ${owner ?? error ?? ''}`.trimEnd(),
    ...questions.map(
      ({ server, name, type, answer }) => `    ${server}: ${name} ${type} -> ${answer}`,
    ),
  ];
  return [`${stub}: ${verdict}`, ...side('production', production), ...side('here', here)].join(
    '\n',
  );
}

function findingCase(finding: ReportedFinding, failOn: Severity): Case {
  const { id, severity, message, impact, fix, evidence } = finding;
  const name = `${id}: ${message}`;
  if (!isAtLeast(severity, failOn)) return { name, outcome: 'passed' };
  const lines = evidence.map((one) => {
    if (one.kind === 'line')
      return `${one.file}${one.line === undefined ? '' : `:${one.line}`}: ${one.text}`;
    if (one.kind === 'fact') return one.text;
    return [`${one.side}, ${one.stub}: ${one.result}`, ...one.questions].join('\n  ');
  });
  return {
    name,
    outcome: 'failure',
    message: `${severity}: ${message}`,
    text: [impact, `fix: ${fix}`, ...lines].join('\n'),
  };
}

function suiteXml(name: string, cases: readonly Case[], timestamp: string): string {
  const body = cases.map((one) => caseXml(name, one)).join('');
  return `  <testsuite name="${escaped(name)}" ${totals(cases)} timestamp="${timestamp}">\n${body}  </testsuite>\n`;
}

function caseXml(suite: string, { name, outcome, message = '', text = '' }: Case): string {
  const head = `    <testcase classname="homeport.parity.${escaped(suite)}" name="${escaped(name)}"`;
  if (outcome === 'passed') return `${head}/>\n`;
  const inner =
    outcome === 'skipped'
      ? `<skipped message="${escaped(message)}"/>`
      : `<${outcome} message="${escaped(message)}">${escaped(text)}</${outcome}>`;
  return `${head}>${inner}</testcase>\n`;
}

function totals(cases: readonly Case[]): string {
  const count = (outcome: Case['outcome']): number =>
    cases.filter((one) => one.outcome === outcome).length;
  return `tests="${cases.length}" failures="${count('failure')}" errors="${count('error')}" skipped="${count('skipped')}"`;
}

/** Escapes for text and attributes; what XML 1.0 cannot hold (§2.2) becomes a question mark. */
function escaped(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '?')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
