/**
 * Reads a client's message where it lies, without allocating: the question, where its labels
 * begin, and the OPT record. What is not a plain query gets a verdict instead.
 */
import { RCODE, TYPE } from '../dns/codes.ts';

export const HEADER_BYTES = 12;
const MAX_NAME_BYTES = 255;
/** A name of 255 bytes has 127 labels at most. */
const MAX_LABELS = 128;

/** EDNS option codes (IANA): those that are between us and one neighbour only are not passed on. */
export const EDNS_OPTION = { COOKIE: 10, KEEPALIVE: 11, PADDING: 12, EDE: 15 } as const;

/**
 * What a message is: a query we can serve; one that asks for nothing but a cookie; or what to do with it
 * else, nothing or an error without records.
 */
export type Verdict = 'query' | 'cookie' | 'drop' | 'formerr' | 'notimp' | 'badvers';

/**
 * One message as read. Made once and used again for every message: `read` overwrites all fields.
 * Offsets count from the start of the message.
 */
export class QueryReader {
  flags = 0;
  /** Where each label of qname begins (its length byte). */
  readonly labelOffsets: Uint8Array = new Uint8Array(MAX_LABELS);
  labelCount: number = 0;
  /** Where qname's labels end: the offset of its closing zero byte. */
  nameEnd: number = HEADER_BYTES;
  /** The end of the question; 12 where the message has none that can be read. */
  questionEnd: number = HEADER_BYTES;
  qtype = 0;
  qclass = 0;
  hasEdns = false;
  ednsPayloadBytes = 0;
  isDnssecOk = false;
  /** Offset and length of OPT's rdata. */
  optOffset = 0;
  optLength = 0;
  /** The client's cookie option (RFC 7873), or 0 and 0. */
  cookieOffset = 0;
  cookieLength = 0;
  /** OPT carries options that mean something beyond this hop (client subnet, NSID). */
  hasPassedOptions = false;
  /** Records beside the question and OPT (TSIG, IXFR's SOA): not a plain query. */
  hasOtherRecords = false;

  get isRecursionDesired(): boolean {
    return (this.flags & 0x0100) !== 0;
  }

  get isCheckingDisabled(): boolean {
    return (this.flags & 0x0010) !== 0;
  }

  /**
   * Reads one message.
   *
   * @param bytes the message from offset 0; never read at or past `length`
   * @returns `query`; `cookie` for a cookie without a question (RFC 7873 §5.4); or `drop` (no header, or a reply: answering replies makes loops, RFC 5625 §10),
   *   `formerr` (RFC 1035 §4.1.1; QDCOUNT other than 1: RFC 9619), `notimp`, `badvers` (RFC 6891 §6.1.3)
   */
  read(bytes: Uint8Array, length: number): Verdict {
    this.#reset();
    if (length < HEADER_BYTES) return 'drop';
    this.flags = uint16(bytes, 2);
    if ((this.flags & 0x8000) !== 0) return 'drop';
    const opcode = (this.flags >> 11) & 15;
    const isQuestionRead = this.#readQuestion(bytes, length);
    if (opcode !== 0) return 'notimp';
    if (isQuestionRead) return this.#readRecords(bytes, length);
    return uint16(bytes, 4) === 0 ? this.#readCookieQuery(bytes, length) : 'formerr';
  }

  #readCookieQuery(bytes: Uint8Array, length: number): Verdict {
    const verdict = this.#readRecords(bytes, length);
    return verdict === 'query' ? (this.cookieLength > 0 ? 'cookie' : 'formerr') : verdict;
  }

  #reset(): void {
    this.labelCount = 0;
    this.nameEnd = HEADER_BYTES;
    this.questionEnd = HEADER_BYTES;
    this.hasEdns = false;
    this.ednsPayloadBytes = 0;
    this.isDnssecOk = false;
    this.optOffset = 0;
    this.optLength = 0;
    this.cookieOffset = 0;
    this.cookieLength = 0;
    this.hasPassedOptions = false;
    this.hasOtherRecords = false;
  }

  #readQuestion(bytes: Uint8Array, length: number): boolean {
    if (uint16(bytes, 4) !== 1) return false;
    let at = HEADER_BYTES;
    let labels = 0;
    for (;;) {
      if (at >= length) return false;
      const size = bytes[at] ?? 0;
      if (size === 0) break;
      // A pointer (11), or the label types that RFC 6891 §5 buried (01, 10).
      if (size > 63) return false;
      this.labelOffsets[labels++] = at;
      at += size + 1;
      if (at - HEADER_BYTES >= MAX_NAME_BYTES) return false;
    }
    if (at + 5 > length) return false;
    this.labelCount = labels;
    this.nameEnd = at;
    this.questionEnd = at + 5;
    this.qtype = uint16(bytes, at + 1);
    this.qclass = uint16(bytes, at + 3);
    return true;
  }

  #readRecords(bytes: Uint8Array, length: number): Verdict {
    const before = uint16(bytes, 6) + uint16(bytes, 8);
    const records = before + uint16(bytes, 10);
    let at = this.questionEnd;
    let version = 0;
    for (let i = 0; i < records; i++) {
      const fixed = skipName(bytes, at, length);
      if (fixed < 0 || fixed + 10 > length) return 'formerr';
      const end = fixed + 10 + uint16(bytes, fixed + 8);
      if (end > length) return 'formerr';
      if (uint16(bytes, fixed) === TYPE.OPT) {
        // One OPT, at the root, in the additional section (RFC 6891 §6.1.1).
        if (this.hasEdns || i < before || bytes[at] !== 0) return 'formerr';
        version = bytes[fixed + 5] ?? 0;
        if (!this.#readOpt(bytes, fixed, end)) return 'formerr';
      } else {
        this.hasOtherRecords = true;
      }
      at = end;
    }
    if (at !== length) return 'formerr';
    return version > 0 ? 'badvers' : 'query';
  }

  #readOpt(bytes: Uint8Array, fixed: number, end: number): boolean {
    this.hasEdns = true;
    this.ednsPayloadBytes = uint16(bytes, fixed + 2);
    this.isDnssecOk = ((bytes[fixed + 6] ?? 0) & 0x80) !== 0;
    this.optOffset = fixed + 10;
    this.optLength = end - this.optOffset;
    let at = this.optOffset;
    while (at < end) {
      if (at + 4 > end) return false;
      const code = uint16(bytes, at);
      const size = uint16(bytes, at + 2);
      if (at + 4 + size > end) return false;
      if (code === EDNS_OPTION.COOKIE) {
        // The first one counts, others do not (RFC 7873 §4).
        if (this.cookieLength === 0) {
          // 8 bytes of the client's, then none or 8 to 32 of a server's (RFC 7873 §5.2.2).
          if (size !== 8 && (size < 16 || size > 40)) return false;
          this.cookieOffset = at + 4;
          this.cookieLength = size;
        }
      } else if (code !== EDNS_OPTION.KEEPALIVE && code !== EDNS_OPTION.PADDING) {
        this.hasPassedOptions = true;
      }
      at += 4 + size;
    }
    return true;
  }
}

/** The rcode of an error verdict. */
export function rcodeOfVerdict(verdict: Exclude<Verdict, 'query' | 'cookie' | 'drop'>): number {
  switch (verdict) {
    case 'formerr':
      return RCODE.FORMERR;
    case 'notimp':
      return RCODE.NOTIMP;
    case 'badvers':
      return RCODE.BADVERS;
  }
}

/** Big-endian 16 bits; bytes past the end count as 0, so the caller checks the length first. */
export function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

/** Big-endian 32 bits, unsigned. */
export function uint32(bytes: Uint8Array, at: number): number {
  return uint16(bytes, at) * 0x10000 + uint16(bytes, at + 2);
}

/** Writes big-endian 16 bits. */
export function putUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}

/** Writes big-endian 32 bits. */
export function putUint32(bytes: Uint8Array, at: number, value: number): void {
  putUint16(bytes, at, value >>> 16);
  putUint16(bytes, at + 2, value & 0xffff);
}

/** The offset after a name that may be compressed, or -1 where it runs over the end. Does not follow pointers. */
export function skipName(bytes: Uint8Array, start: number, length: number): number {
  let at = start;
  while (at < length) {
    const size = bytes[at] ?? 0;
    if (size === 0) return at + 1;
    if (size >= 0xc0) return at + 2 <= length ? at + 2 : -1;
    if (size > 63) return -1;
    at += size + 1;
  }
  return -1;
}

/** Whether an EDNS option is between two neighbours only (RFC 7873 §5, RFC 7828 §3.2.1, RFC 7830 §3). */
export function isHopOption(code: number): boolean {
  return (
    code === EDNS_OPTION.COOKIE || code === EDNS_OPTION.KEEPALIVE || code === EDNS_OPTION.PADDING
  );
}

/** The options in `bytes[start, end)` that are passed on to the next neighbour, each with its head. */
export function passedOptions(bytes: Uint8Array, start: number, end: number): Uint8Array[] {
  const passed: Uint8Array[] = [];
  for (let at = start; at < end; ) {
    const next = Math.min(end, at + 4 + uint16(bytes, at + 2));
    if (!isHopOption(uint16(bytes, at))) passed.push(bytes.subarray(at, next));
    at = next;
  }
  return passed;
}
