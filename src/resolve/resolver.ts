/**
 * The sans-IO core: queries, upstream replies, messages from the engine side and time go in; replies,
 * upstream queries and wake-ups come out through its ports. One reply for each query, on every path.
 */
import { CLASS_IN, EDE, RCODE, TYPE } from '../dns/codes.ts';
import { toWire, tryParseName } from '../dns/name.ts';
import type { SealedDelta } from '../names/sealed-delta.ts';
import { compile, compileBare, compileNegative, extendedErrorOption } from '../wire/compiled.ts';
import { ServerCookies } from '../wire/cookie.ts';
import { QueryReader, rcodeOfVerdict } from '../wire/query.ts';
import { NO_ANSWER } from './cache-places.ts';
import { newCounters, type ResolverCounters } from './counters.ts';
import { FixedAnswers } from './fixed-answers.ts';
import type { ClientRef, ResolverPorts } from './ports.ts';
import { isReverse, isServicePrefix, serviceOf, suffixOf } from './question-kinds.ts';
import { Relay } from './relay.ts';
import { Replies } from './replies.ts';
import type { EngineStanding, ResolverSettings, UpstreamGroup } from './settings.ts';
import { type Held, newTurn, type Turn } from './turn.ts';
import { WaitingRoom } from './waiting-room.ts';
import { type ClientStanding, type KnownName, type Match, Zone } from './zone.ts';

export type { ResolverCounters } from './counters.ts';

/** Aliases that lead to aliases (static `cname` records) at most. */
const MAX_ALIASES = 8;

export class Resolver {
  readonly zone: Zone;
  readonly counters: ResolverCounters = newCounters();
  readonly #ports: ResolverPorts;
  /** The query under way. */
  readonly #query: QueryReader = new QueryReader();
  readonly #turn: Turn = newTurn();
  readonly #waiting: WaitingRoom;
  readonly #relay: Relay;
  readonly #replies: Replies;
  #settings: ResolverSettings;
  #answers: FixedAnswers;

  constructor(settings: ResolverSettings, ports: ResolverPorts) {
    const { counters } = this;
    const query = this.#query;
    const cookies = new ServerCookies(ports.cookieSecret);
    const relay = new Relay(ports, settings, cookies);
    this.#ports = ports;
    this.#settings = settings;
    this.zone = new Zone(settings);
    this.#waiting = new WaitingRoom(ports, counters, settings.holdMs, (held) => this.#retry(held));
    const { freshness } = this.#waiting;
    this.#relay = relay;
    this.#replies = new Replies({ ports, counters, query, relay, cookies, freshness });
    this.#answers = new FixedAnswers(settings.ttlSeconds);
  }

  get pendingCount(): number {
    return this.#relay.forwarder.pendingCount;
  }

  get cachedCount(): number {
    return this.#relay.cache.size;
  }

  /** Replies that were given again since the start. */
  get hotCount(): number {
    return this.#replies.hotCount;
  }

  get heldCount(): number {
    return this.#waiting.size;
  }

  // Messages from the engine and the configuration side.

  configure(settings: ResolverSettings): void {
    this.#replies.forget();
    this.#settings = settings;
    this.#answers = new FixedAnswers(settings.ttlSeconds);
    this.zone.configure(settings);
    this.#waiting.configure(settings.holdMs);
    this.#relay.configure(settings);
  }

  setUpstreams(groups: readonly UpstreamGroup[]): void {
    this.#replies.forget();
    this.#relay.setUpstreams(groups);
  }

  setEngines(standings: readonly EngineStanding[]): void {
    this.#replies.forget();
    this.zone.setEngines(standings);
    this.#waiting.freshness.setRefreshable(standings.some(({ isAskable }) => isAskable));
    this.#waiting.resume();
  }

  apply(delta: SealedDelta): void {
    this.#replies.forget();
    this.zone.apply(delta);
  }

  touch(token: number, names: readonly string[]): void {
    this.#replies.forget();
    this.#waiting.freshness.touch(token, names);
  }

  settle(token: number): void {
    this.#replies.forget();
    this.#waiting.freshness.settle(token);
    this.#waiting.resume();
  }

  suspect(names: readonly string[], untilMs: number): void {
    this.#replies.forget();
    this.#waiting.freshness.suspect(names, untilMs);
  }

  onRefreshed(sequence: number): void {
    this.#replies.forget();
    this.#waiting.onRefreshed(sequence);
  }

  // Messages from the network.

  onUpstreamReply(server: number, socket: number, bytes: Uint8Array, length: number): void {
    try {
      this.#relay.forwarder.onReply(server, socket, bytes, length);
    } catch (error) {
      this.#failed(error);
    }
  }

  onUpstreamError(server: number, socket: number, reason: string): void {
    try {
      this.#relay.forwarder.onError(server, socket, reason);
    } catch (error) {
      this.#failed(error);
    }
  }

  onStreamReply(token: number, bytes: Uint8Array | null, reason: string): void {
    try {
      this.#relay.forwarder.onStreamReply(token, bytes, reason);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** @returns ms until it wants to be called again; Infinity for not at all */
  onTick(): number {
    const nowMs = this.#ports.steady();
    let nextMs = Number.POSITIVE_INFINITY;
    try {
      nextMs = this.#relay.forwarder.tick(nowMs);
    } catch (error) {
      this.#failed(error);
    }
    const wakeMs = Math.min(nextMs, this.#waiting.tick(nowMs));
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
    turn.isOnce = false;
    try {
      turn.standing = this.zone.standingOf(client);
      if (!this.#replies.again(turn.message, client, turn.standing)) this.#answer(turn);
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
      this.#replies.send(turn, isAllowed ? this.#answers.empty : this.#answers.notAllowed, 'local');
      return;
    }
    this.counters.malformed++;
    if (verdict !== 'drop') this.#replies.send(turn, compileBare(rcodeOfVerdict(verdict)), 'error');
  }

  #failed(error: unknown): void {
    this.counters.failed++;
    this.#ports.failed(error);
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
    this.#failed(error);
    const verdict = this.#query.read(turn.message, turn.message.length);
    if (verdict !== 'drop') this.#replies.send(turn, this.#answers.servfail, 'error');
  }

  #decide(turn: Turn): void {
    const query = this.#query;
    const standing = turn.standing ?? this.zone.standingOf(turn.client);
    turn.standing = standing;
    if (!standing.isAllowed) {
      this.counters.notAllowed++;
      this.#replies.send(turn, this.#answers.notAllowed, 'guard');
      return;
    }
    if (query.qclass !== CLASS_IN || query.qtype === TYPE.AXFR || query.qtype === TYPE.IXFR) {
      this.#replies.send(turn, this.#answers.refused, 'local');
      return;
    }
    if (query.qtype === TYPE.OPT) {
      this.#replies.send(turn, this.#answers.formerr, 'error');
      return;
    }
    const isService = query.qtype === TYPE.SRV && isServicePrefix(turn.message, query);
    const match = this.zone.find(turn.message, query, isService ? 2 : 0);
    if (this.#waiting.mustWait(turn, match)) return;
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
    const query = this.#query;
    const { message } = turn;
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
          ? answers.service(serviceOf(message, query), suffixOf(message, query, match.end))
          : answers.ofType(query.qtype);
      this.#replies.send(turn, compiled, 'owned');
    }
  }

  #decideUnknown(turn: Turn, match: Match): void {
    const query = this.#query;
    const { message } = turn;
    const special = this.#answers.special(message, query);
    if (special !== undefined) {
      this.#replies.send(turn, special, 'local');
      return;
    }
    const labels = match.endLabel - match.firstLabel;
    if (match.suffix === 'none' && labels === 1 && match.firstLabel === 0) {
      this.#forwardBare(turn);
      return;
    }
    const reverse = isReverse(message, query) ? this.zone.reverseOf(message) : undefined;
    if (reverse !== undefined) {
      this.counters.owned++;
      const isPtr = query.qtype === TYPE.PTR || query.qtype === TYPE.ANY;
      const positive = isPtr ? reverse : this.#answers.nodata;
      this.#replies.send(
        turn,
        reverse === null ? this.#answers.nxdomain : (positive ?? this.#answers.nodata),
        'owned',
      );
      return;
    }
    this.#forward(turn);
  }

  #retry(held: Held): void {
    this.#query.read(held.message, held.message.length);
    const { message, client, capture } = held;
    this.#serve({ message, client, standing: null, held, capture, isOnce: false });
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
    turn.isOnce = true;
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
    this.#replies.send(
      turn,
      compileNegative({ rcode: RCODE.NXDOMAIN, ttlSeconds: 0, extendedError }),
      'guard',
    );
  }

  #forward(turn: Turn): void {
    const isCaptured = turn.capture !== null;
    const place = isCaptured ? NO_ANSWER : this.#relay.kept(turn.message, this.#query);
    if (place !== NO_ANSWER && this.#replies.sendKept(turn, place)) {
      this.counters.cached++;
      return;
    }
    this.counters.forwarded++;
    this.#relay.forward(this.#replies.jobOf(turn));
  }

  /** A bare name never leaves bare: it is asked under each search domain in turn. */
  #forwardBare(turn: Turn): void {
    if (this.#settings.searchDomains.length === 0) {
      this.#replies.send(turn, this.#answers.noRegion, 'guard');
      return;
    }
    this.counters.forwarded++;
    this.#relay.search(this.#replies.jobOf(turn));
  }

  /** A static alias: its target's answer with the alias in front, wherever the target is answered. */
  #followAlias(turn: Turn, target: string, ttlSeconds: number): void {
    const name = tryParseName(target);
    const isTooDeep = (turn.capture?.depth ?? 0) >= MAX_ALIASES;
    if (name === undefined || isTooDeep || this.#query.qtype === TYPE.CNAME) {
      this.#replies.send(
        turn,
        compile({ records: [{ type: 'CNAME', target }], ttlSeconds }),
        'owned',
      );
      return;
    }
    this.counters.owned++;
    this.#relay.alias(this.#replies.jobOf(turn), toWire(name), (message, capture) => {
      this.#query.read(message, message.length);
      const { client } = turn;
      this.#serve({ message, client, standing: null, held: undefined, capture, isOnce: true });
    });
  }
}
