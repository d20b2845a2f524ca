/** resolv.conf as the c-ares library reads it: 1.18 (ares_init.c) and 1.34 (ares_sysconfig_files.c) differ a lot. */
import { inetNetPton, ipv6WithScope } from '../inet.ts';
import type { ResolvConf, ResolvLine } from '../resolv-conf.ts';
import {
  domainOfHostname,
  ignoreUnread,
  linesOf,
  type Reading,
  ReadingBuilder,
  type ReadingContext,
  setting,
  spaceSeparated,
  trimSpace,
} from './reading.ts';

export type CAresVersion = '1.18' | '1.34';

/** strtol on a 32-bit field turns -1 into the largest number: no name has as many dots. */
const noLimit = 0x7fffffff;

/** Reads a file as c-ares does, LOCALDOMAIN and RES_OPTIONS included. Never throws. */
export function readAsCAres(
  conf: ResolvConf | undefined,
  context: ReadingContext,
  version: CAresVersion,
): Reading {
  return version === '1.18' ? readAs118(conf, context) : readAs134(conf, context);
}

function readAs118(conf: ResolvConf | undefined, context: ReadingContext): Reading {
  const reading = new ReadingBuilder({ timeoutMs: 5000, attempts: 4 });
  const seen = new Set<string>();
  const fromEnvironment = withoutPrefixes(listWords(context.env.LOCALDOMAIN ?? ''));
  if (fromEnvironment.length > 0) reading.setSearch(fromEnvironment, undefined);
  setOptions118(reading, context.env.RES_OPTIONS ?? '', undefined, seen);
  for (const line of linesOf(conf)) {
    const text = trimSpace(line.text.split(/[#;]/, 1)[0] ?? '');
    const [keyword = '', ...values] = spaceSeparated(text);
    const [first] = values;
    if (first === undefined) continue;
    if (keyword === 'domain' || keyword === 'search') {
      if (fromEnvironment.length > 0) reading.ignore(line, line.text, 'LOCALDOMAIN replaces it');
      else
        reading.setSearch(
          withoutPrefixes(listWords(keyword === 'domain' ? first : text.slice(keyword.length))),
          line.number,
        );
    } else if (keyword === 'nameserver') {
      for (const word of values.flatMap((value) => listWords(value))) {
        readServer(reading, line, word, plainAddress(word));
      }
    } else if (keyword === 'options') {
      setOptions118(reading, values.join(' '), line, seen);
    } else {
      reading.ignore(line, line.text.trim(), line.problem ?? 'unknown keyword');
    }
  }
  return finish(reading, context);
}

/** 1.18 keeps the first value of each option, the environment's before the file's. */
function setOptions118(
  reading: ReadingBuilder,
  text: string,
  line: ResolvLine | undefined,
  seen: Set<string>,
): void {
  const all = spaceSeparated(text);
  for (const [index, word] of all.entries()) {
    const colon = word.indexOf(':');
    // compared by prefix: `rotatefoo` rotates
    const name = word.startsWith('rotate') ? 'rotate' : colon < 0 ? word : word.slice(0, colon);
    // strtol skips blanks, so `ndots: 2` is 2
    const value = colon === word.length - 1 ? (all[index + 1] ?? '') : word.slice(colon + 1);
    const known = name === 'ndots' || name === 'retrans' || name === 'retry' || name === 'rotate';
    if (!known || (colon < 0 && name !== 'rotate')) {
      reading.ignore(line, word, 'unknown option');
    } else if (seen.has(name)) {
      reading.ignore(line, word, 'an earlier one wins');
    } else {
      seen.add(name);
      setKnown118(reading, name, value, line);
    }
  }
}

function setKnown118(
  reading: ReadingBuilder,
  name: string,
  value: string,
  line: ResolvLine | undefined,
): void {
  if (name === 'ndots') reading.ndots = setting(unsigned(value), line?.number);
  else if (name === 'retrans') reading.timeoutMs = setting(unsigned(value), line?.number);
  else if (name === 'retry') reading.attempts = setting(unsigned(value), line?.number);
  else reading.flags.set('rotate', line?.number);
}

function readAs134(conf: ResolvConf | undefined, context: ReadingContext): Reading {
  const reading = new ReadingBuilder({ timeoutMs: 2000, attempts: 3 });
  // an empty LOCALDOMAIN fails to parse, and with it the whole configuration
  if (context.env.LOCALDOMAIN === '') {
    for (const line of linesOf(conf)) ignoreUnread(reading, line, 'LOCALDOMAIN is empty');
    return finish(reading, context);
  }
  for (const line of linesOf(conf)) {
    const text = trimSpace(line.text);
    if (/^[#;]/.test(text)) continue;
    const [, keyword = '', value = ''] = /^([^ \t]+)[ \t]*(.*)$/s.exec(text) ?? [];
    // an unprintable byte in the value (a tab, UTF-8) loses the line
    if (value === '') continue;
    if (!/^[\x20-\x7e]*$/.test(value)) {
      reading.ignore(line, text, 'a tab or a byte beyond ASCII in it loses the line');
      continue;
    }
    if (keyword === 'search') {
      reading.setSearch(domainList(value), line.number);
    } else if (keyword === 'domain') {
      if (reading.search.length > 0) reading.ignore(line, text, 'search wins over domain');
      else reading.setSearch(domainList(value).slice(0, 1), line.number);
    } else if (keyword === 'nameserver') {
      readNameservers134(reading, line, value);
    } else if (keyword === 'options') {
      setOptions134(reading, value, line);
    } else {
      reading.ignore(line, text, line.problem ?? 'unknown keyword');
    }
  }
  const localDomain = context.env.LOCALDOMAIN;
  if (localDomain !== undefined) {
    reading.setSearch(domainList(localDomain).slice(0, 1), undefined);
  }
  setOptions134(reading, context.env.RES_OPTIONS ?? '', undefined);
  return finish(reading, context);
}

/** Split at blanks and commas, duplicates dropped; LOCALDOMAIN with a tab is lost. */
function domainList(value: string): readonly string[] {
  return /^[\x20-\x7e]*$/.test(value) ? unique(value.split(/[, ]+/)) : [];
}

/** A list is split at blanks and commas; a tab is part of a word. */
function listWords(text: string): readonly string[] {
  return trimSpace(text).split(/[, ]+/);
}

/** Each word once, letter case aside. */
function unique(list: readonly string[]): readonly string[] {
  const seen = new Set<string>(['']);
  return list.filter((word) => {
    const key = word.toLowerCase();
    return seen.has(key) ? false : seen.add(key);
  });
}

/** 1.18 compares only as many letters as the later word has: one that begins an earlier word is dropped too. */
function withoutPrefixes(list: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (const word of list) {
    const key = word.toLowerCase();
    if (!kept.some((earlier) => earlier.toLowerCase().startsWith(key))) kept.push(word);
  }
  return kept.filter((word) => word !== '');
}

/** All addresses of a line count, with commas or blanks between them; what is none is passed over. */
function readNameservers134(reading: ReadingBuilder, line: ResolvLine, value: string): void {
  for (const word of listWords(value)) {
    const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(word)?.[1];
    const withPort = /^([\d.]+):\d+$/.exec(word)?.[1];
    const address = plainAddress(bracketed ?? withPort ?? word);
    const isListed = reading.nameservers.some((own) => own.address === address);
    if (isListed) reading.ignore(line, word, 'listed already');
    else readServer(reading, line, word, address);
  }
}

function readServer(
  reading: ReadingBuilder,
  line: ResolvLine,
  word: string,
  address: string | undefined,
): void {
  if (address === undefined) reading.ignore(line, word, `'${word}' is no address`);
  else reading.addNameserver(address, line);
}

function setOptions134(reading: ReadingBuilder, text: string, line: ResolvLine | undefined): void {
  for (const word of spaceSeparated(text)) {
    const colon = word.indexOf(':');
    const name = colon < 0 ? word : word.slice(0, colon);
    const value = colon < 0 ? 0 : unsigned(word.slice(colon + 1));
    if (name === 'ndots') {
      reading.ndots = setting(value, line?.number);
    } else if (name === 'timeout' || name === 'retrans') {
      // 0 stands for the default
      if (value > 0)
        reading.timeoutMs = setting(value * (name === 'timeout' ? 1000 : 1), line?.number);
    } else if (name === 'attempts' || name === 'retry') {
      if (value > 0) reading.attempts = setting(value, line?.number);
    } else if (name === 'rotate' || name === 'use-vc' || name === 'usevc') {
      reading.flags.set(name, line?.number);
    } else {
      reading.ignore(line, word, 'unknown option');
    }
  }
}

function finish(reading: ReadingBuilder, context: ReadingContext): Reading {
  if (reading.search.length === 0) {
    const domain = domainOfHostname(context.hostname);
    if (domain !== '') reading.setSearch([domain], undefined);
  }
  reading.finishNameservers(Number.POSITIVE_INFINITY, ['127.0.0.1']);
  return reading.build();
}

function plainAddress(word: string): string | undefined {
  return inetNetPton(word) ?? ipv6WithScope(word);
}

function unsigned(text: string): number {
  const match = /^\s*([-+]?)(\d+)/.exec(text);
  const number = Number(match?.[2] ?? 0);
  return match?.[1] === '-' && number > 0 ? noLimit : number;
}
