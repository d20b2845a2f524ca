/** Names as the configuration writes them: domains, bare names, names of records. */
import { domainToASCII } from 'node:url';
import { nameProblem } from '../dns/name.ts';
import { faulty, type Parsed, parsed } from './problem.ts';

/** A name without trailing dot, lower case; at least one label, no wildcard. */
export function parseDomain(text: string): Parsed<string> {
  const name = withoutRoot(text.toLowerCase());
  if (name === '') return faulty('is no domain name', 'write one like us-east-1.domain.com');
  if (name.startsWith('.')) {
    return faulty('begins with a dot', `write ${name.replace(/^\.+/, '') || 'domain.com'}`);
  }
  if (name.includes('*')) {
    return faulty('has a wildcard, which only records may have', 'write a whole domain');
  }
  if (/^\d+(\.\d+){3}$/.test(name)) {
    return faulty('is an address, not a domain name', 'write a name like us-east-1.domain.com');
  }
  return legal(name);
}

/** One label, as applications write it. */
export function parseBareName(text: string): Parsed<string> {
  const result = parseDomain(text);
  if ('fault' in result || !result.value.includes('.')) return result;
  const bare = result.value.slice(0, result.value.indexOf('.'));
  return faulty('is not a bare name', `write it as applications do, without its domain: ${bare}`);
}

/** The name of a static record: a domain, or `*.` and one. */
export function parseRecordName(text: string): Parsed<string> {
  const name = withoutRoot(text.toLowerCase());
  if (!name.includes('*')) return parseDomain(text);
  const rest = name.startsWith('*.') ? name.slice(2) : '';
  if (name === '*' || rest === '') {
    if (name === '*' || name === '*.') {
      return faulty('would be a wildcard for every name', 'write *.some.domain');
    }
    const parent = name.slice(name.lastIndexOf('*') + 1).replace(/^[^.]*\./, '') || 'some.domain';
    return faulty('has a wildcard that is not its whole first label', `write *.${parent}`);
  }
  if (rest.includes('*')) {
    return faulty(
      'has a wildcard that is not its whole first label',
      `write *.${rest.slice(rest.lastIndexOf('*') + 1).replace(/^\./, '')}`,
    );
  }
  const legalRest = parseDomain(rest);
  return 'fault' in legalRest ? legalRest : legal(`*.${legalRest.value}`);
}

function legal(name: string): Parsed<string> {
  const problem = nameProblem(name);
  if (problem === undefined) return parsed(name);
  const ascii = isAscii(name) ? '' : domainToASCII(name);
  const wayOut =
    ascii !== '' && nameProblem(ascii) === undefined
      ? `write ${ascii}`
      : 'write labels of letters, digits and inner hyphens, with dots between them';
  return faulty(`is no domain name: ${problem}`, wayOut);
}

function isAscii(text: string): boolean {
  return [...text].every((character) => character.charCodeAt(0) < 0x80);
}

function withoutRoot(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name;
}
