/** Where an install would break a host, and what mends that. Pure. */
import {
  CONTAINER_ADDRESS,
  HOST_ADDRESS,
  OWN_ADDRESSES,
  RESOLV_CONF,
  RESOLVED_LISTENERS,
} from '../addresses.ts';
import type { PortHolder, Situation } from '../situation.ts';
import type { HostSettings, Refusal } from './change.ts';
import type { Decision } from './decide.ts';

/** Links of resolv.conf that are understood; a file of our own may take their place. */
const KNOWN_TARGETS = [
  /^\/run\/systemd\/resolve\//,
  /^\/usr\/lib\/systemd\/resolv\.conf$/,
  /^\/run\/resolvconf\/resolv\.conf$/,
  /^\/run\/NetworkManager\//,
];
/** The service does not see what is there (ProtectHome, PrivateTmp). */
const HIDDEN_FROM_SERVICE = /^\/(home|root|run\/user|tmp|var\/tmp)\//;

/** Everything that stands in the way, all at once. */
export function refusalsOf(
  situation: Situation,
  settings: HostSettings,
  decision: Decision,
): readonly Refusal[] {
  return [
    ...surroundings(situation, settings),
    ...(decision.replacesFile ? fileRefusals(situation, decision) : []),
    ...situation.port53.filter(isInTheWay).map(holderRefusal),
    ...upstreamRefusals(situation, settings, decision),
  ];
}

function surroundings(situation: Situation, settings: HostSettings): readonly Refusal[] {
  const refusals: Refusal[] = [];
  if (!situation.isRoot) {
    refusals.push({ reason: 'only root may change the host', wayOut: 'run it with sudo' });
  }
  if (situation.systemd === null) {
    refusals.push({
      reason: 'systemd is not process 1 here',
      wayOut: 'start `homeport serve` by the means of this system, and point resolv.conf at it',
    });
  }
  if (situation.isEtcReadOnly) {
    refusals.push({
      reason: '/etc is read-only',
      wayOut: 'make it writable: mount -o remount,rw, or the image that this host is built from',
    });
  }
  const hidden = [...situation.units.program, settings.configFile].find((path) =>
    HIDDEN_FROM_SERVICE.test(path),
  );
  if (hidden !== undefined) {
    refusals.push({
      reason: `${hidden} is where the service's sandbox cannot look`,
      wayOut:
        hidden === settings.configFile
          ? 'keep the configuration in /etc/homeport.yaml'
          : 'install homeport for the whole system: the Debian package, or npm install -g into /usr/local',
    });
  }
  return refusals;
}

function fileRefusals(situation: Situation, decision: Decision): readonly Refusal[] {
  const { resolvConf } = situation;
  const refusals: Refusal[] = [];
  const refuse = (reason: string, wayOut: string): void => void refusals.push({ reason, wayOut });
  if (resolvConf.isImmutable) {
    refuse(`${RESOLV_CONF} is immutable`, `find out who wants that, then chattr -i ${RESOLV_CONF}`);
  }
  if (resolvConf.isMountPoint) {
    refuse(
      `${RESOLV_CONF} is a mount of its own, as in a container`,
      'set the DNS server of this container from outside, docker run --dns',
    );
  }
  if (resolvConf.kind === 'other')
    refuse(`${RESOLV_CONF} is no file`, 'make it a file or a symlink');
  if (resolvConf.kind === 'link' && !isKnownTarget(resolvConf.target, resolvConf.chain)) {
    refuse(
      `${RESOLV_CONF} is a symlink to ${resolvConf.chain.at(-1)}, whose owner is not known`,
      'replace the link by a regular file, and make its owner leave it alone',
    );
  }
  if (decision.writer === 'unknown') {
    refuse(
      `${RESOLV_CONF} is written by a program that homeport does not know: '${resolvConf.header}'`,
      `make that program leave ${RESOLV_CONF} alone and remove the comment, or ask it to use ${CONTAINER_ADDRESS}`,
    );
  }
  return refusals;
}

function isKnownTarget(target: string | null, chain: readonly string[]): boolean {
  const end = target ?? chain.at(-1)?.replace(/^(\.\.)?\/*/, '/') ?? '';
  return KNOWN_TARGETS.some((known) => known.test(end));
}

function isInTheWay({ address }: PortHolder): boolean {
  return OWN_ADDRESSES.includes(address) || address === '0.0.0.0' || address === '::';
}

function holderRefusal({ protocol, address, pid, program, unit }: PortHolder): Refusal {
  const who =
    program === null
      ? 'another program'
      : `${program} (pid ${pid}${unit === null ? '' : `, ${unit}`})`;
  return {
    reason: `${who} has ${protocol} ${address === '::' ? '[::]' : address}:53`,
    wayOut: `let it listen on its own addresses only, or stop it: homeport needs ${HOST_ADDRESS}:53 and ${CONTAINER_ADDRESS}:53`,
  };
}

function upstreamRefusals(
  situation: Situation,
  settings: HostSettings,
  decision: Decision,
): readonly Refusal[] {
  const refusals: Refusal[] = [];
  if (decision.upstreams.length === 0 && !settings.hasUpstreams) {
    refusals.push({
      reason: 'the host names no DNS server that homeport could forward to',
      wayOut: `write upstreams: into ${settings.configFile}`,
    });
  }
  const loops = settings.upstreamAddresses.filter((address) =>
    RESOLVED_LISTENERS.includes(address),
  );
  if (decision.usesResolved && loops.length > 0) {
    refusals.push({
      reason: `${settings.configFile} forwards to ${loops.join(', ')}, which is systemd-resolved, and that will ask homeport: a loop`,
      wayOut: 'take it out of upstreams: without it homeport asks the servers of the links',
    });
  }
  if (decision.rivalLinks.length > 0 && situation.nsswitch.includes('resolve')) {
    const links = decision.rivalLinks.join(', ');
    refusals.push({
      reason: `systemd-resolved asks the servers of ${links} for ${settings.searchDomains.join(', ')} too, and production may answer first`,
      wayOut: `take the domain from ${links} (UseDomains=no in its .network file, ipv4.ignore-auto-dns in NetworkManager), or remove libnss-resolve`,
    });
  }
  return refusals;
}
