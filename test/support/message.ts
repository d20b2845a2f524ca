/** Builds queries and replies for tests, and reads messages into lines of presentation form. */
import { addressBytes, addressText } from '../../src/dns/address.ts';
import { parseType, rcodeName, TYPE, typeName } from '../../src/dns/codes.ts';

/** A query as bytes. Names are spelled as given. */
export function query(
  name: string,
  type: string,
  options: {
    readonly id?: number;
    readonly edns?: number;
    readonly dnssecOk?: boolean;
    readonly options?: Buffer;
    readonly flags?: number;
    readonly qclass?: number;
  } = {},
): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(options.id ?? 0x1234, 0);
  header.writeUInt16BE(options.flags ?? 0x0100, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(options.edns === undefined ? 0 : 1, 10);
  const tail = Buffer.alloc(4);
  tail.writeUInt16BE(parseType(type) ?? 0, 0);
  tail.writeUInt16BE(options.qclass ?? 1, 2);
  const opt =
    options.edns === undefined
      ? []
      : [optRecord(options.edns, options.dnssecOk ?? false, options.options ?? Buffer.alloc(0))];
  return Buffer.concat([header, wireName(name), tail, ...opt]);
}

/** An OPT record (RFC 6891 §6.1.2). */
export function optRecord(payload: number, dnssecOk: boolean, rdata: Buffer): Buffer {
  const opt = Buffer.alloc(11);
  opt.writeUInt16BE(TYPE.OPT, 1);
  opt.writeUInt16BE(payload, 3);
  opt.writeUInt16BE(dnssecOk ? 0x8000 : 0, 7);
  opt.writeUInt16BE(rdata.length, 9);
  return Buffer.concat([opt, rdata]);
}

/** A name in uncompressed wire form, as spelled. */
export function wireName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([
    ...labels.map((label) =>
      Buffer.concat([Buffer.of(label.length), Buffer.from(label, 'latin1')]),
    ),
    Buffer.of(0),
  ]);
}

/** A record for `replyTo`: `web.example.com. 60 IN A 10.0.0.1`; A, AAAA, CNAME, PTR, NS, TXT, SOA (its minimum only). */
export function recordBytes(line: string): Buffer {
  const [name = '', ttl = '0', , type = 'A', ...rest] = line.split(' ');
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(parseType(type) ?? 0, 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt32BE(Number(ttl), 4);
  const rdata = rdataOf(type, rest.join(' '));
  fixed.writeUInt16BE(rdata.length, 8);
  return Buffer.concat([wireName(name), fixed, rdata]);
}

function rdataOf(type: string, text: string): Buffer {
  if (type === 'A' || type === 'AAAA') return Buffer.from(addressBytes(text) ?? []);
  if (type === 'TXT') return Buffer.concat([Buffer.of(text.length), Buffer.from(text)]);
  if (type === 'SOA') {
    const numbers = Buffer.alloc(20);
    numbers.writeUInt32BE(Number(text), 16);
    return Buffer.concat([wireName('ns.'), wireName('admin.'), numbers]);
  }
  return wireName(text);
}

/** A reply to a query: same ID and question. */
export function replyTo(
  asked: Uint8Array,
  options: {
    readonly rcode?: number;
    readonly answers?: readonly string[];
    readonly authority?: readonly string[];
    readonly flags?: number;
    readonly opt?: Buffer;
  } = {},
): Buffer {
  const message = Buffer.from(asked);
  if (message.length < 17) throw new Error('there is no query to reply to');
  let end = 12;
  while (message[end] !== 0) end += (message[end] ?? 0) + 1;
  const head = Buffer.from(message.subarray(0, end + 5));
  head.writeUInt16BE((options.flags ?? 0x8180) | (options.rcode ?? 0), 2);
  head.writeUInt16BE(options.answers?.length ?? 0, 6);
  head.writeUInt16BE(options.authority?.length ?? 0, 8);
  head.writeUInt16BE(options.opt === undefined ? 0 : 1, 10);
  const records = [...(options.answers ?? []), ...(options.authority ?? [])].map(recordBytes);
  return Buffer.concat([head, ...records, options.opt ?? Buffer.alloc(0)]);
}

/** A message as a reader sees it. */
export interface Shown {
  readonly id: number;
  readonly rcode: string;
  readonly flags: string;
  readonly question: string;
  readonly answers: readonly string[];
  readonly authority: readonly string[];
  readonly additional: readonly string[];
  /** Texts of Extended DNS Errors, `CODE text`. */
  readonly errors: readonly string[];
  readonly edns: boolean;
}

/** Reads a whole message; throws where it is malformed. */
export function show(message: Uint8Array): Shown {
  const bytes = Buffer.from(message);
  const flags = bytes.readUInt16BE(2);
  let at = 12;
  let question = '';
  for (let i = 0; i < bytes.readUInt16BE(4); i++) {
    const [name, next] = nameAt(bytes, at);
    question = `${name} ${typeName(bytes.readUInt16BE(next))}`;
    at = next + 4;
  }
  const sections = [6, 8, 10].map((offset) => {
    const lines: string[] = [];
    for (let i = 0; i < bytes.readUInt16BE(offset); i++) {
      const [line, next] = recordAt(bytes, at);
      lines.push(line);
      at = next;
    }
    return lines;
  });
  if (at !== bytes.length) throw new Error(`${bytes.length - at} bytes after the last record`);
  const [answers = [], authority = [], additional = []] = sections;
  const opt = additional.find((line) => line.startsWith('OPT'));
  const extended = opt === undefined ? 0 : Number(/rcode=(\d+)/.exec(opt)?.[1] ?? 0) << 4;
  return {
    id: bytes.readUInt16BE(0),
    rcode: rcodeName((flags & 15) | extended),
    flags: (['qr', 'aa', 'tc', 'rd', 'ra', 'ad', 'cd'] as const)
      .filter((_, i) => flags & ([0x8000, 0x400, 0x200, 0x100, 0x80, 0x20, 0x10][i] ?? 0))
      .join(' '),
    question,
    answers,
    authority,
    additional: additional.filter((line) => !line.startsWith('OPT')),
    errors:
      opt === undefined ? [] : (opt.match(/\{[^}]*\}/g) ?? []).map((text) => text.slice(1, -1)),
    edns: opt !== undefined,
  };
}

function nameAt(bytes: Buffer, start: number): [string, number] {
  let text = '';
  let at = start;
  let next = -1;
  for (let hops = 0; hops < 128; hops++) {
    const size = bytes.readUInt8(at);
    if (size === 0) return [text === '' ? '.' : text, next < 0 ? at + 1 : next];
    if (size >= 0xc0) {
      if (next < 0) next = at + 2;
      at = bytes.readUInt16BE(at) & 0x3fff;
      continue;
    }
    text += `${bytes.toString('latin1', at + 1, at + 1 + size)}.`;
    at += size + 1;
  }
  throw new Error('a compression loop');
}

function recordAt(bytes: Buffer, start: number): [string, number] {
  const [name, fixed] = nameAt(bytes, start);
  const type = bytes.readUInt16BE(fixed);
  const at = fixed + 10;
  const end = at + bytes.readUInt16BE(fixed + 8);
  if (end > bytes.length) throw new Error('rdata runs over the end');
  if (type === TYPE.OPT) return [`OPT rcode=${bytes[fixed + 4]} ${optionsAt(bytes, at, end)}`, end];
  const ttl = bytes.readUInt32BE(fixed + 4);
  return [`${name} ${ttl} IN ${typeName(type)} ${rdataText(bytes, type, at, end)}`, end];
}

function optionsAt(bytes: Buffer, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at += 4 + bytes.readUInt16BE(at + 2)) {
    const size = bytes.readUInt16BE(at + 2);
    if (bytes.readUInt16BE(at) !== 15) continue;
    text += `{${bytes.readUInt16BE(at + 4)} ${bytes.toString('utf8', at + 6, at + 4 + size)}}`;
  }
  return text;
}

function rdataText(bytes: Buffer, type: number, at: number, end: number): string {
  switch (type) {
    case TYPE.A:
    case TYPE.AAAA:
      return addressText(bytes.subarray(at, end));
    case TYPE.CNAME:
    case TYPE.PTR:
    case TYPE.NS:
      return nameAt(bytes, at)[0];
    case TYPE.SRV:
      return `${bytes.readUInt16BE(at)} ${bytes.readUInt16BE(at + 2)} ${bytes.readUInt16BE(at + 4)} ${nameAt(bytes, at + 6)[0]}`;
    case TYPE.MX:
      return `${bytes.readUInt16BE(at)} ${nameAt(bytes, at + 2)[0]}`;
    case TYPE.SOA: {
      const [primary, second] = nameAt(bytes, at);
      return `${primary} ${nameAt(bytes, second)[0]} minimum=${bytes.readUInt32BE(end - 4)}`;
    }
    case TYPE.TXT:
      return JSON.stringify(bytes.toString('utf8', at + 1, at + 1 + bytes.readUInt8(at)));
    default:
      return bytes.toString('hex', at, end);
  }
}
