/**
 * How c-ares sends: queries with their own timers on one connected UDP socket per server, retries over the
 * server list. 1.18 (ares_process.c, skip flags) and 1.34 (failed servers demoted, jitter, EDNS fallback).
 */
import type { CAresVersion } from '../../../resolv-conf/readings/c-ares.ts';
import { canBeAsked, withoutRoot } from '../names.ts';
import { BeyondMeasured, type OracleReply } from '../stub.ts';
import type { Wire } from '../wire.ts';
import { type AresStatus, failureOf, statusOf } from './status.ts';

export interface ChannelSettings {
  readonly version: CAresVersion;
  readonly servers: readonly string[];
  readonly timeoutMs: number;
  readonly tries: number;
  /** false with ARES_FLAG_NOCHECKRESP, as Node sets it: every rcode is an answer */
  readonly checksResponses: boolean;
  readonly hasEdns: boolean;
  /** rounds a time-out up to when the program looks at its timers; Node looks once a second */
  readonly roundUpMs?: (ms: number) => number;
  readonly isRotating: boolean;
  /** `use-vc` where the program lets it count: every query over TCP */
  readonly isTcpOnly?: boolean;
  /** 1.34 with `rotate`: draws a server by lot, an index below `count` */
  readonly draw: (count: number) => number;
}

type Callback = (status: AresStatus, reply: OracleReply | undefined) => void;

/** A moment, and the latest that jitter can make of it. */
interface Moment {
  readonly ms: number;
  readonly latestMs: number;
}

interface Query {
  readonly name: string;
  readonly type: string;
  readonly callback: Callback;
  readonly skipped: Set<number>;
  server: number;
  tries: number;
  error: AresStatus;
  hasEdns: boolean;
  isTcp: boolean;
  /** how often it may still be asked again, whatever tries are left */
  retriesLeft: number;
  timeout: Moment;
  isDone: boolean;
}

interface Arrival {
  readonly ms: number;
  readonly order: number;
  readonly query: Query;
  readonly server: number;
  readonly isTcp: boolean;
  readonly reply: OracleReply;
}

interface Socket {
  isOpen: boolean;
  /** an ICMP error waits on it: the next send or read fails */
  hasError: boolean;
  failures: number;
  /** replies so far and their time, from which 1.34 makes its time-out */
  replies: number;
  totalMs: number;
}

const ednsSize = 1232;
/** 1.34 asks for this many replies of a server before it trusts their average */
const repliesForAverage = 3;
const averageMultiplier = 5;
const minTimeoutMs = 250;
const maxTimeoutMs = 5000;
const hostnameCharacters = /^[A-Za-z0-9._/*-]*$/;

export class CAresChannel {
  readonly #settings: ChannelSettings;
  readonly #wire: Wire;
  readonly #sockets: readonly Socket[];
  readonly #queries: Query[] = [];
  #arrivals: Arrival[] = [];
  #order = 0;
  /** queries whose TCP connection is being made: UDP of the same moment is faster */
  #connecting: Query[] = [];
  /** 1.18 with `rotate`: where the next query begins */
  #next = 0;
  latestMs = 0;

  constructor(settings: ChannelSettings, wire: Wire) {
    this.#settings = settings;
    this.#wire = wire;
    this.#sockets = settings.servers.map(() => ({
      isOpen: false,
      hasError: false,
      failures: 0,
      replies: 0,
      totalMs: 0,
    }));
  }

  /** Starts a query; the callback comes from `run`, or at once where the name cannot be asked. */
  query(name: string, type: string, callback: Callback): void {
    const asked = withoutRoot(name);
    const isBad = !canBeAsked(asked) || (this.#is134() && !hostnameCharacters.test(asked));
    if (isBad) {
      callback('ARES_EBADNAME', undefined);
      return;
    }
    const query: Query = {
      name: asked,
      type,
      callback,
      skipped: new Set(),
      server: this.#firstServer(),
      tries: 0,
      error: this.#is134() ? 'ARES_SUCCESS' : 'ARES_ECONNREFUSED',
      hasEdns: this.#settings.hasEdns,
      isTcp: this.#settings.isTcpOnly ?? false,
      retriesLeft: Number.POSITIVE_INFINITY,
      timeout: { ms: 0, latestMs: 0 },
      isDone: false,
    };
    this.#queries.push(query);
    this.#send(query);
  }

  #firstServer(): number {
    const { isRotating, servers } = this.#settings;
    if (!isRotating || this.#is134()) return 0;
    const first = this.#next;
    this.#next = (first + 1) % servers.length;
    return first;
  }

  /**
   * Lets a query of this type that is still under way end with its current try; with the next one, where
   * its failure is read in one go with the reply that stops it: to decide on a retry comes first then.
   */
  stopRetries(type: string): void {
    for (const query of this.#queries) {
      if (query.type !== type) continue;
      const mayBeReadTogether = !query.isDone && this.#hasFailureNow(query);
      query.retriesLeft = mayBeReadTogether ? this.#settings.draw(2) : 0;
    }
  }

  #hasFailureNow(query: Query): boolean {
    return this.#arrivals.some(
      (arrival) =>
        arrival.query === query &&
        arrival.ms === this.#wire.nowMs &&
        failureOf(arrival.reply.rcode) !== undefined,
    );
  }

  /** Handles replies, refusals and time-outs in time order until no query is left. */
  run(): void {
    for (;;) {
      const broken = this.#sockets.findIndex((socket) => socket.isOpen && socket.hasError);
      if (broken >= 0) {
        this.#connectionFailed(broken);
        continue;
      }
      const next = this.#queries
        .filter((query) => !query.isDone)
        .reduce<Query | undefined>(
          (first, query) =>
            first === undefined || query.timeout.ms < first.timeout.ms ? query : first,
          undefined,
        );
      if (next === undefined) return;
      if (!this.#readReplies(next.timeout.ms)) this.#timedOut(next);
    }
  }

  #is134(): boolean {
    return this.#settings.version === '1.34';
  }

  /** Reads the earliest reply before `untilMs`; connections get through once a moment has no reply left. */
  #readReplies(untilMs: number): boolean {
    const waiting = this.#arrivals.filter((arrival) => !arrival.query.isDone);
    const [first] = waiting.sort((one, other) => one.ms - other.ms || one.order - other.order);
    const [connecting] = this.#connecting;
    if (connecting !== undefined && (first === undefined || first.ms > this.#wire.nowMs)) {
      this.#connecting.shift();
      if (!connecting.isDone) this.#transmit(connecting);
      return true;
    }
    if (first === undefined || first.ms >= untilMs) return false;
    this.#wire.nowMs = Math.max(this.#wire.nowMs, first.ms);
    this.latestMs = Math.max(this.latestMs, this.#wire.nowMs);
    this.#arrivals = waiting.slice(1);
    this.#answered(first);
    return true;
  }

  #answered({ query, server, reply, isTcp, ms }: Arrival): void {
    const socket = this.#sockets[server];
    if (socket === undefined || query.isTcp !== isTcp) return;
    if (this.#is134() && reply.rcode === 'FORMERR' && query.hasEdns) {
      query.hasEdns = false;
      this.#send(query);
      return;
    }
    if (reply.isTruncated && !isTcp) {
      query.isTcp = true;
      this.#send(query);
      return;
    }
    const failure = this.#settings.checksResponses ? failureOf(reply.rcode) : undefined;
    if (failure !== undefined) {
      if (this.#is134()) {
        socket.failures++;
        this.#retry(query, failure);
      } else {
        this.#skip(query, server);
        if (query.server === server) this.#nextServer(query);
      }
      return;
    }
    socket.failures = 0;
    if (reply.rcode === 'NOERROR' || reply.rcode === 'NXDOMAIN') {
      socket.replies++;
      socket.totalMs += Math.max(1, ms - (query.timeout.ms - this.#timeoutOf(query).ms));
    }
    this.#end(query, statusOf(reply), reply);
  }

  #timedOut(query: Query): void {
    this.#wire.nowMs = Math.max(this.#wire.nowMs, query.timeout.ms);
    this.latestMs = Math.max(this.latestMs, query.timeout.latestMs);
    if (this.#is134()) {
      const socket = this.#sockets[query.server];
      if (socket !== undefined) socket.failures++;
      this.#retry(query, 'ARES_ETIMEOUT');
    } else {
      query.error = 'ARES_ETIMEOUT';
      this.#nextServer(query);
    }
  }

  /** A read or write failed: the socket is closed, its queries move on. */
  #connectionFailed(server: number): void {
    const socket = this.#sockets[server];
    if (socket === undefined) return;
    socket.isOpen = false;
    socket.hasError = false;
    socket.failures++;
    this.#arrivals = this.#arrivals.filter((arrival) => arrival.server !== server);
    for (const query of this.#queries) {
      if (query.isDone || query.server !== server) continue;
      if (this.#is134()) {
        this.#retry(query, 'ARES_ECONNREFUSED');
      } else {
        this.#skip(query, server);
        this.#nextServer(query);
      }
    }
  }

  /** 1.34: one more try wherever the server order says, or the end. */
  #retry(query: Query, error: AresStatus): void {
    query.error = error;
    query.tries++;
    const most = this.#settings.servers.length * this.#settings.tries;
    if (query.tries < most && query.retriesLeft > 0) {
      query.retriesLeft--;
      this.#send(query);
    } else {
      this.#end(query, query.error, undefined);
    }
  }

  /** 1.18: with several servers, one that failed is not asked this question again. */
  #skip(query: Query, server: number): void {
    if (this.#settings.servers.length > 1) query.skipped.add(server);
  }

  #nextServer(query: Query): void {
    const { servers, tries } = this.#settings;
    while (++query.tries < servers.length * tries) {
      query.server = (query.server + 1) % servers.length;
      if (query.skipped.has(query.server)) continue;
      this.#send(query);
      return;
    }
    this.#end(query, query.error, undefined);
  }

  #send(query: Query): void {
    // 1.34 asks the server with the fewest failures, the first of those
    const { isRotating, servers, draw } = this.#settings;
    if (this.#is134()) query.server = isRotating ? draw(servers.length) : this.#leastFailed();
    const { server } = query;
    const socket = this.#sockets[server];
    if (socket === undefined) return;
    if (socket.isOpen && socket.hasError && !query.isTcp) {
      this.#sendFailed(query, server);
      return;
    }
    const { nowMs } = this.#wire;
    const timeout = this.#timeoutOf(query);
    query.timeout = {
      ms: nowMs + timeout.ms,
      latestMs: Math.max(this.latestMs, nowMs) + timeout.latestMs,
    };
    if (query.isTcp) this.#connecting.push(query);
    else this.#transmit(query);
  }

  #transmit(query: Query): void {
    const { server } = query;
    const socket = this.#sockets[server];
    if (socket === undefined) return;
    const address = this.#settings.servers[server] ?? '';
    const { nowMs } = this.#wire;
    const answer = this.#wire.send(
      {
        server: address,
        transport: query.isTcp ? 'tcp' : 'udp',
        name: query.name,
        type: query.type,
      },
      {
        optSize: query.hasEdns ? ednsSize : null,
        checksSource: !query.isTcp,
        ...(this.#isRaced(query) ? { latestMs: Math.max(this.latestMs, nowMs) } : {}),
      },
    );
    if (answer.kind === 'closed') {
      if (query.isTcp) throw new BeyondMeasured('c-ares: a server that refuses TCP');
      socket.isOpen = true;
      socket.hasError = true;
    } else {
      socket.isOpen = true;
    }
    if (answer.kind !== 'reply') return;
    this.#arrivals.push({
      ms: nowMs + answer.delayMs,
      order: this.#order++,
      query,
      server,
      isTcp: query.isTcp,
      reply: answer,
    });
  }

  /** The error of the packet before comes back from this send; only this query hears of it in 1.18. */
  #sendFailed(query: Query, server: number): void {
    const socket = this.#sockets[server];
    if (socket === undefined) return;
    if (this.#is134()) {
      query.server = -1;
      this.#connectionFailed(server);
      this.#retry(query, 'ARES_ECONNREFUSED');
      return;
    }
    socket.hasError = false;
    this.#skip(query, server);
    this.#nextServer(query);
  }

  /**
   * Whether order or server of a resend are left to chance in 1.34: after jitter, among timers that end
   * together, and once every server has failed, when the counts of both queries decide.
   */
  #isRaced(query: Query): boolean {
    if (!this.#is134() || query.tries === 0) return this.latestMs > this.#wire.nowMs;
    const servers = this.#settings.servers.length;
    const hasFailedAll = servers > 1 && query.tries >= servers;
    return query.error === 'ARES_ETIMEOUT' || hasFailedAll || this.latestMs > this.#wire.nowMs;
  }

  #leastFailed(): number {
    let best = 0;
    for (const [index, socket] of this.#sockets.entries()) {
      if (socket.failures < (this.#sockets[best]?.failures ?? 0)) best = index;
    }
    return best;
  }

  #timeoutOf(query: Query): Moment {
    const { servers, timeoutMs, roundUpMs = (ms: number) => ms } = this.#settings;
    const rounds = Math.floor(query.tries / servers.length);
    if (!this.#is134()) {
      const ms = timeoutMs * 2 ** rounds;
      return { ms, latestMs: ms };
    }
    const socket = this.#sockets[query.server];
    const hasAverage = socket !== undefined && socket.replies >= repliesForAverage;
    const base = hasAverage ? (socket.totalMs / socket.replies) * averageMultiplier : timeoutMs;
    const once = Math.min(Math.max(base, minTimeoutMs), maxTimeoutMs);
    // from the second round on: between half and all of the doubled time, never less than the first
    const most = once * 2 ** rounds;
    const least = rounds > 0 ? Math.max(most / 2, once) : most;
    return { ms: roundUpMs(least), latestMs: roundUpMs(most) };
  }

  #end(query: Query, status: AresStatus, reply: OracleReply | undefined): void {
    query.isDone = true;
    query.callback(status, reply);
  }
}
