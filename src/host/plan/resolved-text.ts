/** The drop-in for systemd-resolved, in its two versions: homeport answers, homeport is down. */
import { HOST_ADDRESS } from '../addresses.ts';
import { FALLBACK_MARK, OWN_MARK } from './resolv-conf-text.ts';

export const RESOLVED_FOLDER = '/etc/systemd/resolved.conf.d';
/** Sorts after the drop-ins of distributions and most people, and the last assignment counts. */
export const RESOLVED_FILE: string = `${RESOLVED_FOLDER}/zz-homeport.conf`;

/**
 * Everything goes to homeport. `DNS=` alone would be a race with the links' servers: `~.` makes it the
 * only one, and the region as a search domain makes getaddrinfo find bare names.
 *
 * A bare label that a program asks as it is (dig, Node's dns.resolve) is refused by the stub unless
 * ResolveUnicastSingleLabel is on, and then the links' servers are asked for it as well, whatever is routed
 * where: a name that must not leave would. Without a region there is no other way to ask for it at all.
 */
export function resolvedText(searchDomains: readonly string[]): string {
  return dropIn(`${OWN_MARK} \`homeport host uninstall\` removes this file`, [
    // The empty assignments forget servers and domains of earlier files: none may stand beside homeport.
    'DNS=',
    `DNS=${HOST_ADDRESS}`,
    'Domains=',
    `Domains=${[...searchDomains, '~.'].join(' ')}`,
    `ResolveUnicastSingleLabel=${searchDomains.length === 0 ? 'yes' : 'no'}`,
    'LLMNR=no',
    'MulticastDNS=no',
    // homeport is on this host and speaks neither TLS nor for the signatures of names that it owns.
    'DNSOverTLS=no',
    'DNSSEC=no',
  ]);
}

/**
 * The links' servers answer again, but for the region: that stays with homeport alone, so nobody
 * reaches production by a name that a container should have.
 *
 * @param globalServers servers that no link has, from resolved.conf: they then need the global scope,
 *   and the region cannot be kept apart
 */
export function resolvedFallbackText(
  searchDomains: readonly string[],
  globalServers: readonly string[],
): string {
  const head = `${FALLBACK_MARK} the region waits for it, everything else is asked as before`;
  if (globalServers.length > 0) {
    return dropIn(head, ['DNS=', `DNS=${globalServers.join(' ')}`, 'Domains=', 'LLMNR=no']);
  }
  if (searchDomains.length === 0) return dropIn(head, ['DNS=', 'Domains=', 'LLMNR=no']);
  const routed = searchDomains.map((domain) => `~${domain}`).join(' ');
  return dropIn(head, ['DNS=', `DNS=${HOST_ADDRESS}`, 'Domains=', `Domains=${routed}`, 'LLMNR=no']);
}

function dropIn(head: string, lines: readonly string[]): string {
  return `${[head, '[Resolve]', ...lines].join('\n')}\n`;
}
