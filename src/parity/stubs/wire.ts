/** The clock and the log of one simulated lookup: every query is sent through here. */
import {
  BeyondMeasured,
  type DnsOracle,
  type OracleAnswer,
  type OracleQuery,
  type SentQuery,
} from './stub.ts';

/**
 * One lookup is followed this far. `attempts:-1` makes some stubs ask two thousand million times; the
 * recorded lookups, slow ones included, stay under two hundred.
 */
const maxQueries = 2000;

export interface SendOptions {
  readonly optSize?: number | null;
  readonly ad?: boolean;
  /** no server can read it: nothing comes back */
  readonly isMalformed?: boolean;
  readonly latestMs?: number;
  /** replies are dropped that come from another address than was asked: of `0.0.0.0` and `::`, all */
  readonly checksSource?: boolean;
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
    const server = reachedAs(query.server);
    if (this.queries.length >= maxQueries) {
      throw new BeyondMeasured(`more than ${maxQueries} queries for one lookup`);
    }
    const heard: OracleAnswer =
      options.isMalformed === true ? { kind: 'timeout' } : this.#oracle(atServer(query, server));
    // spelt out, because this runs for every query of every simulated lookup
    const sent: SentQuery = {
      server,
      transport: query.transport,
      name: query.name,
      type: query.type,
      by: this.#by,
      atMs,
      optSize: options.optSize ?? null,
      ad: options.ad ?? false,
      hasArrived: heard.kind !== 'closed' && options.isMalformed !== true,
    };
    const { latestMs } = options;
    this.queries.push(latestMs === undefined ? sent : { ...sent, latestMs });
    const isDropped = options.checksSource === true && isUnspecified(query.server);
    return isDropped && heard.kind === 'reply' ? { kind: 'timeout' } : heard;
  }
}

function isUnspecified(server: string): boolean {
  return server === '0.0.0.0' || server === '::';
}

/** The address that packets really reach: the unspecified one is the host itself, a mapped one is IPv4. */
function reachedAs(server: string): string {
  if (server === '0.0.0.0') return '127.0.0.1';
  if (!server.startsWith('::')) return server;
  if (server === '::' || server.startsWith('::1%')) return '::1';
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(server)?.[1] ?? server;
}

function atServer(query: OracleQuery, server: string): OracleQuery {
  return query.server === server ? query : { ...query, server };
}
