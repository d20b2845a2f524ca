/** One thing that a verification proves or refutes. Types and small makers. */

export interface Check {
  readonly id: string;
  /** What is claimed: `a process finds a container by its bare name`. */
  readonly claim: string;
  readonly outcome: 'pass' | 'fail' | 'skipped';
  /** What was seen, or why nothing could be. */
  readonly detail: string;
  /** How long it took; null: that says nothing. */
  readonly ms: number | null;
}

export function passed(id: string, claim: string, detail: string, ms: number | null = null): Check {
  return { id, claim, outcome: 'pass', detail, ms };
}

export function failed(id: string, claim: string, detail: string, ms: number | null = null): Check {
  return { id, claim, outcome: 'fail', detail, ms };
}

export function skipped(id: string, claim: string, detail: string): Check {
  return { id, claim, outcome: 'skipped', detail, ms: null };
}
