/** What a stub resolver takes from resolv.conf: the values it uses, where each stands, and what it passes over. */
import type { ResolvConf, ResolvLine } from '../resolv-conf.ts';

/** A value with the line it stands on; no line: the stub's default, the host name or the environment. */
export interface Setting<T> {
  readonly value: T;
  readonly line?: number;
}

/** Something in the file that the stub does not use, and why. */
export interface Ignored {
  readonly line: number;
  readonly text: string;
  readonly reason: string;
}

/** One stub's reading of one file. Times in milliseconds. */
export interface Reading {
  /** the servers that are really asked, in order */
  readonly nameservers: readonly { readonly address: string; readonly line?: number }[];
  /** the suffixes that are really tried, as they stand in the file; `''` is the root */
  readonly search: readonly { readonly domain: string; readonly line?: number }[];
  readonly ndots: Setting<number>;
  readonly timeoutMs: Setting<number>;
  readonly attempts: Setting<number>;
  /** options without a value that this stub knows: `rotate`, `use-vc`… */
  readonly flags: ReadonlyMap<string, number | undefined>;
  readonly ignored: readonly Ignored[];
}

/** What the environment of a process adds to the file. */
export interface ReadingContext {
  readonly hostname: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Collects a reading while a parser walks through the lines. */
export class ReadingBuilder {
  nameservers: { address: string; line?: number }[] = [];
  search: { domain: string; line?: number }[] = [];
  ndots: Setting<number> = { value: 1 };
  timeoutMs: Setting<number>;
  attempts: Setting<number>;
  readonly flags: Map<string, number | undefined> = new Map();
  readonly ignored: Ignored[] = [];

  constructor(defaults: { readonly timeoutMs: number; readonly attempts: number }) {
    this.timeoutMs = { value: defaults.timeoutMs };
    this.attempts = { value: defaults.attempts };
  }

  ignore(line: ResolvLine | undefined, text: string, reason: string): void {
    if (line !== undefined) this.ignored.push({ line: line.number, text, reason });
  }

  /** Replaces the search list; what it held before is reported as overridden. */
  setSearch(domains: readonly string[], line: number | undefined): void {
    for (const entry of this.search) {
      if (entry.line !== undefined && entry.line !== line) {
        this.ignored.push({ line: entry.line, text: entry.domain, reason: 'a later line wins' });
      }
    }
    this.search = domains.map((domain) => located({ domain }, line));
  }

  addNameserver(address: string, line: ResolvLine): void {
    this.nameservers.push({ address, line: line.number });
  }

  /** Cuts the server list to what the stub uses, or fills in its default. */
  finishNameservers(most: number, fallback: readonly string[]): void {
    for (const extra of this.nameservers.splice(most)) {
      if (extra.line === undefined) continue;
      this.ignored.push({
        line: extra.line,
        text: extra.address,
        reason: `only the first ${most} nameservers are used`,
      });
    }
    if (this.nameservers.length === 0) {
      this.nameservers = fallback.map((address) => ({ address }));
    }
  }

  build(): Reading {
    const { nameservers, search, ndots, timeoutMs, attempts, flags, ignored } = this;
    return { nameservers, search, ndots, timeoutMs, attempts, flags, ignored };
  }
}

/** A setting with its line, or without one where there is none. */
export function setting<T>(value: T, line: number | undefined): Setting<T> {
  return located({ value }, line);
}

function located<T extends object>(entry: T, line: number | undefined): T & { line?: number } {
  return line === undefined ? entry : { ...entry, line };
}

/** The line as getline(3) hands it to C code, its ending included. */
export function rawLine(line: ResolvLine): string {
  return line.text + line.ending;
}

/** The text after a keyword that stands at column 0 and is followed by one of `blanks`; undefined otherwise. */
export function afterKeyword(text: string, keyword: string, blanks: RegExp): string | undefined {
  if (!text.startsWith(keyword)) return undefined;
  const next = text.charAt(keyword.length);
  return next !== '' && blanks.test(next) ? text.slice(keyword.length) : undefined;
}

/** Reports lines that the stub's parser did not recognise although they mean something. */
export function ignoreUnread(reading: ReadingBuilder, line: ResolvLine, reason: string): void {
  if (line.kind === 'blank' || line.kind === 'comment') return;
  reading.ignore(line, line.text.trim(), line.kind === 'unknown' ? 'unknown keyword' : reason);
}

/** The host name after its first dot: the search list of most stubs when the file has none. */
export function domainOfHostname(hostname: string): string {
  const dot = hostname.indexOf('.');
  return dot < 0 ? '' : hostname.slice(dot + 1);
}

/** The lines of a file that may be missing. */
export function linesOf(conf: ResolvConf | undefined): readonly ResolvLine[] {
  return conf?.lines ?? [];
}

/** The words of a text between white space as C's isspace sees it; a byte order mark is part of a word. */
export function spaceSeparated(text: string): readonly string[] {
  return text.split(/[ \t\n\v\f\r]+/).filter((word) => word !== '');
}

/** Without white space at either end; unlike `String.trim`, a byte order mark stays. */
export function trimSpace(text: string): string {
  return text.replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, '');
}
