/** What the resolver counts. */

/** Since the start. */
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

export function newCounters(): ResolverCounters {
  return {
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
}
