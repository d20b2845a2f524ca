/** The clock and the log of one simulated lookup: every query is sent through here. */
import type { DnsOracle, OracleAnswer, OracleQuery, SentQuery } from './stub.ts';

export interface SendOptions {
  readonly optSize?: number | null;
  readonly ad?: boolean;
  /** no server can read it: nothing comes back */
  readonly isMalformed?: boolean;
  readonly latestMs?: number;
}

export class Wire {
  readonly queries: SentQuery[] = [];
  nowMs = 0;
  readonly #oracle: DnsOracle;
  readonly #by: SentQuery['by'];

  constructor(oracle: DnsOracle, by: SentQuery['by'] = 'stub') {
    this.#oracle = oracle;
    this.#by = by;
  }

  /** Sends a query at `atMs` (default: now), logs it and returns what will come back. */
  send(query: OracleQuery, options: SendOptions = {}, atMs: number = this.nowMs): OracleAnswer {
    const answer: OracleAnswer =
      options.isMalformed === true ? { kind: 'timeout' } : this.#oracle(query);
    // spelt out, because this runs for every query of every simulated lookup
    const sent: SentQuery = {
      server: query.server,
      transport: query.transport,
      name: query.name,
      type: query.type,
      by: this.#by,
      atMs,
      optSize: options.optSize ?? null,
      ad: options.ad ?? false,
      hasArrived: answer.kind !== 'closed' && options.isMalformed !== true,
    };
    const { latestMs } = options;
    this.queries.push(latestMs === undefined ? sent : { ...sent, latestMs });
    return answer;
  }
}
