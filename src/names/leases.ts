/** Names with a life span: the operator's own words, which end by themselves. Pure: the clock is passed in. */
import type { Owner, OwnersChange } from './owner.ts';

/** One name that somebody has for a while. */
export interface Lease {
  /** Lower case, no trailing dot; also a wildcard (`*.env.dev.internal`). The only lease of this name. */
  readonly name: string;
  /** Canonical text, at least one. */
  readonly addresses: readonly string[];
  /** Milliseconds since the epoch. */
  readonly sinceMs: number;
  /** From this moment on it is gone, milliseconds since the epoch. */
  readonly untilMs: number;
}

/** All leases by name. A published one never changes. */
export type Leases = ReadonlyMap<string, Lease>;

/** The leases with one more; one of the same name is replaced. */
export function withLease(leases: Leases, lease: Lease): Leases {
  return new Map([...leases, [lease.name, lease]]);
}

/** The leases without that one. */
export function withoutLease(leases: Leases, name: string): Leases {
  return new Map([...leases].filter(([other]) => other !== name));
}

/** Those that have not ended; the same object where none has. */
export function livingLeases(leases: Leases, nowMs: number): Leases {
  const living = [...leases].filter(([, { untilMs }]) => untilMs > nowMs);
  return living.length === leases.size ? leases : new Map(living);
}

/** When the next one ends, milliseconds since the epoch; Infinity: there is none. */
export function nextLeaseEndMs(leases: Leases): number {
  return Math.min(Number.POSITIVE_INFINITY, ...[...leases.values()].map(({ untilMs }) => untilMs));
}

/** What the table of names is told when one set of leases follows another. */
export function leasesChange(before: Leases, after: Leases): OwnersChange {
  const changed = [...after.values()].filter((lease) => before.get(lease.name) !== lease);
  const gone = [...before.keys()].filter((name) => !after.has(name));
  return { upserts: changed.map(ownerOfLease), removals: gone.map(leaseId) };
}

function leaseId(name: string): string {
  return `lease/${name}`;
}

/** A lease as an owner, so that it is answered like everything else. */
export function ownerOfLease({ name, addresses, sinceMs }: Lease): Owner {
  const id = leaseId(name);
  return {
    id,
    kind: 'lease',
    title: name,
    engine: '',
    project: null,
    group: id,
    condition: 'ready',
    startedAtMs: sinceMs,
    claims: [{ name, source: 'lease', networks: null }],
    addresses: addresses.map((address) => ({ address, network: null })),
    isOnHost: false,
    preferredNetwork: null,
    trouble: null,
    // No client may keep the answer past the lease's end, whatever the configuration allows for others.
    ttlSeconds: 0,
    ports: [],
    texts: [],
    cname: null,
    asksFrom: [],
  };
}
