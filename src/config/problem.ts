/** What is wrong with a configuration, and how it is said: one line each. */

/** One thing that is wrong: where, what, with which value, and the way out. */
export interface ConfigProblem {
  /** `homeport.yaml:3:7`, or the flag or variable it came from: `--listen`, `DOCKER_HOST`. */
  readonly where: string;
  /** Where in the configuration, `engines[1].tls`; '' for the file as a whole. */
  readonly path: string;
  /** Lower case, without a full stop. */
  readonly message: string;
  /** The value as it would be written, shortened; null where there is none. */
  readonly value: string | null;
  /** What to write or do instead. */
  readonly wayOut: string | null;
}

/** What a value is not, and what to write instead. */
export interface Fault {
  readonly message: string;
  readonly wayOut: string;
}

/** What came of reading one value. */
export type Parsed<T> = { readonly value: T } | { readonly fault: Fault };

const MAX_SHOWN_CHARACTERS = 60;

export function parsed<T>(value: T): Parsed<T> {
  return { value };
}

export function faulty(message: string, wayOut: string): { readonly fault: Fault } {
  return { fault: { message, wayOut } };
}

/** One line: `homeport.yaml:3:7: ttl: expected … ("soon") — write …`. */
export function printProblem(problem: ConfigProblem): string {
  const { where, path, message, value, wayOut } = problem;
  const what = path === '' ? message : `${path}: ${message}`;
  const line = `${what}${value === null ? '' : ` (${value})`}${wayOut === null ? '' : ` — ${wayOut}`}`;
  return `${where}: ${line.replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, escaped)}`;
}

/** A control character as JSON would write it: a message is one line, harmless on a terminal, and reads as it is. */
function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** A value as a message shows it: on one line, shortened, control characters escaped. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? '[]' : 'a list';
  if (typeof value === 'object') return Object.keys(value).length === 0 ? '{}' : 'a mapping';
  return typeof value === 'string'
    ? JSON.stringify(clipped(withoutPassword(value)))
    : String(value);
}

/** A password in a URL is nobody's business who reads a log. */
function withoutPassword(text: string): string {
  return text.replace(/(:\/\/[^/:@\s]*:)[^/@\s]*@/, '$1…@');
}

/** Text cut to what fits in a message. */
export function clipped(text: string): string {
  return text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}…` : text;
}

/** `['engines', 1, 'tls']` as `engines[1].tls`; keys that are names stay readable: `records["*.env.dev"]`. */
export function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[a-z_]+$/i.test(String(step)))
      text += text === '' ? String(step) : `.${String(step)}`;
    else text += `[${JSON.stringify(clipped(String(step)))}]`;
  }
  return text;
}
