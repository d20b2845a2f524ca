/**
 * Reads an upstream's reply where it lies, without allocating: whether it is well-formed, what it says on the
 * whole, and how long that holds. For what is done with single records there is `readRelayed`.
 */
import { RCODE, TYPE } from '../dns/codes.ts';
import { HEADER_BYTES, isHopOption, skipName, uint16, uint32 } from './query.ts';

/** A TTL with its top bit set is no TTL (RFC 2181 §8). */
const MAX_WIRE_TTL_SECONDS = 0x7fffffff;
const NO_BYTES: Uint8Array = new Uint8Array(0);

/** The TTL of the record whose type stands at `fixed`. */
export function wireTtl(bytes: Uint8Array, fixed: number): number {
  const ttl = uint32(bytes, fixed + 4);
  return ttl > MAX_WIRE_TTL_SECONDS ? 0 : ttl;
}

/** One reply as read. Made once and used again: `read` overwrites all fields. */
export class ReplyReader {
  /** The message as it was handed over; it may be valid during that call alone. */
  bytes: Uint8Array = NO_BYTES;
  /** The end of the last record: what follows it is no part of the message. */
  length = 0;
  rcode = 0;
  isTruncated = false;
  questionEnd: number = HEADER_BYTES;
  /** Whether there is an OPT record. */
  hasOpt = false;
  /** OPT carries what is between the upstream and us alone (cookie, keepalive, padding). */
  hasHopOptions = false;
  /** The shortest TTL of all records; Infinity for none. */
  ttlSeconds: number = Number.POSITIVE_INFINITY;
  /** Whether the answer section holds what was asked, or for ANY anything: not only aliases that lead nowhere. */
  hasAnswer = false;
  /** MINIMUM of the authority's SOA (RFC 2308 §5); -1: there is none. */
  soaMinimumSeconds = -1;

  /** Whether it says that there is nothing, and whose word that is (RFC 2308 §2). */
  get isDenial(): boolean {
    return this.soaMinimumSeconds >= 0 && !(this.rcode === RCODE.NOERROR && this.hasAnswer);
  }

  /**
   * Reads one reply.
   *
   * @param bytes kept until the next call
   * @returns false where it is no well-formed reply with one question
   */
  read(bytes: Uint8Array, length: number): boolean {
    this.bytes = bytes;
    this.length = length;
    if (length < HEADER_BYTES || uint16(bytes, 4) !== 1) return false;
    const flags = uint16(bytes, 2);
    if ((flags & 0x8000) === 0) return false;
    const afterName = skipName(bytes, HEADER_BYTES, length);
    if (afterName < 0 || afterName + 4 > length) return false;
    this.rcode = flags & 15;
    this.isTruncated = (flags & 0x0200) !== 0;
    this.questionEnd = afterName + 4;
    this.hasOpt = false;
    this.hasHopOptions = false;
    this.ttlSeconds = Number.POSITIVE_INFINITY;
    this.hasAnswer = false;
    this.soaMinimumSeconds = -1;
    return this.#readRecords(bytes, length, uint16(bytes, afterName));
  }

  #readRecords(bytes: Uint8Array, length: number, qtype: number): boolean {
    const answers = uint16(bytes, 6);
    const beforeAdditional = answers + uint16(bytes, 8);
    const records = beforeAdditional + uint16(bytes, 10);
    let at = this.questionEnd;
    for (let i = 0; i < records; i++) {
      const fixed = skipName(bytes, at, length);
      if (fixed < 0 || fixed + 10 > length) return false;
      const end = fixed + 10 + uint16(bytes, fixed + 8);
      if (end > length) return false;
      const type = uint16(bytes, fixed);
      if (type === TYPE.OPT) {
        if (i >= beforeAdditional && !this.hasOpt) this.#readOpt(bytes, fixed, end);
      } else {
        const ttl = wireTtl(bytes, fixed);
        if (ttl < this.ttlSeconds) this.ttlSeconds = ttl;
        if (i < answers) this.hasAnswer ||= type === qtype || qtype === TYPE.ANY;
        else if (i < beforeAdditional && type === TYPE.SOA && this.soaMinimumSeconds < 0)
          this.soaMinimumSeconds = uint32(bytes, end - 4);
      }
      at = end;
    }
    this.length = at;
    return true;
  }

  #readOpt(bytes: Uint8Array, fixed: number, end: number): void {
    this.hasOpt = true;
    this.rcode |= (bytes[fixed + 4] ?? 0) << 4;
    for (let at = fixed + 10; at < end; at += 4 + uint16(bytes, at + 2))
      if (isHopOption(uint16(bytes, at))) this.hasHopOptions = true;
  }
}
