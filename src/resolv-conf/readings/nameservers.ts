/** Resolvers that take little more than the servers from resolv.conf: Java's JNDI provider, systemd-resolved's input, dnspython. */
import { inetPton, ipv6WithScope } from '../inet.ts';
import type { ResolvConf } from '../resolv-conf.ts';
import {
  domainOfHostname,
  linesOf,
  type Reading,
  ReadingBuilder,
  type ReadingContext,
  setting,
  spaceSeparated,
} from './reading.ts';

const jndiNameservers = 5;
const pythonNameservers = 3;

/** Java's JNDI DNS provider: `nameserver` lines at column 0, five at most; nothing else counts. */
export function readAsJndi(conf: ResolvConf | undefined): Reading {
  const reading = new ReadingBuilder({ timeoutMs: 1000, attempts: 4 });
  for (const line of linesOf(conf)) {
    const [, first = ''] = /^nameserver[ \t]+([^ \t#;]+)/.exec(line.text) ?? [];
    if (first !== '') reading.addNameserver(first, line);
    else if (line.kind !== 'blank' && line.kind !== 'comment') {
      reading.ignore(line, line.text.trim(), 'JNDI reads nameserver lines only');
    }
  }
  reading.finishNameservers(jndiNameservers, ['127.0.0.1']);
  return reading.build();
}

/** /etc/resolv.conf as systemd-resolved takes it in when it has no DNS= of its own: servers and search domains, no options. */
export function readAsResolvedInput(conf: ResolvConf | undefined): Reading {
  const reading = new ReadingBuilder({ timeoutMs: 5000, attempts: 24 });
  const domains: string[] = [];
  for (const line of linesOf(conf)) {
    const [keyword = '', ...words] = spaceSeparated(line.text);
    if (keyword === 'nameserver') {
      const address = inetPton(words[0] ?? '') ?? ipv6WithScope(words[0] ?? '');
      if (address === undefined) reading.ignore(line, line.text.trim(), 'no address');
      else reading.addNameserver(address, line);
    } else if (keyword === 'search' || keyword === 'domain') {
      domains.push(...words);
      reading.search.push(...words.map((domain) => ({ domain, line: line.number })));
    } else if (line.kind !== 'blank' && line.kind !== 'comment') {
      reading.ignore(line, line.text.trim(), 'systemd-resolved takes servers and domains only');
    }
  }
  reading.finishNameservers(Number.POSITIVE_INFINITY, []);
  return reading.build();
}

/** dnspython: white-space separated words, last list wins, ndots; the host name's domain where there is no list. */
export function readAsDnspython(conf: ResolvConf | undefined, context: ReadingContext): Reading {
  const reading = new ReadingBuilder({ timeoutMs: 5000, attempts: 2 });
  for (const line of linesOf(conf)) {
    if (line.kind === 'blank' || line.kind === 'comment') continue;
    const [keyword = '', ...words] = spaceSeparated(line.text);
    const [first] = words;
    if (keyword === 'nameserver' && first !== undefined) reading.addNameserver(first, line);
    else if (keyword === 'search' && first !== undefined) reading.setSearch(words, line.number);
    else if (keyword === 'domain' && first !== undefined) reading.setSearch([first], line.number);
    else if (keyword === 'options') {
      for (const word of words) {
        const ndots = /^ndots:(\d+)/.exec(word)?.[1];
        if (ndots !== undefined) reading.ndots = setting(Number(ndots), line.number);
      }
    }
  }
  if (reading.search.length === 0) {
    const domain = domainOfHostname(context.hostname);
    if (domain !== '') reading.setSearch([domain], undefined);
  }
  reading.finishNameservers(pythonNameservers, ['127.0.0.1']);
  return reading.build();
}
