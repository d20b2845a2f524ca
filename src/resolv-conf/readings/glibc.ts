/** resolv.conf as glibc reads it (resolv/res_init.c, 2.36 and 2.41 alike), LOCALDOMAIN and RES_OPTIONS included. */
import { atoi, inetAton, ipv6WithScope } from '../inet.ts';
import type { ResolvConf, ResolvLine } from '../resolv-conf.ts';
import {
  afterKeyword,
  domainOfHostname,
  ignoreUnread,
  linesOf,
  type Reading,
  ReadingBuilder,
  type ReadingContext,
  rawLine,
  setting,
} from './reading.ts';

const maxNameservers = 3;
const maxNdots = 15;
const maxTimeoutS = 30;
const maxAttempts = 5;

/** Matched by prefix, in this order; `single-request-reopen` must come before `single-request`. */
const flagNames = [
  'rotate',
  'edns0',
  'single-request-reopen',
  'single-request',
  'no_tld_query',
  'no-tld-query',
  'no-reload',
  'use-vc',
  'trust-ad',
  'no-aaaa',
] as const;

/** Reads a file as glibc does. A missing file is `undefined`. Never throws. */
export function readAsGlibc(conf: ResolvConf | undefined, context: ReadingContext): Reading {
  const reading = new ReadingBuilder({ timeoutMs: 5000, attempts: 2 });
  const localDomain = context.env.LOCALDOMAIN;
  let hasList = localDomain !== undefined;
  for (const line of linesOf(conf)) {
    const text = rawLine(line);
    const list = searchList(text);
    const server = afterKeyword(text, 'nameserver', /[ \t]/);
    const options = afterKeyword(text, 'options', /[ \t]/);
    if (list !== undefined) {
      if (localDomain !== undefined) {
        reading.ignore(line, line.text, 'LOCALDOMAIN replaces it');
      } else if (list.length === 0) {
        reading.ignore(line, line.text, 'an empty list keeps the earlier one');
      } else {
        reading.setSearch(list, line.number);
        hasList = true;
        if (line.kind === 'domain') {
          for (const word of line.words.slice(1))
            reading.ignore(line, word, 'domain takes one word');
        }
      }
    } else if (server !== undefined) {
      readNameserver(reading, line, server);
    } else if (options !== undefined) {
      setOptions(reading, options, line);
    } else {
      ignoreUnread(reading, line, line.problem ?? 'not understood');
    }
  }
  if (localDomain !== undefined) reading.setSearch(localDomainList(localDomain), undefined);
  if (!hasList) {
    const domain = domainOfHostname(context.hostname);
    if (domain !== '') reading.setSearch([domain], undefined);
  }
  const fromEnvironment = context.env.RES_OPTIONS;
  if (fromEnvironment !== undefined) setOptions(reading, fromEnvironment, undefined);
  reading.finishNameservers(maxNameservers, ['127.0.0.1']);
  reading.search = reading.search.map((entry) => ({
    ...entry,
    domain: entry.domain.replace(/^\./, ''),
  }));
  return reading.build();
}

/** The list of a `search` or `domain` line (CR is no blank here); undefined for other lines. */
function searchList(text: string): readonly string[] | undefined {
  const domain = afterKeyword(text, 'domain', /[ \t]/);
  if (domain !== undefined) return blankSeparated(domain).slice(0, 1);
  const search = afterKeyword(text, 'search', /[ \t]/);
  return search === undefined ? undefined : blankSeparated(search);
}

/** LOCALDOMAIN is split where a blank ends, so a leading blank (or an empty value) is the root. */
function localDomainList(value: string): readonly string[] {
  const line = value.split('\n', 1)[0] ?? '';
  const [first = '', ...rest] = line.split(/[ \t]+/);
  return [first, ...rest.filter((word) => word !== '')];
}

function readNameserver(reading: ReadingBuilder, line: ResolvLine, rest: string): void {
  const [word = '', ...more] = blankSeparated(rest);
  const address = inetAton(word) ?? ipv6WithScope(word);
  if (address === undefined) {
    reading.ignore(line, line.text.trim(), `'${word}' is no address`);
    return;
  }
  reading.addNameserver(address, line);
  if (more.length > 0) reading.ignore(line, more.join(' '), 'text after the address');
}

function setOptions(reading: ReadingBuilder, text: string, line: ResolvLine | undefined): void {
  for (const { 0: word, index } of text.matchAll(/[^ \t\n]+/g)) {
    // atoi skips blanks, so `ndots: 2` is 2
    const number = atoi(text.slice(index + word.indexOf(':') + 1));
    const flag = flagNames.find((name) => word.startsWith(name));
    if (word.startsWith('ndots:')) {
      const value = Math.min(number, maxNdots);
      // the field has four bits, so -1 becomes 15
      reading.ndots = setting(value & maxNdots, line?.number);
    } else if (word.startsWith('timeout:')) {
      const value = Math.min(number, maxTimeoutS);
      reading.timeoutMs = setting(value * 1000, line?.number);
    } else if (word.startsWith('attempts:')) {
      const value = Math.min(number, maxAttempts);
      reading.attempts = setting(value, line?.number);
    } else if (flag !== undefined) {
      reading.flags.set(flag.replaceAll('_', '-'), line?.number);
    } else {
      reading.ignore(line, word, 'unknown option');
    }
  }
}

function blankSeparated(text: string): readonly string[] {
  return text.split(/[ \t\n]+/).filter((word) => word !== '');
}
