/** Tar streams, as the engine's archive API sends them: heads, and the bytes of files as they come. */
import { HomeportError } from '../../errors.ts';

const BLOCK_BYTES = 512;
/** A path or link target in a pax or GNU record; longer ones are nobody's. */
const MAX_RECORD_BYTES = 64 * 1024;

/** What a tar header says of its entry. */
export interface TarEntry {
  readonly kind: 'file' | 'directory' | 'symlink' | 'other';
  readonly name: string;
  readonly size: number;
  /** where a symlink points, as written in the image; empty otherwise */
  readonly linkTarget: string;
}

/** The entry, and its bytes; read them or leave the loop early. */
export interface OpenedEntry extends TarEntry {
  readonly bytes: AsyncIterable<Buffer>;
}

/**
 * Opens the first entry of a tar stream. Its bytes, once read or left, end the stream.
 *
 * @throws HomeportError DOCKER_REPLY_INVALID where the stream is no tar, holds nothing or ends early
 */
export async function openTar(stream: AsyncIterable<Buffer | string>): Promise<OpenedEntry> {
  const entries = tarEntries(stream);
  const { value, done } = await entries.next();
  if (done) throw invalid('it holds no file');
  const bytes = async function* (): AsyncGenerator<Buffer> {
    try {
      yield* value.bytes;
    } finally {
      await entries.return(undefined);
    }
  };
  return { ...value, bytes: bytes() };
}

/**
 * The entries of a tar stream, one after the other; what is not read of one is skipped. Extended
 * headers (pax, GNU long names) are understood as far as name and link target go. Leaving the loop
 * early closes the stream.
 *
 * @throws HomeportError DOCKER_REPLY_INVALID where the stream is no tar or ends early
 */
export async function* tarEntries(
  stream: AsyncIterable<Buffer | string>,
): AsyncGenerator<OpenedEntry, undefined> {
  const source = new ByteSource(stream);
  let name: string | undefined;
  let linkTarget: string | undefined;
  try {
    for (;;) {
      const header = await source.take(BLOCK_BYTES);
      if (header.every((byte) => byte === 0)) return;
      const size = octal(header, 124, 12);
      const type = String.fromCharCode(header[156] ?? 0);
      if (!/[0-7xgLK\0]/.test(type) || Number.isNaN(size)) throw invalid('it is no tar');
      if (type === 'x' || type === 'L' || type === 'K' || type === 'g') {
        if (size > MAX_RECORD_BYTES) throw invalid('a header record is too long');
        const record = (await source.take(padded(size))).subarray(0, size).toString('utf8');
        if (type === 'x') {
          const pax = paxRecords(record);
          name = pax.get('path') ?? name;
          linkTarget = pax.get('linkpath') ?? linkTarget;
        } else if (type === 'L') name = record.replace(/\0.*$/s, '');
        else if (type === 'K') linkTarget = record.replace(/\0.*$/s, '');
        continue;
      }
      source.begin(size);
      yield {
        kind: kindOf(type),
        name: name ?? nameIn(header),
        size,
        linkTarget: type === '2' ? (linkTarget ?? text(header, 157, 100)) : '',
        bytes: source.rest(),
      };
      await source.skip(padded(size) - size);
      name = undefined;
      linkTarget = undefined;
    }
  } finally {
    await source.close();
  }
}

/** Cuts a stream of chunks at byte counts. */
class ByteSource {
  readonly #chunks: AsyncIterator<Buffer | string>;
  #left: Buffer = Buffer.alloc(0);
  #wanted = 0;

  constructor(stream: AsyncIterable<Buffer | string>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  async take(bytes: number): Promise<Buffer> {
    while (this.#left.length < bytes) {
      const chunk = await this.#next();
      if (chunk === undefined) throw invalid('it ends in the middle');
      this.#left = Buffer.concat([this.#left, chunk]);
    }
    const taken = this.#left.subarray(0, bytes);
    this.#left = this.#left.subarray(bytes);
    return taken;
  }

  /** Says how long the entry is that `rest` hands over. */
  begin(bytes: number): void {
    this.#wanted = bytes;
  }

  /** What is left of the entry. */
  async *rest(): AsyncGenerator<Buffer> {
    while (this.#wanted > 0) {
      const chunk = this.#left.length > 0 ? this.#left : await this.#next();
      if (chunk === undefined) throw invalid('it ends in the middle');
      const part = chunk.subarray(0, this.#wanted);
      this.#left = chunk.subarray(part.length);
      this.#wanted -= part.length;
      yield part;
    }
  }

  /** Passes over what is left of the entry, and its padding. */
  async skip(padding: number): Promise<void> {
    for await (const _ of this.rest()) {
      // Nobody wanted it.
    }
    if (padding > 0) await this.take(padding);
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #next(): Promise<Buffer | undefined> {
    const { done, value } = await this.#chunks.next();
    return done ? undefined : Buffer.from(value);
  }
}

function kindOf(type: string): TarEntry['kind'] {
  switch (type) {
    case '0':
    case '\0':
    case '7':
      return 'file';
    case '2':
      return 'symlink';
    case '5':
      return 'directory';
    default:
      return 'other';
  }
}

/** `LENGTH KEY=VALUE\n`, one after the other (POSIX pax). */
function paxRecords(record: string): ReadonlyMap<string, string> {
  const entries = [...record.matchAll(/\d+ ([^=\n]+)=([^\n]*)\n/g)];
  return new Map(entries.map(([, key, value]) => [key ?? '', value ?? '']));
}

/** ustar splits long paths into a prefix and a name. */
function nameIn(header: Buffer): string {
  const prefix = text(header, 257, 5) === 'ustar' ? text(header, 345, 155) : '';
  const name = text(header, 0, 100);
  return prefix === '' ? name : `${prefix}/${name}`;
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
}

function text(header: Buffer, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? length : end).toString('utf8');
}

function octal(header: Buffer, start: number, length: number): number {
  const digits = text(header, start, length).trim();
  return digits === '' ? 0 : /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

function invalid(why: string): HomeportError {
  return new HomeportError('DOCKER_REPLY_INVALID', `the engine's archive cannot be read: ${why}`);
}
