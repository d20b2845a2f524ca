/**
 * The syntax of resolv.conf(5): every line with its number, its words and what is odd about it, and
 * the reading that the file's author meant. How each stub resolver reads the same lines is in
 * `readings/`; nothing here touches the disk.
 */
import { isIP } from 'node:net';

/** What a line is to a reader that forgives blanks, letter case and CRLF. */
export type ResolvLineKind =
  | 'blank'
  | 'comment'
  | 'nameserver'
  | 'search'
  | 'domain'
  | 'options'
  | 'sortlist'
  | 'unknown';

/** One line as written. `text` and `ending` together are the exact bytes of the file. */
export interface ResolvLine {
  /** counted from 1 */
  readonly number: number;
  readonly kind: ResolvLineKind;
  /** the line without its ending */
  readonly text: string;
  /** empty on a last line that is not ended */
  readonly ending: '' | '\n' | '\r\n';
  /** the first word as written, `''` on blank lines and comments */
  readonly keyword: string;
  /** the words after the keyword, split at blanks and tabs */
  readonly words: readonly string[];
  /** why some or all stubs will not read this line as its author meant it */
  readonly problem?: string;
}

/** A parsed file. The three lists are the tolerant reading: what the author meant. */
export interface ResolvConf {
  /** the whole text, byte for byte */
  readonly text: string;
  readonly lines: readonly ResolvLine[];
  /** all servers in file order; a stub may use only the first three */
  readonly nameservers: readonly { readonly address: string; readonly line: number }[];
  /** the list of the last `search` or `domain` line; empty when neither is there */
  readonly search: readonly { readonly domain: string; readonly line: number }[];
  /** every word of every `options` line, in order; a later one of the same name wins */
  readonly options: readonly ResolvOption[];
}

/** One option: `ndots:2` is `{ name: 'ndots', value: '2' }`, `rotate` has no value. */
export interface ResolvOption {
  readonly text: string;
  readonly name: string;
  readonly value: string | undefined;
  readonly line: number;
}

/** What `formatResolvConf` writes; each part may be missing. */
export interface ResolvConfParts {
  /** comment lines without their `#` */
  readonly comments?: readonly string[];
  readonly nameservers?: readonly string[];
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}

const keywords: ReadonlyMap<string, ResolvLineKind> = new Map([
  ['nameserver', 'nameserver'],
  ['search', 'search'],
  ['domain', 'domain'],
  ['options', 'options'],
  ['sortlist', 'sortlist'],
]);

/**
 * Parses a resolv.conf. Never throws: a line nobody understands is kept as `unknown` with its problem.
 *
 * @param text the whole file; a byte order mark and CRLF are kept as they are
 */
export function parseResolvConf(text: string): ResolvConf {
  const lines = splitLines(text).map(({ text, ending }, index) =>
    readLine(index + 1, text, ending),
  );
  return { text, lines, ...tolerantReading(lines) };
}

/** Prints a parsed file again, byte for byte. */
export function printResolvConf(conf: ResolvConf): string {
  return conf.lines.map((line) => line.text + line.ending).join('');
}

/** Prints the tolerant reading as a plain file that every stub reads alike. */
export function normaliseResolvConf(conf: ResolvConf): string {
  return formatResolvConf({
    nameservers: conf.nameservers.map((server) => server.address),
    search: conf.search.map((entry) => entry.domain),
    options: conf.options.map((option) => option.text),
  });
}

/** Writes a new file: comments, nameservers, one search line, one options line; empty parts are left out. */
export function formatResolvConf(parts: ResolvConfParts): string {
  const lines = (parts.comments ?? []).map((comment) => `# ${comment}`.trimEnd());
  for (const address of parts.nameservers ?? []) lines.push(`nameserver ${address}`);
  if (parts.search?.length) lines.push(`search ${parts.search.join(' ')}`);
  if (parts.options?.length) lines.push(`options ${parts.options.join(' ')}`);
  return lines.map((line) => `${line}\n`).join('');
}

/** The value of the last option of that name, with its line; undefined when the file has none. */
export function lastOption(conf: ResolvConf, name: string): ResolvOption | undefined {
  return conf.options.findLast((option) => option.name === name);
}

/** Splits a file into lines, keeping each line's ending. An empty file has no lines. */
export function splitLines(
  text: string,
): readonly { readonly text: string; readonly ending: '' | '\n' | '\r\n' }[] {
  const lines: { text: string; ending: '' | '\n' | '\r\n' }[] = [];
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    if (newline < 0) {
      lines.push({ text: text.slice(start), ending: '' });
      break;
    }
    const isCrLf = newline > start && text[newline - 1] === '\r';
    lines.push({
      text: text.slice(start, isCrLf ? newline - 1 : newline),
      ending: isCrLf ? '\r\n' : '\n',
    });
    start = newline + 1;
  }
  return lines;
}

function readLine(number: number, text: string, ending: '' | '\n' | '\r\n'): ResolvLine {
  const bare = text.replace(/^\uFEFF/, '').trim();
  if (bare === '') return { number, kind: 'blank', text, ending, keyword: '', words: [] };
  if (bare.startsWith('#') || bare.startsWith(';')) {
    return { number, kind: 'comment', text, ending, keyword: '', words: [] };
  }
  const [keyword = '', ...words] = bare.split(/[ \t]+/);
  const kind = keywords.get(keyword.toLowerCase()) ?? 'unknown';
  const problem = problemOf(kind, keyword, words, text, ending);
  const line = { number, kind, text, ending, keyword, words };
  return problem === undefined ? line : { ...line, problem };
}

function problemOf(
  kind: ResolvLineKind,
  keyword: string,
  words: readonly string[],
  text: string,
  ending: string,
): string | undefined {
  if (kind === 'unknown') return `unknown keyword '${keyword}': every stub ignores the line`;
  if (text.startsWith('\uFEFF')) return 'a byte order mark stands before the keyword';
  if (ending === '\r\n') return 'CRLF line ending: glibc ignores or misreads the line';
  if (/^[ \t]/.test(text)) return 'leading blanks: glibc and musl ignore the line';
  if (keyword !== keyword.toLowerCase()) return `'${keyword}' is not lower case: ignored`;
  if (words.length === 0) return `'${keyword}' without a value`;
  if (kind === 'nameserver' && isIP(addressOnly(words[0] ?? '')) === 0) {
    return `'${words[0]}' is not an IP address: the line is ignored by most stubs`;
  }
  const mark = kind === 'search' ? words.find((word) => /^[#;]/.test(word)) : undefined;
  if (mark !== undefined) return `'${mark}' is no comment here: it is read as a domain`;
  if (kind === 'search' && words.some((word) => word.includes(','))) {
    return 'a comma is part of the domain for most stubs';
  }
  return undefined;
}

function tolerantReading(
  lines: readonly ResolvLine[],
): Pick<ResolvConf, 'nameservers' | 'search' | 'options'> {
  const nameservers: { address: string; line: number }[] = [];
  const options: ResolvOption[] = [];
  let search: { domain: string; line: number }[] = [];
  for (const { kind, words, number: line } of lines) {
    const first = words[0];
    if (kind === 'nameserver' && first !== undefined && isIP(addressOnly(first)) !== 0) {
      nameservers.push({ address: first, line });
    } else if (kind === 'search' || kind === 'domain') {
      const domains = kind === 'domain' ? words.slice(0, 1) : untilComment(words);
      if (domains.length > 0) search = domains.map((domain) => ({ domain, line }));
    } else if (kind === 'options') {
      options.push(...words.map((word) => readOption(word, line)));
    }
  }
  return { nameservers, search, options };
}

/** Takes a word of an `options` line apart. */
export function readOption(text: string, line: number): ResolvOption {
  const colon = text.indexOf(':');
  if (colon < 0) return { text, name: text, value: undefined, line };
  return { text, name: text.slice(0, colon), value: text.slice(colon + 1), line };
}

function addressOnly(word: string): string {
  return word.replace(/%.*$/, '');
}

function untilComment(words: readonly string[]): readonly string[] {
  const end = words.findIndex((word) => /^[#;]/.test(word));
  return end < 0 ? words : words.slice(0, end);
}
