/** Questions that are about a name in a way of their own: a service of it, or the address that it is made of. */
import { textOfWire } from '../dns/name.ts';
import { isSameLabels, keyOfText } from '../wire/name-index.ts';
import { HEADER_BYTES, type QueryReader } from '../wire/query.ts';

const PROTOCOLS = [keyOfText('_tcp'), keyOfText('_udp')];
const REVERSE_ZONES = [keyOfText('in-addr.arpa'), keyOfText('ip6.arpa')];

/** Whether the name begins like a service's: `_mongodb._tcp.NAME` (RFC 2782). */
export function isServicePrefix(message: Uint8Array, query: QueryReader): boolean {
  if (query.labelCount < 3) return false;
  const second = query.labelOffsets[1] ?? 0;
  const third = query.labelOffsets[2] ?? 0;
  return (
    message[HEADER_BYTES + 1] === 0x5f &&
    PROTOCOLS.some((protocol) => isSameLabels(message, second, third, protocol))
  );
}

/** `_mongodb._tcp` of such a name, as it is spelled. */
export function serviceOf(message: Uint8Array, query: QueryReader): string {
  const end = query.labelOffsets[2] ?? HEADER_BYTES;
  const labels = Buffer.concat([message.subarray(HEADER_BYTES, end), Buffer.of(0)]);
  return textOfWire(labels, 0).slice(0, -1);
}

/** What follows the name proper, whose labels end at `end`; '' for nothing. */
export function suffixOf(message: Uint8Array, query: QueryReader, end: number): string {
  return end === query.nameEnd ? '' : textOfWire(message, end).slice(0, -1);
}

/** Whether the name is an address's (RFC 1035 §3.5, RFC 3596 §2.5). */
export function isReverse(message: Uint8Array, query: QueryReader): boolean {
  const zone = query.labelOffsets[query.labelCount - 2] ?? 0;
  return (
    query.labelCount > 2 &&
    REVERSE_ZONES.some((labels) => isSameLabels(message, zone, query.nameEnd, labels))
  );
}
