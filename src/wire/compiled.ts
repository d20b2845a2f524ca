/**
 * Answers compiled into the bytes that follow the question. Owner names are pointers to the
 * question, so one compiled answer serves every spelling and every suffix the client used.
 */
import dns2 from 'dns2';
import { addressBytes } from '../dns/address.ts';
import { CLASS_IN, type EDE, RCODE, TYPE } from '../dns/codes.ts';
import { EDNS_OPTION, putUint16, putUint32 } from './query.ts';

/** A pointer to the question's name, which always begins at 12 (RFC 1035 §4.1.4). */
const QUESTION_NAME = 0xc00c;

/** What follows the question, and the few header fields that go with it. */
export interface Compiled {
  readonly rcode: number;
  readonly answerCount: number;
  readonly authorityCount: number;
  readonly additionalCount: number;
  /** Answer, authority and additional records, without OPT. */
  readonly body: Uint8Array;
  /** Where the authority records begin in `body`. */
  readonly authorityOffset: number;
  readonly additionalOffset: number;
  /** Answers of one size that are sent in turn from another start: offset 0, this many bytes each; 0: not rotated. */
  readonly rotationStride: number;
  /** Which record is sent first, advanced by each reply that uses it. */
  rotation: number;
  /** An Extended DNS Error option as it stands in OPT's rdata, or null. */
  readonly extendedError: Uint8Array | null;
}

/** One record's data, as it is given to `compile`. The owner is always the question's name. */
export type Rdata =
  | { readonly type: 'A' | 'AAAA'; readonly address: string }
  | { readonly type: 'CNAME' | 'PTR'; readonly target: string }
  | { readonly type: 'SRV'; readonly port: number; readonly target: string }
  | { readonly type: 'TXT'; readonly text: string };

/** A record in the additional section: an address under a name of its own. */
export interface AdditionalAddress {
  readonly name: string;
  readonly address: string;
}

/**
 * Compiles a positive answer.
 *
 * @param options `records` of one RRset; `ttlSeconds`; `additional` addresses (SRV targets);
 *   `extendedError` as `extendedErrorOption` makes it
 */
export function compile(options: {
  readonly records: readonly Rdata[];
  readonly ttlSeconds: number;
  readonly additional?: readonly AdditionalAddress[];
  readonly extendedError?: Uint8Array | null;
}): Compiled {
  const answers = options.records.map((rdata) => pointed(record('', rdata, options.ttlSeconds)));
  const additional = (options.additional ?? []).map(({ name, address }) => {
    const type = address.includes(':') ? 'AAAA' : 'A';
    return record(name, { type, address }, options.ttlSeconds);
  });
  const answersLength = answers.reduce((sum, bytes) => sum + bytes.length, 0);
  const stride = answers[0]?.length ?? 0;
  const isUniform = answers.length > 1 && answers.every((bytes) => bytes.length === stride);
  return {
    rcode: RCODE.NOERROR,
    answerCount: answers.length,
    authorityCount: 0,
    additionalCount: additional.length,
    body: Buffer.concat([...answers, ...additional]),
    authorityOffset: answersLength,
    additionalOffset: answersLength,
    rotationStride: isUniform ? stride : 0,
    rotation: 0,
    extendedError: options.extendedError ?? null,
  };
}

/**
 * Compiles a negative answer: NODATA (`NOERROR`) or NXDOMAIN with an SOA, so that nobody keeps it
 * longer than `ttlSeconds` (RFC 2308 §3 and §5). NODATA's SOA stands at the name itself, NXDOMAIN's at the root.
 */
export function compileNegative(options: {
  readonly rcode: number;
  readonly ttlSeconds: number;
  readonly extendedError?: Uint8Array | null;
}): Compiled {
  const soa = soaOf(options.ttlSeconds);
  return {
    rcode: options.rcode,
    answerCount: 0,
    authorityCount: 1,
    additionalCount: 0,
    body: options.rcode === RCODE.NOERROR ? pointed(soa) : soa,
    authorityOffset: 0,
    additionalOffset: options.rcode === RCODE.NOERROR ? soa.length + 1 : soa.length,
    rotationStride: 0,
    rotation: 0,
    extendedError: options.extendedError ?? null,
  };
}

let lastSoa: { readonly ttlSeconds: number; readonly bytes: Uint8Array } | undefined;

/** Our SOA record; its TTL is the configuration's, so it is nearly always the one that was made last. */
function soaOf(ttlSeconds: number): Uint8Array {
  if (lastSoa?.ttlSeconds !== ttlSeconds) {
    const bytes = resource('', TYPE.SOA, ttlSeconds, {
      primary: 'homeport.invalid',
      admin: 'hostmaster.homeport.invalid',
      serial: 1,
      refresh: 3600,
      retry: 600,
      expiration: 86400,
      minimum: ttlSeconds,
    });
    lastSoa = { ttlSeconds, bytes };
  }
  return lastSoa.bytes;
}

/** An answer of a header alone: SERVFAIL, REFUSED, FORMERR. */
export function compileBare(rcode: number, extendedError: Uint8Array | null = null): Compiled {
  return {
    rcode,
    answerCount: 0,
    authorityCount: 0,
    additionalCount: 0,
    body: new Uint8Array(0),
    authorityOffset: 0,
    additionalOffset: 0,
    rotationStride: 0,
    rotation: 0,
    extendedError,
  };
}

/** The longest text of an Extended DNS Error: a reply must still fit a small datagram with it. */
const MAX_EXTENDED_TEXT_BYTES = 300;

/** An Extended DNS Error as an EDNS option (RFC 8914 §2): code, length, info code, text in UTF-8 without a closing zero. */
export function extendedErrorOption(
  code: (typeof EDE)[keyof typeof EDE],
  text: string,
): Uint8Array {
  const bytes = Buffer.from(text, 'utf8').subarray(0, MAX_EXTENDED_TEXT_BYTES);
  const option = Buffer.alloc(6 + bytes.length);
  putUint16(option, 0, EDNS_OPTION.EDE);
  putUint16(option, 2, 2 + bytes.length);
  putUint16(option, 4, code);
  bytes.copy(option, 6);
  return option;
}

/** One record in wire form under the uncompressed name `owner` ('' is the root). dns2 writes it. */
function record(owner: string, rdata: Rdata, ttlSeconds: number): Uint8Array {
  switch (rdata.type) {
    case 'A':
    case 'AAAA': {
      const bytes = addressBytes(rdata.address) ?? new Uint8Array(rdata.type === 'A' ? 4 : 16);
      if (owner === '') return rootAddress(TYPE[rdata.type], ttlSeconds, bytes);
      return resource(owner, TYPE[rdata.type], ttlSeconds, { address: dns2Address(bytes) });
    }
    case 'CNAME':
    case 'PTR':
      return resource(owner, TYPE[rdata.type], ttlSeconds, { domain: rdata.target });
    case 'SRV':
      return resource(owner, TYPE.SRV, ttlSeconds, {
        priority: 0,
        weight: 0,
        port: rdata.port,
        target: rdata.target,
      });
    case 'TXT':
      return resource(owner, TYPE.TXT, ttlSeconds, { data: chunksOf255(rdata.text) });
  }
}

/** An address record at the root: what nearly every answer is made of, and dns2 takes 50 us for each. */
function rootAddress(type: number, ttlSeconds: number, address: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(11 + address.length);
  putUint16(bytes, 1, type);
  putUint16(bytes, 3, CLASS_IN);
  putUint32(bytes, 5, ttlSeconds);
  putUint16(bytes, 9, address.length);
  bytes.set(address, 11);
  return bytes;
}

/** dns2 takes IPv4 dotted and IPv6 as eight groups; its reader of `::` fails at either end. */
function dns2Address(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/(.{4})(?=.)/g, '$1:');
}

/** A TXT record's character-strings hold 255 bytes at most (RFC 1035 §3.3). */
function chunksOf255(text: string): string[] {
  const chunks: string[] = [];
  for (let at = 0; at < text.length || at === 0; at += 255) chunks.push(text.slice(at, at + 255));
  return chunks;
}

function resource(
  owner: string,
  type: number,
  ttlSeconds: number,
  rdata: Record<string, unknown>,
): Uint8Array {
  const fields = { name: owner, type, class: CLASS_IN, ttl: ttlSeconds, ...rdata };
  return dns2.Packet.Resource.encode(new dns2.Packet.Resource(fields));
}

/** The same record with its root owner replaced by a pointer to the question's name. */
function pointed(rootRecord: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(rootRecord.length + 1);
  putUint16(bytes, 0, QUESTION_NAME);
  bytes.set(rootRecord.subarray(1), 2);
  return bytes;
}
