/** Before Go asks anyone: the order of files and dns, the hosts file, names that are never asked, the candidates. */
import type { HostsFile } from '../../resolv-conf/hosts-file.ts';
import { inetPton, ipv6WithScope } from '../../resolv-conf/inet.ts';
import type { NssSource } from '../../resolv-conf/nsswitch.ts';
import type { GoReading, GoVersion } from '../../resolv-conf/readings/go.ts';
import { dotsIn, isRooted, toBytes, withoutRoot } from './names.ts';
import type { Situation } from './stub.ts';

/** What a Go program has read once. */
export interface GoSetup {
  readonly version: GoVersion;
  readonly situation: Situation;
  readonly reading: GoReading;
}

export type Order = 'files dns' | 'dns files' | 'files' | 'dns';

const maxNameLength = 254;

/** net/conf.go for a binary without cgo: only the order of files and dns is taken from nsswitch.conf. */
export function lookupOrder({ version, situation, reading }: GoSetup, name: string): Order {
  const sources = situation.nsswitch.hosts;
  if (version === '1.19') {
    const hasEnvironment =
      situation.env.LOCALDOMAIN !== undefined ||
      (situation.env.RES_OPTIONS ?? '') !== '' ||
      (situation.env.HOSTALIASES ?? '') !== '';
    const isLocal = withoutRoot(name).toLowerCase().endsWith('.local');
    const isOdd = sources.some((source) => isOddIn119(source, situation.hostname, name));
    if (hasEnvironment || reading.hasUnknown || isLocal || isOdd) return 'files dns';
  }
  const known = sources
    .map(({ source }) => source)
    .filter((source) => source === 'files' || source === 'dns');
  const others = sources.filter(({ source }) => source !== 'files' && source !== 'dns');
  // 1.24 takes a source it does not know for dns, unless dns itself is listed
  if (version === '1.24' && others.length > 0 && !known.includes('dns')) {
    const first = sources[0]?.source === 'files' ? 'files dns' : 'dns files';
    return known.includes('files') ? first : 'dns';
  }
  const hasFiles = known.includes('files');
  if (hasFiles && known.includes('dns')) return known[0] === 'files' ? 'files dns' : 'dns files';
  if (hasFiles) return 'files';
  return known.includes('dns') ? 'dns' : 'files dns';
}

/** What makes 1.19 fall back to files before dns: actions that differ from the default, unknown sources. */
function isOddIn119({ source, criteria }: NssSource, hostname: string, name: string): boolean {
  if (source === 'myhostname') {
    const asked = withoutRoot(name).toLowerCase();
    const isLocalhost = /^(.+\.)?localhost(\.localdomain)?$/.test(asked);
    return isLocalhost || asked === 'gateway' || asked === hostname.toLowerCase();
  }
  if (source.startsWith('mdns')) return false;
  if (source !== 'files' && source !== 'dns') return true;
  return criteria.some(({ isNegated, status, action }, index) => {
    if (isNegated) return true;
    const usual = status === 'success' ? 'return' : 'continue';
    const isLast = index === criteria.length - 1;
    return !(isLast && action === 'return') && action !== usual;
  });
}

/** All matching lines, any letter case; a final dot matters for a name of one label only. */
export function lookInHosts(hosts: HostsFile, name: string): readonly string[] {
  const wanted = hostsKey(name);
  const addresses: string[] = [];
  for (const entry of hosts.entries) {
    const address = asGoPrints(inetPton(entry.address) ?? ipv6WithScope(entry.address));
    // a name that stands twice in a line has the address twice
    for (const own of entry.names) {
      if (address !== undefined && hostsKey(own) === wanted) addresses.push(address);
    }
  }
  return addresses;
}

/** Go's net.IP does not tell a mapped address from IPv4. */
function asGoPrints(address: string | undefined): string | undefined {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address ?? '')?.[1] ?? address;
}

/** absDomainName: names with a dot are rooted, a single label stays as it is. */
function hostsKey(name: string): string {
  const lower = name.toLowerCase();
  return lower.includes('.') && !isRooted(lower) ? `${lower}.` : lower;
}

/** isDomainName: letters, digits, hyphens and underscores, not all numeric; anything else is not asked. */
export function isDomainName(name: string): boolean {
  const plain = withoutRoot(name);
  const length = name.length;
  if (length === 0 || length > maxNameLength || (length === maxNameLength && !isRooted(name))) {
    return false;
  }
  const labels = plain.split('.');
  const areGood = labels.every(
    (label) => /^[A-Za-z0-9_][A-Za-z0-9_-]*$/.test(label) && label.length <= 63,
  );
  return areGood && !labels.some((label) => label.endsWith('-')) && /[A-Za-z_-]/.test(plain);
}

/** nameList: the candidates by ndots, `.onion` never as it is. */
export function candidates({ version, reading }: GoSetup, name: string): readonly string[] {
  const isOnion = (candidate: string): boolean => candidate.toLowerCase().endsWith('.onion');
  if (version === '1.19' && isOnion(withoutRoot(name))) return [];
  if (isRooted(name)) return isOnion(withoutRoot(name)) ? [] : [withoutRoot(name)];
  const suffixed = reading.search.map(({ domain }) => `${name}.${toBytes(domain)}`);
  const asIs = [name];
  const all = dotsIn(name) >= reading.ndots.value ? [...asIs, ...suffixed] : [...suffixed, ...asIs];
  return all.filter((candidate) => !isOnion(candidate) && candidate.length < maxNameLength);
}
