/** What an operator should know of a host, though the install does nothing about it. Pure. */
import { parseResolvConf } from '../../resolv-conf/resolv-conf.ts';
import type { Situation } from '../situation.ts';
import type { HostSettings } from './change.ts';
import type { Decision } from './decide.ts';

/** One sentence each, the weightiest first. */
export function notesOf(
  situation: Situation,
  settings: HostSettings,
  decision: Decision,
): readonly string[] {
  return [
    ...regionNotes(situation, settings, decision),
    ...resolvedNotes(situation, settings, decision),
    ...cacheNotes(situation, settings),
    ...otherNotes(situation),
  ];
}

function regionNotes(
  situation: Situation,
  settings: HostSettings,
  decision: Decision,
): readonly string[] {
  if (settings.searchDomains.length === 0) {
    return [
      `${settings.configFile} names no region: names of containers resolve, production's names need theirs in full`,
    ];
  }
  if (!decision.replacesFile) return [];
  const dropped = parseResolvConf(situation.resolvConf.text ?? '')
    .search.map(({ domain }) => domain)
    .filter((domain) => !settings.searchDomains.includes(domain.toLowerCase()));
  if (dropped.length === 0) return [];
  const these = dropped.length > 1 ? 'these' : 'it';
  return [
    `${dropped.join(' ')} leaves the search list, as production does not search ${these}; to keep ${these}, add to search: in ${settings.configFile}`,
  ];
}

function resolvedNotes(
  situation: Situation,
  { searchDomains }: HostSettings,
  decision: Decision,
): readonly string[] {
  const { resolved } = situation;
  if (resolved === null || !decision.usesResolved) return [];
  const notes: string[] = [];
  if (searchDomains.length > 0) {
    notes.push(
      `a bare name that is asked past getaddrinfo (dig NAME, Node's dns.resolve) is refused by systemd-resolved's stub, which would ask production for it too; NAME.${searchDomains[0]} is answered`,
    );
  }
  const greedy = resolved.links.filter(({ domains }) => domains.includes('~.'));
  for (const { name } of greedy) {
    notes.push(
      `link ${name} (a VPN?) routes every name to its own servers: for names outside the region they and homeport race`,
    );
  }
  if (resolved.globalServers.length > 0) {
    notes.push(
      'resolved.conf names servers of no link: while homeport is down they answer for the region too, so only bare names are kept from production',
    );
  }
  if (/yes|allow-downgrade/.test(resolved.dnssec)) {
    notes.push(
      `systemd-resolved checks DNSSEC (${resolved.dnssec}); it cannot through homeport, so that ends`,
    );
  }
  if (/yes|opportunistic/.test(resolved.dnsOverTls)) {
    notes.push(
      'systemd-resolved asks over TLS; homeport does so for upstreams written as tls://ADDRESS#NAME',
    );
  }
  return notes;
}

function cacheNotes(situation: Situation, settings: HostSettings): readonly string[] {
  if (situation.nscd?.cachesHosts !== true || settings.stopsNscdHosts) return [];
  return [
    'nscd keeps host names, absent ones for 20 s: --no-nscd-hosts ends that (enable-cache hosts no)',
  ];
}

function otherNotes(situation: Situation): readonly string[] {
  const notes: string[] = [];
  if (
    situation.networkManager?.rcManager === 'resolvconf' &&
    !situation.hasResolvconf &&
    situation.openresolv === null
  ) {
    notes.push(
      'NetworkManager hands its servers to systemd-resolved’s resolvconf command, so /etc/resolv.conf does not follow them',
    );
  }
  if (situation.hasCloudInit) {
    notes.push(
      'cloud-init is here: make sure that its next run does not write resolv.conf again (manage_resolv_conf: false)',
    );
  }
  if (situation.selinux === 'enforcing') {
    notes.push('SELinux is enforcing: new files get their label from the policy (restorecon)');
  }
  if (!situation.nsswitch.some((source) => source === 'dns' || source === 'resolve')) {
    notes.push(
      'nsswitch.conf has neither dns nor resolve for hosts: processes ask no DNS server at all',
    );
  }
  return notes;
}
