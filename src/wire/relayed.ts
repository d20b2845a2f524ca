/**
 * An upstream's reply, kept as the bytes it is: where its records lie, whether it answers what was
 * asked, cutting it to a client's size, and putting aliases in front of it. Never re-encoded.
 */
import { TYPE } from '../dns/codes.ts';
import { isSameStretch } from './name-index.ts';
import {
  HEADER_BYTES,
  isHopOption,
  passedOptions,
  putUint16,
  putUint32,
  skipName,
  uint16,
} from './query.ts';
import { OPT_BYTES, OUR_PAYLOAD_BYTES } from './reply.ts';

/** One record of a reply, by offsets into the message. */
export interface RelayedRecord {
  readonly start: number;
  /** Where type, class, TTL and rdlength begin. */
  readonly fixed: number;
  readonly end: number;
  readonly type: number;
  readonly section: 'answer' | 'authority' | 'additional';
}

/** A reply that was read to its end. */
export interface RelayedReply {
  readonly bytes: Uint8Array;
  readonly rcode: number;
  readonly isTruncated: boolean;
  readonly questionEnd: number;
  readonly records: readonly RelayedRecord[];
  /** The OPT record, or undefined. */
  readonly opt: RelayedRecord | undefined;
}

/**
 * Reads a reply's layout.
 *
 * @param bytes the whole message; kept, not copied
 * @returns undefined where it is no well-formed reply with one question
 */
export function readRelayed(bytes: Uint8Array): RelayedReply | undefined {
  if (bytes.length < HEADER_BYTES || uint16(bytes, 4) !== 1) return undefined;
  const flags = uint16(bytes, 2);
  if ((flags & 0x8000) === 0) return undefined;
  const nameEnd = skipName(bytes, HEADER_BYTES, bytes.length);
  if (nameEnd < 0 || nameEnd + 4 > bytes.length) return undefined;
  const counts = [uint16(bytes, 6), uint16(bytes, 8), uint16(bytes, 10)] as const;
  const records: RelayedRecord[] = [];
  let at = nameEnd + 4;
  for (const [index, section] of (['answer', 'authority', 'additional'] as const).entries()) {
    for (let i = 0; i < (counts[index] ?? 0); i++) {
      const fixed = skipName(bytes, at, bytes.length);
      if (fixed < 0 || fixed + 10 > bytes.length) return undefined;
      const end = fixed + 10 + uint16(bytes, fixed + 8);
      if (end > bytes.length) return undefined;
      records.push({ start: at, fixed, end, type: uint16(bytes, fixed), section });
      at = end;
    }
  }
  const opt = records.find((record) => record.type === TYPE.OPT && record.section === 'additional');
  const extended = opt === undefined ? 0 : (bytes[opt.fixed + 4] ?? 0) << 4;
  return {
    bytes: at === bytes.length ? bytes : bytes.subarray(0, at),
    rcode: (flags & 15) | extended,
    isTruncated: (flags & 0x0200) !== 0,
    questionEnd: nameEnd + 4,
    records,
    opt,
  };
}

/**
 * Puts aliases in front of a reply: the client asked `chain[0]`, which is an alias of `chain[1]`, and so
 * on to the name that the upstream was asked. Compression pointers are moved along with what they
 * point to (RFC 1035 §4.1.4), also within the rdata of the types that may be compressed (RFC 3597 §4).
 *
 * @param reply what the upstream said of the last name of the chain
 * @param chain names in uncompressed wire form, at least two, the first as the client spelled it
 * @param ttlSeconds of the alias records
 * @returns the new message, or undefined where it cannot be written (a pointer past 16 KiB)
 */
export function withAliases(
  reply: RelayedReply,
  chain: readonly Uint8Array[],
  ttlSeconds: number,
): Uint8Array | undefined {
  const asked = chain[0] ?? new Uint8Array(1);
  const question = Buffer.alloc(HEADER_BYTES + asked.length + 4);
  question.set(reply.bytes.subarray(0, HEADER_BYTES));
  question.set(asked, HEADER_BYTES);
  question.set(
    reply.bytes.subarray(reply.questionEnd - 4, reply.questionEnd),
    HEADER_BYTES + asked.length,
  );
  const aliases: Uint8Array[] = [];
  let ownerAt = HEADER_BYTES;
  let end = question.length;
  for (const target of chain.slice(1)) {
    const alias = Buffer.alloc(12 + target.length);
    putUint16(alias, 0, 0xc000 | ownerAt);
    putUint16(alias, 2, TYPE.CNAME);
    putUint16(alias, 4, 1);
    putUint32(alias, 6, ttlSeconds);
    putUint16(alias, 10, target.length);
    alias.set(target, 12);
    aliases.push(alias);
    ownerAt = end + 12;
    end += alias.length;
  }
  const records = Buffer.from(reply.bytes.subarray(reply.questionEnd));
  const move: PointerMove = {
    questionEnd: reply.questionEnd,
    questionBy: ownerAt - HEADER_BYTES,
    recordsBy: end - reply.questionEnd,
  };
  if (!reply.records.every((record) => moveRecord(records, record, move))) return undefined;
  putUint16(question, 6, uint16(question, 6) + aliases.length);
  // AA speaks for the first owner name (RFC 1035 §4.1.1), and the alias is ours, not the upstream's.
  putUint16(question, 2, uint16(question, 2) & ~0x0400);
  return Buffer.concat([question, ...aliases, records]);
}

interface PointerMove {
  readonly questionEnd: number;
  /** How far what points into the question moves: to the last alias's target. */
  readonly questionBy: number;
  readonly recordsBy: number;
}

/** Offsets of the names inside rdata, by type: [bytes before the first name, names]. */
const NAMES_IN_RDATA = new Map<number, readonly [number, number]>([
  [TYPE.NS, [0, 1]],
  [3, [0, 1]], // MD
  [4, [0, 1]], // MF
  [TYPE.CNAME, [0, 1]],
  [TYPE.SOA, [0, 2]],
  [7, [0, 1]], // MB
  [8, [0, 1]], // MG
  [9, [0, 1]], // MR
  [TYPE.PTR, [0, 1]],
  [14, [0, 2]], // MINFO
  [TYPE.MX, [2, 1]],
  [17, [0, 2]], // RP
  [18, [2, 1]], // AFSDB
  [21, [2, 1]], // RT
  [26, [2, 2]], // PX
  [TYPE.SRV, [6, 1]],
  [36, [2, 1]], // KX
  [TYPE.DNAME, [0, 1]],
]);

function moveRecord(records: Buffer, record: RelayedRecord, move: PointerMove): boolean {
  const shift = move.questionEnd;
  if (!moveName(records, record.start - shift, record.end - shift, move)) return false;
  const names = NAMES_IN_RDATA.get(record.type);
  if (names === undefined) return true;
  const end = record.end - shift;
  let at = record.fixed + 10 - shift + names[0];
  for (let i = 0; i < names[1] && at < end; i++) {
    if (!moveName(records, at, end, move)) return false;
    const next = skipName(records, at, end);
    if (next < 0) return true; // Not a name after all: the bytes stay as they came.
    at = next;
  }
  return true;
}

function moveName(records: Buffer, start: number, end: number, move: PointerMove): boolean {
  let at = start;
  while (at + 1 < end) {
    const size = records[at] ?? 0;
    if (size === 0 || (size > 63 && size < 0xc0)) return true;
    if (size >= 0xc0) {
      const target = uint16(records, at) & 0x3fff;
      if (target < HEADER_BYTES) return true;
      const moved = target + (target < move.questionEnd ? move.questionBy : move.recordsBy);
      if (moved > 0x3fff) return false;
      putUint16(records, at, 0xc000 | moved);
      return true;
    }
    at += size + 1;
  }
  return true;
}

/**
 * Cuts a reply to what a client takes: whole RRsets go, from the end; TC is set when the answer or
 * what proves it is missing, additional records go without a word (RFC 2181 §9). OPT stays.
 *
 * @returns a message of at most `limit` bytes; the same object where it fits
 */
export function cutToSize(reply: RelayedReply, limit: number): Uint8Array {
  if (reply.bytes.length <= limit) return reply.bytes;
  const opt = reply.opt;
  const optBytes = opt === undefined ? 0 : opt.end - opt.start;
  const kept: RelayedRecord[] = [];
  let length = reply.questionEnd + optBytes;
  let isTruncated = false;
  for (const rrset of rrsetsOf(reply)) {
    const bytes = rrset.reduce((sum, record) => sum + record.end - record.start, 0);
    if (length + bytes > limit) {
      isTruncated = rrset[0]?.section !== 'additional';
      break;
    }
    length += bytes;
    kept.push(...rrset);
  }
  // Records are dropped from the end only, so every pointer that stays still points at its name.
  const end = kept.at(-1)?.end ?? reply.questionEnd;
  const cut = Buffer.alloc(end + optBytes);
  cut.set(reply.bytes.subarray(0, end));
  if (opt !== undefined) cut.set(reply.bytes.subarray(opt.start, opt.end), end);
  const count = (section: RelayedRecord['section']) =>
    kept.filter((record) => record.section === section).length;
  putUint16(cut, 6, count('answer'));
  putUint16(cut, 8, count('authority'));
  putUint16(cut, 10, count('additional') + (opt === undefined ? 0 : 1));
  if (isTruncated) putUint16(cut, 2, uint16(cut, 2) | 0x0200);
  return cut;
}

/** Neighbouring records of one section, owner and type, OPT aside; signatures go with what they sign. */
function rrsetsOf(reply: RelayedReply): RelayedRecord[][] {
  const sets: RelayedRecord[][] = [];
  for (const record of reply.records) {
    if (record === reply.opt) continue;
    const last = sets.at(-1);
    const before = last?.at(-1);
    const belongs =
      before !== undefined &&
      before.section === record.section &&
      (before.type === record.type || record.type === TYPE.RRSIG) &&
      isSameOwner(reply.bytes, before, record);
    if (belongs) last?.push(record);
    else sets.push([record]);
  }
  return sets;
}

function isSameOwner(bytes: Uint8Array, left: RelayedRecord, right: RelayedRecord): boolean {
  const one = Buffer.from(bytes.subarray(left.start, left.fixed));
  const other = Buffer.from(bytes.subarray(right.start, right.fixed));
  // The first record may spell out the name that the next ones point to.
  return one.equals(other) || (other.length === 2 && uint16(other, 0) === (0xc000 | left.start));
}

/** The reply without its OPT record, for a client that did not send one (RFC 6891 §7). */
export function withoutOpt(reply: RelayedReply): Uint8Array {
  const { opt, bytes } = reply;
  if (opt === undefined) return bytes;
  // OPT is the last record of everyone's replies; what would follow it is additional and can go.
  const after = reply.records.length - 1 - reply.records.indexOf(opt);
  const cut = Buffer.from(bytes.subarray(0, opt.start));
  putUint16(cut, 10, uint16(bytes, 10) - 1 - after);
  return cut;
}

/** Whether an upstream's OPT carries what was between it and us alone. */
export function hasHopOptions({ bytes, opt }: RelayedReply): boolean {
  if (opt === undefined) return false;
  for (let at = opt.fixed + 10; at < opt.end; at += 4 + uint16(bytes, at + 2))
    if (isHopOption(uint16(bytes, at))) return true;
  return false;
}

/**
 * The reply with an OPT record of ours at its end: fields and options of the upstream's, if it sent one, less
 * what was between it and us alone, and more options in front.
 *
 * @param added whole options
 * @param isDnssecOk the query's DO bit, where the upstream sent no OPT (RFC 3225 §3)
 */
export function withOptions(
  reply: RelayedReply,
  added: Uint8Array,
  isDnssecOk: boolean,
): RelayedReply {
  const { opt, bytes } = reply;
  const fixed = Buffer.alloc(OPT_BYTES);
  putUint16(fixed, 1, TYPE.OPT);
  putUint16(fixed, 3, OUR_PAYLOAD_BYTES);
  putUint16(fixed, 7, isDnssecOk ? 0x8000 : 0);
  if (opt !== undefined) fixed.set(bytes.subarray(opt.fixed, opt.fixed + 8), 1);
  const kept = opt === undefined ? [] : passedOptions(bytes, opt.fixed + 10, opt.end);
  const rdata = Buffer.concat([added, ...kept]);
  putUint16(fixed, 9, rdata.length);
  const whole = Buffer.concat([withoutOpt(reply), fixed, rdata]);
  putUint16(whole, 10, uint16(whole, 10) + 1);
  return readRelayed(whole) ?? reply;
}

/** Whether a reply repeats a question: name (case aside), type and class (RFC 5452 §9.1). */
export function repeatsQuestion(
  reply: Uint8Array,
  length: number,
  query: Uint8Array,
  questionEnd: number,
): boolean {
  if (length < questionEnd || uint16(reply, 4) !== 1) return false;
  for (let i = questionEnd - 4; i < questionEnd; i++) if (reply[i] !== query[i]) return false;
  return isSameStretch(reply, HEADER_BYTES, query, HEADER_BYTES, questionEnd - 4 - HEADER_BYTES);
}
