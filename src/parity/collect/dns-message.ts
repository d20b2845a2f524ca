/** The few DNS messages that parity sends and reads: an address question, and what a reply says to it. Pure. */
import { addressText } from '../../dns/address.ts';
import { parseName, textOfWire, toWire } from '../../dns/name.ts';
import type { AddressType } from '../answer.ts';

const HEADER_BYTES = 12;
const TYPE_A = 1;
const TYPE_CNAME = 5;
const TYPE_AAAA = 28;
const CLASS_IN = 1;
const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

/** A reply, as far as it answers an address question. */
export interface AddressReply {
  /** `RCODE11` for those without a name here */
  readonly rcode: string;
  readonly isAuthoritative: boolean;
  readonly isRecursionAvailable: boolean;
  readonly isTruncated: boolean;
  /** of the asked type, in order; aliases are followed by the server */
  readonly addresses: readonly string[];
  /** the alias that the asked name is, without trailing dot */
  readonly cname: string | undefined;
  /** the smallest of the answer section; undefined without one */
  readonly ttlSeconds: number | undefined;
  readonly bytes: number;
}

/**
 * A recursive query without EDNS: what plain stubs send.
 *
 * @throws HomeportError NAME_INVALID for what DNS cannot carry
 */
export function encodeQuestion(id: number, name: string, type: AddressType): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(id, 0);
  header[2] = 1; // RD
  header.writeUInt16BE(1, 4);
  const tail = Buffer.alloc(4);
  tail.writeUInt16BE(type === 'A' ? TYPE_A : TYPE_AAAA, 0);
  tail.writeUInt16BE(CLASS_IN, 2);
  return Buffer.concat([header, toWire(parseName(name)), tail]);
}

/**
 * Reads a reply. Never throws.
 *
 * @returns undefined for what is no well-formed reply to that question (RFC 5452 §9.1)
 */
export function decodeReply(message: Buffer, question: Buffer): AddressReply | undefined {
  try {
    return decode(message, question);
  } catch {
    // A read past the end: cut off, or garbage.
    return undefined;
  }
}

function decode(message: Buffer, question: Buffer): AddressReply | undefined {
  const flags = message.readUInt16BE(2);
  const isReply = (flags & 0x8000) !== 0;
  if (!isReply || message.readUInt16BE(0) !== question.readUInt16BE(0)) return undefined;
  if (message.readUInt16BE(4) !== 1) return undefined;
  const asked = question.subarray(HEADER_BYTES);
  const echoed = message.subarray(HEADER_BYTES, HEADER_BYTES + asked.length);
  if (echoed.toString('latin1').toLowerCase() !== asked.toString('latin1').toLowerCase()) {
    return undefined;
  }
  const type = asked.readUInt16BE(asked.length - 4);
  const answers = readAnswers(message, HEADER_BYTES + asked.length, type);
  const rcode = flags & 0xf;
  return {
    rcode: RCODES[rcode] ?? `RCODE${rcode}`,
    isAuthoritative: (flags & 0x0400) !== 0,
    isRecursionAvailable: (flags & 0x0080) !== 0,
    isTruncated: (flags & 0x0200) !== 0,
    ...answers,
    bytes: message.length,
  };
}

function readAnswers(
  message: Buffer,
  start: number,
  type: number,
): Pick<AddressReply, 'addresses' | 'cname' | 'ttlSeconds'> {
  const addresses: string[] = [];
  const ttls: number[] = [];
  let cname: string | undefined;
  let at = start;
  for (let left = message.readUInt16BE(6); left > 0; left--) {
    at = skipName(message, at);
    const recordType = message.readUInt16BE(at);
    const ttl = message.readUInt32BE(at + 4);
    const length = message.readUInt16BE(at + 8);
    const data = message.subarray(at + 10, at + 10 + length);
    if (data.length !== length) throw new RangeError('cut off');
    if (recordType === type) {
      if (data.length !== (type === TYPE_A ? 4 : 16))
        throw new RangeError('an address of odd length');
      addresses.push(addressText(data));
    }
    if (recordType === type || recordType === TYPE_CNAME) ttls.push(ttl);
    if (recordType === TYPE_CNAME) cname ??= nameAt(message, at + 10);
    at += 10 + length;
  }
  return { addresses, cname, ttlSeconds: ttls.length > 0 ? Math.min(...ttls) : undefined };
}

function skipName(message: Buffer, start: number): number {
  for (let at = start; ; at += message.readUInt8(at) + 1) {
    const length = message.readUInt8(at);
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
  }
}

/** Expands a compressed name (RFC 1035 §4.1.4); each pointer must lead back, so a loop ends. */
function nameAt(message: Buffer, start: number): string {
  const parts: Buffer[] = [];
  let limit = message.length;
  for (let at = start; ; ) {
    const length = message.readUInt8(at);
    if (length === 0) break;
    if (length >= 0xc0) {
      const target = message.readUInt16BE(at) & 0x3fff;
      if (target >= limit) throw new RangeError('a pointer that leads forward');
      limit = target;
      at = target;
      continue;
    }
    parts.push(message.subarray(at, at + length + 1));
    at += length + 1;
  }
  return textOfWire(Buffer.concat([...parts, Buffer.of(0)]), 0).replace(/\.$/, '');
}
