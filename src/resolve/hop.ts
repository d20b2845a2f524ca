/**
 * One hop of a message: what a query loses on its way to an upstream, and what the reply loses and gets on its way
 * back to the client. Cookies, keepalive and padding are between two neighbours (RFC 7873 §5, RFC 7828 §3.2.1, RFC 7830 §3).
 */
import { EDE, RCODE, TYPE } from '../dns/codes.ts';
import { extendedErrorOption } from '../wire/compiled.ts';
import { isHopOption, putUint16, type QueryReader, uint16 } from '../wire/query.ts';
import {
  cutToSize,
  type RelayedReply,
  readRelayed,
  withOptions,
  withoutOpt,
} from '../wire/relayed.ts';
import { OPT_BYTES, OUR_PAYLOAD_BYTES } from '../wire/reply.ts';
import type { ReplyReader } from '../wire/reply-reader.ts';

const NO_OPTIONS: Uint8Array = new Uint8Array(0);
/** RFC 8914 §4.4 and §4.20, for answers that RFC 8767 lets live on. */
const STALE_TEXT = 'no upstream answers; this is what one said before';
const STALE_ANSWER: Uint8Array = extendedErrorOption(EDE.STALE_ANSWER, STALE_TEXT);
const STALE_NXDOMAIN: Uint8Array = extendedErrorOption(EDE.STALE_NXDOMAIN_ANSWER, STALE_TEXT);

/**
 * Writes what is sent upstream for a query: its header bits, question and EDNS, less what is only between the
 * client and us, and with the size that we take. A query with other records goes as it is: TSIG signs its
 * bytes, the cookie among them, and the reply's.
 *
 * @param out as large as any message
 * @returns its length
 */
export function writeUpstreamQuery(
  out: Uint8Array,
  message: Uint8Array,
  query: QueryReader,
): number {
  const isAsItIs = query.hasOtherRecords || !query.hasEdns;
  const opt = isAsItIs ? message.length : query.questionEnd;
  for (let i = 0; i < opt; i++) out[i] = message[i] ?? 0;
  if (isAsItIs) return opt;
  let end = opt + OPT_BYTES;
  out[opt] = 0;
  putUint16(out, opt + 1, TYPE.OPT);
  putUint16(out, opt + 3, OUR_PAYLOAD_BYTES);
  putUint16(out, opt + 5, 0);
  putUint16(out, opt + 7, query.isDnssecOk ? 0x8000 : 0);
  const optionsEnd = query.optOffset + query.optLength;
  for (let at = query.optOffset; at < optionsEnd; ) {
    const next = at + 4 + uint16(message, at + 2);
    if (!isHopOption(uint16(message, at)))
      for (let i = at; i < next; i++) out[end++] = message[i] ?? 0;
    at = next;
  }
  putUint16(out, opt + 9, end - opt - OPT_BYTES);
  return end;
}

/** Whether `cleaned` would change a reply. What may be signed stays as it is. */
export function needsCleaning(reply: ReplyReader, query: QueryReader): boolean {
  if (query.hasOtherRecords) return false;
  return reply.hasHopOptions || (query.hasEdns && !reply.hasOpt && isAnswer(reply.rcode));
}

/**
 * An upstream's reply as it may go to a client: less what its OPT says to us alone, and with an OPT where the
 * client sent one and the upstream did not answer with one (RFC 6891 §6.1.1).
 */
export function cleaned(reply: RelayedReply, query: QueryReader): RelayedReply {
  return withOptions(reply, NO_OPTIONS, query.isDnssecOk);
}

function isAnswer(rcode: number): boolean {
  return rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN;
}

/** The reply with the cookie for this client, and a word that it is stale; the word only where there is room. */
export function withOurOptions(
  reply: RelayedReply,
  query: QueryReader,
  cookie: Uint8Array | null,
  isStale: boolean,
  limit: number,
): RelayedReply {
  if (!query.hasEdns || query.hasOtherRecords || (cookie === null && !isStale)) return reply;
  const own = cookie ?? NO_OPTIONS;
  if (isStale) {
    const error = reply.rcode === RCODE.NXDOMAIN ? STALE_NXDOMAIN : STALE_ANSWER;
    const told = withOptions(reply, Buffer.concat([own, error]), query.isDnssecOk);
    if (told.bytes.length <= limit) return told;
  }
  return cookie === null ? reply : withOptions(reply, own, query.isDnssecOk);
}

/** The reply cut to what the client takes, without OPT where it sent none (RFC 6891 §7). */
export function fit(reply: RelayedReply, query: QueryReader, limit: number): Uint8Array {
  if (query.hasEdns || reply.opt === undefined) return cutToSize(reply, limit);
  const plain = readRelayed(withoutOpt(reply));
  return plain === undefined ? reply.bytes.subarray(0, limit) : cutToSize(plain, limit);
}
