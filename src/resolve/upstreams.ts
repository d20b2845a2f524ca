/** Which upstream is asked next: by domain, in the configured order, those that are down last. */
import { isSameLabels, keyOfText } from '../wire/name-index.ts';
import type { QueryReader } from '../wire/query.ts';
import { Datagrams } from './datagrams.ts';
import type { UpstreamGroup, UpstreamServer } from './settings.ts';

/** Failures in a row that make an upstream count as down; one lost datagram does not. */
const FAILURES_TO_DOWN = 2;
/** How long a down upstream is left alone, doubling from the first to the last. */
const FIRST_REST_MS = 2_000;
const LONGEST_REST_MS = 30_000;

/** An upstream and what is remembered of it. */
export interface Upstream {
  readonly server: UpstreamServer;
  /** What it has not answered yet. */
  readonly datagrams: Datagrams;
  failures: number;
  isDown: boolean;
  restMs: number;
  /** While it is down: when one query is risked on it again. */
  probeAtMs: number;
}

interface DomainUpstreams {
  readonly key: Uint8Array;
  readonly labelCount: number;
  readonly upstreams: readonly Upstream[];
}

/** All upstreams and their state. A reply or a failure is reported; the next choice follows from it. */
export class Upstreams {
  #groups: readonly DomainUpstreams[] = [];
  #all = new Map<number, Upstream>();
  readonly #onChange: (server: UpstreamServer, isUp: boolean, reason: string) => void;

  constructor(onChange: (server: UpstreamServer, isUp: boolean, reason: string) => void) {
    this.#onChange = onChange;
  }

  /** Replaces the list; what is remembered of a server that stays (same id) stays. */
  configure(groups: readonly UpstreamGroup[]): void {
    const all = new Map<number, Upstream>();
    const remember = (server: UpstreamServer): Upstream => {
      const known = this.#all.get(server.id) ?? all.get(server.id);
      const upstream = known ?? freshUpstream(server);
      all.set(server.id, upstream);
      return upstream;
    };
    this.#groups = groups
      .map(({ domain, servers }) => ({
        key: keyOfText(domain),
        labelCount: domain.split('.').filter((label) => label !== '').length,
        upstreams: servers.map(remember),
      }))
      .sort((left, right) => right.labelCount - left.labelCount);
    this.#all = all;
  }

  /** The servers for a name: those of the longest domain that it is in. Empty: nobody to ask. */
  forName(bytes: Uint8Array, query: QueryReader): readonly Upstream[] {
    for (const group of this.#groups) {
      const first = query.labelCount - group.labelCount;
      if (first < 0) continue;
      const start = query.labelOffsets[first] ?? query.nameEnd;
      if (group.labelCount === 0 || isSameLabels(bytes, start, query.nameEnd, group.key))
        return group.upstreams;
    }
    return [];
  }

  byId(id: number): Upstream | undefined {
    return this.#all.get(id);
  }

  list(): Iterable<Upstream> {
    return this.#all.values();
  }

  /**
   * The next one to ask: the first that is up and was not tried, else the one that has rested longest.
   *
   * @param tried ids in the order they were tried; when all were, they are tried again in that order
   */
  next(upstreams: readonly Upstream[], tried: readonly number[]): Upstream | undefined {
    let rested: Upstream | undefined;
    for (let i = 0; i < upstreams.length; i++) {
      const upstream = upstreams[i];
      if (upstream === undefined || tried.includes(upstream.server.id)) continue;
      if (!upstream.isDown) return upstream;
      if (rested === undefined || upstream.probeAtMs < rested.probeAtMs) rested = upstream;
    }
    return rested ?? upstreams[tried.length % Math.max(1, upstreams.length)];
  }

  /** A down upstream that may be tried again with a copy of this query, beside the one that is asked for real. */
  toProbe(upstreams: readonly Upstream[], nowMs: number): Upstream | undefined {
    for (let i = 0; i < upstreams.length; i++) {
      const upstream = upstreams[i];
      if (upstream === undefined || !upstream.isDown || upstream.probeAtMs > nowMs) continue;
      upstream.probeAtMs = nowMs + upstream.restMs;
      return upstream;
    }
    return undefined;
  }

  replied(upstream: Upstream): void {
    upstream.failures = 0;
    if (!upstream.isDown) return;
    upstream.isDown = false;
    upstream.restMs = FIRST_REST_MS;
    this.#onChange(upstream.server, true, 'it answers again');
  }

  failed(upstream: Upstream, nowMs: number, reason: string): void {
    upstream.failures++;
    if (upstream.failures < FAILURES_TO_DOWN) return;
    if (upstream.isDown) {
      upstream.restMs = Math.min(LONGEST_REST_MS, upstream.restMs * 2);
    } else {
      upstream.isDown = true;
      this.#onChange(upstream.server, false, reason);
    }
    upstream.probeAtMs = nowMs + upstream.restMs;
  }
}

function freshUpstream(server: UpstreamServer): Upstream {
  return {
    server,
    datagrams: new Datagrams(),
    failures: 0,
    isDown: false,
    restMs: FIRST_REST_MS,
    probeAtMs: 0,
  };
}
