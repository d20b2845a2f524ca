/** Writes replies: header, the client's own question, a compiled answer, EDNS; cut to size by whole RRsets. */
import type { Compiled } from './compiled.ts';
import { HEADER_BYTES, putUint16, type QueryReader } from './query.ts';

/** What a client without EDNS takes over UDP (RFC 1035 §4.2.1). */
export const PLAIN_UDP_BYTES = 512;
/** What we say we take (DNS flag day 2020: no fragments). */
export const OUR_PAYLOAD_BYTES = 1232;
/** The most that is ever sent in one datagram, whatever the client says it takes. */
const MAX_UDP_BYTES = 4096;
/** OPT without options: root, type, payload, extended rcode, version, flags, rdlength. */
export const OPT_BYTES = 11;

const FLAG = { QR: 0x8000, AA: 0x0400, TC: 0x0200, RD: 0x0100, RA: 0x0080, CD: 0x0010 } as const;

/** The size of datagram that this client takes; 65,535 over TCP. */
export function replyLimit(query: QueryReader, isTcp: boolean): number {
  if (isTcp) return 0xffff;
  if (!query.hasEdns) return PLAIN_UDP_BYTES;
  return Math.min(MAX_UDP_BYTES, Math.max(PLAIN_UDP_BYTES, query.ednsPayloadBytes));
}

/**
 * Writes a whole reply of our own.
 *
 * @param out takes the reply from offset 0; at least `limit` bytes
 * @param message the query, whose ID and question are copied as they are spelled
 * @param query the same message as read
 * @param answer what to say; its rotation moves on by one
 * @param limit the largest reply this client takes, in bytes
 * @param cookie the COOKIE option as `ServerCookies` makes it, for a query that has one; it goes before everything else
 * @returns the reply's length; always at most `limit`, TC set where an RRset had to go (RFC 2181 §9)
 */
export function writeReply(
  out: Uint8Array,
  message: Uint8Array,
  query: QueryReader,
  answer: Compiled,
  limit: number,
  cookie: Uint8Array | null = null,
): number {
  const question = query.questionEnd;
  // One move costs less than a loop, and what is behind the question is written over.
  if (message.length <= PLAIN_UDP_BYTES) out.set(message);
  else for (let i = 0; i < question; i++) out[i] = message[i] ?? 0;
  const optBytes = query.hasEdns ? OPT_BYTES + (cookie?.length ?? 0) : 0;
  const room = limit - question - optBytes;
  const isCut = answer.authorityOffset > room;
  // Authority goes whole too; addresses beside an SRV may go without a word (RFC 2181 §9).
  const hasAuthority = !isCut && answer.additionalOffset <= room;
  const hasAdditional = hasAuthority && answer.body.length <= room;
  const bodyLength = bodyBytes(answer, isCut, hasAuthority, hasAdditional);
  const flags = FLAG.QR | FLAG.RA | (query.flags & (FLAG.RD | FLAG.CD)) | (isCut ? FLAG.TC : 0);
  putUint16(out, 2, flags | (isAuthoritative(answer) ? FLAG.AA : 0) | (answer.rcode & 15));
  putUint16(out, 4, question > HEADER_BYTES ? 1 : 0);
  putUint16(out, 6, isCut ? 0 : answer.answerCount);
  putUint16(out, 8, hasAuthority ? answer.authorityCount : 0);
  putUint16(out, 10, (hasAdditional ? answer.additionalCount : 0) + (query.hasEdns ? 1 : 0));
  if (!isCut) copyBody(out, question, answer, bodyLength);
  const end = question + bodyLength;
  return query.hasEdns ? writeOpt(out, end, query, answer, limit, cookie) : end;
}

function bodyBytes(
  answer: Compiled,
  isCut: boolean,
  authority: boolean,
  additional: boolean,
): number {
  if (isCut) return 0;
  if (additional) return answer.body.length;
  return authority ? answer.additionalOffset : answer.authorityOffset;
}

/** What we say of our own names is authoritative; an error without records is not. */
function isAuthoritative(answer: Compiled): boolean {
  return answer.answerCount > 0 || answer.authorityCount > 0;
}

function copyBody(out: Uint8Array, at: number, answer: Compiled, length: number): void {
  const { body, rotationStride: stride } = answer;
  if (stride === 0) {
    copy(out, at, body, 0, length);
    return;
  }
  const first = answer.rotation * stride;
  answer.rotation = (answer.rotation + 1) % answer.answerCount;
  copy(out, at, body, first, answer.authorityOffset);
  copy(out, at + answer.authorityOffset - first, body, 0, first);
  copy(out, at + answer.authorityOffset, body, answer.authorityOffset, length);
}

/** Short copies: a loop beats `set` and `subarray`, which allocate a view. */
function copy(out: Uint8Array, at: number, from: Uint8Array, start: number, end: number): void {
  for (let i = start; i < end; i++) out[at + i - start] = from[i] ?? 0;
}

function writeOpt(
  out: Uint8Array,
  at: number,
  query: QueryReader,
  answer: Compiled,
  limit: number,
  cookie: Uint8Array | null,
): number {
  const option = answer.extendedError;
  const cookieLength = cookie?.length ?? 0;
  const optionAt = at + OPT_BYTES + cookieLength;
  const optionLength = option !== null && optionAt + option.length <= limit ? option.length : 0;
  out[at] = 0;
  putUint16(out, at + 1, 41);
  putUint16(out, at + 3, OUR_PAYLOAD_BYTES);
  out[at + 5] = answer.rcode >> 4;
  out[at + 6] = 0;
  putUint16(out, at + 7, query.isDnssecOk ? 0x8000 : 0);
  putUint16(out, at + 9, cookieLength + optionLength);
  if (cookie !== null) copy(out, at + OPT_BYTES, cookie, 0, cookieLength);
  if (option !== null) copy(out, optionAt, option, 0, optionLength);
  return optionAt + optionLength;
}
