/**
 * How glibc asks its servers (resolv/res_send.c, 2.36): A and AAAA together on one socket, the servers in
 * order, in rounds; single-request fallback after half an answer; TCP after TC or with use-vc.
 */
import type { Reading } from '../../../resolv-conf/readings/reading.ts';
import { BeyondMeasured, isLame, type OracleReply } from '../stub.ts';
import type { Wire } from '../wire.ts';

const ednsSize = 1200;

/** What one call of res_nsend brings back; `errno` as the C code leaves it. */
export type Sent =
  | {
      readonly kind: 'answered';
      /** the reply that came first, undefined where it was dropped as a failure */
      readonly first: OracleReply | undefined;
      /** the reply that came second; undefined where there is none to use */
      readonly second: OracleReply | undefined;
    }
  | { readonly kind: 'none'; readonly errno: 'ECONNREFUSED' | 'ETIMEDOUT' };

/** A reply under way, with the query of the pair that it belongs to. */
interface Arrival {
  readonly atMs: number;
  readonly index: number;
  readonly reply: OracleReply;
}

/** One or both questions to one server. */
interface Exchange {
  readonly server: number;
  readonly name: string;
  readonly types: readonly string[];
  /** of which question a reply has come */
  readonly received: boolean[];
  /** the reply that came first, unless it was a failure */
  first: OracleReply | undefined;
}

type Attempt = { readonly kind: 'next' } | { readonly kind: 'tcp' } | (Sent & { kind: 'answered' });

/** One thread's resolver state: it lasts over candidates and lookups, as glibc's `res_state` does. */
export class GlibcSender {
  readonly #reading: Reading;
  readonly #wire: Wire;
  /** where the next call begins: with `rotate` one server further each time */
  #first: number;
  #isSingle: boolean;
  #isReopening: boolean;
  #gotSomewhere = false;
  /** replies that may still arrive on a server's socket; a closed socket forgets them */
  #underWay = new Map<number, Arrival[]>();
  #bufferedRcode: OracleReply['rcode'] = 'NOERROR';

  /** @param first index of the server that is asked first (`rotate`) */
  constructor(reading: Reading, wire: Wire, first = 0) {
    this.#reading = reading;
    this.#wire = wire;
    this.#first = first;
    this.#isReopening = reading.flags.has('single-request-reopen');
    this.#isSingle = this.#isReopening || reading.flags.has('single-request');
  }

  /** The rcode that stands in the answer buffer: of the last reply that was the first of its pair. */
  bufferedRcode(): OracleReply['rcode'] {
    return this.#bufferedRcode;
  }

  /** A search begins with a clean buffer. */
  clearBuffer(): void {
    this.#bufferedRcode = 'NOERROR';
  }

  /** Asks for one or both types of a name until a server answers or all have failed. */
  send(name: string, types: readonly string[]): Sent {
    const servers = this.#reading.nameservers.length;
    const first = this.#first;
    if (this.#reading.flags.has('rotate')) this.#first = (first + 1) % servers;
    let isTcp = this.#reading.flags.has('use-vc');
    this.#gotSomewhere = false;
    for (let round = 0; round < this.#reading.attempts.value; round++) {
      for (let shift = 0; shift < servers; shift++) {
        const server = (shift + first) % servers;
        const attempt = isTcp
          ? this.#sendTcp(server, name, types)
          : this.#sendUdp(server, name, types);
        if (attempt.kind === 'answered') return this.#done(attempt);
        if (attempt.kind === 'tcp') {
          isTcp = true;
          const again = this.#sendTcp(server, name, types);
          if (again.kind === 'answered') return this.#done(again);
        }
      }
      // a circuit is tried once per server, whatever `attempts` says
      if (isTcp) return { kind: 'none', errno: 'ECONNREFUSED' };
    }
    this.#underWay.clear();
    return { kind: 'none', errno: this.#gotSomewhere ? 'ETIMEDOUT' : 'ECONNREFUSED' };
  }

  #done(attempt: Sent): Sent {
    this.#underWay.clear();
    return attempt;
  }

  /** timeout << i, for later servers divided by their number, at least one second */
  #waitMs(server: number): number {
    const shifted = (this.#reading.timeoutMs.value / 1000) << server;
    const seconds = server > 0 ? Math.trunc(shifted / this.#reading.nameservers.length) : shifted;
    return Math.max(seconds, 1) * 1000;
  }

  #sendUdp(server: number, name: string, types: readonly string[]): Attempt {
    const gotSomewhere = this.#gotSomewhere;
    for (;;) {
      const result = this.#exchange(server, name, types);
      if (result !== 'half') return result;
      // half a pair within the time: ask one after the other, then on a new socket each
      this.#gotSomewhere = gotSomewhere;
      if (!this.#isSingle) {
        this.#isSingle = true;
      } else if (!this.#isReopening) {
        this.#isReopening = true;
        this.#underWay.delete(server);
      } else {
        return { kind: 'answered', first: this.#half, second: undefined };
      }
    }
  }

  #half: OracleReply | undefined;

  #exchange(server: number, name: string, types: readonly string[]): Attempt | 'half' {
    const isPair = types.length === 2;
    const exchange: Exchange = {
      server,
      name,
      types,
      received: [false, !isPair],
      first: undefined,
    };
    const finishMs = this.#wire.nowMs + this.#waitMs(server);
    if (!this.#ask(exchange, 0)) return { kind: 'next' };
    if (isPair && !this.#isSingle && !this.#ask(exchange, 1)) return { kind: 'next' };
    for (;;) {
      const arrival = this.#nextArrival(exchange, finishMs);
      if (arrival === undefined) return this.#timedOut(exchange, finishMs);
      this.#wire.nowMs = Math.max(this.#wire.nowMs, arrival.atMs);
      const attempt = this.#take(exchange, arrival);
      if (attempt !== undefined) return attempt;
    }
  }

  #timedOut({ first }: Exchange, finishMs: number): Attempt | 'half' {
    this.#wire.nowMs = Math.max(this.#wire.nowMs, finishMs);
    this.#half = first;
    if (first !== undefined) return 'half';
    this.#gotSomewhere = true;
    return { kind: 'next' };
  }

  /** @returns what the reply decides; undefined: the other one of the pair is waited for */
  #take(exchange: Exchange, { reply, index }: Arrival): Attempt | undefined {
    const { server, received, types, first } = exchange;
    const isPair = types.length === 2;
    const isFirst = !isPair || !(received[0] || received[1]);
    if (isFirst) this.#bufferedRcode = reply.rcode;
    this.#gotSomewhere = true;
    if (this.#isServerFailure(reply)) return this.#takeFailure(exchange, index, isFirst);
    if (reply.isTruncated) {
      this.#underWay.delete(server);
      return { kind: 'tcp' };
    }
    if (!isPair) return { kind: 'answered', first: reply, second: undefined };
    if (!isFirst) return { kind: 'answered', first, second: reply };
    exchange.first = reply;
    received[index] = true;
    if (!this.#isSingle) return undefined;
    if (this.#isReopening) this.#underWay.delete(server);
    return this.#ask(exchange, 1) ? undefined : { kind: 'next' };
  }

  #takeFailure(exchange: Exchange, index: number, isFirst: boolean): Attempt | undefined {
    const { server, received, types, first } = exchange;
    if (!isFirst) {
      return first === undefined
        ? { kind: 'next' }
        : { kind: 'answered', first, second: undefined };
    }
    // one after the other: a failure of the first is a failure of both
    if (types.length === 1 || this.#isSingle) {
      this.#underWay.delete(server);
      return { kind: 'next' };
    }
    received[index] = true;
    return undefined;
  }

  /** @returns false where the port refuses */
  #ask({ server, name, types }: Exchange, index: number): boolean {
    const address = this.#reading.nameservers[server]?.address ?? '';
    const type = types[index] ?? '';
    const answer = this.#wire.send(
      { server: address, transport: 'udp', name, type },
      this.#marks(),
    );
    if (answer.kind === 'closed') {
      this.#underWay.delete(server);
      return false;
    }
    if (answer.kind === 'timeout') return true;
    const arrivals = this.#underWay.get(server) ?? [];
    arrivals.push({ atMs: this.#wire.nowMs + answer.delayMs, index, reply: answer });
    this.#underWay.set(server, arrivals);
    return true;
  }

  #nextArrival({ server, received }: Exchange, finishMs: number): Arrival | undefined {
    const arrivals = this.#underWay.get(server) ?? [];
    let best: Arrival | undefined;
    for (const arrival of arrivals) {
      if (received[arrival.index] || arrival.atMs >= finishMs) continue;
      if (best === undefined || arrival.atMs < best.atMs) best = arrival;
    }
    if (best !== undefined) arrivals.splice(arrivals.indexOf(best), 1);
    return best;
  }

  #sendTcp(server: number, name: string, types: readonly string[]): Attempt {
    const address = this.#reading.nameservers[server]?.address ?? '';
    const replies: OracleReply[] = [];
    for (const type of types) {
      const answer = this.#wire.send(
        { server: address, transport: 'tcp', name, type },
        this.#marks(),
      );
      if (answer.kind === 'closed') return { kind: 'next' };
      // send_vc has no timeout of its own
      if (answer.kind === 'timeout') throw new BeyondMeasured('glibc: a server silent over TCP');
      replies.push(answer);
    }
    const [first, second] = replies.sort((one, other) => one.delayMs - other.delayMs);
    this.#wire.nowMs += Math.max(...replies.map((reply) => reply.delayMs));
    if (first !== undefined) this.#bufferedRcode = first.rcode;
    return { kind: 'answered', first, second };
  }

  #isServerFailure(reply: OracleReply): boolean {
    if (reply.rcode === 'SERVFAIL' || reply.rcode === 'NOTIMP' || reply.rcode === 'REFUSED') {
      return true;
    }
    // a reply to EDNS has an OPT record in its additional section, so it is no referral
    return isLame(reply) && !this.#reading.flags.has('edns0');
  }

  #marks(): { readonly optSize: number | null; readonly ad: boolean } {
    const { flags } = this.#reading;
    return { optSize: flags.has('edns0') ? ednsSize : null, ad: flags.has('trust-ad') };
  }
}
