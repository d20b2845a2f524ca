/**
 * Hostile messages from a seed: queries as clients send them, then bent: bits, lengths, counts, pointers, labels,
 * OPT twice or broken, cut, lengthened, empty, as long as UDP allows. The same seed, the same messages.
 */

/** Mulberry32: small, fast, and the same everywhere. */
export function numbersFrom(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

const MAX_DATAGRAM_BYTES = 65_507;
const NAMES: readonly string[] = [
  'web',
  'WEB.us-East-1.domain.com',
  'svc-7',
  'missing.us-east-1.domain.com',
  'www.example.com',
  '_27017._tcp.web',
  '5.1.168.192.in-addr.arpa',
  'a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z',
  'x'.repeat(63),
  `${'y'.repeat(63)}.${'z'.repeat(63)}.${'q'.repeat(63)}.${'w'.repeat(61)}`,
  '',
];
const TYPES: readonly number[] = [1, 28, 33, 16, 12, 255, 41, 250, 251, 252, 65, 0, 65535];
/** An OPT record: payload 1232, a client cookie. */
const OPT = Buffer.from('00002904d000000000000c000a00080123456789abcdef', 'hex');

/** Makes messages one after the other into a buffer of its own, which the next call overwrites. */
export class HostileMessages {
  readonly bytes: Buffer = Buffer.alloc(MAX_DATAGRAM_BYTES);
  readonly #random: (limit: number) => number;

  constructor(seed: number) {
    this.#random = numbersFrom(seed);
  }

  /** @returns the next message's length; it lies at the start of `bytes` */
  next(): number {
    let length = this.#query();
    const bends = this.#random(6);
    for (let i = 0; i < bends; i++) length = this.#bend(length);
    return length;
  }

  #query(): number {
    const { bytes } = this;
    const random = this.#random;
    bytes.fill(0, 0, 12);
    bytes.writeUInt16BE(random(0x10000), 0);
    bytes.writeUInt16BE(random(4) === 0 ? random(0x10000) : 0x0100, 2);
    bytes.writeUInt16BE(1, 4);
    let at = 12;
    for (const label of (NAMES[random(NAMES.length)] ?? '').split('.')) {
      if (label === '') continue;
      bytes[at++] = label.length;
      at += bytes.write(label, at, 'latin1');
    }
    bytes[at++] = 0;
    at = bytes.writeUInt16BE(TYPES[random(TYPES.length)] ?? 1, at);
    at = bytes.writeUInt16BE(random(20) === 0 ? random(300) : 1, at);
    const opts = [0, 0, 1, 1, 1, 2][random(6)] ?? 0;
    bytes.writeUInt16BE(opts, 10);
    for (let i = 0; i < opts; i++) at += OPT.copy(bytes, at);
    return at;
  }

  #bend(length: number): number {
    const { bytes } = this;
    const random = this.#random;
    const at = random(Math.max(1, length));
    switch (random(12)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
        return length;
      case 1:
        bytes[at] = random(256);
        return length;
      case 2:
        // A pointer, to itself as likely as not.
        bytes[at] = 0xc0;
        if (at + 1 < length) bytes[at + 1] = random(2) === 0 ? at : random(256);
        return length;
      case 3:
        return random(length + 1);
      case 4:
        return this.#lengthen(length, random(40));
      case 5:
        // One of the counts.
        if (length >= 12)
          bytes.writeUInt16BE(random(3) === 0 ? random(0x10000) : random(4), 4 + 2 * random(4));
        return length;
      case 6:
        // A reply, or another opcode.
        if (length > 2) bytes[2] = (bytes[2] ?? 0) ^ (random(2) === 0 ? 0x80 : 8 << random(4));
        return length;
      case 7:
        // A label that is longer than it is.
        if (length > 12) bytes[12] = random(256);
        return length;
      case 8:
        // An option or rdata that is longer than it is.
        if (length > 2) bytes.writeUInt16BE(random(0x10000), Math.max(0, length - 2 - random(24)));
        return length;
      case 9: {
        // A piece of the message again.
        const piece = random(Math.min(64, length) + 1);
        bytes.copy(bytes, at, length - piece, length);
        return length;
      }
      case 10:
        return random(50) === 0 ? this.#lengthen(length, random(MAX_DATAGRAM_BYTES)) : length;
      default:
        return random(30) === 0 ? 0 : length;
    }
  }

  #lengthen(length: number, by: number): number {
    const end = Math.min(MAX_DATAGRAM_BYTES, length + by);
    this.bytes.fill(this.#random(256), length, end);
    return end;
  }
}
