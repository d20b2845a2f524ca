/** The order in which getaddrinfo and its kind return addresses of both families (RFC 6724 §6, RFC 3484 in glibc). */
import { isIPv6 } from 'node:net';
import type { Situation } from './stub.ts';

/** What of a host decides the order. */
export type Routes = Pick<Situation, 'isReachable' | 'sourceOf'>;

interface Ranked {
  readonly address: string;
  readonly isUsable: boolean;
  readonly hasSameLabel: boolean;
  readonly precedence: number;
}

/**
 * Sorts addresses as a caller gets them: usable ones first (rule 1), then those whose source has the same
 * label (rule 5), then by precedence (rule 6), else as they came (rule 10).
 *
 * @param ordersUnusable false for Go, which leaves two unreachable addresses as they came
 */
export function byDestination(
  addresses: readonly string[],
  routes: Routes,
  ordersUnusable = true,
): readonly string[] {
  if (addresses.length < 2) return addresses;
  return addresses
    .map((address) => rank(address, routes))
    .sort((one, other) => compare(one, other, ordersUnusable))
    .map(({ address }) => address);
}

function rank(address: string, { isReachable, sourceOf }: Routes): Ranked {
  const isUsable = isReachable(address);
  const source = isUsable ? (sourceOf?.(address) ?? address) : undefined;
  return {
    address,
    isUsable,
    hasSameLabel: source !== undefined && label(source) === label(address),
    precedence: precedence(address),
  };
}

function compare(one: Ranked, other: Ranked, ordersUnusable: boolean): number {
  if (one.isUsable !== other.isUsable) return one.isUsable ? -1 : 1;
  if (!one.isUsable && !ordersUnusable) return 0;
  if (one.hasSameLabel !== other.hasSameLabel) return one.hasSameLabel ? -1 : 1;
  return other.precedence - one.precedence;
}

function label(address: string): number {
  if (!isIPv6(address)) return 4;
  if (address === '::1') return 0;
  return address.startsWith('2002:') ? 2 : 1;
}

function precedence(address: string): number {
  if (!isIPv6(address)) return 10;
  if (address === '::1') return 50;
  return address.startsWith('2002:') ? 30 : 40;
}
