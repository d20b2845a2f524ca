/** A lease as somebody asks for it, in words; and what is wrong with them, in one line. */
import { parseRecordName } from '../config/domain.ts';
import { parseDuration } from '../config/duration.ts';
import { parseAddress } from '../config/endpoint.ts';
import { type Parsed, shown } from '../config/problem.ts';
import type { LeaseWords } from '../control/reports.ts';

/** The same, checked. */
export interface LeaseRequest {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly forMs: number;
}

/** More does not fit into an answer that every client takes (RFC 1035 §4.2.2: 64 KiB, IPv6 records have 28 bytes). */
const MAX_ADDRESSES = 256;

/** Checks a request; `problem` names the thing, the value and the way out. Never throws. */
export function checkLease(
  words: LeaseWords,
): { readonly request: LeaseRequest } | { readonly problem: string } {
  const name = parseRecordName(words.name);
  if ('fault' in name) return { problem: said('the name', words.name, name) };
  const addresses: string[] = [];
  for (const text of words.addresses) {
    const address = parseAddress(text);
    if ('fault' in address) return { problem: said('the address', text, address) };
    if (!addresses.includes(address.value)) addresses.push(address.value);
  }
  if (addresses.length === 0) return { problem: `the lease of ${name.value} has no address` };
  if (addresses.length > MAX_ADDRESSES) {
    return { problem: `${addresses.length} addresses are too many; at most ${MAX_ADDRESSES}` };
  }
  const span = parseDuration(words.for);
  if ('fault' in span) return { problem: said('the time', words.for, span) };
  if (span.value === 0) return { problem: 'the time "0" is none; write 90s, 15m, 12h or 5d' };
  return { request: { name: name.value, addresses, forMs: span.value } };
}

/** The name of a lease as it is kept. */
export function checkLeaseName(
  text: string,
): { readonly name: string } | { readonly problem: string } {
  const name = parseRecordName(text);
  return 'fault' in name ? { problem: said('the name', text, name) } : { name: name.value };
}

function said(what: string, text: string, { fault }: Exclude<Parsed<unknown>, { value: unknown }>) {
  return `${what} ${shown(text)} ${fault.message}; ${fault.wayOut}`;
}
