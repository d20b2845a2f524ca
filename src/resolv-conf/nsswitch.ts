/** The `hosts:` line of nsswitch.conf(5): which sources are asked in which order, and when a source ends the lookup. */

export type NssStatus = 'success' | 'notfound' | 'unavail' | 'tryagain';
export type NssAction = 'return' | 'continue' | 'merge';

/** One `[STATUS=action]` of a bracket, as written. */
export interface NssCriterion {
  readonly isNegated: boolean;
  readonly status: string;
  readonly action: string;
}

/** One source with its brackets. */
export interface NssSource {
  readonly source: string;
  readonly criteria: readonly NssCriterion[];
}

/** The sources for host names. */
export interface Nsswitch {
  readonly hosts: readonly NssSource[];
  /** where the line stands; undefined where there is none, and the default order is used */
  readonly line?: number;
  /** what cannot be read, one sentence each */
  readonly problems: readonly string[];
}

const statuses: readonly NssStatus[] = ['success', 'notfound', 'unavail', 'tryagain'];

/**
 * Parses nsswitch.conf. Never throws; no file and no `hosts:` line both give the measured default,
 * `files dns` (a hosts entry won over DNS in both).
 */
export function parseNsswitch(text: string | undefined): Nsswitch {
  const problems: string[] = [];
  let found: { readonly hosts: readonly NssSource[]; readonly line: number } | undefined;
  for (const [index, raw] of (text ?? '').split('\n').entries()) {
    const [, value] = /^\s*hosts\s*:(.*)$/.exec(raw.replace(/#.*$/, '')) ?? [];
    if (value === undefined) continue;
    if (found !== undefined) problems.push(`line ${index + 1}: a second hosts line`);
    found = { hosts: readSources(value, index + 1, problems), line: index + 1 };
  }
  if (found !== undefined && found.hosts.length > 0) return { ...found, problems };
  return { hosts: defaultSources, problems };
}

const defaultSources: readonly NssSource[] = [
  { source: 'files', criteria: [] },
  { source: 'dns', criteria: [] },
];

/** What follows a status of this source: brackets in order, else return on success and go on otherwise. */
export function nssAction(source: NssSource, status: NssStatus): NssAction {
  let action: NssAction = status === 'success' ? 'return' : 'continue';
  for (const criterion of source.criteria) {
    const isMet = criterion.isNegated ? criterion.status !== status : criterion.status === status;
    if (isMet && isAction(criterion.action)) action = criterion.action;
  }
  return action;
}

/** Prints the `hosts:` line again. */
export function printHostsLine(nsswitch: Nsswitch): string {
  const words = nsswitch.hosts.flatMap(({ source, criteria }) => [
    source,
    ...criteria.map(
      ({ isNegated, status, action }) =>
        `[${isNegated ? '!' : ''}${status.toUpperCase()}=${action}]`,
    ),
  ]);
  return `hosts: ${words.join(' ')}`;
}

function readSources(text: string, line: number, problems: string[]): readonly NssSource[] {
  const sources: { source: string; criteria: NssCriterion[] }[] = [];
  for (const [token] of text.matchAll(/\[[^\]]*\]?|[^\s[]+/g)) {
    if (!token.startsWith('[')) {
      sources.push({ source: token, criteria: [] });
      continue;
    }
    const last = sources.at(-1);
    if (last === undefined) problems.push(`line ${line}: ${token} stands before any source`);
    else if (!token.endsWith(']')) problems.push(`line ${line}: '${token}' is not closed`);
    else last.criteria.push(...readCriteria(token, line, problems));
  }
  return sources;
}

function readCriteria(token: string, line: number, problems: string[]): readonly NssCriterion[] {
  const criteria: NssCriterion[] = [];
  // blanks around `=` and after `!` are allowed
  const words = token
    .slice(1, -1)
    .replaceAll(/\s*=\s*/g, '=')
    .replaceAll(/!\s+/g, '!');
  for (const word of words.split(/\s+/)) {
    if (word === '') continue;
    const [, not, status, action] = /^(!?)([a-z]+)=([a-z]+)$/i.exec(word) ?? [];
    if (status === undefined || action === undefined) {
      problems.push(`line ${line}: '${word}' is no STATUS=action`);
      continue;
    }
    const criterion = { status: status.toLowerCase(), action: action.toLowerCase() };
    if (!statuses.some((known) => known === criterion.status) || !isAction(criterion.action)) {
      problems.push(`line ${line}: '${word}' has an unknown status or action`);
    }
    criteria.push({ isNegated: not === '!', ...criterion });
  }
  return criteria;
}

function isAction(text: string): text is NssAction {
  return text === 'return' || text === 'continue' || text === 'merge';
}
