/** resolv.conf as musl reads it (src/network/resolvconf.c, 1.2.3 and 1.2.5 alike). The environment has no say. */
import { inetAton, ipv6WithScope } from '../inet.ts';
import type { ResolvConf, ResolvLine } from '../resolv-conf.ts';
import {
  afterKeyword,
  ignoreUnread,
  linesOf,
  type Reading,
  ReadingBuilder,
  rawLine,
  setting,
  spaceSeparated,
} from './reading.ts';

const maxNameservers = 3;
const maxNdots = 15;
const maxAttempts = 10;
const maxTimeoutS = 60;
/** The line buffer holds 256 bytes: 254 characters (a CR is one), the newline and the final zero. */
const maxLineLength = 254;
const isSpace = /[ \t\n\v\f\r]/;

/** Reads a file as musl does. Never throws. */
export function readAsMusl(conf: ResolvConf | undefined): Reading {
  const reading = new ReadingBuilder({ timeoutMs: 5000, attempts: 2 });
  for (const line of linesOf(conf)) {
    const text = rawLine(line);
    if (Buffer.byteLength(text.replace(/\n$/, '')) > maxLineLength) {
      reading.ignore(line, line.text, `longer than ${maxLineLength} characters`);
    } else if (isKeyword(text, 'options')) {
      readOptions(reading, line, text);
    } else if (isKeyword(text, 'nameserver')) {
      readNameserver(reading, line, text.slice('nameserver'.length));
    } else if (isKeyword(text, 'domain') || isKeyword(text, 'search')) {
      const rest = text.slice('domain'.length);
      reading.setSearch(spaceSeparated(rest), line.number);
    } else {
      ignoreUnread(reading, line, line.problem ?? 'not understood');
    }
  }
  reading.finishNameservers(maxNameservers, ['127.0.0.1']);
  return reading.build();
}

/** The newline that ends a bare keyword is white space too, so an empty `search` line counts. */
function isKeyword(text: string, keyword: string): boolean {
  return afterKeyword(text, keyword, isSpace) !== undefined;
}

function readOptions(reading: ReadingBuilder, line: ResolvLine, text: string): void {
  const ndots = firstNumber(text, 'ndots:');
  if (ndots !== undefined) reading.ndots = setting(Math.min(ndots, maxNdots), line.number);
  const attempts = firstNumber(text, 'attempts:');
  if (attempts !== undefined) {
    reading.attempts = setting(Math.min(attempts, maxAttempts), line.number);
  }
  const timeout = firstNumber(text, 'timeout:');
  if (timeout !== undefined) {
    reading.timeoutMs = setting(Math.min(timeout, maxTimeoutS) * 1000, line.number);
  }
  for (const word of spaceSeparated(text.slice('options'.length))) {
    if (!/(ndots|attempts|timeout):\d/.test(word)) reading.ignore(line, word, 'unknown option');
  }
}

/** The number after the first place where `key` stands in the line (strstr); a digit must follow at once. */
function firstNumber(text: string, key: string): number | undefined {
  const at = text.indexOf(key);
  if (at < 0) return undefined;
  const match = /^\d+/.exec(text.slice(at + key.length));
  return match === null ? undefined : Number(match[0]);
}

function readNameserver(reading: ReadingBuilder, line: ResolvLine, rest: string): void {
  const [word = '', ...more] = spaceSeparated(rest);
  const address = inetAton(word) ?? ipv6WithScope(word);
  if (address === undefined) {
    reading.ignore(line, line.text.trim(), `'${word}' is no address`);
    return;
  }
  reading.addNameserver(address, line);
  if (more.length > 0) reading.ignore(line, more.join(' '), 'text after the address');
}
