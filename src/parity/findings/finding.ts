/** What a parity check finds, and what each kind of finding means. */

/** From worst to mildest. `--fail-on` names the mildest that fails. */
export const SEVERITIES = ['error', 'warning', 'notice'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Whether a severity is at least as bad as another. */
export function isAtLeast(severity: Severity, threshold: Severity): boolean {
  return SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(threshold);
}

/** A line of a file, quoted. */
export interface LineEvidence {
  readonly kind: 'line';
  readonly side: 'production' | 'here';
  readonly file: string;
  /** counted from 1; undefined for a file as a whole, or a line that is missing */
  readonly line?: number | undefined;
  readonly text: string;
}

/** What a stub asks and what it finds, on one side. */
export interface LookupEvidence {
  readonly kind: 'lookup';
  readonly side: 'production' | 'here';
  readonly stub: string;
  readonly name: string;
  /** `SERVER: NAME TYPE -> ANSWER` in order */
  readonly questions: readonly string[];
  readonly result: string;
}

/** A fact that stands in no file: what the engine or a process says. */
export interface FactEvidence {
  readonly kind: 'fact';
  readonly text: string;
}

export type Evidence = LineEvidence | LookupEvidence | FactEvidence;

/** One difference from production, or one thing that will make one. */
export interface Finding {
  readonly id: string;
  readonly severity: Severity;
  /** the target's title; `production` for what only production's files show */
  readonly target: string;
  /** the expected names that it touches; empty: all, or none in particular */
  readonly names: readonly string[];
  /** the stubs that it touches; empty: all */
  readonly stubs: readonly string[];
  /** one sentence without a full stop */
  readonly message: string;
  readonly evidence: readonly Evidence[];
}

/** What a kind of finding means, for `--explain` and the reports. */
export interface FindingKind {
  readonly id: string;
  readonly severity: Severity;
  readonly title: string;
  /** what happens to an application */
  readonly impact: string;
  readonly fix: string;
  /** why it is so, with sources */
  readonly why: string;
}

/** What a finder adds to the kind. */
export interface Found {
  readonly message: string;
  readonly evidence: readonly Evidence[];
  readonly names?: readonly string[];
  readonly stubs?: readonly string[];
  /** where the case is milder or worse than the kind usually is */
  readonly severity?: Severity;
}

/** Makes findings of the given kinds; an id that is none of theirs does not compile. */
export function findingMaker<K extends FindingKind>(
  kinds: readonly K[],
): (id: K['id'], target: string, found: Found) => Finding {
  return (id, target, found) => ({
    id,
    severity: found.severity ?? kinds.find((kind) => kind.id === id)?.severity ?? 'warning',
    target,
    names: found.names ?? [],
    stubs: found.stubs ?? [],
    message: found.message,
    evidence: found.evidence,
  });
}

/** A fact as evidence. */
export function fact(text: string): FactEvidence {
  return { kind: 'fact', text };
}
