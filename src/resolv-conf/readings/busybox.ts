/** resolv.conf as busybox nslookup reads it (networking/nslookup.c, 1.35 and 1.37 alike). Other applets use libc. */
import type { ResolvConf } from '../resolv-conf.ts';
import {
  domainOfHostname,
  linesOf,
  type Reading,
  ReadingBuilder,
  type ReadingContext,
  rawLine,
  spaceSeparated,
} from './reading.ts';

/** fgets into 512 bytes: a longer line is read as two. */
const maxLineLength = 511;

/** The words of `nameserver` lines are addresses for libc to judge: port, short form and names allowed. */
export function readAsBusybox(conf: ResolvConf | undefined, context: ReadingContext): Reading {
  const reading = new ReadingBuilder({ timeoutMs: 5000, attempts: 2 });
  let hasSearch = false;
  let hasList = false;
  for (const line of linesOf(conf)) {
    const text = rawLine(line).replace(/\n$/, '').slice(0, maxLineLength);
    const [, keyword = '', argument] = /^[ \t]*([^ \t]+)[ \t](.+)$/s.exec(text) ?? [];
    if (argument === undefined) continue;
    if (keyword === 'search' || (keyword === 'domain' && !hasSearch)) {
      hasSearch ||= keyword === 'search';
      hasList = true;
      // a second blank after the keyword makes an empty first word, which is the root
      const words = spaceSeparated(argument);
      reading.setSearch(/^\s/.test(argument) ? ['', ...words] : words, line.number);
    } else if (keyword === 'domain') {
      reading.ignore(line, line.text.trim(), 'search wins over domain, wherever it stands');
    } else if (keyword === 'nameserver') {
      // the argument begins after one blank, so a second blank makes an empty word, which is no address
      const [word = '', ...more] = argument.split(/[ \t]+/);
      reading.addNameserver(word, line);
      if (more.length > 0) reading.ignore(line, more.join(' '), 'text after the address');
    } else if (line.kind !== 'comment') {
      reading.ignore(line, line.text.trim(), 'nslookup reads nameserver, search and domain only');
    }
  }
  if (!hasList) {
    const domain = domainOfHostname(context.hostname);
    if (domain !== '') reading.setSearch([domain], undefined);
  }
  // "Cater for case of 'domain .'": a lone root is no list
  if (reading.search.length === 1 && reading.search[0]?.domain === '.') reading.search = [];
  reading.finishNameservers(Number.POSITIVE_INFINITY, ['127.0.0.1']);
  return reading.build();
}
