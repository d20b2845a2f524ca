/**
 * Questions on their way to upstreams: one per question however many clients wait for it, sent to
 * one server after the other, over TCP where the reply was cut. Replies that nobody asked for are ignored.
 * What is needed for a question is used again for the next: a question that is answered at once allocates nothing.
 */
import { RCODE } from '../dns/codes.ts';
import { HEADER_BYTES, putUint16, type QueryReader, uint16 } from '../wire/query.ts';
import { repeatsQuestion } from '../wire/relayed.ts';
import { ReplyReader } from '../wire/reply-reader.ts';
import { Datagram } from './datagrams.ts';
import { Deadlines } from './deadlines.ts';
import {
  type Failure,
  hashOfQuestion,
  type Outcome,
  Pending,
  SharedQuestions,
  type Waiter,
} from './pending.ts';
import type { ResolverPorts } from './ports.ts';
import type { UpstreamGroup } from './settings.ts';
import { type Upstream, Upstreams } from './upstreams.ts';

/** How long one server has for a datagram before another is asked as well; what it says later still counts. */
const ATTEMPT_MS = 1_000;
/** How long a question is waited for in all: stubs give up after 5 s, and an error that says why helps more. */
const QUESTION_MS = 4_500;
/** A TCP or TLS exchange, with its handshake. */
const STREAM_MS = 3_000;
const MAX_ATTEMPTS = 4;
/** Queries that wait for upstreams at most, those for the same question too; a flood beyond them is turned away. */
const MAX_WAITING = 20_000;
/** Objects that are kept for the next question; a flood leaves no more behind. */
const MAX_SPARE = 2_048;
const IDS = 0x10000;
/** Serial numbers begin again here, where V8 still keeps them as small integers. */
const MAX_SERIAL = 0x3fffffff;

/** A copy of a query over a stream that only finds out whether a down server is back. */
interface StreamProbe {
  readonly upstream: Upstream;
}

/** What came of a question, on its way to those who wait for it: kept, or replaced by what was kept. */
export type Settle = (message: Buffer, outcome: Outcome) => Outcome;

/** How a reply came. */
type Arrival = 'datagram' | 'late datagram' | 'stream';

export class Forwarder {
  readonly upstreams: Upstreams;
  readonly #ports: ResolverPorts;
  readonly #settle: Settle;
  readonly #shared = new SharedQuestions();
  readonly #streams = new Map<number, Pending | StreamProbe>();
  readonly #udpDeadlines = new Deadlines<Pending>();
  readonly #streamDeadlines = new Deadlines<Pending>();
  readonly #questionDeadlines = new Deadlines<Pending>();
  readonly #probeDeadlines = new Deadlines<Datagram>();
  readonly #sparePendings: Pending[] = [];
  readonly #spareDatagrams: Datagram[] = [];
  readonly #reply = new ReplyReader();
  readonly #replied: Outcome = { kind: 'reply', reply: this.#reply, isStale: false };
  #nextToken = 1;
  #serial = 0;
  #pendingCount = 0;
  #waitingCount = 0;

  /** @param settle given what came of each question, once, before those who wait for it are */
  constructor(ports: ResolverPorts, settle: Settle) {
    this.#ports = ports;
    this.#settle = settle;
    this.upstreams = new Upstreams((server, isUp, reason) =>
      ports.upstreamChanged(server, isUp, reason),
    );
  }

  configure(groups: readonly UpstreamGroup[]): void {
    this.upstreams.configure(groups);
  }

  get pendingCount(): number {
    return this.#pendingCount;
  }

  /**
   * Asks, or joins who asks the same already.
   *
   * @param message what is sent, its first `length` bytes; copied, its ID is overwritten
   * @param query the same as read
   */
  ask(message: Uint8Array, length: number, query: QueryReader, waiter: Waiter): void {
    const upstreams = this.upstreams.forName(message, query);
    if (upstreams.length === 0) {
      const reason = 'no upstream is configured, and resolv.conf names none but ourselves';
      waiter.settled(
        this.#settle(Buffer.from(message.subarray(0, length)), { kind: 'failed', reason }),
      );
      return;
    }
    if (this.#waitingCount >= MAX_WAITING) {
      const reason = `${MAX_WAITING} queries are waiting for upstreams already`;
      waiter.settled(
        this.#settle(Buffer.from(message.subarray(0, length)), { kind: 'failed', reason }),
      );
      return;
    }
    this.#waitingCount++;
    const hash = hashOfQuestion(message, query);
    const isShared = !query.hasOtherRecords;
    const same = isShared ? this.#shared.find(message, query, length, hash) : undefined;
    if (same !== undefined) {
      same.addWaiter(waiter);
      return;
    }
    const pending = this.#sparePendings.pop() ?? new Pending();
    pending.begin(this.#newSerial(), message, query, length);
    pending.hash = hash;
    pending.isShared = isShared;
    pending.upstreams = upstreams;
    pending.addWaiter(waiter);
    this.#begin(pending);
  }

  #newSerial(): number {
    this.#serial = this.#serial === MAX_SERIAL ? 1 : this.#serial + 1;
    return this.#serial;
  }

  #begin(pending: Pending): void {
    const nowMs = this.#ports.steady();
    this.#pendingCount++;
    if (pending.isShared) this.#shared.add(pending);
    this.#questionDeadlines.add(pending, pending.serial, nowMs + QUESTION_MS);
    this.#tryNext(pending);
    const probed = this.upstreams.toProbe(pending.upstreams, nowMs);
    if (probed !== undefined) this.#probe(probed, pending);
  }

  #tryNext(pending: Pending): void {
    const { upstreams } = pending;
    // Each server at least once, and a lone server as often as a datagram may get lost.
    const limit = Math.max(upstreams.length, MAX_ATTEMPTS - 1);
    const isTried = pending.tried.length >= limit;
    const upstream = isTried ? undefined : this.upstreams.next(upstreams, pending.tried);
    if (upstream === undefined) {
      this.#giveUp(pending);
      return;
    }
    pending.tried.push(upstream.server.id);
    pending.upstream = upstream;
    pending.attempt = this.#newSerial();
    if (upstream.server.tlsName === null) this.#sendDatagram(pending, upstream);
    else this.#sendStream(pending, upstream);
  }

  #sendDatagram(pending: Pending, upstream: Upstream): void {
    const datagram = this.#takeDatagram(upstream, pending.message, pending.questionEnd);
    datagram.pending = pending;
    datagram.attempt = pending.attempt;
    pending.datagrams.push(datagram);
    this.#udpDeadlines.add(pending, pending.attempt, this.#ports.steady() + ATTEMPT_MS);
    this.#ports.sendUpstream(upstream.server, datagram.socket, pending.message);
  }

  /** Writes a free ID into the message, random (RFC 5452 §9.2); there is one, as fewer questions are in flight than IDs exist. */
  #takeDatagram(upstream: Upstream, message: Buffer, questionEnd: number): Datagram {
    const datagram = this.#spareDatagrams.pop() ?? new Datagram(upstream);
    const socket = this.#ports.pickSocket(upstream.server.id);
    let id = this.#ports.random(IDS);
    while (upstream.datagrams.has(socket, id)) id = this.#ports.random(IDS);
    datagram.upstream = upstream;
    datagram.message = message;
    datagram.questionEnd = questionEnd;
    datagram.socket = socket;
    datagram.id = id;
    upstream.datagrams.add(datagram);
    putUint16(message, 0, id);
    return datagram;
  }

  #dropDatagram(datagram: Datagram): void {
    datagram.upstream.datagrams.delete(datagram);
    datagram.pending = null;
    datagram.attempt = 0;
    if (this.#spareDatagrams.length < MAX_SPARE) this.#spareDatagrams.push(datagram);
  }

  #sendStream(pending: Pending, upstream: Upstream): void {
    const token = this.#nextToken++;
    pending.token = token;
    this.#streams.set(token, pending);
    putUint16(pending.message, 0, this.#ports.random(IDS));
    this.#streamDeadlines.add(pending, pending.attempt, this.#ports.steady() + STREAM_MS);
    this.#ports.askStream(token, upstream.server, pending.message);
  }

  #probe(upstream: Upstream, { message: asked, questionEnd }: Pending): void {
    const message = Buffer.from(asked);
    const { server } = upstream;
    if (server.tlsName !== null) {
      const token = this.#nextToken++;
      this.#streams.set(token, { upstream });
      this.#ports.askStream(token, server, message);
      return;
    }
    const datagram = this.#takeDatagram(upstream, message, questionEnd);
    datagram.attempt = this.#newSerial();
    this.#probeDeadlines.add(datagram, datagram.attempt, this.#ports.steady() + ATTEMPT_MS);
    this.#ports.sendUpstream(server, datagram.socket, message);
  }

  /** A datagram from an upstream. What does not match server, socket, ID and question is nobody's (RFC 5452 §9.1). */
  onReply(server: number, socket: number, bytes: Uint8Array, length: number): void {
    if (length < HEADER_BYTES || ((bytes[2] ?? 0) & 0x80) === 0) return;
    const upstream = this.upstreams.byId(server);
    const datagram = upstream?.datagrams.find(socket, uint16(bytes, 0));
    if (upstream === undefined || datagram === undefined) return;
    if (!isReplyTo(bytes, length, datagram.message, datagram.questionEnd)) return;
    const { pending, attempt } = datagram;
    this.#dropDatagram(datagram);
    if (pending === null) {
      this.upstreams.replied(upstream);
      return;
    }
    remove(pending.datagrams, datagram);
    const arrival = attempt === pending.attempt ? 'datagram' : 'late datagram';
    this.#take(pending, upstream, bytes, length, arrival);
  }

  /** What came over TCP or TLS; null: nothing did, for that reason. */
  onStreamReply(token: number, bytes: Uint8Array | null, reason: string): void {
    const user = this.#streams.get(token);
    if (user === undefined) return;
    this.#streams.delete(token);
    if (!(user instanceof Pending)) {
      if (bytes === null) this.upstreams.failed(user.upstream, this.#ports.steady(), reason);
      else this.upstreams.replied(user.upstream);
      return;
    }
    user.token = 0;
    const { message, questionEnd, upstream } = user;
    const isOurs =
      bytes !== null &&
      bytes.length >= HEADER_BYTES &&
      uint16(bytes, 0) === uint16(message, 0) &&
      isReplyTo(bytes, bytes.length, message, questionEnd);
    if (isOurs && upstream !== undefined) this.#take(user, upstream, bytes, bytes.length, 'stream');
    else this.#failAttempt(user, bytes === null ? reason : 'it answered another question');
  }

  /** ICMP says that nobody listens: everything on that socket can go on to the next server at once. */
  onError(server: number, socket: number, reason: string): void {
    const affected = (this.upstreams.byId(server)?.datagrams.of(socket) ?? [])
      .filter(({ pending }) => pending !== null)
      .map((datagram) => {
        const { pending, attempt } = datagram;
        if (pending !== null) remove(pending.datagrams, datagram);
        this.#dropDatagram(datagram);
        return { pending, attempt, serial: pending?.serial ?? 0 };
      });
    for (const { pending, attempt, serial } of affected) {
      // The end of one question may be the beginning of another in the same object.
      if (pending === null || pending.serial !== serial) continue;
      if (pending.attempt === attempt) this.#failAttempt(pending, reason);
      else if (pending.attempt === 0) this.#giveUp(pending);
    }
  }

  #take(
    pending: Pending,
    upstream: Upstream,
    bytes: Uint8Array,
    length: number,
    arrival: Arrival,
  ): void {
    const reply = this.#reply;
    const isLate = arrival === 'late datagram';
    if (!reply.read(bytes, length)) {
      // A bare FORMERR has no question to read, and no answer to relay.
      const rcode = (bytes[3] ?? 0) & 15;
      const reason = `it answered ${rcode ? 'an error without the question' : 'malformed'}`;
      if (!isLate) this.#failAttempt(pending, reason);
      return;
    }
    this.upstreams.replied(upstream);
    if (reply.isTruncated && arrival !== 'stream') {
      this.#dropStream(pending);
      pending.upstream = upstream;
      pending.attempt = this.#newSerial();
      this.#sendStream(pending, upstream);
      return;
    }
    if (isUsable(reply.rcode)) {
      this.#finish(pending, this.#replied);
      return;
    }
    // The transport reuses its buffer; the reply outlives this call.
    pending.lastReply ??= Buffer.from(bytes.subarray(0, length));
    pending.failures.push({ upstream, reason: `rcode ${reply.rcode}` });
    if (isLate && pending.attempt > 0) return;
    // Asking the same server again would get the same refusal.
    if (pending.tried.length >= pending.upstreams.length) this.#giveUp(pending);
    else this.#tryNext(pending);
  }

  /** The attempt came to nothing so far; over UDP its reply may still come. */
  #failAttempt(pending: Pending, reason: string): void {
    const { upstream } = pending;
    this.#dropStream(pending);
    if (upstream !== undefined) {
      this.upstreams.failed(upstream, this.#ports.steady(), reason);
      pending.failures.push({ upstream, reason });
    }
    this.#tryNext(pending);
  }

  #dropStream(pending: Pending): void {
    if (pending.token > 0) this.#streams.delete(pending.token);
    pending.token = 0;
  }

  /** Everyone was asked. Who only has been slow may answer until the question's time is up. */
  #giveUp(pending: Pending): void {
    pending.attempt = 0;
    if (pending.lastReply === undefined && pending.datagrams.length > 0) return;
    this.#end(pending);
  }

  #end(pending: Pending): void {
    const { lastReply, failures } = pending;
    const reply = new ReplyReader();
    const isReply = lastReply !== undefined && reply.read(lastReply, lastReply.length);
    const failed: Outcome = { kind: 'failed', reason: reasonOf(failures) };
    this.#finish(pending, isReply ? { kind: 'reply', reply, isStale: false } : failed);
  }

  #finish(pending: Pending, outcome: Outcome): void {
    this.#dropStream(pending);
    for (let i = 0; i < pending.datagrams.length; i++) {
      const datagram = pending.datagrams[i];
      if (datagram !== undefined) this.#dropDatagram(datagram);
    }
    if (pending.isShared) this.#shared.delete(pending);
    this.#pendingCount--;
    const settled = this.#settle(pending.message, outcome);
    let waiter = pending.firstWaiter;
    // Before those who wait are told: they may ask anew.
    pending.end();
    while (waiter !== null) {
      const next: Waiter | null = waiter.nextWaiter;
      this.#waitingCount--;
      waiter.settled(settled);
      waiter = next;
    }
    if (this.#sparePendings.length < MAX_SPARE) this.#sparePendings.push(pending);
  }

  /** Attempts and questions whose time is up. @returns when the next one's is, by the steady clock */
  tick(nowMs: number): number {
    this.#failDue(this.#udpDeadlines, nowMs);
    this.#failDue(this.#streamDeadlines, nowMs);
    const questions = this.#questionDeadlines;
    for (let due = questions.takeDue(nowMs); due !== undefined; due = questions.takeDue(nowMs)) {
      if (due.serial === questions.takenTag) this.#end(due);
    }
    questions.skipWhile(isQuestionOver);
    const probes = this.#probeDeadlines;
    for (let due = probes.takeDue(nowMs); due !== undefined; due = probes.takeDue(nowMs)) {
      if (due.attempt !== probes.takenTag) continue;
      const { upstream } = due;
      this.#dropDatagram(due);
      this.upstreams.failed(upstream, nowMs, 'no answer in time');
    }
    probes.skipWhile(isAttemptOver);
    return Math.min(
      this.#udpDeadlines.nextMs,
      this.#streamDeadlines.nextMs,
      questions.nextMs,
      probes.nextMs,
    );
  }

  #failDue(queue: Deadlines<Pending>, nowMs: number): void {
    for (let due = queue.takeDue(nowMs); due !== undefined; due = queue.takeDue(nowMs)) {
      if (due.attempt === queue.takenTag) this.#failAttempt(due, 'no answer in time');
    }
    queue.skipWhile(isAttemptOver);
  }
}

function isAttemptOver({ attempt }: Pending | Datagram, tag: number): boolean {
  return attempt !== tag;
}

function isQuestionOver({ serial }: Pending, tag: number): boolean {
  return serial !== tag;
}

/** Takes an item out of a short list whose order means nothing. */
function remove(list: Datagram[], item: Datagram): void {
  const at = list.indexOf(item);
  const last = list.pop();
  if (last !== undefined && last !== item && at >= 0) list[at] = last;
}

/** Servers that answer these know the answer; others say only that they cannot or will not. */
function isUsable(rcode: number): boolean {
  return rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN;
}

function isReplyTo(
  bytes: Uint8Array,
  length: number,
  message: Uint8Array,
  questionEnd: number,
): boolean {
  if (repeatsQuestion(bytes, length, message, questionEnd)) return true;
  // A server that could not read the query may send back the header alone (RFC 1035 §4.1.1).
  return (
    uint16(bytes, 4) === 0 && length === HEADER_BYTES && ((bytes[3] ?? 0) & 15) !== RCODE.NOERROR
  );
}

/** `10.0.0.2, 10.0.0.3: no answer in time; 10.0.0.4: refused`: each way to fail once, and each server once with it. */
function reasonOf(failures: readonly Failure[]): string {
  const servers = new Map<string, Set<string>>();
  for (const { upstream, reason } of failures) {
    const named = servers.get(reason) ?? new Set();
    servers.set(reason, named.add(nameOf(upstream)));
  }
  return [...servers].map(([reason, named]) => `${[...named].join(', ')}: ${reason}`).join('; ');
}

function nameOf(upstream: Upstream): string {
  const { address, port } = upstream.server;
  return port === 53 ? address : `${address}:${port}`;
}
