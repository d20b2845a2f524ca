/** Names, types and servers as they are typed. */
import { parseUpstream, type UpstreamAddress } from '../config/endpoint.ts';
import { parseType, typeName } from '../dns/codes.ts';
import { nameProblem } from '../dns/name.ts';
import { HomeportError } from '../errors.ts';

/** @throws HomeportError USAGE */
export function checkedName(text: string): string {
  const problem = nameProblem(text);
  if (problem === undefined) return text;
  throw new HomeportError('USAGE', `"${text.slice(0, 80)}" is no domain name: ${problem}`);
}

/** The mnemonic of a type. @throws HomeportError USAGE */
export function checkedType(text: string): string {
  const type = parseType(text);
  if (type !== undefined) return typeName(type);
  throw new HomeportError(
    'USAGE',
    `"${text.slice(0, 80)}" is no record type; write A, AAAA, SRV, TXT or TYPE65`,
  );
}

/** `--server`: an address, with port 53 where none is given. @throws HomeportError USAGE */
export function checkedServer(text: string): UpstreamAddress {
  const result = parseUpstream(text);
  if ('fault' in result) {
    throw new HomeportError(
      'USAGE',
      `--server "${text}" ${result.fault.message}; ${result.fault.wayOut}`,
    );
  }
  if (result.value.tlsName !== null) {
    throw new HomeportError(
      'USAGE',
      `--server "${text}" is DNS over TLS; write its address and port alone`,
    );
  }
  return result.value;
}
