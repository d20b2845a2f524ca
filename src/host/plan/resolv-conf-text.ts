/** The resolv.conf that makes a host ask homeport alone. */
import { formatResolvConf, parseResolvConf } from '../../resolv-conf/resolv-conf.ts';

/** The first line of every resolv.conf that homeport itself writes; the fallback script knows its own by it. */
export const OWN_MARK = '# homeport answers for this host;';
/** The first line of what stands there while homeport is down. */
export const FALLBACK_MARK = '# homeport is down;';

/**
 * homeport's own resolv.conf. One nameserver: with a second one musl asks both, and production may answer first.
 *
 * @param before what stood there; its options are kept, and its search list where there is no region
 * @param server the address to ask
 * @param savedAs where the former file is kept, for whoever reads this one at night
 */
export function ownResolvConf(
  before: string | null,
  server: string,
  searchDomains: readonly string[],
  savedAs: string,
): string {
  const old = parseResolvConf(before ?? '');
  const search = searchDomains.length > 0 ? searchDomains : old.search.map(({ domain }) => domain);
  const body = formatResolvConf({
    nameservers: [server],
    search,
    options: old.options.map(({ text }) => text),
  });
  return `${OWN_MARK} \`homeport host uninstall\` brings back ${savedAs}\n${body}`;
}
