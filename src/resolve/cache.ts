/**
 * Relayed answers kept as the bytes they came in (RFC 1035 §7.4, RFC 2308 §5, RFC 8767). TTLs are
 * counted down in the copy that is sent. Bounded in number and bytes, whatever is asked; and numbers in
 * arrays, not objects: tens of thousands of those are most of what a garbage collection looks at.
 */
import { RCODE, TYPE } from '../dns/codes.ts';
import { hashOf, isSameStretch } from '../wire/name-index.ts';
import {
  HEADER_BYTES,
  putUint16,
  putUint32,
  type QueryReader,
  skipName,
  uint16,
} from '../wire/query.ts';
import { type ReplyReader, wireTtl } from '../wire/reply-reader.ts';
import { NO_ANSWER, PLACE_BYTES, Places } from './cache-places.ts';
import type { CacheSettings } from './settings.ts';

/** What a stale answer may be kept for by who gets it (RFC 8767 §4). */
const STALE_TTL_SECONDS = 30;
/** After a failure stale answers are given at once for so long, instead of asking in vain each time (RFC 8767 §5). */
const FAILURE_REST_MS = 5_000;
/** An answer is fetched anew when asked for in its last tenth, if it lives long enough for that to pay. */
const PREFETCH_SHARE = 10;
const MIN_PREFETCH_TTL_SECONDS = 10;
/** Bytes for each answer that the settings allow, on average; a few large ones are paid for by many small. */
const BYTES_PER_ANSWER = 1_024;
export class AnswerCache {
  #settings: CacheSettings;
  #places: Places;
  #count = 0;
  /** Passes over answers that were used since it came by last. */
  #hand = 0;

  constructor(settings: CacheSettings) {
    this.#settings = settings;
    this.#places = new Places(settings.size);
  }

  get size(): number {
    return this.#count;
  }

  /** What the kept answers take. */
  get bytes(): number {
    return this.#count * PLACE_BYTES + this.#places.largeBytes;
  }

  /** New bounds; what is kept stays as far as they allow. */
  configure(settings: CacheSettings): void {
    const isResized = settings.size !== this.#settings.size;
    this.#settings = settings;
    if (!isResized) return;
    const before = this.#places;
    const count = Math.min(this.#count, settings.size);
    this.#places = new Places(settings.size);
    this.#count = 0;
    this.#hand = 0;
    for (let from = 0; from < count; from++) {
      const to = this.#count++;
      this.#places.take(before, from, to);
      this.#enter(to, before.hashes[from] ?? 0);
    }
    this.#dropLarge();
  }

  /** Where the answer to the same question with the same bits is, fresh or not; or `NO_ANSWER`. Allocates nothing. */
  find(message: Uint8Array, query: QueryReader): number {
    if (this.#count === 0 || query.hasPassedOptions || query.hasOtherRecords) return NO_ANSWER;
    const place = this.#find(message, query, hashOfQuestion(message, query));
    if (place !== NO_ANSWER) this.#places.wasUsed[place] = 1;
    return place;
  }

  #find(message: Uint8Array, query: QueryReader, hash: number): number {
    const places = this.#places;
    const { index } = places;
    const mask = index.length - 1;
    const bits = bitsOf(query);
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const place = (index[at] ?? 0) - 1;
      if (place < 0) return NO_ANSWER;
      if (places.hashes[place] !== hash || places.qtypes[place] !== query.qtype) continue;
      if (places.bits[place] !== bits) continue;
      // With the closing zero byte, so that the names are as long.
      const length = query.nameEnd + 1 - HEADER_BYTES;
      const start = places.startOf(place) + HEADER_BYTES;
      if (isSameStretch(message, HEADER_BYTES, places.bytesOf(place), start, length)) return place;
    }
  }

  lengthOf(place: number): number {
    return this.#places.lengths[place] ?? 0;
  }

  rcodeOf(place: number): number {
    const places = this.#places;
    return (places.bytesOf(place)[places.startOf(place) + 3] ?? 0) & 15;
  }

  isStale(place: number, nowMs: number): boolean {
    return nowMs >= this.#expiresMs(place);
  }

  #expiresMs(place: number): number {
    return this.#places.expiresMs[place] ?? 0;
  }

  /** Whether an answer may be given without asking: it is fresh, or stale while upstreams rest after a failure. */
  isUsable(place: number, nowMs: number): boolean {
    if (nowMs < this.#expiresMs(place)) return true;
    return nowMs < (this.#places.failedUntilMs[place] ?? 0) && this.isStaleUsable(place, nowMs);
  }

  /** Whether an answer may be given where no upstream answers (RFC 8767 §4). */
  isStaleUsable(place: number, nowMs: number): boolean {
    return nowMs < this.#expiresMs(place) + this.#settings.serveStaleSeconds * 1000;
  }

  /** Upstreams failed for it: it is given stale for a while without asking them. */
  failed(place: number, nowMs: number): void {
    this.#places.failedUntilMs[place] = nowMs + FAILURE_REST_MS;
  }

  /** Whether to fetch it anew beside answering from it. */
  wantsPrefetch(place: number, nowMs: number): boolean {
    return this.#places.isBeingFetched[place] !== 1 && nowMs > this.#prefetchAtMs(place);
  }

  setBeingFetched(place: number, isBeingFetched: boolean): void {
    this.#places.isBeingFetched[place] = isBeingFetched ? 1 : 0;
  }

  /** From when an answer is fetched anew if asked for; Infinity where that does not pay. */
  #prefetchAtMs(place: number): number {
    const ttlSeconds = this.#places.ttlSeconds[place] ?? 0;
    if (ttlSeconds < MIN_PREFETCH_TTL_SECONDS) return Number.POSITIVE_INFINITY;
    return this.#expiresMs(place) - (ttlSeconds * 1000) / PREFETCH_SHARE;
  }

  /**
   * Until when what `write` writes now stays what it would write, and asking for it has no other
   * effect: the next second of its life. In the past where it is stale, or may be replaced at any moment.
   */
  sameUntilMs(place: number, nowMs: number): number {
    const storedAtMs = this.#places.storedAtMs[place] ?? 0;
    const nextSecondMs = storedAtMs + (Math.floor((nowMs - storedAtMs) / 1000) + 1) * 1000;
    return Math.min(nextSecondMs, this.#expiresMs(place), this.#prefetchAtMs(place));
  }

  /**
   * Keeps an answer, if it may be kept. Its bytes are copied.
   *
   * @param message what was asked, and `query` the same as read
   */
  store(message: Uint8Array, query: QueryReader, reply: ReplyReader, nowMs: number): void {
    if (this.#settings.size === 0 || query.hasPassedOptions || query.hasOtherRecords) return;
    const ttlSeconds = this.#ttlOf(reply);
    if (ttlSeconds <= 0) return;
    const hash = hashOfQuestion(message, query);
    const known = this.#find(message, query, hash);
    const place = known === NO_ANSWER ? this.#freePlace() : known;
    const places = this.#places;
    places.put(place, reply.bytes, 0, reply.length);
    places.qtypes[place] = query.qtype;
    places.bits[place] = bitsOf(query);
    places.wasUsed[place] = 0;
    places.isBeingFetched[place] = 0;
    places.ttlSeconds[place] = ttlSeconds;
    places.maxTtlSeconds[place] = this.#maxTtl(reply);
    places.storedAtMs[place] = nowMs;
    places.expiresMs[place] = nowMs + ttlSeconds * 1000;
    places.failedUntilMs[place] = 0;
    if (known === NO_ANSWER) this.#enter(place, hash);
    this.#dropLarge();
  }

  #maxTtl(reply: ReplyReader): number {
    return reply.isDenial ? this.#settings.negativeMaxTtlSeconds : this.#settings.maxTtlSeconds;
  }

  /** How long it may be kept, in seconds; 0: not at all. */
  #ttlOf(reply: ReplyReader): number {
    const { rcode, isDenial } = reply;
    if (reply.isTruncated || (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN)) return 0;
    // A denial without an SOA says nothing of how long it holds (RFC 2308 §5).
    if (!isDenial && !(rcode === RCODE.NOERROR && reply.hasAnswer)) return 0;
    const minimum = isDenial ? reply.soaMinimumSeconds : Number.POSITIVE_INFINITY;
    return Math.min(this.#maxTtl(reply), reply.ttlSeconds, minimum);
  }

  /** A place for one more: that of an answer that was not used lately, where all are taken. */
  #freePlace(): number {
    if (this.#count < this.#places.count) return this.#count++;
    const { wasUsed } = this.#places;
    for (;;) {
      if (this.#hand >= this.#count) this.#hand = 0;
      const place = this.#hand++;
      if (wasUsed[place] !== 1) {
        this.#leave(place);
        return place;
      }
      wasUsed[place] = 0;
    }
  }

  #enter(place: number, hash: number): void {
    const { index, hashes } = this.#places;
    const mask = index.length - 1;
    hashes[place] = hash;
    let at = hash & mask;
    while (index[at] !== 0) at = (at + 1) & mask;
    index[at] = place + 1;
  }

  /** Takes a place out of the index, and closes the gap: what stands behind it only because its own was taken moves up. */
  #leave(place: number): void {
    const { index, hashes } = this.#places;
    const mask = index.length - 1;
    let gap = (hashes[place] ?? 0) & mask;
    while (index[gap] !== place + 1) gap = (gap + 1) & mask;
    index[gap] = 0;
    for (let at = (gap + 1) & mask; index[at] !== 0; at = (at + 1) & mask) {
      const other = (index[at] ?? 0) - 1;
      if (((at - (hashes[other] ?? 0)) & mask) < ((at - gap) & mask)) continue;
      index[gap] = index[at] ?? 0;
      index[at] = 0;
      gap = at;
    }
  }

  /** Lets go of large answers, those kept longest first, until the bound on bytes holds. */
  #dropLarge(): void {
    const most = this.#settings.size * (BYTES_PER_ANSWER - PLACE_BYTES);
    while (this.#places.largeBytes > most) {
      const place = this.#places.oldestLarge;
      const last = this.#count - 1;
      this.#leave(place);
      this.#places.dropLarge(place);
      if (place !== last) {
        this.#leave(last);
        this.#places.move(last, place);
        this.#enter(place, this.#places.hashes[place] ?? 0);
      }
      this.#count--;
    }
  }

  flush(): void {
    this.#places = new Places(this.#settings.size);
    this.#count = 0;
    this.#hand = 0;
  }

  /**
   * Writes a kept answer for another client: its ID and spelling, TTLs counted down.
   *
   * @param out at least as long as the answer
   * @param nowMs past the answer's expiry: it is stale, and may be kept for 30 s at most
   * @returns the length
   */
  write(
    place: number,
    out: Uint8Array,
    message: Uint8Array,
    query: QueryReader,
    nowMs: number,
  ): number {
    const places = this.#places;
    const bytes = places.bytesOf(place);
    const start = places.startOf(place);
    const length = places.lengths[place] ?? 0;
    const question = query.questionEnd;
    for (let i = 0; i < question; i++) out[i] = message[i] ?? 0;
    for (let i = 2; i < HEADER_BYTES; i++) out[i] = bytes[start + i] ?? 0;
    // What is told from memory is not told with authority.
    putUint16(out, 2, uint16(out, 2) & ~0x0400);
    for (let i = question; i < length; i++) out[i] = bytes[start + i] ?? 0;
    const elapsedMs = Math.max(0, nowMs - (places.storedAtMs[place] ?? 0));
    const isStale = this.isStale(place, nowMs);
    countDown(out, question, length, {
      most: places.maxTtlSeconds[place] ?? 0,
      elapsed: Math.floor(elapsedMs / 1000),
      stale: isStale ? STALE_TTL_SECONDS : -1,
    });
    return length;
  }
}

/** Lowers every TTL of a message that was read before, OPT's flags aside, which are none. */
function countDown(
  out: Uint8Array,
  question: number,
  length: number,
  { most, elapsed, stale }: { most: number; elapsed: number; stale: number },
): void {
  const records = uint16(out, 6) + uint16(out, 8) + uint16(out, 10);
  let at = question;
  for (let i = 0; i < records; i++) {
    const fixed = skipName(out, at, length);
    if (fixed < 0) return;
    if (uint16(out, fixed) !== TYPE.OPT) {
      const left = Math.max(0, Math.min(wireTtl(out, fixed), most) - elapsed);
      putUint32(out, fixed + 4, stale >= 0 ? stale : left);
    }
    at = fixed + 10 + uint16(out, fixed + 8);
  }
}

/** The hash of name, type and bits. */
function hashOfQuestion(message: Uint8Array, query: QueryReader): number {
  const kind = Math.imul((query.qtype << 4) | bitsOf(query), 0x9e3779b1);
  return hashOf(message, HEADER_BYTES, query.nameEnd) ^ kind;
}

/** What makes the same question a different one: RD, CD, DO, and whether there is EDNS at all. */
function bitsOf(query: QueryReader): number {
  return (
    (query.isRecursionDesired ? 1 : 0) |
    (query.isCheckingDisabled ? 2 : 0) |
    (query.isDnssecOk ? 4 : 0) |
    (query.hasEdns ? 8 : 0)
  );
}
