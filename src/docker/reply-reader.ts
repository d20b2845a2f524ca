/**
 * Reads one HTTP/1.1 reply after the other from a connection (RFC 9112).
 * Ten thousand inspects through node:http cost seconds of a core, most of it in its streams and events.
 * Pure.
 */
import { HomeportError } from '../errors.ts';

/** A whole reply. */
export interface Reply {
  readonly status: number;
  readonly body: Buffer;
  /** The connection carries no other one. */
  readonly isLast: boolean;
}

/** Bytes that tell where a body ends. */
type Expected = 'head' | 'body' | 'chunkSize' | 'chunk' | 'chunkEnd' | 'trailers' | 'close';

/** node:http's own limit is 16 KB. */
const MAX_HEAD_BYTES = 64 * 1024;
/** More than the inspect of any container and the networks of any host. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
const NOTHING: Buffer = Buffer.alloc(0);
const HTTP = 'HTTP/1.';
const HEADERS = {
  connection: /\r\nconnection:([^\r]*)/i,
  'content-length': /\r\ncontent-length:([^\r]*)/i,
  'transfer-encoding': /\r\ntransfer-encoding:([^\r]*)/i,
};

export class ReplyReader {
  #expected: Expected = 'head';
  /** Read and not understood yet: the beginning of a head or a line. */
  #rest: Buffer = NOTHING;
  #status = 0;
  #isLast = false;
  /** Of the body or the chunk. */
  #bytesLeft = 0;
  #bodyBytes = 0;
  #body: Buffer[] = [];
  #reply: Reply | null = null;

  /** Whether a reply has begun and is not whole yet. */
  get isUnderWay(): boolean {
    return this.#expected !== 'head' || this.#rest.length > 0;
  }

  /**
   * Takes in what arrived.
   *
   * @returns the reply that it completes; null for none yet
   * @throws HomeportError DOCKER_REPLY_INVALID where it is no HTTP, or beyond all measure
   */
  add(piece: Buffer): Reply | null {
    this.#rest = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    return this.next();
  }

  /** The next reply of what was taken in already; null for none. Throws as `add` does. */
  next(): Reply | null {
    while (this.#reply === null && this.#advance());
    return this.#take();
  }

  /** The connection ended: returns the reply that ends with it; null where none is whole. */
  end(): Reply | null {
    if (this.#expected === 'close') this.#finish();
    return this.#take();
  }

  #take(): Reply | null {
    const reply = this.#reply;
    this.#reply = null;
    return reply;
  }

  /** Understands the next part; false: there is too little of it. */
  #advance(): boolean {
    switch (this.#expected) {
      case 'head':
        return this.#readHead();
      case 'chunkSize':
        return this.#readChunkSize();
      case 'chunkEnd':
        return this.#readChunkEnd();
      case 'trailers':
        return this.#readTrailers();
      case 'body':
      case 'chunk':
      case 'close':
        return this.#readBytes();
    }
  }

  #readHead(): boolean {
    const end = this.#rest.indexOf('\r\n\r\n');
    if (end < 0) return this.#isShort();
    const head = this.#rest.toString('latin1', 0, end);
    const [, minor, digits] = /^HTTP\/1\.([01]) (\d{3})(?: |\r|$)/.exec(head) ?? [];
    if (digits === undefined) throw invalid('what answers there speaks no HTTP');
    this.#rest = this.#rest.subarray(end + 4);
    const status = Number(digits);
    // Interim replies (RFC 9110 §15.2) announce the one that counts.
    if (status < 200) return true;
    this.#status = status;
    const wish = headerOf(head, 'connection').toLowerCase();
    this.#isLast = minor === '1' ? wish === 'close' : wish !== 'keep-alive';
    this.#expectBody(head);
    return true;
  }

  /** RFC 9112 §6.3 */
  #expectBody(head: string): void {
    const length = headerOf(head, 'content-length');
    if (this.#status === 204 || this.#status === 304) this.#finish();
    else if (/chunked$/i.test(headerOf(head, 'transfer-encoding'))) this.#expected = 'chunkSize';
    else if (/^\d{1,15}$/.test(length)) this.#expectBytes('body', Number(length));
    else if (length !== '') throw invalid('a reply has a length that is no number');
    else {
      this.#isLast = true;
      this.#expectBytes('close', Number.POSITIVE_INFINITY);
    }
  }

  #expectBytes(expected: 'body' | 'chunk' | 'close', bytes: number): void {
    this.#expected = expected;
    this.#bytesLeft = bytes;
    if (bytes === 0) this.#finish();
  }

  #readBytes(): boolean {
    const part = this.#rest.subarray(0, Math.min(this.#bytesLeft, this.#rest.length));
    if (part.length === 0) return false;
    this.#rest = this.#rest.subarray(part.length);
    this.#bytesLeft -= part.length;
    this.#bodyBytes += part.length;
    if (this.#bodyBytes > MAX_BODY_BYTES) {
      throw invalid(`a reply has more than ${MAX_BODY_BYTES} bytes`);
    }
    this.#body.push(part);
    if (this.#bytesLeft > 0) return true;
    if (this.#expected === 'chunk') this.#expected = 'chunkEnd';
    else this.#finish();
    return true;
  }

  #readChunkSize(): boolean {
    const line = this.#line();
    if (line === null) return false;
    const digits = /^([0-9a-f]{1,8})(?:[ \t;]|$)/i.exec(line)?.[1];
    if (digits === undefined) throw invalid('a reply has a piece without a length');
    const bytes = Number.parseInt(digits, 16);
    if (bytes === 0) this.#expected = 'trailers';
    else this.#expectBytes('chunk', bytes);
    return true;
  }

  #readChunkEnd(): boolean {
    const line = this.#line();
    if (line === null) return false;
    if (line !== '') throw invalid('a piece of a reply is longer than it says');
    this.#expected = 'chunkSize';
    return true;
  }

  #readTrailers(): boolean {
    const line = this.#line();
    if (line === '') this.#finish();
    return line !== null;
  }

  #line(): string | null {
    const end = this.#rest.indexOf('\r\n');
    if (end < 0) {
      this.#isShort();
      return null;
    }
    const line = this.#rest.toString('latin1', 0, end);
    this.#rest = this.#rest.subarray(end + 2);
    return line;
  }

  /** Always false: what is there is the beginning of something. */
  #isShort(): false {
    const begin = this.#rest.toString('latin1', 0, HTTP.length);
    if (
      (this.#expected === 'head' && !HTTP.startsWith(begin)) ||
      this.#rest.length > MAX_HEAD_BYTES
    ) {
      throw invalid('what answers there speaks no HTTP');
    }
    return false;
  }

  #finish(): void {
    const body = this.#body.length === 1 ? this.#body[0] : Buffer.concat(this.#body);
    this.#reply = { status: this.#status, body: body ?? NOTHING, isLast: this.#isLast };
    this.#expected = 'head';
    this.#body = [];
    this.#bodyBytes = 0;
  }
}

/** The value of a header of which there is one; '' without. */
function headerOf(head: string, name: keyof typeof HEADERS): string {
  return HEADERS[name].exec(head)?.[1]?.trim() ?? '';
}

function invalid(message: string): HomeportError {
  return new HomeportError('DOCKER_REPLY_INVALID', message);
}
