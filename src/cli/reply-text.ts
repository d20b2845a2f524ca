/** The records of a reply in presentation form (RFC 1035 §5), and its extended errors (RFC 8914). Never throws. */
import { addressText } from '../dns/address.ts';
import { rcodeName, TYPE, typeName } from '../dns/codes.ts';
import { EDNS_OPTION, HEADER_BYTES, uint16, uint32 } from '../wire/query.ts';
import type { RelayedRecord, RelayedReply } from '../wire/relayed.ts';

export interface TextRecord {
  /** Without trailing dot. */
  readonly name: string;
  readonly type: string;
  readonly ttlSeconds: number;
  readonly data: string;
}

export interface ExtendedError {
  readonly code: number;
  readonly text: string;
}

/** What a reply says. */
export interface TextReply {
  readonly rcode: string;
  readonly isAuthoritative: boolean;
  readonly answers: readonly TextRecord[];
  readonly extendedErrors: readonly ExtendedError[];
}

/** Reads what people and programs want of a reply. */
export function textReply(reply: RelayedReply): TextReply {
  const { bytes, records, opt } = reply;
  return {
    rcode: rcodeName(reply.rcode),
    isAuthoritative: (uint16(bytes, 2) & 0x0400) !== 0,
    answers: records
      .filter(({ section }) => section === 'answer')
      .map((record) => textRecord(bytes, record)),
    extendedErrors: opt === undefined ? [] : extendedErrors(bytes, opt),
  };
}

function textRecord(bytes: Uint8Array, record: RelayedRecord): TextRecord {
  return {
    name: nameAt(bytes, record.start),
    type: typeName(record.type),
    ttlSeconds: uint32(bytes, record.fixed + 4),
    data: rdataText(bytes, record),
  };
}

function rdataText(bytes: Uint8Array, { fixed, end, type }: RelayedRecord): string {
  const start = fixed + 10;
  const rdata = bytes.subarray(start, end);
  switch (type) {
    case TYPE.A:
      return rdata.length === 4 ? addressText(rdata) : unknownRdata(rdata);
    case TYPE.AAAA:
      // `addressText` writes IPv4-mapped addresses as IPv4, which AAAA is not.
      return rdata.length === 16 ? ipv6Text(rdata) : unknownRdata(rdata);
    case TYPE.CNAME:
    case TYPE.NS:
    case TYPE.PTR:
    case TYPE.DNAME:
      return nameAt(bytes, start);
    case TYPE.MX:
      return rdata.length > 2
        ? `${uint16(bytes, start)} ${nameAt(bytes, start + 2)}`
        : unknownRdata(rdata);
    case TYPE.SRV:
      return rdata.length > 6
        ? `${uint16(bytes, start)} ${uint16(bytes, start + 2)} ${uint16(bytes, start + 4)} ${nameAt(bytes, start + 6)}`
        : unknownRdata(rdata);
    case TYPE.TXT:
      return stringsText(rdata);
    default:
      return unknownRdata(rdata);
  }
}

function ipv6Text(rdata: Uint8Array): string {
  const text = addressText(rdata);
  return text.includes(':') ? text : `::ffff:${text}`;
}

/** RFC 3597 §5. */
function unknownRdata(rdata: Uint8Array): string {
  return `\\# ${rdata.length} ${Buffer.from(rdata).toString('hex')}`.trimEnd();
}

function stringsText(rdata: Uint8Array): string {
  const strings: string[] = [];
  for (let at = 0; at < rdata.length; at += 1 + (rdata[at] ?? 0)) {
    const bytes = rdata.subarray(at + 1, at + 1 + (rdata[at] ?? 0));
    strings.push(`"${[...bytes].map((byte) => escaped(byte, '"')).join('')}"`);
  }
  return strings.join(' ');
}

/** A printable byte as it is, `\"` and `\\`, else `\DDD`. */
function escaped(byte: number, special: string): string {
  const character = String.fromCharCode(byte);
  if (character === special || character === '\\') return `\\${character}`;
  return byte >= 0x20 && byte < 0x7f ? character : `\\${String(byte).padStart(3, '0')}`;
}

/** Pointers only lead backwards, so the way ends; this bounds what a reply full of them costs. */
const MAX_NAME_CHARACTERS = 1_024;

/** The name at an offset, without trailing dot; the root is `.`. A broken one ends where it breaks. */
function nameAt(bytes: Uint8Array, offset: number): string {
  let name = '';
  let at = offset;
  let limit = offset;
  while (at < bytes.length && name.length < MAX_NAME_CHARACTERS) {
    const length = bytes[at] ?? 0;
    if (length === 0) break;
    if (length >= 0xc0) {
      const target = at + 1 < bytes.length ? uint16(bytes, at) & 0x3fff : limit;
      if (target >= limit || target < HEADER_BYTES) break;
      limit = target;
      at = target;
      continue;
    }
    const label = bytes.subarray(at + 1, at + 1 + length);
    name += `${[...label].map((byte) => escaped(byte, '.')).join('')}.`;
    at += 1 + length;
  }
  return name === '' ? '.' : name.slice(0, -1);
}

function extendedErrors(bytes: Uint8Array, { fixed, end }: RelayedRecord): ExtendedError[] {
  const errors: ExtendedError[] = [];
  for (let at = fixed + 10; at + 4 <= end; ) {
    const length = uint16(bytes, at + 2);
    const next = at + 4 + length;
    if (next > end) break;
    if (uint16(bytes, at) === EDNS_OPTION.EDE && length >= 2) {
      const text = Buffer.from(bytes.subarray(at + 6, next)).toString('utf8');
      errors.push({ code: uint16(bytes, at + 4), text: text.replace(/\0$/, '') });
    }
    at = next;
  }
  return errors;
}
