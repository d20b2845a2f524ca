/** Relaying: what is asked upstream for a client's query, and how the upstream's bytes become its reply. */
import { EDE, RCODE } from '../dns/codes.ts';
import { textOfWire, toWire, tryParseName } from '../dns/name.ts';
import {
  type Compiled,
  compileBare,
  compileNegative,
  extendedErrorOption,
} from '../wire/compiled.ts';
import type { ServerCookies } from '../wire/cookie.ts';
import { HEADER_BYTES, QueryReader } from '../wire/query.ts';
import { type RelayedReply, readRelayed, withAliases } from '../wire/relayed.ts';
import { replyLimit, writeReply } from '../wire/reply.ts';
import { ReplyReader } from '../wire/reply-reader.ts';
import { AnswerCache } from './cache.ts';
import { NO_ANSWER } from './cache-places.ts';
import { Forwarder } from './forwarder.ts';
import { cleaned, fit, needsCleaning, withOurOptions, writeUpstreamQuery } from './hop.ts';
import type { Outcome, Waiter } from './pending.ts';
import type { ClientRef, ReplySource, ResolverPorts } from './ports.ts';
import { type Capture, RelayJob } from './relay-job.ts';
import type { ResolverSettings, UpstreamGroup } from './settings.ts';

/** What came of a question that is dealt with at leisure. */
type Fetched =
  | { readonly kind: 'reply'; readonly reply: RelayedReply; readonly isStale: boolean }
  | { readonly kind: 'failed'; readonly reason: string };

const MAX_MESSAGE_BYTES = 0xffff;
/** Jobs that are kept for the next query; a flood leaves no more behind. */
const MAX_SPARE_JOBS = 2_048;

/** Forwards queries and answers the clients that wait for them. */
export class Relay {
  readonly #ports: ResolverPorts;
  readonly #forwarder: Forwarder;
  readonly #query: QueryReader = new QueryReader();
  readonly #cache: AnswerCache;
  readonly #cookies: ServerCookies;
  readonly #spareJobs: RelayJob[] = [];
  /** What is sent upstream is written here first. */
  readonly #outgoing: Buffer = Buffer.allocUnsafeSlow(MAX_MESSAGE_BYTES);
  #settings: ResolverSettings;

  constructor(ports: ResolverPorts, settings: ResolverSettings, cookies: ServerCookies) {
    this.#ports = ports;
    this.#cookies = cookies;
    this.#forwarder = new Forwarder(ports, (message, outcome) => this.#keep(message, outcome));
    this.#settings = settings;
    this.#cache = new AnswerCache(settings.cache);
  }

  configure(settings: ResolverSettings): void {
    const before = this.#settings.searchDomains.join(' ');
    this.#settings = settings;
    this.#cache.configure(settings.cache);
    if (settings.searchDomains.join(' ') !== before) this.#cache.flush();
  }

  /** Asks other upstreams from now on, and forgets all answers: they may know others. */
  setUpstreams(groups: readonly UpstreamGroup[]): void {
    this.#forwarder.configure(groups);
    this.#cache.flush();
  }

  /** What upstreams say is handed to it. */
  get forwarder(): Forwarder {
    return this.#forwarder;
  }

  get cache(): AnswerCache {
    return this.#cache;
  }

  /** Where the kept answer is that this query can be given at once, or `NO_ANSWER`. Allocates nothing. */
  kept(message: Uint8Array, query: QueryReader): number {
    const place = this.#cache.find(message, query);
    if (place === NO_ANSWER) return NO_ANSWER;
    const nowMs = this.#ports.steady();
    if (!this.#cache.isUsable(place, nowMs)) return NO_ANSWER;
    if (this.#cache.wantsPrefetch(place, nowMs)) this.#prefetch(message, query, place);
    return place;
  }

  #prefetch(message: Uint8Array, query: QueryReader, place: number): void {
    this.#cache.setBeingFetched(place, true);
    const asked = Buffer.from(message);
    this.#fetch(asked, () => {
      const kept = this.#cache.find(asked, this.#read(asked));
      if (kept !== NO_ANSWER) this.#cache.setBeingFetched(kept, false);
    });
    // The query under way is still being answered from this reader.
    query.read(message, message.length);
  }

  /** Remembers a query that is answered later. `release` follows with its answer. */
  takeJob(
    message: Uint8Array,
    client: ClientRef,
    capture: Capture | null,
    startedAtMs: number,
  ): RelayJob {
    const job = this.#spareJobs.pop() ?? new RelayJob(client, this.#onSettled);
    job.begin(message, client, capture, startedAtMs);
    return job;
  }

  readonly #onSettled = (job: RelayJob, outcome: Outcome): void => {
    if (outcome.kind === 'failed') this.#fail(job, outcome.reason);
    else if (!this.#relayAsItIs(job, outcome.reply, outcome.isStale)) {
      this.#deliverOutcome(job, outcome);
    }
  };

  /** Asks what the client asked. */
  forward(job: RelayJob): void {
    const query = this.#read(job.message);
    // The caller has looked for a kept answer already, but not for the target of an alias.
    const place = job.capture === null ? NO_ANSWER : this.kept(job.message, query);
    if (place !== NO_ANSWER && this.deliverKept(job, place)) return;
    this.#send(job.message, job);
  }

  /** Answers with a kept answer that needs more than its TTLs changed. @returns false where it cannot be read */
  deliverKept(job: RelayJob, place: number): boolean {
    const copy = this.#copyOf(place, job.message);
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
    this.#ask(withName(job.message, query, full), (outcome) => {
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

  /** Writes a fresh reply to a client who takes it as it is, but for the ID and the spelling of the name. */
  #relayAsItIs(job: RelayJob, reply: ReplyReader, isStale: boolean): boolean {
    const { client, message } = job;
    const query = this.#read(message);
    if (job.capture !== null || isStale || query.cookieLength > 0) return false;
    if (reply.hasOpt !== query.hasEdns && !query.hasOtherRecords) return false;
    const out = this.#ports.beginReply(client);
    const { bytes, length } = reply;
    if (length > Math.min(out.length, replyLimit(query, client.isTcp))) return false;
    const question = query.questionEnd;
    out[0] = message[0] ?? 0;
    out[1] = message[1] ?? 0;
    for (let i = 2; i < HEADER_BYTES; i++) out[i] = bytes[i] ?? 0;
    for (let i = HEADER_BYTES; i < question; i++) out[i] = message[i] ?? 0;
    for (let i = question; i < length; i++) out[i] = bytes[i] ?? 0;
    this.#end(job, query, 'upstream', reply.rcode, length);
    return true;
  }

  #deliverOutcome(job: RelayJob, { reply, isStale }: Outcome & { kind: 'reply' }): void {
    const read = readRelayed(Buffer.from(reply.bytes.subarray(0, reply.length)));
    if (read === undefined) this.#fail(job, 'it answered malformed');
    else this.#deliver(job, read, isStale);
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
      const length = write(scratch, MAX_MESSAGE_BYTES, null);
      this.#release(job);
      capture.deliver(scratch.subarray(0, length));
      return;
    }
    const out = this.#ports.beginReply(client);
    const limit = Math.min(out.length, replyLimit(query, client.isTcp));
    const cookies = this.#cookies;
    const cookie = cookies.optionFor(job.message, query, client.addressKey, this.#ports.now());
    this.#end(job, query, from, rcode, write(out, limit, cookie));
  }

  /** Sends the reply that was written, and forgets its query. */
  #end(job: RelayJob, query: QueryReader, from: ReplySource, rcode: number, length: number): void {
    const { client } = job;
    this.#ports.endReply(client, length);
    this.#ports.answered?.({
      client: client.addressText(),
      qname: textOfWire(job.message, HEADER_BYTES),
      qtype: query.qtype,
      rcode,
      from,
      ms: this.#ports.steady() - job.startedAtMs,
    });
    client.release();
    this.#release(job);
  }

  #release(job: RelayJob): void {
    job.capture = null;
    if (this.#spareJobs.length < MAX_SPARE_JOBS) this.#spareJobs.push(job);
  }

  #read(message: Uint8Array): QueryReader {
    this.#query.read(message, message.length);
    return this.#query;
  }

  /** The answer to a query of whatever name: kept, or fetched. */
  #ask(message: Buffer, done: (outcome: Fetched) => void): void {
    const place = this.kept(message, this.#read(message));
    const copy = place === NO_ANSWER ? undefined : this.#copyOf(place, message);
    if (copy !== undefined) done(copy);
    else this.#fetch(message, done);
  }

  /** Asks upstream, whatever is kept. */
  #fetch(message: Buffer, done: (outcome: Fetched) => void): void {
    this.#send(message, new FetchWaiter(done));
  }

  #send(message: Buffer, waiter: Waiter): void {
    const length = writeUpstreamQuery(this.#outgoing, message, this.#read(message));
    // Read again: options may be missing, and what is kept goes by what was sent.
    this.#query.read(this.#outgoing, length);
    this.#forwarder.ask(this.#outgoing, length, this.#query, waiter);
  }

  /** Keeps what came of a question; where nobody answers, a kept answer serves past its time. */
  #keep(message: Buffer, outcome: Outcome): Outcome {
    const query = this.#read(message);
    const nowMs = this.#ports.steady();
    if (outcome.kind === 'reply' && isAnswer(outcome.reply.rcode)) {
      const cleaned = this.#cleaned(outcome, query);
      if (cleaned.kind === 'reply') this.#cache.store(message, query, cleaned.reply, nowMs);
      return cleaned;
    }
    const place = this.#cache.find(message, query);
    if (place !== NO_ANSWER && this.#cache.isStaleUsable(place, nowMs)) {
      this.#cache.failed(place, nowMs);
      const copy = Buffer.alloc(this.#cache.lengthOf(place));
      this.#cache.write(place, copy, message, query, nowMs);
      const isStale = this.#cache.isStale(place, nowMs);
      // A reader of its own: those who wait are told one after the other, and may ask anew meanwhile.
      const reply = new ReplyReader();
      if (reply.read(copy, copy.length)) return { kind: 'reply', reply, isStale };
    }
    return outcome.kind === 'failed' ? outcome : this.#cleaned(outcome, query);
  }

  #cleaned(outcome: Outcome & { kind: 'reply' }, query: QueryReader): Outcome {
    if (!needsCleaning(outcome.reply, query)) return outcome;
    const { bytes, length } = outcome.reply;
    const read = readRelayed(Buffer.from(bytes.subarray(0, length)));
    const clean = read === undefined ? undefined : cleaned(read, query);
    const reply = new ReplyReader();
    if (clean === undefined || !reply.read(clean.bytes, clean.bytes.length)) return outcome;
    return { kind: 'reply', reply, isStale: false };
  }

  #copyOf(place: number, message: Buffer): (Fetched & { kind: 'reply' }) | undefined {
    const copy = Buffer.alloc(this.#cache.lengthOf(place));
    const nowMs = this.#ports.steady();
    this.#cache.write(place, copy, message, this.#read(message), nowMs);
    const reply = readRelayed(copy);
    const isStale = this.#cache.isStale(place, nowMs);
    return reply === undefined ? undefined : { kind: 'reply', reply, isStale };
  }
}

/** Waits with a function: for what is not answered to a client as it is. */
class FetchWaiter implements Waiter {
  nextWaiter: Waiter | null = null;
  readonly #done: (outcome: Fetched) => void;

  constructor(done: (outcome: Fetched) => void) {
    this.#done = done;
  }

  settled(outcome: Outcome): void {
    if (outcome.kind === 'failed') {
      this.#done(outcome);
      return;
    }
    const { reply, isStale } = outcome;
    const read = readRelayed(Buffer.from(reply.bytes.subarray(0, reply.length)));
    const malformed: Fetched = { kind: 'failed', reason: 'it answered malformed' };
    this.#done(read === undefined ? malformed : { kind: 'reply', reply: read, isStale });
  }
}

function isAnswer(rcode: number): boolean {
  return rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN;
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
