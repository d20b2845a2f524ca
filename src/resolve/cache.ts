/**
 * Relayed answers kept as the bytes they came in (RFC 1035 §7.4, RFC 2308 §5, RFC 8767). TTLs are
 * counted down in the copy that is sent. Bounded in number and bytes, whatever is asked.
 */
import { RCODE, TYPE } from '../dns/codes.ts';
import { NameIndex } from '../wire/name-index.ts';
import {
  HEADER_BYTES,
  putUint16,
  putUint32,
  type QueryReader,
  uint16,
  uint32,
} from '../wire/query.ts';
import type { RelayedRecord, RelayedReply } from '../wire/relayed.ts';
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
/** A TTL with its top bit set is no TTL (RFC 2181 §8). */
const MAX_WIRE_TTL_SECONDS = 0x7fffffff;

/** One kept answer. */
export interface CachedAnswer {
  readonly key: Uint8Array;
  readonly qtype: number;
  readonly bits: number;
  /** The message; its ID and the spelling of its question belong to whoever asked first. */
  readonly bytes: Uint8Array;
  readonly records: readonly RelayedRecord[];
  /** No TTL is told as longer than this. */
  readonly maxTtlSeconds: number;
  readonly rcode: number;
  readonly storedAtMs: number;
  readonly ttlSeconds: number;
  readonly expiresMs: number;
  /** Others of the same name. */
  next: CachedAnswer | undefined;
  wasUsed: boolean;
  isDropped: boolean;
  isBeingFetched: boolean;
  /** Until then upstreams are not asked again for it: they failed a moment ago. */
  failedUntilMs: number;
}

export class AnswerCache {
  #settings: CacheSettings;
  readonly #names = new NameIndex<CachedAnswer>();
  /** All answers in a ring; the hand passes over those that were used since it came by last. */
  readonly #ring: CachedAnswer[] = [];
  #hand = 0;
  #bytes = 0;
  #count = 0;

  constructor(settings: CacheSettings) {
    this.#settings = settings;
  }

  get size(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** New bounds; what is kept stays as far as they allow. */
  configure(settings: CacheSettings): void {
    this.#settings = settings;
    this.#shrink();
  }

  /** The answer to the same question with the same bits, fresh or not; undefined. Allocates nothing. */
  find(message: Uint8Array, query: QueryReader): CachedAnswer | undefined {
    if (this.#count === 0 || query.hasPassedOptions || query.hasOtherRecords) return undefined;
    const bits = bitsOf(query);
    let answer = this.#names.find(message, HEADER_BYTES, query.nameEnd);
    while (answer !== undefined && (answer.qtype !== query.qtype || answer.bits !== bits))
      answer = answer.next;
    if (answer !== undefined) answer.wasUsed = true;
    return answer;
  }

  /** Whether an answer may be given without asking: it is fresh, or stale while upstreams rest after a failure. */
  isUsable(answer: CachedAnswer, nowMs: number): boolean {
    if (nowMs < answer.expiresMs) return true;
    return nowMs < answer.failedUntilMs && this.isStaleUsable(answer, nowMs);
  }

  /** Whether an answer may be given where no upstream answers (RFC 8767 §4). */
  isStaleUsable(answer: CachedAnswer, nowMs: number): boolean {
    return nowMs < answer.expiresMs + this.#settings.serveStaleSeconds * 1000;
  }

  /** Upstreams failed for it: it is given stale for a while without asking them. */
  failed(answer: CachedAnswer, nowMs: number): void {
    answer.failedUntilMs = nowMs + FAILURE_REST_MS;
  }

  /** Whether to fetch it anew beside answering from it. */
  wantsPrefetch(answer: CachedAnswer, nowMs: number): boolean {
    return !answer.isBeingFetched && nowMs > prefetchAtMs(answer);
  }

  /**
   * Keeps an answer, if it may be kept.
   *
   * @param query what was asked, as read
   */
  store(query: QueryReader, reply: RelayedReply, nowMs: number): void {
    if (this.#settings.size === 0 || query.hasPassedOptions || query.hasOtherRecords) return;
    const ttlSeconds = this.#ttlOf(reply);
    if (ttlSeconds <= 0) return;
    // The reply's own bytes: nobody writes into them, and a copy of each would be most of what forwarding costs.
    const { bytes, records } = reply;
    const key = bytes.subarray(HEADER_BYTES, query.nameEnd);
    this.#drop(this.#same(key, query));
    const answer: CachedAnswer = {
      key,
      qtype: query.qtype,
      bits: bitsOf(query),
      bytes,
      records,
      maxTtlSeconds: this.#maxTtl(reply),
      rcode: reply.rcode,
      storedAtMs: nowMs,
      ttlSeconds,
      expiresMs: nowMs + ttlSeconds * 1000,
      next: this.#names.find(key, 0, key.length),
      wasUsed: false,
      isDropped: false,
      isBeingFetched: false,
      failedUntilMs: 0,
    };
    this.#names.setKey(key, answer);
    this.#ring.push(answer);
    this.#count++;
    this.#bytes += bytes.length;
    this.#shrink();
  }

  #same(key: Uint8Array, query: QueryReader): CachedAnswer | undefined {
    let answer = this.#names.find(key, 0, key.length);
    const bits = bitsOf(query);
    while (answer !== undefined && (answer.qtype !== query.qtype || answer.bits !== bits))
      answer = answer.next;
    return answer;
  }

  #maxTtl(reply: RelayedReply): number {
    const isNegative = negativeSoa(reply) !== undefined;
    return isNegative ? this.#settings.negativeMaxTtlSeconds : this.#settings.maxTtlSeconds;
  }

  /** How long it may be kept, in seconds; 0: not at all. */
  #ttlOf(reply: RelayedReply): number {
    if (reply.isTruncated || (reply.rcode !== RCODE.NOERROR && reply.rcode !== RCODE.NXDOMAIN))
      return 0;
    const ttls = reply.records
      .filter(({ type }) => type !== TYPE.OPT)
      .map(({ fixed }) => wireTtl(reply.bytes, fixed));
    const hasAnswer = reply.rcode === RCODE.NOERROR && endsInAnswer(reply);
    const soa = negativeSoa(reply);
    // A denial without an SOA says nothing of how long it holds (RFC 2308 §5).
    if (!hasAnswer && soa === undefined) return 0;
    if (soa !== undefined) ttls.push(uint32(reply.bytes, soa.end - 4));
    return Math.min(this.#maxTtl(reply), ...ttls);
  }

  /** Lets go of what was not used lately until the bounds hold. */
  #shrink(): void {
    const maxBytes = this.#settings.size * BYTES_PER_ANSWER;
    while (this.#count > this.#settings.size || (this.#bytes > maxBytes && this.#count > 0)) {
      if (this.#hand >= this.#ring.length) this.#hand = 0;
      const answer = this.#ring[this.#hand];
      if (answer === undefined) return;
      if (answer.wasUsed && !answer.isDropped) {
        answer.wasUsed = false;
        this.#hand++;
        continue;
      }
      const last = this.#ring.pop();
      if (last !== undefined && last !== answer) this.#ring[this.#hand] = last;
      this.#drop(answer);
    }
    // What was replaced stands in the ring until the hand meets it; too many of those are swept out.
    if (this.#ring.length > 2 * this.#settings.size + 64) this.#sweep();
  }

  #sweep(): void {
    const kept = this.#ring.filter(({ isDropped }) => !isDropped);
    this.#ring.length = 0;
    for (const answer of kept) this.#ring.push(answer);
    this.#hand = 0;
  }

  #drop(answer: CachedAnswer | undefined): void {
    if (answer === undefined || answer.isDropped) return;
    answer.isDropped = true;
    this.#count--;
    this.#bytes -= answer.bytes.length;
    const head = this.#names.find(answer.key, 0, answer.key.length);
    if (head === answer) {
      if (answer.next === undefined) this.#names.deleteKey(answer.key);
      else this.#names.setKey(answer.key, answer.next);
      return;
    }
    for (let before = head; before !== undefined; before = before.next) {
      if (before.next === answer) before.next = answer.next;
    }
  }

  flush(): void {
    this.#names.clear();
    this.#ring.length = 0;
    this.#hand = 0;
    this.#bytes = 0;
    this.#count = 0;
  }
}

/** From when an answer is fetched anew if asked for; Infinity where that does not pay. */
function prefetchAtMs({ expiresMs, ttlSeconds }: CachedAnswer): number {
  if (ttlSeconds < MIN_PREFETCH_TTL_SECONDS) return Number.POSITIVE_INFINITY;
  return expiresMs - (ttlSeconds * 1000) / PREFETCH_SHARE;
}

/**
 * Until when what `writeCached` writes now stays what it would write, and asking for it has no other
 * effect: the next second of its life. In the past where it is stale, or may be replaced at any moment.
 */
export function sameUntilMs(answer: CachedAnswer, nowMs: number): number {
  const { storedAtMs, expiresMs } = answer;
  const nextSecondMs = storedAtMs + (Math.floor((nowMs - storedAtMs) / 1000) + 1) * 1000;
  return Math.min(nextSecondMs, expiresMs, prefetchAtMs(answer));
}

/**
 * Writes a kept answer for another client: its ID and spelling, TTLs counted down.
 *
 * @param out at least as long as the answer
 * @param nowMs past the answer's expiry: it is stale, and may be kept for 30 s at most
 * @returns the length
 */
export function writeCached(
  out: Uint8Array,
  message: Uint8Array,
  query: QueryReader,
  answer: CachedAnswer,
  nowMs: number,
): number {
  const { bytes, records, maxTtlSeconds } = answer;
  const length = bytes.length;
  const question = query.questionEnd;
  for (let i = 0; i < question; i++) out[i] = message[i] ?? 0;
  for (let i = 2; i < HEADER_BYTES; i++) out[i] = bytes[i] ?? 0;
  // What is told from memory is not told with authority.
  putUint16(out, 2, uint16(bytes, 2) & ~0x0400);
  for (let i = question; i < length; i++) out[i] = bytes[i] ?? 0;
  const elapsed = Math.max(0, Math.floor((nowMs - answer.storedAtMs) / 1000));
  const isStale = nowMs >= answer.expiresMs;
  for (let i = 0; i < records.length; i++) {
    const record = records[i];
    if (record === undefined || record.type === TYPE.OPT) continue;
    const left = Math.min(wireTtl(bytes, record.fixed), maxTtlSeconds) - elapsed;
    putUint32(out, record.fixed + 4, isStale ? STALE_TTL_SECONDS : Math.max(0, left));
  }
  return length;
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

function wireTtl(bytes: Uint8Array, fixed: number): number {
  const ttl = uint32(bytes, fixed + 4);
  return ttl > MAX_WIRE_TTL_SECONDS ? 0 : ttl;
}

/** Whether the answer section holds what was asked, or for ANY anything: not only aliases that lead nowhere. */
function endsInAnswer(reply: RelayedReply): boolean {
  const qtype = uint16(reply.bytes, reply.questionEnd - 4);
  return reply.records.some(
    ({ section, type }) => section === 'answer' && (type === qtype || qtype === TYPE.ANY),
  );
}

/** The SOA of a denial (RFC 2308 §2); undefined for an answer. */
function negativeSoa(reply: RelayedReply): RelayedRecord | undefined {
  if (reply.rcode === RCODE.NOERROR && endsInAnswer(reply)) return undefined;
  return reply.records.find(({ section, type }) => section === 'authority' && type === TYPE.SOA);
}
