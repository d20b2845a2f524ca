/** res_msend: each query to every server at once, the first NOERROR or NXDOMAIN per query wins. */
import type { Reading } from '../../resolv-conf/readings/reading.ts';
import type { OracleReply } from './stub.ts';
import type { Wire } from './wire.ts';

interface Question {
  readonly name: string;
  readonly type: string;
}

interface SendToAll {
  readonly isMalformed?: boolean;
  readonly ad?: boolean;
  /** 1.2.4 asks again over TCP after TC; 1.2.3 takes the truncated reply */
  readonly hasTcp: boolean;
}

interface Arrival {
  readonly atMs: number;
  readonly order: number;
  readonly index: number;
  readonly server: string;
  readonly isTcp: boolean;
  readonly reply: OracleReply;
}

/** @returns a reply per question, undefined where none was good; attempts:0 divides by zero */
export function sendToAll(
  wire: Wire,
  reading: Reading,
  questions: readonly Question[],
  options: SendToAll,
): readonly (OracleReply | undefined)[] | 'division by zero' {
  if (reading.attempts.value === 0) return 'division by zero';
  const exchange = new Exchange(wire, reading, questions, options);
  return exchange.run();
}

class Exchange {
  readonly #wire: Wire;
  readonly #servers: readonly string[];
  readonly #questions: readonly Question[];
  readonly #options: SendToAll;
  readonly #timeoutMs: number;
  readonly #attempts: number;
  readonly #answers: (OracleReply | undefined)[];
  #arrivals: Arrival[] = [];
  #order = 0;
  #servfailRetries = 0;
  /** questions that wait for their answer over TCP */
  readonly #overTcp = new Set<number>();

  constructor(wire: Wire, reading: Reading, questions: readonly Question[], options: SendToAll) {
    this.#wire = wire;
    this.#servers = reading.nameservers.map(({ address }) => address);
    this.#questions = questions;
    this.#options = options;
    this.#timeoutMs = reading.timeoutMs.value;
    this.#attempts = reading.attempts.value;
    this.#answers = questions.map(() => undefined);
  }

  run(): readonly (OracleReply | undefined)[] {
    const startMs = this.#wire.nowMs;
    const intervalMs = Math.floor(this.#timeoutMs / this.#attempts);
    const endMs = startMs + this.#timeoutMs;
    // every wake-up is a little late, so an interval that divides the time with a rest buys no extra round
    for (let round = 0; round < this.#attempts; round++) {
      const atMs = startMs + round * intervalMs;
      if (atMs >= endMs) break;
      this.#wire.nowMs = Math.max(this.#wire.nowMs, atMs);
      this.#sendRound();
      const untilMs = round + 1 < this.#attempts ? atMs + intervalMs : endMs;
      if (this.#receive(untilMs)) return this.#answers.map(withoutCutRecords);
    }
    this.#wire.nowMs = endMs;
    return this.#answers.map(withoutCutRecords);
  }

  #sendRound(): void {
    for (const [index] of this.#questions.entries()) {
      if (this.#answers[index] !== undefined || this.#overTcp.has(index)) continue;
      for (const server of this.#servers) this.#send(index, server);
    }
    this.#servfailRetries = 2 * this.#questions.length;
  }

  #send(index: number, server: string): void {
    const question = this.#questions[index];
    if (question === undefined) return;
    const { isMalformed = false, ad = false } = this.#options;
    const answer = this.#wire.send(
      { server, transport: 'udp', ...question },
      {
        isMalformed,
        ad,
        checksSource: true,
      },
    );
    if (answer.kind !== 'reply') return;
    this.#arrivals.push({
      atMs: this.#wire.nowMs + answer.delayMs,
      order: this.#order++,
      index,
      server,
      isTcp: false,
      reply: answer,
    });
  }

  /** A truncated reply is asked for again over TCP at once, of the server that sent it, and of no other. */
  #sendTcp(index: number, server: string): void {
    const question = this.#questions[index];
    if (question === undefined) return;
    this.#overTcp.add(index);
    const answer = this.#wire.send({ server, transport: 'tcp', ...question });
    if (answer.kind !== 'reply') return;
    const atMs = this.#wire.nowMs + answer.delayMs;
    this.#arrivals.push({ atMs, order: this.#order++, index, server, isTcp: true, reply: answer });
  }

  /** @returns whether every question has its answer */
  #receive(untilMs: number): boolean {
    for (;;) {
      const arrival = this.#takeFirst(untilMs);
      if (arrival === undefined) return false;
      this.#wire.nowMs = Math.max(this.#wire.nowMs, arrival.atMs);
      const { index, server, reply, isTcp } = arrival;
      if (this.#answers[index] !== undefined || this.#overTcp.has(index) !== isTcp) continue;
      const isCut = reply.isTruncated && (reply.rcode === 'NOERROR' || reply.rcode === 'NXDOMAIN');
      if (isCut && this.#options.hasTcp) {
        this.#sendTcp(index, server);
      } else if (reply.rcode === 'NOERROR' || reply.rcode === 'NXDOMAIN') {
        this.#answers[index] = reply;
        if (this.#answers.every((answer) => answer !== undefined)) return true;
      } else if (reply.rcode === 'SERVFAIL' && this.#servfailRetries > 0) {
        this.#servfailRetries--;
        this.#send(index, server);
      }
    }
  }

  #takeFirst(untilMs: number): Arrival | undefined {
    let best: Arrival | undefined;
    for (const arrival of this.#arrivals) {
      if (arrival.atMs >= untilMs) continue;
      const isEarlier =
        best === undefined ||
        arrival.atMs < best.atMs ||
        (arrival.atMs === best.atMs && arrival.order < best.order);
      if (isEarlier) best = arrival;
    }
    if (best !== undefined) this.#arrivals.splice(this.#arrivals.indexOf(best), 1);
    return best;
  }
}

/** A truncated reply of the measured servers carries no records; 1.2.3 takes it as it is. */
function withoutCutRecords(reply: OracleReply | undefined): OracleReply | undefined {
  return reply?.isTruncated === true ? { ...reply, answers: [] } : reply;
}
