/** Relaying: what is asked upstream for a client's query, and how the upstream's bytes become its reply. */
import { EDE, RCODE, TYPE } from '../dns/codes.ts';
import { textOfWire, toWire, tryParseName } from '../dns/name.ts';
import {
  type Compiled,
  compileBare,
  compileNegative,
  extendedErrorOption,
} from '../wire/compiled.ts';
import type { ServerCookies } from '../wire/cookie.ts';
import { HEADER_BYTES, passedOptions, putUint16, QueryReader } from '../wire/query.ts';
import {
  cutToSize,
  hasHopOptions,
  type RelayedReply,
  readRelayed,
  withAliases,
  withOptions,
  withoutOpt,
} from '../wire/relayed.ts';
import { OPT_BYTES, OUR_PAYLOAD_BYTES, replyLimit, writeReply } from '../wire/reply.ts';
import { AnswerCache, type CachedAnswer, writeCached } from './cache.ts';
import { type Forwarder, type Outcome, shareKey } from './forwarder.ts';
import type { ClientRef, ReplySource, ResolverPorts } from './ports.ts';
import type { ResolverSettings } from './settings.ts';

/** Takes a reply in place of the client: the answer to an alias's target, on its way to get the alias in front. */
export interface Capture {
  /** How many aliases led here. */
  readonly depth: number;
  deliver(reply: Uint8Array): void;
}

/** A query that outlives the call that brought it. */
export interface RelayJob {
  readonly message: Buffer;
  readonly client: ClientRef;
  readonly capture: Capture | null;
  readonly startedAtMs: number;
}

/** What is relayed: fresh, or past its time because no upstream answers. */
type Fetched =
  | { readonly kind: 'reply'; readonly reply: RelayedReply; readonly isStale: boolean }
  | { readonly kind: 'failed'; readonly reason: string };

const MAX_MESSAGE_BYTES = 0xffff;
const NO_OPTIONS: Uint8Array = new Uint8Array(0);
/** RFC 8914 §4.4 and §4.20, for answers that RFC 8767 lets live on. */
const STALE_TEXT = 'no upstream answers; this is what one said before';
const STALE_ANSWER = extendedErrorOption(EDE.STALE_ANSWER, STALE_TEXT);
const STALE_NXDOMAIN = extendedErrorOption(EDE.STALE_NXDOMAIN_ANSWER, STALE_TEXT);

/** Forwards queries and answers the clients that wait for them. */
export class Relay {
  readonly #ports: ResolverPorts;
  readonly #forwarder: Forwarder;
  readonly #query: QueryReader = new QueryReader();
  readonly #cache: AnswerCache;
  readonly #cookies: ServerCookies;
  #settings: ResolverSettings;

  constructor(
    ports: ResolverPorts,
    forwarder: Forwarder,
    settings: ResolverSettings,
    cookies: ServerCookies,
  ) {
    this.#ports = ports;
    this.#cookies = cookies;
    this.#forwarder = forwarder;
    this.#settings = settings;
    this.#cache = new AnswerCache(settings.cache);
  }

  configure(settings: ResolverSettings): void {
    const before = this.#settings.searchDomains.join(' ');
    this.#settings = settings;
    this.#cache.configure(settings.cache);
    if (settings.searchDomains.join(' ') !== before) this.#cache.flush();
  }

  /** Forgets all answers: other upstreams may know others. */
  flush(): void {
    this.#cache.flush();
  }

  get cachedCount(): number {
    return this.#cache.size;
  }

  /** The kept answer that this query can be given at once, or undefined. Allocates nothing. */
  kept(message: Uint8Array, query: QueryReader): CachedAnswer | undefined {
    const answer = this.#cache.find(message, query);
    if (answer === undefined) return undefined;
    const nowMs = this.#ports.steady();
    if (!this.#cache.isUsable(answer, nowMs)) return undefined;
    if (this.#cache.wantsPrefetch(answer, nowMs)) this.#prefetch(message, query, answer);
    return answer;
  }

  #prefetch(message: Uint8Array, query: QueryReader, answer: CachedAnswer): void {
    answer.isBeingFetched = true;
    this.#fetch(upstreamMessage(Buffer.from(message), query), () => {
      answer.isBeingFetched = false;
    });
    // The query under way is still being answered from this reader.
    query.read(message, message.length);
  }

  /** Asks what the client asked. */
  forward(job: RelayJob): void {
    this.#ask(upstreamMessage(job.message, this.#read(job.message)), (outcome) => {
      if (outcome.kind === 'failed') this.#fail(job, outcome.reason);
      else this.#deliver(job, outcome.reply, outcome.isStale);
    });
  }

  /** Answers with a kept answer that needs more than its TTLs changed. @returns false where it cannot be read */
  deliverKept(job: RelayJob, kept: CachedAnswer): boolean {
    const copy = this.#copyOf(kept, job.message);
    if (copy === undefined) return false;
    this.#deliver(job, copy.reply, copy.isStale, 'cache');
    return true;
  }

  /** Asks a bare name under each search domain in turn, until one exists. */
  search(job: RelayJob, index = 0): void {
    const query = this.#read(job.message);
    const domain = this.#settings.searchDomains[index];
    if (domain === undefined) {
      this.answer(
        job,
        compileNegative({ rcode: RCODE.NXDOMAIN, ttlSeconds: this.#settings.ttlSeconds }),
        'upstream',
      );
      return;
    }
    const bare = job.message.subarray(HEADER_BYTES, query.nameEnd + 1);
    const full = inDomain(bare, domain);
    if (full === undefined) {
      this.search(job, index + 1);
      return;
    }
    const renamed = withName(job.message, query, full);
    this.#ask(upstreamMessage(renamed, this.#read(renamed)), (outcome) => {
      if (outcome.kind === 'failed') this.#fail(job, outcome.reason);
      else if (outcome.reply.rcode === RCODE.NXDOMAIN) this.search(job, index + 1);
      else this.#deliverAliased(job, outcome.reply, [bare, full], outcome.isStale);
    });
  }

  /**
   * Answers a query for an alias: `serve` answers the same query for the target, wherever that is
   * answered, and the alias goes in front.
   *
   * @param serve given the query for the target and where its answer goes
   */
  alias(
    job: RelayJob,
    target: Uint8Array,
    serve: (message: Buffer, capture: Capture) => void,
  ): void {
    const query = this.#read(job.message);
    const asked = job.message.subarray(HEADER_BYTES, query.nameEnd + 1);
    serve(withName(job.message, query, target), {
      depth: (job.capture?.depth ?? 0) + 1,
      deliver: (bytes) => {
        const reply = readRelayed(bytes);
        if (reply === undefined) this.#fail(job, 'the target of an alias has no readable answer');
        else this.#deliverAliased(job, reply, [asked, target], false);
      },
    });
  }

  /** Answers with something compiled here. */
  answer(job: RelayJob, answer: Compiled, from: ReplySource): void {
    const query = this.#read(job.message);
    this.#write(job, query, from, answer.rcode, (out, limit, cookie) =>
      writeReply(out, job.message, query, answer, limit, cookie),
    );
  }

  #fail(job: RelayJob, reason: string): void {
    const error = extendedErrorOption(EDE.NO_REACHABLE_AUTHORITY, reason);
    this.answer(job, compileBare(RCODE.SERVFAIL, error), 'upstream');
  }

  #deliverAliased(
    job: RelayJob,
    reply: RelayedReply,
    chain: readonly Uint8Array[],
    isStale: boolean,
  ): void {
    const bytes = withAliases(reply, chain, this.#settings.ttlSeconds);
    const aliased = bytes === undefined ? undefined : readRelayed(bytes);
    if (aliased === undefined)
      this.#fail(job, 'the answer is too large for an alias in front of it');
    else this.#deliver(job, aliased, isStale);
  }

  #deliver(
    job: RelayJob,
    reply: RelayedReply,
    isStale: boolean,
    from: ReplySource = 'upstream',
  ): void {
    const query = this.#read(job.message);
    this.#write(job, query, from, reply.rcode, (out, limit, cookie) => {
      const fitting = fit(withOurOptions(reply, query, cookie, isStale, limit), query, limit);
      out.set(fitting);
      // The client's own ID and spelling of the name: they differ among those who share an answer.
      out.set(job.message.subarray(0, 2));
      out.set(job.message.subarray(HEADER_BYTES, query.questionEnd), HEADER_BYTES);
      return fitting.length;
    });
  }

  #write(
    job: RelayJob,
    query: QueryReader,
    from: ReplySource,
    rcode: number,
    write: (out: Uint8Array, limit: number, cookie: Uint8Array | null) => number,
  ): void {
    const { client, capture } = job;
    if (capture !== null) {
      const scratch = Buffer.alloc(MAX_MESSAGE_BYTES);
      // The alias's own reply gets the cookie, once.
      capture.deliver(scratch.subarray(0, write(scratch, MAX_MESSAGE_BYTES, null)));
      return;
    }
    const out = this.#ports.beginReply(client);
    const limit = Math.min(out.length, replyLimit(query, client.isTcp));
    const cookies = this.#cookies;
    const cookie = cookies.optionFor(job.message, query, client.addressKey, this.#ports.now());
    this.#ports.endReply(client, write(out, limit, cookie));
    this.#ports.answered?.({
      client: client.addressText(),
      qname: textOfWire(job.message, HEADER_BYTES),
      qtype: query.qtype,
      rcode,
      from,
      ms: this.#ports.steady() - job.startedAtMs,
    });
    client.release();
  }

  #read(message: Uint8Array): QueryReader {
    this.#query.read(message, message.length);
    return this.#query;
  }

  /** The reply to a message for an upstream: kept, or fetched. */
  #ask(message: Buffer, done: (outcome: Fetched) => void): void {
    const query = this.#read(message);
    const kept = this.kept(message, query);
    const copy = kept === undefined ? undefined : this.#copyOf(kept, message);
    if (copy !== undefined) done(copy);
    else this.#fetch(message, done);
  }

  /** Asks upstream and keeps the answer; where nobody answers, a kept one serves past its time. */
  #fetch(message: Buffer, done: (outcome: Fetched) => void): void {
    const query = this.#read(message);
    const question = {
      message,
      questionEnd: query.questionEnd,
      key: query.hasOtherRecords ? null : shareKey(message, query),
      upstreams: this.#forwarder.upstreams.forName(message, query),
    };
    this.#forwarder.ask(question, (outcome) => done(this.#keep(message, outcome)));
  }

  #keep(message: Buffer, outcome: Outcome): Fetched {
    const query = this.#read(message);
    const nowMs = this.#ports.steady();
    if (outcome.kind === 'reply' && isAnswer(outcome.reply.rcode)) {
      const reply = ofThisHop(outcome.reply, query);
      this.#cache.store(query, reply, nowMs);
      return { kind: 'reply', reply, isStale: false };
    }
    const kept = this.#cache.find(message, query);
    if (kept !== undefined && this.#cache.isStaleUsable(kept, nowMs)) {
      this.#cache.failed(kept, nowMs);
      const copy = this.#copyOf(kept, message);
      if (copy !== undefined) return copy;
    }
    if (outcome.kind === 'failed') return outcome;
    return { kind: 'reply', reply: ofThisHop(outcome.reply, query), isStale: false };
  }

  #copyOf(answer: CachedAnswer, message: Buffer): (Fetched & { kind: 'reply' }) | undefined {
    const copy = Buffer.alloc(answer.bytes.length);
    const nowMs = this.#ports.steady();
    writeCached(copy, message, this.#read(message), answer, nowMs);
    const reply = readRelayed(copy);
    const isStale = nowMs >= answer.expiresMs;
    return reply === undefined ? undefined : { kind: 'reply', reply, isStale };
  }
}

function isAnswer(rcode: number): boolean {
  return rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN;
}

/**
 * An upstream's reply as it may go to a client: less what its OPT says to us alone, and with an OPT where the
 * client sent one and the upstream did not answer with one (RFC 6891 §6.1.1). What may be signed stays as it is.
 */
function ofThisHop(reply: RelayedReply, query: QueryReader): RelayedReply {
  if (query.hasOtherRecords) return reply;
  const lacksOpt = query.hasEdns && reply.opt === undefined && isAnswer(reply.rcode);
  const isClean = !lacksOpt && !hasHopOptions(reply);
  return isClean ? reply : withOptions(reply, NO_OPTIONS, query.isDnssecOk);
}

/** The reply with the cookie for this client, and a word that it is stale; the word only where there is room. */
function withOurOptions(
  reply: RelayedReply,
  query: QueryReader,
  cookie: Uint8Array | null,
  isStale: boolean,
  limit: number,
): RelayedReply {
  if (!query.hasEdns || query.hasOtherRecords || (cookie === null && !isStale)) return reply;
  const own = cookie ?? NO_OPTIONS;
  if (isStale) {
    const error = reply.rcode === RCODE.NXDOMAIN ? STALE_NXDOMAIN : STALE_ANSWER;
    const told = withOptions(reply, Buffer.concat([own, error]), query.isDnssecOk);
    if (told.bytes.length <= limit) return told;
  }
  return cookie === null ? reply : withOptions(reply, own, query.isDnssecOk);
}

function fit(reply: RelayedReply, query: QueryReader, limit: number): Uint8Array {
  if (query.hasEdns || reply.opt === undefined) return cutToSize(reply, limit);
  const plain = readRelayed(withoutOpt(reply));
  return plain === undefined ? reply.bytes.subarray(0, limit) : cutToSize(plain, limit);
}

/** The same query for another name: header and OPT as they are. */
function withName(message: Buffer, query: QueryReader, name: Uint8Array): Buffer {
  return Buffer.concat([
    message.subarray(0, HEADER_BYTES),
    name,
    message.subarray(query.questionEnd - 4),
  ]);
}

function inDomain(bare: Uint8Array, domain: string): Uint8Array | undefined {
  const suffix = tryParseName(domain);
  if (suffix === undefined) return undefined;
  const full = Buffer.concat([bare.subarray(0, -1), toWire(suffix)]);
  return full.length > 255 ? undefined : full;
}

/**
 * What is sent upstream for a query: its header bits, question and EDNS, less what is only between the
 * client and us (cookie, keepalive, padding: RFC 7873 §5, RFC 7828 §3.2.1, RFC 7830 §3) and with the size that we take.
 * A query with other records goes as it is: TSIG signs its bytes, the cookie among them, and the reply's.
 */
function upstreamMessage(message: Buffer, query: QueryReader): Buffer {
  if (query.hasOtherRecords || !query.hasEdns) return Buffer.from(message);
  const { optOffset, optLength } = query;
  const options = Buffer.concat(passedOptions(message, optOffset, optOffset + optLength));
  const sent = Buffer.alloc(query.questionEnd + OPT_BYTES + options.length);
  message.copy(sent, 0, 0, query.questionEnd);
  const opt = query.questionEnd;
  putUint16(sent, opt + 1, TYPE.OPT);
  putUint16(sent, opt + 3, OUR_PAYLOAD_BYTES);
  putUint16(sent, opt + 7, query.isDnssecOk ? 0x8000 : 0);
  putUint16(sent, opt + 9, options.length);
  options.copy(sent, opt + OPT_BYTES);
  return sent;
}
