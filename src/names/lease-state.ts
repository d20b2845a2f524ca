/** What is kept of leases over a restart, as plain JSON. */
import { addressBytes, canonicalAddress } from '../dns/address.ts';
import { nameProblem } from '../dns/name.ts';
import type { Lease, Leases } from './leases.ts';

export interface LeaseState {
  readonly version: 1;
  readonly leases: readonly Lease[];
}

/** What the state file holds for these leases. */
export function leaseState(leases: Leases): LeaseState {
  return { version: 1, leases: [...leases.values()] };
}

/**
 * The leases of a state file's content. Never throws.
 *
 * @returns those that can be read, and what is wrong with the rest; null: nothing is
 */
export function leasesOfState(content: unknown): {
  readonly leases: Leases;
  readonly problem: string | null;
} {
  if (!isObject(content) || content.version !== 1 || !Array.isArray(content.leases)) {
    return { leases: new Map(), problem: 'it is no list of leases of this version' };
  }
  const items: readonly unknown[] = content.leases;
  const read = items.flatMap((item) => leaseOf(item) ?? []);
  const odd = items.length - read.length;
  return {
    leases: new Map(read.map((lease) => [lease.name, lease])),
    problem: odd === 0 ? null : `${odd} of its ${items.length} leases cannot be read`,
  };
}

function leaseOf(item: unknown): Lease | undefined {
  if (!isObject(item)) return undefined;
  const { name, addresses, sinceMs, untilMs } = item;
  if (typeof name !== 'string' || !isCanonicalName(name)) return undefined;
  if (!isTime(sinceMs) || !isTime(untilMs)) return undefined;
  if (!Array.isArray(addresses) || addresses.length === 0) return undefined;
  const known = (addresses as readonly unknown[]).filter(isAddress).map(canonicalAddress);
  return known.length < addresses.length ? undefined : { name, addresses: known, sinceMs, untilMs };
}

function isCanonicalName(name: string): boolean {
  return nameProblem(name) === undefined && name === name.toLowerCase() && !name.endsWith('.');
}

function isAddress(value: unknown): value is string {
  return typeof value === 'string' && addressBytes(value) !== undefined;
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
