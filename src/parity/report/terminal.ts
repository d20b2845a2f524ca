/** The report for people: the verdict first, then what to do, then the evidence. */
import type { Evidence, FindingKind, Severity } from '../findings/finding.ts';
import { problemLine } from '../surroundings.ts';
import type { Report, ReportedFinding } from './report.ts';

/** How text is marked; the command passes colours on a terminal and none elsewhere. */
export interface Paint {
  readonly bold: (text: string) => string;
  readonly red: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly green: (text: string) => string;
  readonly dim: (text: string) => string;
}

/** No marks at all. */
export const plain: Paint = {
  bold: String,
  red: String,
  yellow: String,
  green: String,
  dim: String,
};

/** Past this, one more target or line of evidence hides the rest. */
const MAX_TARGETS = 6;
const MAX_NAMES = 8;
const MAX_EVIDENCE = 8;
/** Findings of these kinds are each somebody's work; notices are listed shortly. */
const INDENT = '    ';

/** The whole report, ended by a newline. */
export function terminalReport(raw: Report, paint: Paint = plain): string {
  const report = printable(raw);
  const groups = groupFindings(report.findings);
  const work = groups.filter(({ severity }) => severity !== 'notice');
  const notices = groups.filter(({ severity }) => severity === 'notice');
  const sections = [
    verdictLines(report, paint),
    problemLines(report, paint),
    work.length > 0
      ? [paint.bold('What to do'), ...work.flatMap((group, index) => task(group, index, paint))]
      : [],
    work.length > 0
      ? [paint.bold('Evidence'), ...work.flatMap((group, index) => proof(group, index, paint))]
      : [],
    notices.length > 0
      ? [paint.bold('Worth knowing'), ...notices.map((group) => noticeLine(group, paint))]
      : [],
    acceptedLines(report, paint),
    work.length + notices.length > 0
      ? [paint.dim('homeport parity --explain ID tells more about one finding')]
      : [],
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

/** One kind of finding in full, and where this check found it. */
export function explanation(
  kind: FindingKind,
  report: Report | undefined,
  paint: Paint = plain,
): string {
  const head = [
    `${paint.bold(kind.id)}: ${kind.title} (${kind.severity})`,
    '',
    `What happens: ${kind.impact}`,
    `Why: ${kind.why}`,
    `Fix: ${kind.fix}`,
  ];
  const shown = report && printable(report);
  const found = (shown?.findings ?? []).filter(({ id }) => id === kind.id);
  const accepted = (shown?.accepted ?? []).filter(({ id }) => id === kind.id);
  const body = found.flatMap((finding) => [
    '',
    `${finding.target}: ${finding.message}`,
    ...scopeLines(finding),
    ...finding.evidence.flatMap((evidence) => evidenceLines(evidence)),
  ]);
  const taken = accepted.map(
    ({ target, message, reason, until }) =>
      `\n${target}: ${message}\n${INDENT}accepted until ${until}: ${reason}`,
  );
  const none =
    report !== undefined && found.length === 0 && accepted.length === 0
      ? ['', 'This check did not find it.']
      : [];
  return `${[...head, ...body, ...taken, ...none].join('\n')}\n`;
}

/** Names, labels and files of others reach the terminal without their control characters. Look-ups are not shown. */
function printable(report: Report): Report {
  const cleaned: unknown = JSON.parse(
    JSON.stringify({ ...report, lookups: [] }),
    (_, value: unknown) => (typeof value === 'string' ? value.replaceAll(/\p{Cc}+/gu, ' ') : value),
  );
  // The form is unchanged: only the inside of texts is.
  return cleaned as Report;
}

/** Findings of one kind with one message: twenty containers of one set-up are one task. */
interface Group {
  readonly id: string;
  readonly severity: Severity;
  readonly findings: readonly ReportedFinding[];
  readonly first: ReportedFinding;
}

function groupFindings(findings: readonly ReportedFinding[]): readonly Group[] {
  const groups = new Map<string, ReportedFinding[]>();
  for (const finding of findings) {
    const key = `${finding.severity} ${finding.id}`;
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined
      ? []
      : [{ id: first.id, severity: first.severity, findings: group, first }];
  });
}

function verdictLines(report: Report, paint: Paint): readonly string[] {
  const { counts, targets, expected, production } = report;
  const colour = report.exitCode === 0 ? paint.green : paint.red;
  const compared = `${plural(expected.length, 'expected name')}, ${plural(targets.length, 'target')}`;
  const tally = [
    counts.error > 0 ? plural(counts.error, 'error') : '',
    counts.warning > 0 ? plural(counts.warning, 'warning') : '',
    counts.notice > 0 ? plural(counts.notice, 'notice') : '',
  ].filter((part) => part !== '');
  const sentence = {
    parity: 'PARITY: this host resolves names as production does',
    differences: 'DIFFERENCES: this host does not resolve names as production does',
    'could not check':
      counts.error + counts.warning > 0
        ? 'COULD NOT CHECK everything, and there are differences'
        : 'COULD NOT CHECK everything',
  }[report.verdict];
  const from = production.capturedAt === undefined ? '' : `, captured ${production.capturedAt}`;
  const assumed =
    production.answers === 'assumed'
      ? ['its answers are assumed: each expected name exists in the region, nothing else does']
      : [];
  return [
    paint.bold(colour(sentence)),
    `${compared}${tally.length > 0 ? `: ${tally.join(', ')}` : ''}`,
    `production: ${production.source}${from}`,
    ...assumed,
  ];
}

function problemLines({ problems }: Report, paint: Paint): readonly string[] {
  if (problems.length === 0) return [];
  return [
    paint.bold('Could not check'),
    ...problems.map((problem) => `  ${paint.yellow('?')} ${problemLine(problem)}`),
  ];
}

function task(
  { id, severity, findings, first }: Group,
  index: number,
  paint: Paint,
): readonly string[] {
  const mark = severity === 'error' ? paint.red('error') : paint.yellow('warning');
  const messages = [...new Set(findings.map(({ message }) => message))];
  return [
    `${String(index + 1).padStart(2)}. ${mark} ${paint.bold(id)} ${targetsText(findings)}`,
    ...messages.slice(0, MAX_EVIDENCE).map((message) => `${INDENT}${message}`),
    ...more(messages.length, MAX_EVIDENCE),
    ...scopeLines(scopeOf(findings)),
    `${INDENT}impact: ${first.impact}`,
    `${INDENT}fix: ${first.fix}`,
  ];
}

function proof({ id, findings }: Group, index: number, paint: Paint): readonly string[] {
  const lines = [
    ...new Set(findings.flatMap(({ evidence }) => evidence.flatMap((one) => evidenceLines(one)))),
  ];
  if (lines.length === 0) return [];
  const LONGEST = MAX_EVIDENCE * 4;
  return [
    `${String(index + 1).padStart(2)}. ${paint.bold(id)}`,
    ...lines.slice(0, LONGEST),
    ...more(lines.length, LONGEST),
  ];
}

function noticeLine({ id, findings, first }: Group, paint: Paint): string {
  const rest = findings.length > 1 ? ` (and ${findings.length - 1} more like it)` : '';
  return `  ${paint.bold(id)} ${first.target}: ${first.message}${rest}`;
}

function acceptedLines({ accepted }: Report, paint: Paint): readonly string[] {
  if (accepted.length === 0) return [];
  return [
    paint.bold('Accepted'),
    ...accepted.map(
      ({ id, target, message, reason, until }) =>
        `  ${paint.bold(id)} ${target}: ${message}; until ${until}: ${reason}`,
    ),
  ];
}

/** The names and stubs of all findings of a group; a finding without stubs is about all of them. */
function scopeOf(findings: readonly ReportedFinding[]): Pick<ReportedFinding, 'names' | 'stubs'> {
  const isAll = findings.some(({ stubs }) => stubs.length === 0);
  return {
    names: [...new Set(findings.flatMap(({ names }) => names))],
    stubs: isAll ? [] : [...new Set(findings.flatMap(({ stubs }) => stubs))],
  };
}

function scopeLines({ names, stubs }: Pick<ReportedFinding, 'names' | 'stubs'>): readonly string[] {
  return [
    ...(names.length > 0 ? [`${INDENT}names: ${listText(names, MAX_NAMES)}`] : []),
    ...(stubs.length > 0 ? [`${INDENT}stubs: ${stubs.join(', ')}`] : []),
  ];
}

function evidenceLines(evidence: Evidence): readonly string[] {
  switch (evidence.kind) {
    case 'line': {
      const place =
        evidence.line === undefined ? evidence.file : `${evidence.file}:${evidence.line}`;
      return [
        `${INDENT}${evidence.side === 'production' ? 'production' : 'here'} ${place}: ${evidence.text}`,
      ];
    }
    case 'lookup':
      return [
        `${INDENT}${evidence.side}, ${evidence.stub} looks up ${evidence.name}: ${evidence.result}`,
        ...evidence.questions.slice(0, MAX_EVIDENCE).map((question) => `${INDENT}  ${question}`),
        ...more(evidence.questions.length, MAX_EVIDENCE),
      ];
    case 'fact':
      return [`${INDENT}${evidence.text}`];
  }
}

function targetsText(findings: readonly ReportedFinding[]): string {
  return listText([...new Set(findings.map(({ target }) => target))], MAX_TARGETS);
}

function listText(items: readonly string[], most: number): string {
  const shown = items.slice(0, most).join(', ');
  return items.length > most ? `${shown} and ${items.length - most} more` : shown;
}

function more(count: number, most: number): readonly string[] {
  return count > most ? [`${INDENT}and ${count - most} more (--json has them all)`] : [];
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
