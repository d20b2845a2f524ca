/**
 * Questions on their way to upstreams: one per question however many clients wait for it, sent to
 * one server after the other, over TCP where the reply was cut. Replies that nobody asked for are ignored.
 */
import { RCODE } from '../dns/codes.ts';
import { HEADER_BYTES, putUint16, type QueryReader, uint16 } from '../wire/query.ts';
import { type RelayedReply, readRelayed, repeatsQuestion } from '../wire/relayed.ts';
import { Deadlines } from './deadlines.ts';
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

/** What came of a question. `reason` names each server and what it did. */
export type Outcome =
  | { readonly kind: 'reply'; readonly reply: RelayedReply }
  | { readonly kind: 'failed'; readonly reason: string };

/** A question to be asked upstream. */
export interface UpstreamQuestion {
  /** The whole message; its ID is overwritten. Kept: must not change any more. */
  readonly message: Buffer;
  readonly questionEnd: number;
  /** Equal for questions that one reply serves; null: not shared. */
  readonly key: string | null;
  readonly upstreams: readonly Upstream[];
}

interface Failure {
  readonly upstream: Upstream;
  readonly reason: string;
}

interface Pending {
  readonly question: UpstreamQuestion;
  readonly waiters: ((outcome: Outcome) => void)[];
  readonly tried: number[];
  /** Who failed and how. */
  readonly failures: Failure[];
  /** Who is asked now. */
  upstream: Upstream | undefined;
  /** Where replies to datagrams may arrive: those of earlier attempts too, which may only be slow. */
  readonly slots: number[];
  /** Where the reply over a stream arrives; 0: none is awaited. */
  token: number;
  /** The attempt that is under way; 0: all were made in vain, or it is over. */
  attempt: number;
  attemptCount: number;
  isOver: boolean;
  /** The best of the refusals, relayed when nobody does better. */
  lastReply: RelayedReply | undefined;
}

interface Attempt {
  readonly pending: Pending;
  readonly attempt: number;
}

/** A datagram that was sent for a question. */
interface Datagram {
  readonly pending: Pending;
  readonly upstream: Upstream;
  readonly attempt: number;
}

/** A copy of a query that only finds out whether a down server is back. */
interface Probe {
  readonly upstream: Upstream;
  readonly message: Buffer;
  readonly questionEnd: number;
}

const SLOT_IDS = 0x10000;
const SLOT_SOCKETS = 256;

export class Forwarder {
  readonly upstreams: Upstreams;
  readonly #ports: ResolverPorts;
  readonly #shared = new Map<string, Pending>();
  readonly #slots = new Map<number, Datagram | Probe>();
  readonly #streams = new Map<number, Pending | Probe>();
  readonly #udpDeadlines = new Deadlines<Attempt>();
  readonly #streamDeadlines = new Deadlines<Attempt>();
  readonly #questionDeadlines = new Deadlines<Pending>();
  readonly #probeDeadlines = new Deadlines<number>();
  #nextToken = 1;
  #pendingCount = 0;
  #waitingCount = 0;

  constructor(ports: ResolverPorts) {
    this.#ports = ports;
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

  /** Asks, or joins who asks the same already. `done` is called exactly once, maybe before this returns. */
  ask(question: UpstreamQuestion, done: (outcome: Outcome) => void): void {
    if (question.upstreams.length === 0) {
      done({
        kind: 'failed',
        reason: 'no upstream is configured, and resolv.conf names none but ourselves',
      });
      return;
    }
    if (this.#waitingCount >= MAX_WAITING) {
      done({ kind: 'failed', reason: `${MAX_WAITING} queries are waiting for upstreams already` });
      return;
    }
    this.#waitingCount++;
    const same = question.key === null ? undefined : this.#shared.get(question.key);
    if (same === undefined) this.#begin(question, done);
    else same.waiters.push(done);
  }

  #begin(question: UpstreamQuestion, done: (outcome: Outcome) => void): void {
    const pending: Pending = {
      question,
      waiters: [done],
      tried: [],
      failures: [],
      upstream: undefined,
      slots: [],
      token: 0,
      attempt: 0,
      attemptCount: 0,
      isOver: false,
      lastReply: undefined,
    };
    this.#pendingCount++;
    if (question.key !== null) this.#shared.set(question.key, pending);
    this.#questionDeadlines.add(pending, this.#ports.steady() + QUESTION_MS);
    this.#tryNext(pending);
    this.#probeBeside(question);
  }

  #tryNext(pending: Pending): void {
    const { upstreams } = pending.question;
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
    pending.attempt = ++pending.attemptCount;
    if (upstream.server.tlsName === null) this.#sendDatagram(pending, upstream);
    else this.#sendStream(pending, upstream);
  }

  #sendDatagram(pending: Pending, upstream: Upstream): void {
    const { message } = pending.question;
    const { attempt } = pending;
    const { id: server } = upstream.server;
    const socket = this.#ports.pickSocket(server);
    const slot = this.#takeSlot(server, socket, { pending, upstream, attempt });
    pending.slots.push(slot);
    putUint16(message, 0, slot % SLOT_IDS);
    this.#udpDeadlines.add({ pending, attempt }, this.#ports.steady() + ATTEMPT_MS);
    this.#ports.sendUpstream(upstream.server, socket, message);
  }

  /** A free ID on that socket, random (RFC 5452 §9.2); there is one, as fewer questions are in flight than IDs exist. */
  #takeSlot(server: number, socket: number, user: Datagram | Probe): number {
    const base = (server * SLOT_SOCKETS + socket) * SLOT_IDS;
    let slot = base + this.#ports.random(SLOT_IDS);
    while (this.#slots.has(slot)) slot = base + this.#ports.random(SLOT_IDS);
    this.#slots.set(slot, user);
    return slot;
  }

  #sendStream(pending: Pending, upstream: Upstream): void {
    const { attempt } = pending;
    const token = this.#nextToken++;
    pending.token = token;
    this.#streams.set(token, pending);
    putUint16(pending.question.message, 0, this.#ports.random(SLOT_IDS));
    this.#streamDeadlines.add({ pending, attempt }, this.#ports.steady() + STREAM_MS);
    this.#ports.askStream(token, upstream.server, pending.question.message);
  }

  #probeBeside(question: UpstreamQuestion): void {
    const upstream = this.upstreams.toProbe(question.upstreams, this.#ports.steady());
    if (upstream === undefined) return;
    const message = Buffer.from(question.message);
    const probe: Probe = { upstream, message, questionEnd: question.questionEnd };
    const { server } = upstream;
    if (server.tlsName !== null) {
      const token = this.#nextToken++;
      this.#streams.set(token, probe);
      this.#ports.askStream(token, server, message);
      return;
    }
    const socket = this.#ports.pickSocket(server.id);
    const slot = this.#takeSlot(server.id, socket, probe);
    putUint16(message, 0, slot % SLOT_IDS);
    this.#probeDeadlines.add(slot, this.#ports.steady() + ATTEMPT_MS);
    this.#ports.sendUpstream(server, socket, message);
  }

  /** A datagram from an upstream. What does not match server, socket, ID and question is nobody's (RFC 5452 §9.1). */
  onReply(server: number, socket: number, bytes: Uint8Array, length: number): void {
    if (length < HEADER_BYTES) return;
    const slot = (server * SLOT_SOCKETS + socket) * SLOT_IDS + uint16(bytes, 0);
    const user = this.#slots.get(slot);
    if (user === undefined || ((bytes[2] ?? 0) & 0x80) === 0) return;
    const { message, questionEnd } = 'pending' in user ? user.pending.question : user;
    if (!isReplyTo(bytes, length, message, questionEnd)) return;
    this.#slots.delete(slot);
    if (!('pending' in user)) {
      this.upstreams.replied(user.upstream);
      return;
    }
    const { pending, upstream, attempt } = user;
    pending.slots.splice(pending.slots.indexOf(slot), 1);
    // The transport reuses its buffer; the reply outlives this call.
    const copy = Buffer.from(bytes.subarray(0, length));
    this.#take(pending, upstream, copy, { isStream: false, isLate: attempt !== pending.attempt });
  }

  /** What came over TCP or TLS; null: nothing did, for that reason. */
  onStreamReply(token: number, bytes: Uint8Array | null, reason: string): void {
    const user = this.#streams.get(token);
    if (user === undefined) return;
    this.#streams.delete(token);
    if (!('question' in user)) {
      if (bytes === null) this.upstreams.failed(user.upstream, this.#ports.steady(), reason);
      else this.upstreams.replied(user.upstream);
      return;
    }
    user.token = 0;
    const { message, questionEnd } = user.question;
    const isOurs =
      bytes !== null &&
      bytes.length >= HEADER_BYTES &&
      uint16(bytes, 0) === uint16(message, 0) &&
      isReplyTo(bytes, bytes.length, message, questionEnd);
    if (isOurs && user.upstream !== undefined)
      this.#take(user, user.upstream, bytes, { isStream: true, isLate: false });
    else this.#failAttempt(user, bytes === null ? reason : 'it answered another question');
  }

  /** ICMP says that nobody listens: everything on that socket can go on to the next server at once. */
  onError(server: number, socket: number, reason: string): void {
    const base = (server * SLOT_SOCKETS + socket) * SLOT_IDS;
    const affected: Datagram[] = [];
    for (const [slot, user] of this.#slots) {
      if (slot < base || slot >= base + SLOT_IDS || !('pending' in user)) continue;
      this.#slots.delete(slot);
      user.pending.slots.splice(user.pending.slots.indexOf(slot), 1);
      affected.push(user);
    }
    for (const { pending, attempt } of affected) {
      if (pending.attempt === attempt) this.#failAttempt(pending, reason);
      else if (pending.attempt === 0 && !pending.isOver) this.#giveUp(pending);
    }
  }

  #take(
    pending: Pending,
    upstream: Upstream,
    bytes: Uint8Array,
    { isStream, isLate }: { readonly isStream: boolean; readonly isLate: boolean },
  ): void {
    const reply = readRelayed(bytes);
    if (reply === undefined) {
      // A bare FORMERR has no question to read, and no answer to relay.
      const rcode = (bytes[3] ?? 0) & 15;
      const reason = `it answered ${rcode ? 'an error without the question' : 'malformed'}`;
      if (!isLate) this.#failAttempt(pending, reason);
      return;
    }
    this.upstreams.replied(upstream);
    if (reply.isTruncated && !isStream) {
      this.#dropStream(pending);
      pending.upstream = upstream;
      pending.attempt = ++pending.attemptCount;
      this.#sendStream(pending, upstream);
      return;
    }
    if (isUsable(reply.rcode)) {
      this.#finish(pending, { kind: 'reply', reply });
      return;
    }
    pending.lastReply ??= reply;
    pending.failures.push({ upstream, reason: `rcode ${reply.rcode}` });
    if (isLate && pending.attempt > 0) return;
    // Asking the same server again would get the same refusal.
    if (pending.tried.length >= pending.question.upstreams.length) this.#giveUp(pending);
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
    if (pending.lastReply === undefined && pending.slots.length > 0) return;
    this.#end(pending);
  }

  #end(pending: Pending): void {
    const { lastReply, failures } = pending;
    if (lastReply !== undefined) this.#finish(pending, { kind: 'reply', reply: lastReply });
    else this.#finish(pending, { kind: 'failed', reason: reasonOf(failures) });
  }

  #finish(pending: Pending, outcome: Outcome): void {
    this.#dropStream(pending);
    for (const slot of pending.slots) this.#slots.delete(slot);
    pending.slots.length = 0;
    pending.attempt = 0;
    pending.isOver = true;
    this.#pendingCount--;
    this.#waitingCount -= pending.waiters.length;
    if (pending.question.key !== null) this.#shared.delete(pending.question.key);
    for (const done of pending.waiters) done(outcome);
  }

  /** Attempts and questions whose time is up. @returns when the next one's is, by the steady clock */
  tick(nowMs: number): number {
    const isOver = ({ pending, attempt }: Attempt) => pending.attempt !== attempt;
    for (const queue of [this.#udpDeadlines, this.#streamDeadlines]) {
      for (let due = queue.takeDue(nowMs); due !== undefined; due = queue.takeDue(nowMs)) {
        if (!isOver(due)) this.#failAttempt(due.pending, 'no answer in time');
      }
      queue.skipWhile(isOver);
    }
    const questions = this.#questionDeadlines;
    for (let due = questions.takeDue(nowMs); due !== undefined; due = questions.takeDue(nowMs)) {
      if (!due.isOver) this.#end(due);
    }
    questions.skipWhile(({ isOver }) => isOver);
    for (
      let slot = this.#probeDeadlines.takeDue(nowMs);
      slot !== undefined;
      slot = this.#probeDeadlines.takeDue(nowMs)
    ) {
      const user = this.#slots.get(slot);
      if (user === undefined || 'pending' in user) continue;
      this.#slots.delete(slot);
      this.upstreams.failed(user.upstream, nowMs, 'no answer in time');
    }
    return Math.min(
      this.#udpDeadlines.nextMs,
      this.#streamDeadlines.nextMs,
      questions.nextMs,
      this.#probeDeadlines.nextMs,
    );
  }
}

/** Servers that answer these know the answer; others say only that they cannot or will not. */
function isUsable(rcode: number): boolean {
  return rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN;
}

function isReplyTo(
  bytes: Uint8Array,
  length: number,
  message: Buffer,
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

/** The key under which questions are shared: the question itself in lower case, and what changes the answer: flags and options. */
export function shareKey(message: Uint8Array, query: QueryReader): string {
  const name = Buffer.from(
    message.buffer,
    message.byteOffset + HEADER_BYTES,
    query.nameEnd - HEADER_BYTES,
  );
  const bits =
    (query.isRecursionDesired ? 1 : 0) |
    (query.isCheckingDisabled ? 2 : 0) |
    (query.isDnssecOk ? 4 : 0) |
    (query.hasEdns ? 8 : 0);
  const options = Buffer.from(
    message.buffer,
    message.byteOffset + query.optOffset,
    query.optLength,
  );
  return `${name.toString('latin1').toLowerCase()}\0${query.qtype}/${bits}/${options.toString('latin1')}`;
}
