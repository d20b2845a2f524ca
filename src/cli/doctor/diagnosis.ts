/** What the doctor says of one thing. Types and small makers. */

export interface Diagnosis {
  /** What was looked at: `server`, `port`, `engine`… Several may be about one. */
  readonly about: string;
  /** `problem` makes the exit code 1; `note` is good to know; `skipped`: it could not be told, or there is nothing to tell. */
  readonly outcome: 'ok' | 'problem' | 'note' | 'skipped';
  /** One line, lower case, no full stop. */
  readonly text: string;
  /** The command that mends it, or shows more; null: none is needed. */
  readonly mend: string | null;
}

export function fine(about: string, text: string): Diagnosis {
  return { about, outcome: 'ok', text, mend: null };
}

export function problem(about: string, text: string, mend: string | null): Diagnosis {
  return { about, outcome: 'problem', text, mend };
}

export function note(about: string, text: string, mend: string | null = null): Diagnosis {
  return { about, outcome: 'note', text, mend };
}

export function skipped(about: string, text: string, mend: string | null = null): Diagnosis {
  return { about, outcome: 'skipped', text, mend };
}
