/** What is said of an address that could not be listened on; the same for every transport. */

/** Whether a bound address means every address of the host. */
export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/**
 * Says which address could not be bound, why, and the way out.
 *
 * @param reason an error's name (`EADDRINUSE`), or words
 */
export function bindMessage(
  { address, port }: { readonly address: string; readonly port: number },
  reason: string,
  protocol: 'udp' | 'tcp' = 'udp',
): string {
  const where = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  return `cannot bind ${protocol} ${where}: ${REASONS[reason] ?? reason}`;
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'address in use; another resolver may be listening (ss -lunp and ss -ltnp show which)',
  EADDRNOTAVAIL: 'this host has no such address; check `listen:` against `ip address`',
  EACCES: 'permission denied; ports below 1024 want CAP_NET_BIND_SERVICE or a socket unit',
};
