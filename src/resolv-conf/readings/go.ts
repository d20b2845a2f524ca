/** resolv.conf as Go's own resolver reads it (net/dnsconfig_unix.go); 1.19 and 1.24 differ only for `search .`. */
import { inetPton, ipv6WithScope } from '../inet.ts';
import type { ResolvConf, ResolvLine } from '../resolv-conf.ts';
import {
  domainOfHostname,
  linesOf,
  type Reading,
  ReadingBuilder,
  type ReadingContext,
  setting,
} from './reading.ts';

const maxNameservers = 3;
const maxNdots = 15;
const defaultServers = ['127.0.0.1', '::1'];

export type GoVersion = '1.19' | '1.24';

/** Known options that only switch something; all others make `hasUnknown` true. */
const flagNames = [
  'rotate',
  'single-request',
  'single-request-reopen',
  'use-vc',
  'usevc',
  'tcp',
] as const;
const flags: Readonly<Record<GoVersion, ReadonlySet<string>>> = {
  '1.19': new Set(flagNames),
  '1.24': new Set([...flagNames, 'trust-ad', 'edns0', 'no-reload']),
};

/** A Go reading also says whether a program with cgo would hand the lookup to glibc. */
export interface GoReading extends Reading {
  /** an unknown option or keyword was met: a cgo program uses glibc then (net/conf.go) */
  readonly hasUnknown: boolean;
}

/** Reads a file as Go's resolver does. Never throws. */
export function readAsGo(
  conf: ResolvConf | undefined,
  context: ReadingContext,
  version: GoVersion,
): GoReading {
  const reading = new ReadingBuilder({ timeoutMs: 5000, attempts: 2 });
  let hasUnknown = false;
  let hasRootList = false;
  for (const line of linesOf(conf)) {
    if (/^[#;]/.test(line.text)) continue;
    const [keyword, ...words] = fields(line.text);
    if (keyword === undefined) continue;
    if (keyword === 'nameserver') {
      readNameserver(reading, line, words);
    } else if (keyword === 'domain') {
      if (words[0] !== undefined) reading.setSearch([rootless(words[0])], line.number);
    } else if (keyword === 'search') {
      const domains = words.map(rootless).filter((domain) => domain !== '');
      reading.setSearch(domains, line.number);
      hasRootList = words.length > 0 && domains.length === 0;
    } else if (keyword === 'options') {
      for (const word of words)
        hasUnknown = !readOption(reading, line, word, version) || hasUnknown;
    } else {
      if (keyword !== 'lookup') hasUnknown = true;
      reading.ignore(line, line.text.trim(), line.problem ?? 'unknown keyword');
    }
  }
  // 1.24 drops `.` before it looks whether there is a list at all, 1.19 while it asks
  const hasList = reading.search.length > 0 || (version === '1.19' && hasRootList);
  if (!hasList) {
    const domain = domainOfHostname(context.hostname);
    if (domain !== '') reading.setSearch([domain], undefined);
  }
  reading.finishNameservers(maxNameservers, defaultServers);
  return { ...reading.build(), hasUnknown };
}

function readNameserver(reading: ReadingBuilder, line: ResolvLine, words: readonly string[]): void {
  const [word, ...more] = words;
  if (word === undefined) return;
  const address = inetPton(word) ?? ipv6WithScope(word);
  if (address === undefined) {
    reading.ignore(line, line.text.trim(), `'${word}' is no full address`);
    return;
  }
  reading.addNameserver(address, line);
  if (more.length > 0) reading.ignore(line, more.join(' '), 'text after the address');
}

/** @returns whether Go knows the option */
function readOption(
  reading: ReadingBuilder,
  line: ResolvLine,
  word: string,
  version: GoVersion,
): boolean {
  if (word.startsWith('ndots:')) {
    const value = Math.min(Math.max(leadingNumber(word.slice(6)), 0), maxNdots);
    reading.ndots = setting(value, line.number);
  } else if (word.startsWith('timeout:')) {
    const value = Math.max(leadingNumber(word.slice(8)), 1);
    reading.timeoutMs = setting(value * 1000, line.number);
  } else if (word.startsWith('attempts:')) {
    reading.attempts = setting(Math.max(leadingNumber(word.slice(9)), 1), line.number);
  } else if (flags[version].has(word)) {
    reading.flags.set(word, line.number);
  } else {
    reading.ignore(line, word, 'unknown option');
    return false;
  }
  return true;
}

/** Go's dtoi: the digits at the start, 0 where there are none. */
function leadingNumber(text: string): number {
  return Number(/^\d*/.exec(text)?.[0] ?? 0);
}

/** A domain as Go roots it: no final dot here, `''` is the root. */
function rootless(domain: string): string {
  return domain.endsWith('.') ? domain.slice(0, -1) : domain;
}

function fields(text: string): readonly string[] {
  return text.split(/[ \r\t\n]+/).filter((word) => word !== '');
}
