/** What replaying one recorded case says; the runner counts and prints these. */

/** One recorded case against the simulation. `unknown` is counted as failed, with its reason. */
export interface CaseVerdict {
  /** the case's own id, as recorded */
  readonly id: string;
  readonly kind: 'passed' | 'differs' | 'unknown';
  /** for `differs` and `unknown`: what differs, recorded and simulated; a single line */
  readonly detail?: string;
}
