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
  readonly line?: number;
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
