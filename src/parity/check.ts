/** The parity check: inputs in, report out. Pure, so that the server can run it again whenever something changes. */
import { parseResolvConf } from '../resolv-conf/resolv-conf.ts';
import { Comparer } from './compare/compare-target.ts';
import { type Comparison, isReal, type Lookup } from './compare/comparison.ts';
import { hasAnswers } from './compare/production.ts';
import { DEFAULT_STUBS, parseStub, STUB_FAMILIES, stubOfLibc } from './compare/stub-name.ts';
import { type AcceptedFinding, sortAccepted } from './findings/accepted.ts';
import type { TargetContext } from './findings/context.ts';
import { type Finding, isAtLeast, SEVERITIES } from './findings/finding.ts';
import { allFindings, findingKind } from './findings/registry.ts';
import type { ParityInputs } from './inputs.ts';
import type {
  AcceptedReport,
  Report,
  ReportedFinding,
  ReportedLookup,
  ReportedSide,
} from './report/report.ts';
import type { Problem } from './surroundings.ts';
import type { Target } from './target.ts';

/**
 * Compares every target with production, name by name and stub by stub. Never throws.
 *
 * @returns exit code 2 where something could not be read or judged, 1 where there are findings of
 *   `failOn` or worse, 0 for parity
 */
export function checkParity(inputs: ParityInputs): Report {
  return checkAndCount(inputs).report;
}

/** As `checkParity`, with the number of look-ups that were simulated: what the check costs. */
export function checkAndCount(inputs: ParityInputs): {
  readonly report: Report;
  readonly simulated: number;
} {
  const search = searchInForce(inputs);
  const comparer = new Comparer(inputs, search);
  const targets = inputs.targets.map((target) => {
    return comparer.compare(target, stubsFor(target, inputs));
  });
  const { open, accepted } = sortAccepted(
    allFindings({ inputs, search, targets }),
    inputs.accept,
    inputs.now,
  );
  const problems = [
    ...inputs.problems,
    ...stubProblems(inputs, targets),
    ...unjudged(targets, open),
  ];
  const findings = open.toSorted(bySeverity).map(reported);
  const isFailing = findings.some(({ severity }) => isAtLeast(severity, inputs.failOn));
  const exitCode = problems.length > 0 ? 2 : isFailing ? 1 : 0;
  const report: Report = {
    format: 'homeport-parity-report/1',
    verdict: exitCode === 0 ? 'parity' : exitCode === 1 ? 'differences' : 'could not check',
    exitCode,
    checkedAt: inputs.now.toISOString(),
    production: {
      source: inputs.production.source,
      capturedAt: inputs.production.capturedAt,
      answers: hasAnswers(inputs.production) ? 'recorded' : 'assumed',
    },
    expected: inputs.expected,
    expectedFrom: inputs.expectedFrom,
    counts: countsOf(findings),
    findings,
    accepted: accepted.map(reportedAccepted),
    problems,
    targets: targets.map(reportedTarget),
    lookups: reportedLookups(targets),
    live: inputs.live,
  };
  return { report, simulated: comparer.simulated };
}

/** The configured search domains, else those of production's own file. */
function searchInForce(inputs: ParityInputs): readonly string[] {
  const listed = parseResolvConf(inputs.production.surroundings.resolvConf.text ?? '').search;
  const domains = inputs.search.length > 0 ? inputs.search : listed.map(({ domain }) => domain);
  return domains
    .map((domain) => domain.toLowerCase().replace(/\.$/, ''))
    .filter((domain) => domain !== '');
}

/** A container has the stub that its files show, unless somebody says otherwise; elsewhere all kinds run. */
function stubsFor(target: Target, inputs: ParityInputs): readonly string[] {
  const name = target.title.replace(/^container /, '');
  const overrides = new Map(Object.entries(inputs.stubOverrides));
  // a Map, because a container may be called `constructor`
  const override = overrides.get(target.title) ?? overrides.get(name);
  if (override !== undefined) return [override];
  const found = target.kind === 'container' && target.libc && stubOfLibc(target.libc);
  if (found) return [found];
  return inputs.stubs.length > 0 ? inputs.stubs : DEFAULT_STUBS;
}

function stubProblems(inputs: ParityInputs, targets: readonly TargetContext[]): readonly Problem[] {
  const all = new Set([...inputs.stubs, ...targets.flatMap(({ stubs }) => stubs)]);
  return [...all]
    .filter((stub) => parseStub(stub) === undefined)
    .map((stub) => ({
      thing: `stub ${stub}`,
      why: `is not simulated; known are ${STUB_FAMILIES.join(', ')}, also with a version`,
    }));
}

/** Look-ups without a verdict, where no finding of the same target already says what is wrong. */
function unjudged(
  targets: readonly TargetContext[],
  findings: readonly Finding[],
): readonly Problem[] {
  const counts = new Map<string, { target: string; why: string; count: number }>();
  for (const { target, comparisons } of targets) {
    const isExplained = findings.some(
      (finding) => finding.target === target.title && finding.severity === 'error',
    );
    if (isExplained) continue;
    for (const { verdict, why = '' } of comparisons) {
      if (verdict !== 'unknown') continue;
      const key = `${target.title}\n${why}`;
      const entry = counts.get(key) ?? { target: target.title, why, count: 0 };
      entry.count++;
      counts.set(key, entry);
    }
  }
  return [...counts.values()].map(({ target, why, count }) => ({
    thing: `${target}: ${count} ${count === 1 ? 'look-up' : 'look-ups'}`,
    why: `could not be judged: ${why}`,
  }));
}

function bySeverity(a: Finding, b: Finding): number {
  return SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity);
}

function reported(finding: Finding): ReportedFinding {
  const kind = findingKind(finding.id);
  return { ...finding, impact: kind?.impact ?? '', fix: kind?.fix ?? '' };
}

function reportedAccepted({ accepted, ...finding }: AcceptedFinding): AcceptedReport {
  return { ...reported(finding), ...accepted };
}

function countsOf(findings: readonly Finding[]): Report['counts'] {
  const count = (severity: Finding['severity']): number =>
    findings.filter((finding) => finding.severity === severity).length;
  return { error: count('error'), warning: count('warning'), notice: count('notice') };
}

function reportedTarget({
  target,
  stubs,
  servers,
  comparisons,
}: TargetContext): Report['targets'][number] {
  const same = comparisons.filter(({ verdict }) => verdict === 'same').length;
  const unknown = comparisons.filter(({ verdict }) => verdict === 'unknown').length;
  return {
    title: target.title,
    kind: target.kind,
    stubs,
    servers: servers.map(({ address, role }) => ({ address, role })),
    same,
    different: comparisons.length - same - unknown,
    unknown,
  };
}

/** Targets that share a comparison share its entry: the report of twenty equal containers stays short. */
function reportedLookups(targets: readonly TargetContext[]): readonly ReportedLookup[] {
  const shared = new Map<Comparison, string[]>();
  for (const { target, comparisons } of targets) {
    for (const comparison of comparisons) {
      const titles = shared.get(comparison) ?? [];
      titles.push(target.title);
      shared.set(comparison, titles);
    }
  }
  return [...shared].map(([{ stub, name, verdict, why, production, here }, titles]) => ({
    targets: titles,
    stub,
    name,
    verdict,
    why,
    production: reportedSide(production),
    here: reportedSide(here),
  }));
}

function reportedSide({ questions, result, seconds }: Lookup): ReportedSide {
  switch (result.kind) {
    case 'found': {
      const owner = `${result.owner.kind} ${result.owner.title}`;
      const addresses = result.addresses.filter(isReal);
      return { questions, result: 'found', owner, addresses, seconds };
    }
    case 'failed':
      return { questions, result: 'failed', addresses: [], error: result.error, seconds };
    case 'unknown':
      return { questions, result: 'unknown', addresses: [], error: result.why, seconds };
  }
}
