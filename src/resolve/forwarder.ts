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

/** How long one server has for a datagram: a stub gives up after 5 s, and others want their turn before. */
const ATTEMPT_MS = 1_000;
/** A TCP or TLS exchange, with its handshake. */
const STREAM_MS = 3_000;
const MAX_ATTEMPTS = 4;
/** Questions in flight at most; a flood beyond them is turned away rather than kept. */
const MAX_PENDING = 20_000;

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

interface Pending {
  readonly question: UpstreamQuestion;
  readonly waiters: ((outcome: Outcome) => void)[];
  readonly tried: number[];
  readonly failures: string[];
  upstream: Upstream | undefined;
  /** Where the present attempt's reply arrives: slot key over UDP, token over TCP. */
  slot: number;
  token: number;
  attempt: number;
  /** The best of the refusals, relayed when nobody does better. */
  lastReply: RelayedReply | undefined;
}

interface Attempt {
  readonly pending: Pending;
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
  readonly #slots = new Map<number, Pending | Probe>();
  readonly #streams = new Map<number, Pending>();
  readonly #udpDeadlines = new Deadlines<Attempt>();
  readonly #streamDeadlines = new Deadlines<Attempt>();
  readonly #probeDeadlines = new Deadlines<number>();
  #nextToken = 1;
  #pendingCount = 0;

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
    const same = question.key === null ? undefined : this.#shared.get(question.key);
    if (same !== undefined) {
      same.waiters.push(done);
      return;
    }
    if (question.upstreams.length === 0) {
      done({
        kind: 'failed',
        reason: 'no upstream is configured, and resolv.conf names none but ourselves',
      });
      return;
    }
    if (this.#pendingCount >= MAX_PENDING) {
      done({
        kind: 'failed',
        reason: `${MAX_PENDING} questions are waiting for upstreams already`,
      });
      return;
    }
    const pending: Pending = {
      question,
      waiters: [done],
      tried: [],
      failures: [],
      upstream: undefined,
      slot: -1,
      token: 0,
      attempt: 0,
      lastReply: undefined,
    };
    this.#pendingCount++;
    if (question.key !== null) this.#shared.set(question.key, pending);
    this.#tryNext(pending);
    this.#probeBeside(question);
  }

  #tryNext(pending: Pending): void {
    const { upstreams } = pending.question;
    // Each server at least once, and a lone server as often as a datagram may get lost.
    const limit = Math.max(upstreams.length, MAX_ATTEMPTS - 1);
    if (pending.tried.length >= limit) {
      this.#giveUp(pending);
      return;
    }
    const upstream = this.upstreams.next(upstreams, pending.tried);
    if (upstream === undefined) {
      this.#giveUp(pending);
      return;
    }
    pending.tried.push(upstream.server.id);
    pending.upstream = upstream;
    pending.attempt++;
    if (upstream.server.tlsName === null) this.#sendDatagram(pending, upstream);
    else this.#sendStream(pending, upstream);
  }

  #sendDatagram(pending: Pending, upstream: Upstream): void {
    const { message } = pending.question;
    const { id: server } = upstream.server;
    const socket = this.#ports.pickSocket(server);
    const slot = this.#takeSlot(server, socket, pending);
    pending.slot = slot;
    putUint16(message, 0, slot % SLOT_IDS);
    this.#udpDeadlines.add({ pending, attempt: pending.attempt }, this.#ports.now() + ATTEMPT_MS);
    this.#ports.sendUpstream(upstream.server, socket, message);
  }

  /** A free ID on that socket, random (RFC 5452 §9.2); there is one, as fewer questions are in flight than IDs exist. */
  #takeSlot(server: number, socket: number, user: Pending | Probe): number {
    const base = (server * SLOT_SOCKETS + socket) * SLOT_IDS;
    let slot = base + this.#ports.random(SLOT_IDS);
    while (this.#slots.has(slot)) slot = base + this.#ports.random(SLOT_IDS);
    this.#slots.set(slot, user);
    return slot;
  }

  #sendStream(pending: Pending, upstream: Upstream): void {
    const token = this.#nextToken++;
    pending.token = token;
    this.#streams.set(token, pending);
    putUint16(pending.question.message, 0, this.#ports.random(SLOT_IDS));
    this.#streamDeadlines.add({ pending, attempt: pending.attempt }, this.#ports.now() + STREAM_MS);
    this.#ports.askStream(token, upstream.server, pending.question.message);
  }

  #probeBeside(question: UpstreamQuestion): void {
    const upstream = this.upstreams.toProbe(question.upstreams, this.#ports.now());
    if (upstream === undefined || upstream.server.tlsName !== null) return;
    const probe: Probe = {
      upstream,
      message: Buffer.from(question.message),
      questionEnd: question.questionEnd,
    };
    const { id } = upstream.server;
    const socket = this.#ports.pickSocket(id);
    const slot = this.#takeSlot(id, socket, probe);
    putUint16(probe.message, 0, slot % SLOT_IDS);
    this.#probeDeadlines.add(slot, this.#ports.now() + ATTEMPT_MS);
    this.#ports.sendUpstream(upstream.server, socket, probe.message);
  }

  /** A datagram from an upstream. What does not match server, socket, ID and question is nobody's (RFC 5452 §9.1). */
  onReply(server: number, socket: number, bytes: Uint8Array, length: number): void {
    if (length < HEADER_BYTES) return;
    const slot = (server * SLOT_SOCKETS + socket) * SLOT_IDS + uint16(bytes, 0);
    const user = this.#slots.get(slot);
    if (user === undefined || ((bytes[2] ?? 0) & 0x80) === 0) return;
    const question = 'question' in user ? user.question : user;
    if (!isReplyTo(bytes, length, question.message, question.questionEnd)) return;
    this.#slots.delete(slot);
    if (!('question' in user)) {
      this.upstreams.replied(user.upstream);
      return;
    }
    user.slot = -1;
    // The transport reuses its buffer; the reply outlives this call.
    this.#take(user, Buffer.from(bytes.subarray(0, length)), false);
  }

  /** What came over TCP or TLS; null: nothing did, for that reason. */
  onStreamReply(token: number, bytes: Uint8Array | null, reason: string): void {
    const pending = this.#streams.get(token);
    if (pending === undefined) return;
    this.#streams.delete(token);
    pending.token = 0;
    const { message, questionEnd } = pending.question;
    const isOurs =
      bytes !== null &&
      bytes.length >= HEADER_BYTES &&
      uint16(bytes, 0) === uint16(message, 0) &&
      isReplyTo(bytes, bytes.length, message, questionEnd);
    if (isOurs) this.#take(pending, bytes, true);
    else this.#failAttempt(pending, bytes === null ? reason : 'it answered another question');
  }

  /** ICMP says that nobody listens: everything on that socket can go on to the next server at once. */
  onError(server: number, socket: number, reason: string): void {
    const base = (server * SLOT_SOCKETS + socket) * SLOT_IDS;
    const affected: Pending[] = [];
    for (const [slot, user] of this.#slots) {
      if (slot < base || slot >= base + SLOT_IDS) continue;
      if ('question' in user) affected.push(user);
    }
    for (const pending of affected) this.#failAttempt(pending, reason);
  }

  #take(pending: Pending, bytes: Uint8Array, isStream: boolean): void {
    const upstream = pending.upstream;
    if (upstream === undefined) return;
    const reply = readRelayed(bytes);
    if (reply === undefined) {
      // A bare FORMERR has no question to read, and no answer to relay.
      this.#failAttempt(
        pending,
        `it answered ${(bytes[3] ?? 0) & 15 ? 'an error without the question' : 'malformed'}`,
      );
      return;
    }
    this.upstreams.replied(upstream);
    if (reply.isTruncated && !isStream) {
      pending.attempt++;
      this.#sendStream(pending, upstream);
      return;
    }
    if (isUsable(reply.rcode)) {
      this.#finish(pending, { kind: 'reply', reply });
      return;
    }
    pending.lastReply ??= reply;
    pending.failures.push(`${nameOf(upstream)}: rcode ${reply.rcode}`);
    // Asking the same server again would get the same refusal.
    if (pending.tried.length >= pending.question.upstreams.length) this.#giveUp(pending);
    else this.#tryNext(pending);
  }

  #failAttempt(pending: Pending, reason: string): void {
    const { upstream } = pending;
    this.#forgetAttempt(pending);
    if (upstream !== undefined) {
      this.upstreams.failed(upstream, this.#ports.now(), reason);
      pending.failures.push(`${nameOf(upstream)}: ${reason}`);
    }
    this.#tryNext(pending);
  }

  #forgetAttempt(pending: Pending): void {
    if (pending.slot >= 0) this.#slots.delete(pending.slot);
    if (pending.token > 0) this.#streams.delete(pending.token);
    pending.slot = -1;
    pending.token = 0;
  }

  #giveUp(pending: Pending): void {
    if (pending.lastReply !== undefined)
      this.#finish(pending, { kind: 'reply', reply: pending.lastReply });
    else this.#finish(pending, { kind: 'failed', reason: pending.failures.join('; ') });
  }

  #finish(pending: Pending, outcome: Outcome): void {
    this.#forgetAttempt(pending);
    pending.attempt = -1;
    this.#pendingCount--;
    if (pending.question.key !== null) this.#shared.delete(pending.question.key);
    for (const done of pending.waiters) done(outcome);
  }

  /** Attempts whose time is up. @returns when the next one's is, ms since the epoch */
  tick(nowMs: number): number {
    const isOver = ({ pending, attempt }: Attempt) => pending.attempt !== attempt;
    for (const queue of [this.#udpDeadlines, this.#streamDeadlines]) {
      for (let due = queue.takeDue(nowMs); due !== undefined; due = queue.takeDue(nowMs)) {
        if (!isOver(due)) this.#failAttempt(due.pending, 'no answer in time');
      }
      queue.skipWhile(isOver);
    }
    for (
      let slot = this.#probeDeadlines.takeDue(nowMs);
      slot !== undefined;
      slot = this.#probeDeadlines.takeDue(nowMs)
    ) {
      const user = this.#slots.get(slot);
      if (user === undefined || 'question' in user) continue;
      this.#slots.delete(slot);
      this.upstreams.failed(user.upstream, nowMs, 'no answer in time');
    }
    return Math.min(
      this.#udpDeadlines.nextMs,
      this.#streamDeadlines.nextMs,
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

function nameOf(upstream: Upstream): string {
  const { address, port } = upstream.server;
  return port === 53 ? address : `${address}:${port}`;
}

/** The key under which questions are shared: the question itself in lower case, and what changes the answer. */
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
  return `${name.toString('latin1').toLowerCase()}\0${query.qtype}/${bits}`;
}
