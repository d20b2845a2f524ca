/**
 * The sans-IO core: queries, upstream replies, messages from the engine side and time go in; replies,
 * upstream queries and wake-ups come out through its ports. One reply for each query, on every path.
 */
import { CLASS_IN, EDE, RCODE, TYPE } from '../dns/codes.ts';
import { textOfWire, toWire, tryParseName } from '../dns/name.ts';
import type { ZoneDelta } from '../names/zone-delta.ts';
import {
  type Compiled,
  compile,
  compileBare,
  compileNegative,
  extendedErrorOption,
} from '../wire/compiled.ts';
import { ServerCookies } from '../wire/cookie.ts';
import { isSameLabels, keyOfText } from '../wire/name-index.ts';
import { HEADER_BYTES, QueryReader, rcodeOfVerdict } from '../wire/query.ts';
import { replyLimit, writeReply } from '../wire/reply.ts';
import { NO_ANSWER } from './cache.ts';
import { Deadlines } from './deadlines.ts';
import { FixedAnswers } from './fixed-answers.ts';
import { Freshness } from './freshness.ts';
import { ALWAYS, HotReplies } from './hot-replies.ts';
import type { ClientRef, ReplySource, ResolverPorts } from './ports.ts';
import { Relay } from './relay.ts';
import type { Capture, RelayJob } from './relay-job.ts';
import type { EngineStanding, ResolverSettings, UpstreamGroup } from './settings.ts';
import { type ClientStanding, type KnownName, type Match, Zone } from './zone.ts';

/** Queries that wait for the engine at most; more than that are answered from what is known. */
const MAX_HELD = 10_000;
/** Aliases that lead to aliases (static `cname` records) at most. */
const MAX_ALIASES = 8;

/** What was counted since the start. */
export interface ResolverCounters {
  queries: number;
  owned: number;
  forwarded: number;
  cached: number;
  held: number;
  refused: number;
  leaked: number;
  malformed: number;
  notAllowed: number;
  failed: number;
}

/** A query that waits for the engine. */
interface Held {
  readonly message: Buffer;
  readonly client: ClientRef;
  readonly capture: Capture | null;
  readonly sinceMs: number;
  /** The refresh that it waits for; 0: none. */
  refresh: number;
  isFinal: boolean;
}

/** One query while it is decided: what `onQuery` and a held query have in common. */
interface Turn {
  message: Uint8Array;
  client: ClientRef;
  /** What the client may see; null until that is known. */
  standing: ClientStanding | null;
  held: Held | undefined;
  capture: Capture | null;
}

export class Resolver {
  readonly zone: Zone;
  readonly counters: ResolverCounters = {
    queries: 0,
    owned: 0,
    forwarded: 0,
    cached: 0,
    held: 0,
    refused: 0,
    leaked: 0,
    malformed: 0,
    notAllowed: 0,
    failed: 0,
  };
  readonly #ports: ResolverPorts;
  readonly #query: QueryReader = new QueryReader();
  readonly #freshness: Freshness = new Freshness();
  readonly #relay: Relay;
  readonly #cookies: ServerCookies;
  #held = new Set<Held>();
  readonly #heldDeadlines = new Deadlines<Held>();
  #settings: ResolverSettings;
  readonly #turn: Turn;
  readonly #hot: HotReplies;
  #hotCount = 0;
  #answers: FixedAnswers;

  constructor(settings: ResolverSettings, ports: ResolverPorts) {
    this.#ports = ports;
    this.#settings = settings;
    this.zone = new Zone(settings);
    this.#cookies = new ServerCookies(ports.cookieSecret);
    this.#relay = new Relay(ports, settings, this.#cookies);
    this.#answers = new FixedAnswers(settings.ttlSeconds);
    this.#hot = new HotReplies(ports.random(0x7fffffff));
    this.#turn = {
      message: new Uint8Array(0),
      client: NOBODY,
      standing: null,
      held: undefined,
      capture: null,
    };
  }

  get pendingCount(): number {
    return this.#relay.forwarder.pendingCount;
  }

  get cachedCount(): number {
    return this.#relay.cache.size;
  }

  /** Replies that were given again since the start. */
  get hotCount(): number {
    return this.#hotCount;
  }

  get heldCount(): number {
    return this.#held.size;
  }

  // Messages from the engine and the configuration side.

  configure(settings: ResolverSettings): void {
    this.#hot.flush();
    this.#settings = settings;
    this.#answers = new FixedAnswers(settings.ttlSeconds);
    this.zone.configure(settings);
    this.#relay.configure(settings);
  }

  setUpstreams(groups: readonly UpstreamGroup[]): void {
    this.#hot.flush();
    this.#relay.setUpstreams(groups);
  }

  setEngines(standings: readonly EngineStanding[]): void {
    this.#hot.flush();
    this.zone.setEngines(standings);
    this.#freshness.setRefreshable(standings.some(({ isAskable }) => isAskable));
    this.#resume();
  }

  apply(delta: ZoneDelta): void {
    this.#hot.flush();
    this.zone.apply(delta);
  }

  touch(token: number, names: readonly string[]): void {
    this.#hot.flush();
    this.#freshness.touch(token, names);
  }

  settle(token: number): void {
    this.#hot.flush();
    this.#freshness.settle(token);
    this.#resume();
  }

  suspect(names: readonly string[], untilMs: number): void {
    this.#hot.flush();
    this.#freshness.suspect(names, untilMs);
  }

  onRefreshed(sequence: number): void {
    this.#hot.flush();
    this.#freshness.finish(sequence, this.#ports.steady());
    this.#resume();
    this.#beginRefresh();
  }

  // Messages from the network.

  onUpstreamReply(server: number, socket: number, bytes: Uint8Array, length: number): void {
    this.#guarded(() => this.#relay.forwarder.onReply(server, socket, bytes, length));
  }

  onUpstreamError(server: number, socket: number, reason: string): void {
    this.#guarded(() => this.#relay.forwarder.onError(server, socket, reason));
  }

  onStreamReply(token: number, bytes: Uint8Array | null, reason: string): void {
    this.#guarded(() => this.#relay.forwarder.onStreamReply(token, bytes, reason));
  }

  /** @returns ms until it wants to be called again; Infinity for not at all */
  onTick(): number {
    const nowMs = this.#ports.steady();
    let nextMs = Number.POSITIVE_INFINITY;
    this.#guarded(() => {
      nextMs = this.#relay.forwarder.tick(nowMs);
    });
    const isOver = (held: Held) => !this.#held.has(held);
    const deadlines = this.#heldDeadlines;
    for (let held = deadlines.takeDue(nowMs); held !== undefined; held = deadlines.takeDue(nowMs)) {
      if (isOver(held)) continue;
      held.isFinal = true;
      this.#retry(held);
    }
    deadlines.skipWhile(isOver);
    this.#beginRefresh();
    const wakeMs = Math.min(nextMs, deadlines.nextMs, this.#freshness.nextMs);
    return wakeMs === Number.POSITIVE_INFINITY ? wakeMs : Math.max(0, wakeMs - nowMs);
  }

  onQuery(bytes: Uint8Array, length: number, client: ClientRef): void {
    this.counters.queries++;
    const turn = this.#turn;
    turn.message = bytes.length === length ? bytes : bytes.subarray(0, length);
    turn.client = client;
    turn.standing = null;
    turn.held = undefined;
    turn.capture = null;
    try {
      turn.standing = this.zone.standingOf(client);
      if (!this.#answerHot(turn.message, client, turn.standing)) this.#answer(turn);
    } catch (error) {
      this.#answerFailure(turn, error);
    }
  }

  #answer(turn: Turn): void {
    const verdict = this.#query.read(turn.message, turn.message.length);
    if (verdict === 'query') {
      this.#decide(turn);
      return;
    }
    if (verdict === 'cookie') {
      const isAllowed = turn.standing?.isAllowed === true;
      this.#send(turn, isAllowed ? this.#answers.empty : this.#answers.notAllowed, 'local');
      return;
    }
    this.counters.malformed++;
    if (verdict !== 'drop') this.#send(turn, compileBare(rcodeOfVerdict(verdict)), 'error');
  }

  /** Answers what was answered a moment ago, to whoever is told the same. */
  #answerHot(message: Uint8Array, client: ClientRef, standing: ClientStanding): boolean {
    if (client.isTcp || this.#ports.answered !== null) return false;
    const slot = this.#hot.find(message, standing.number, this.#ports.steady());
    if (slot < 0) return false;
    const out = this.#ports.beginReply(client);
    this.#ports.endReply(client, this.#hot.write(slot, out, message));
    this.#hotCount++;
    if (this.#hot.isLasting(slot)) this.counters.owned++;
    else this.counters.cached++;
    return true;
  }

  /** Keeps a reply for the next who asks the same; not what is another one each time (cookies), or waits for the engine. */
  #keepHot(turn: Turn, out: Uint8Array, length: number, untilMs: number): void {
    const { message, client, standing, held } = turn;
    const query = this.#query;
    if (standing === null || held !== undefined || client.isTcp || query.cookieLength > 0) return;
    if (!this.#freshness.isQuiet) return;
    this.#hot.keep(message, standing.number, out, length, query.questionEnd, untilMs);
  }

  #guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.counters.failed++;
      this.#ports.failed(error);
    }
  }

  /** Answers a query that has been read. */
  #serve(turn: Turn): void {
    try {
      this.#decide(turn);
    } catch (error) {
      this.#answerFailure(turn, error);
    }
  }

  /** Whatever is thrown while one query is served becomes its SERVFAIL, here and nowhere else. */
  #answerFailure(turn: Turn, error: unknown): void {
    this.counters.failed++;
    this.#ports.failed(error);
    const verdict = this.#query.read(turn.message, turn.message.length);
    if (verdict !== 'drop') this.#send(turn, this.#answers.servfail, 'error');
  }

  #decide(turn: Turn): void {
    const query = this.#query;
    const standing = turn.standing ?? this.zone.standingOf(turn.client);
    turn.standing = standing;
    if (!standing.isAllowed) {
      this.counters.notAllowed++;
      this.#send(turn, this.#answers.notAllowed, 'guard');
      return;
    }
    if (query.qclass !== CLASS_IN || query.qtype === TYPE.AXFR || query.qtype === TYPE.IXFR) {
      this.#send(turn, this.#answers.refused, 'local');
      return;
    }
    if (query.qtype === TYPE.OPT) {
      this.#send(turn, this.#answers.formerr, 'error');
      return;
    }
    const isService = query.qtype === TYPE.SRV && isServicePrefix(turn.message, query);
    const match = this.zone.find(turn.message, query, isService ? 2 : 0);
    if (this.#mustWait(turn, match)) return;
    if (match.known !== undefined) this.#decideKnown(turn, match, match.known, standing);
    else this.#decideUnknown(turn, match);
  }

  #decideKnown(turn: Turn, match: Match, known: KnownName, standing: ClientStanding): void {
    const { entry } = known;
    if (entry === null) {
      this.#guard(turn, match, known);
      return;
    }
    const answers = this.zone.answersFor(known, entry, standing);
    const { decision } = answers;
    if (decision.kind === 'refused') {
      this.#refuse(turn, known, decision.reason);
    } else if (decision.kind === 'none') {
      this.#guard(turn, match, known);
    } else if (decision.kind === 'cname') {
      this.#followAlias(turn, decision.target, decision.ttlSeconds);
    } else {
      this.counters.owned++;
      const compiled =
        match.firstLabel === 2
          ? answers.service(this.#serviceOf(turn.message), this.#suffixOf(turn.message, match))
          : answers.ofType(this.#query.qtype);
      this.#send(turn, compiled, 'owned');
    }
  }

  #decideUnknown(turn: Turn, match: Match): void {
    const query = this.#query;
    const { message } = turn;
    const special = this.#answers.special(message, query);
    if (special !== undefined) {
      this.#send(turn, special, 'local');
      return;
    }
    const labels = match.endLabel - match.firstLabel;
    if (match.suffix === 'none' && labels === 1 && match.firstLabel === 0) {
      this.#forwardBare(turn);
      return;
    }
    const reverse = isReverse(message, query) ? this.zone.reverseOf(message, query) : undefined;
    if (reverse !== undefined) {
      this.counters.owned++;
      const isPtr = query.qtype === TYPE.PTR || query.qtype === TYPE.ANY;
      const positive = isPtr ? reverse : this.#answers.nodata;
      this.#send(
        turn,
        reverse === null ? this.#answers.nxdomain : (positive ?? this.#answers.nodata),
        'owned',
      );
      return;
    }
    this.#forward(turn);
  }

  // Waiting for the engine.

  /** Whether this query is held until the engine's state is known for its name. */
  #mustWait(turn: Turn, match: Match): boolean {
    const { held, message } = turn;
    if (held?.isFinal === true || (held === undefined && this.#held.size >= MAX_HELD)) return false;
    const freshness = this.#freshness;
    if (freshness.isTouched(message, match.start, match.end)) {
      this.#hold(turn, held?.refresh ?? 0);
      return true;
    }
    if (!freshness.isRefreshable) return false;
    const isUnowned = (match.known?.entry?.groups.length ?? 0) === 0;
    const labels = match.endLabel - match.firstLabel;
    // A longer name that nobody owns is somebody else's; a bare one may be started this moment.
    const isCandidate = isUnowned && (match.known !== undefined || labels === 1);
    const isLooked =
      isCandidate ||
      (freshness.hasSuspects &&
        freshness.isSuspected(message, match.start, match.end, this.#ports.now()));
    if (!isLooked) return false;
    const refresh = held !== undefined && held.refresh > 0 ? held.refresh : freshness.want();
    if (freshness.isDone(refresh)) return false;
    this.#hold(turn, refresh);
    this.#beginRefresh();
    return true;
  }

  #hold(turn: Turn, refresh: number): void {
    if (turn.held !== undefined) {
      turn.held.refresh = refresh;
      this.#held.add(turn.held);
      return;
    }
    this.counters.held++;
    const held: Held = {
      message: Buffer.from(turn.message),
      client: turn.client.retain(),
      capture: turn.capture,
      sinceMs: this.#ports.steady(),
      refresh,
      isFinal: false,
    };
    this.#held.add(held);
    this.#heldDeadlines.add(held, 0, this.#ports.steady() + this.#settings.holdMs);
  }

  #beginRefresh(): void {
    const sequence = this.#freshness.begin(this.#ports.steady());
    if (sequence > 0) this.#ports.refresh(sequence);
  }

  /** Lets every held query try again; those that must wait on stay as they are. */
  #resume(): void {
    for (const held of [...this.#held]) this.#retry(held);
  }

  #retry(held: Held): void {
    this.#held.delete(held);
    this.#query.read(held.message, held.message.length);
    const { message, client, capture } = held;
    this.#serve({ message, client, standing: null, held, capture });
  }

  // Answers.

  #reasonMissing(known: KnownName): string {
    const { entry, name } = known;
    const region = this.#settings.searchDomains[0];
    const wayOut = region === undefined ? '' : `; it is not looked up in ${region}`;
    if (known.isExpected) {
      return `${name} must run on this host, and no container owns the name: start it${wayOut}`;
    }
    const who = entry?.departedOwner ?? 'its container';
    return `${name} was owned by ${who}, which is gone: start it again${wayOut}`;
  }

  /** A name without an owner: refused while it is expected or has just departed, or forwarded and counted. */
  #guard(turn: Turn, match: Match, known: KnownName): void {
    const departedUntilMs = known.entry?.departedUntilMs ?? 0;
    const isGuarded = known.isExpected || departedUntilMs > this.#ports.now();
    if (isGuarded && this.#settings.whenMissing === 'refuse') {
      this.#refuse(turn, known, this.#reasonMissing(known));
      return;
    }
    if (isGuarded) {
      this.counters.leaked++;
      this.#ports.leaked(known.name, turn.client.addressText());
    }
    this.#decideUnknown(turn, match);
  }

  #refuse(turn: Turn, known: KnownName, reason: string): void {
    this.counters.refused++;
    this.#ports.refused(known.name, turn.client.addressText(), reason);
    const extendedError = extendedErrorOption(EDE.BLOCKED, reason);
    this.#send(
      turn,
      compileNegative({ rcode: RCODE.NXDOMAIN, ttlSeconds: 0, extendedError }),
      'guard',
    );
  }

  #forward(turn: Turn): void {
    const isCaptured = turn.capture !== null;
    const place = isCaptured ? NO_ANSWER : this.#relay.kept(turn.message, this.#query);
    if (place !== NO_ANSWER && this.#sendKept(turn, place)) {
      this.counters.cached++;
      return;
    }
    this.counters.forwarded++;
    this.#relay.forward(this.#jobOf(turn));
  }

  /** Answers with a kept answer. @returns false where it cannot be */
  #sendKept(turn: Turn, place: number): boolean {
    const { client, message, held } = turn;
    const query = this.#query;
    const { cache } = this.#relay;
    const nowMs = this.#ports.steady();
    const out = this.#ports.beginReply(client);
    const limit = Math.min(out.length, replyLimit(query, client.isTcp));
    // As it is, but for ID, spelling and TTLs; or with more about it, or less.
    const isAsItIs = query.cookieLength === 0 && !(query.hasEdns && cache.isStale(place, nowMs));
    if (!isAsItIs || cache.lengthOf(place) > limit) {
      return this.#relay.deliverKept(this.#jobOf(turn), place);
    }
    const length = cache.write(place, out, message, query, nowMs);
    this.#keepHot(turn, out, length, cache.sameUntilMs(place, nowMs));
    this.#ports.endReply(client, length);
    this.#log(turn, cache.rcodeOf(place), 'cache');
    if (held !== undefined) client.release();
    return true;
  }

  /** A bare name never leaves bare: it is asked under each search domain in turn. */
  #forwardBare(turn: Turn): void {
    if (this.#settings.searchDomains.length === 0) {
      this.#send(turn, this.#answers.noRegion, 'guard');
      return;
    }
    this.counters.forwarded++;
    this.#relay.search(this.#jobOf(turn));
  }

  #jobOf(turn: Turn): RelayJob {
    const { held, message, capture } = turn;
    const client = held?.client ?? turn.client.retain();
    const startedAtMs = held?.sinceMs ?? this.#ports.steady();
    return this.#relay.takeJob(held?.message ?? message, client, capture, startedAtMs);
  }

  /** A static alias: its target's answer with the alias in front, wherever the target is answered. */
  #followAlias(turn: Turn, target: string, ttlSeconds: number): void {
    const name = tryParseName(target);
    const isTooDeep = (turn.capture?.depth ?? 0) >= MAX_ALIASES;
    if (name === undefined || isTooDeep || this.#query.qtype === TYPE.CNAME) {
      this.#send(turn, compile({ records: [{ type: 'CNAME', target }], ttlSeconds }), 'owned');
      return;
    }
    this.counters.owned++;
    this.#relay.alias(this.#jobOf(turn), toWire(name), (message, capture) => {
      this.#query.read(message, message.length);
      const { client } = turn;
      this.#serve({ message, client, standing: null, held: undefined, capture });
    });
  }

  #serviceOf(message: Uint8Array): string {
    const end = this.#query.labelOffsets[2] ?? HEADER_BYTES;
    const labels = Buffer.concat([message.subarray(HEADER_BYTES, end), Buffer.of(0)]);
    return textOfWire(labels, 0).slice(0, -1);
  }

  #suffixOf(message: Uint8Array, match: Match): string {
    return match.end === this.#query.nameEnd ? '' : textOfWire(message, match.end).slice(0, -1);
  }

  #send(turn: Turn, answer: Compiled, from: ReplySource): void {
    const { client, message, held } = turn;
    const query = this.#query;
    if (turn.capture !== null) {
      this.#relay.answer(this.#jobOf(turn), answer, from);
      return;
    }
    const out = this.#ports.beginReply(client);
    const limit = Math.min(out.length, replyLimit(query, client.isTcp));
    const cookie = this.#cookieOf(turn);
    const length = writeReply(out, message, query, answer, limit, cookie);
    // Addresses that are rotated are another reply each time.
    if (from === 'owned' && answer.rotationStride === 0) {
      this.#keepHot(turn, out, length, ALWAYS);
    }
    this.#ports.endReply(client, length);
    this.#log(turn, answer.rcode, from);
    if (held !== undefined) client.release();
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

/** Stands where a client has to before the first query. */
const NOBODY: ClientRef = {
  isTcp: false,
  addressKey: 0,
  addressText: () => '0.0.0.0',
  localAddressText: () => null,
  retain: () => NOBODY,
  release: () => undefined,
};

const PROTOCOLS = [keyOfText('_tcp'), keyOfText('_udp')];
const REVERSE_ZONES = [keyOfText('in-addr.arpa'), keyOfText('ip6.arpa')];

/** Whether the name begins like a service's: `_mongodb._tcp.NAME` (RFC 2782). */
function isServicePrefix(message: Uint8Array, query: QueryReader): boolean {
  if (query.labelCount < 3) return false;
  const second = query.labelOffsets[1] ?? 0;
  const third = query.labelOffsets[2] ?? 0;
  return (
    message[HEADER_BYTES + 1] === 0x5f &&
    PROTOCOLS.some((protocol) => isSameLabels(message, second, third, protocol))
  );
}

function isReverse(message: Uint8Array, query: QueryReader): boolean {
  const zone = query.labelOffsets[query.labelCount - 2] ?? 0;
  return (
    query.labelCount > 2 &&
    REVERSE_ZONES.some((labels) => isSameLabels(message, zone, query.nameEnd, labels))
  );
}
