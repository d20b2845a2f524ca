/** Replies on their way out: written for one client, kept for the next who asks the same, given again, and logged. */
import { textOfWire } from '../dns/name.ts';
import type { Compiled } from '../wire/compiled.ts';
import type { ServerCookies } from '../wire/cookie.ts';
import { HEADER_BYTES, type QueryReader } from '../wire/query.ts';
import { replyLimit, writeReply } from '../wire/reply.ts';
import type { ResolverCounters } from './counters.ts';
import type { Freshness } from './freshness.ts';
import { ALWAYS, HotReplies } from './hot-replies.ts';
import type { ClientRef, ReplySource, ResolverPorts } from './ports.ts';
import type { Relay } from './relay.ts';
import type { RelayJob } from './relay-job.ts';
import type { Turn } from './turn.ts';
import type { ClientStanding } from './zone.ts';

/** What replies are made with; all of it the resolver's. */
export interface ReplyParts {
  readonly ports: ResolverPorts;
  readonly counters: ResolverCounters;
  readonly query: QueryReader;
  readonly relay: Relay;
  readonly cookies: ServerCookies;
  readonly freshness: Freshness;
}

export class Replies {
  readonly #ports: ResolverPorts;
  readonly #counters: ResolverCounters;
  /** The query under way, as read. */
  readonly #query: QueryReader;
  readonly #relay: Relay;
  readonly #cookies: ServerCookies;
  readonly #freshness: Freshness;
  readonly #hot: HotReplies;
  /** How many were given again since the start. */
  hotCount = 0;

  constructor({ ports, counters, query, relay, cookies, freshness }: ReplyParts) {
    this.#ports = ports;
    this.#counters = counters;
    this.#query = query;
    this.#relay = relay;
    this.#cookies = cookies;
    this.#freshness = freshness;
    this.#hot = new HotReplies(ports.random(0x7fffffff));
  }

  /** The world changed: nothing that was said before is said again unseen. */
  forget(): void {
    this.#hot.flush();
  }

  /** Gives the reply that was given a moment ago, to whoever is told the same. @returns false where there is none */
  again(message: Uint8Array, client: ClientRef, standing: ClientStanding): boolean {
    if (client.isTcp || this.#ports.answered !== null) return false;
    const slot = this.#hot.find(message, standing.number, this.#ports.steady());
    if (slot < 0) return false;
    const out = this.#ports.beginReply(client);
    this.#ports.endReply(client, this.#hot.write(slot, out, message));
    this.hotCount++;
    if (this.#hot.isLasting(slot)) this.#counters.owned++;
    else this.#counters.cached++;
    return true;
  }

  /** Keeps a reply for `again`; not what is another one each time (cookies), or waits for the engine. */
  #keep(turn: Turn, out: Uint8Array, length: number, untilMs: number): void {
    const { message, client, standing, held } = turn;
    const query = this.#query;
    if (standing === null || held !== undefined || turn.isOnce) return;
    if (client.isTcp || query.cookieLength > 0 || !this.#freshness.isQuiet) return;
    this.#hot.keep(message, standing.number, out, length, query.questionEnd, untilMs);
  }

  /** Sends something compiled here. */
  send(turn: Turn, answer: Compiled, from: ReplySource): void {
    const { client, message, held } = turn;
    const query = this.#query;
    if (turn.capture !== null) {
      this.#relay.answer(this.jobOf(turn), answer, from);
      return;
    }
    const out = this.#ports.beginReply(client);
    const limit = Math.min(out.length, replyLimit(query, client.isTcp));
    const length = writeReply(out, message, query, answer, limit, this.#cookieOf(turn));
    // Addresses that are rotated are another reply each time.
    if (from === 'owned' && answer.rotationStride === 0) this.#keep(turn, out, length, ALWAYS);
    this.#ports.endReply(client, length);
    this.#log(turn, answer.rcode, from);
    if (held !== undefined) client.release();
  }

  /** Sends a kept answer. @returns false where it cannot be */
  sendKept(turn: Turn, place: number): boolean {
    const { client, message, held } = turn;
    const query = this.#query;
    const { cache } = this.#relay;
    const nowMs = this.#ports.steady();
    const out = this.#ports.beginReply(client);
    const limit = Math.min(out.length, replyLimit(query, client.isTcp));
    // As it is, but for ID, spelling and TTLs; or with more about it, or less.
    const isAsItIs = query.cookieLength === 0 && !(query.hasEdns && cache.isStale(place, nowMs));
    if (!isAsItIs || cache.lengthOf(place) > limit) {
      return this.#relay.deliverKept(this.jobOf(turn), place);
    }
    const length = cache.write(place, out, message, query, nowMs);
    this.#keep(turn, out, length, cache.sameUntilMs(place, nowMs));
    this.#ports.endReply(client, length);
    this.#log(turn, cache.rcodeOf(place), 'cache');
    if (held !== undefined) client.release();
    return true;
  }

  /** The query as it is remembered until upstreams have answered. */
  jobOf({ held, message, client, capture }: Turn): RelayJob {
    const startedAtMs = held?.sinceMs ?? this.#ports.steady();
    const waiting = held?.client ?? client.retain();
    return this.#relay.takeJob(held?.message ?? message, waiting, capture, startedAtMs);
  }

  #cookieOf({ message, client }: Turn): Uint8Array | null {
    const query = this.#query;
    if (query.cookieLength === 0) return null;
    return this.#cookies.optionFor(message, query, client.addressKey, this.#ports.now());
  }

  #log({ client, message, held }: Turn, rcode: number, from: ReplySource): void {
    if (this.#ports.answered === null) return;
    const query = this.#query;
    this.#ports.answered({
      client: client.addressText(),
      qname: query.questionEnd > HEADER_BYTES ? textOfWire(message, HEADER_BYTES) : '',
      qtype: query.qtype,
      rcode,
      from,
      ms: held === undefined ? 0 : this.#ports.steady() - held.sinceMs,
    });
  }
}
