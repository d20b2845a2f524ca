/** YAML's own errors in words that say what to write. Pure. */
import type { ErrorCode } from 'yaml';
import type { Fault } from './problem.ts';

/** A fault, and the column where it is seen, if the parser met it later. */
export interface SyntaxFault extends Fault {
  readonly at?: number;
}

/** `*.env.dev.internal: …` without quotes: YAML takes `*` for an alias. */
const WILDCARD_KEY = /(?:^|[\s{,-])(\*\.[\w.-]+?)\s*:/;
/** `[::1]:53` without quotes: YAML takes the brackets for a list. */
const BRACKETED_ADDRESS = /\[[0-9a-f]*:[0-9a-f:.]*\]:\d+/i;

/**
 * What a parse error means for the person who wrote the line.
 *
 * @param code and `message`: the yaml library's
 * @param line the text of the line on which it was met
 */
export function syntaxFault(code: ErrorCode, message: string, line: string): SyntaxFault {
  const wildcard = WILDCARD_KEY.exec(line)?.[1];
  if (wildcard !== undefined) {
    return {
      at: line.indexOf(wildcard) + 1,
      message: 'a key that begins with * is not in quotes',
      wayOut: `write "${wildcard}":`,
    };
  }
  const address = BRACKETED_ADDRESS.exec(line)?.[0];
  if (address !== undefined) {
    return {
      at: line.indexOf(address) + 1,
      message: 'an IPv6 address in brackets is not in quotes',
      wayOut: `write "${address}"`,
    };
  }
  switch (code) {
    case 'TAB_AS_INDENT':
      return { message: 'a tab is used as indentation', wayOut: 'indent with spaces' };
    case 'BAD_INDENT':
      return isUnclosed(message)
        ? {
            message: 'a list or mapping before this line is not closed',
            wayOut: 'end it with ] or }',
          }
        : {
            message: 'the indentation does not fit the lines above',
            wayOut: 'put the keys of one mapping into one column',
          };
    case 'MISSING_CHAR':
      return message.includes('quote')
        ? { message: 'a quoted text is not closed', wayOut: 'end it with the quote it began with' }
        : {
            message: lowerFirst(message),
            wayOut: 'put a comma between items, a colon behind keys',
          };
    case 'MULTIPLE_DOCS':
      return { message: 'a second document begins', wayOut: 'keep one; remove the line ---' };
    case 'BAD_SCALAR_START':
      return {
        message: `a text cannot begin with ${message.at(-1) ?? 'this character'}`,
        wayOut: 'put it in quotes',
      };
    case 'BLOCK_AS_IMPLICIT_KEY':
      return {
        message: 'a value has ": " in it',
        wayOut: 'put it in quotes, or on a line of its own',
      };
    case 'NON_STRING_KEY':
      return { message: 'a key is a list or a mapping', wayOut: 'put it in quotes' };
    case 'UNEXPECTED_TOKEN':
      return { message: 'there is more behind the value', wayOut: 'put the whole value in quotes' };
    case 'RESOURCE_EXHAUSTION':
      return { message: 'lists or mappings are nested too deeply', wayOut: 'close them' };
    default:
      return { message: lowerFirst(message), wayOut: 'see yaml.org for the form of YAML 1.2' };
  }
}

function isUnclosed(message: string): boolean {
  return /end with a [\]}]/.test(message);
}

function lowerFirst(text: string): string {
  const [line = ''] = text.split('\n');
  return line.slice(0, 1).toLowerCase() + line.slice(1);
}
