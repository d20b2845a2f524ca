/** The order in which getaddrinfo and its kind return addresses of both families (RFC 6724 §6, RFC 3484 in glibc). */

/**
 * Sorts addresses as a caller gets them: those the host has a route to first (rule 1), then by
 * precedence (rule 6), else as they came (rule 10).
 *
 * @param isReachable whether the host has a route to the address
 */
export function byDestination(
  addresses: readonly string[],
  isReachable: (address: string) => boolean,
): readonly string[] {
  if (addresses.length < 2) return addresses;
  const ranked = addresses.map((address) => ({
    address,
    rank: (isReachable(address) ? 100 : 0) + precedence(address),
  }));
  return ranked.sort((one, other) => other.rank - one.rank).map(({ address }) => address);
}

function precedence(address: string): number {
  if (!address.includes(':')) return 10;
  if (address === '::1') return 50;
  return address.startsWith('2002:') ? 30 : 40;
}
