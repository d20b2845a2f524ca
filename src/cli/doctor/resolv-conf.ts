/** Whom this host's own programs ask: the chain from resolv.conf on, and whether it ends at homeport. */
import { RESOLV_CONF, RESOLVED_LISTENERS } from '../../host/addresses.ts';
import { decide, describeResolvConf } from '../../host/plan/decide.ts';
import { FALLBACK_MARK } from '../../host/plan/resolv-conf-text.ts';
import { parseResolvConf } from '../../resolv-conf/resolv-conf.ts';
import { type Diagnosis, fine, note, problem } from './diagnosis.ts';
import { ownAddresses, type Patient } from './patient.ts';

const ABOUT = 'resolv.conf';
const INSTALL = 'homeport host install';

export function diagnoseResolvConf(patient: Patient): readonly Diagnosis[] {
  const { situation, config, isInstalled } = patient;
  const { text } = situation.resolvConf;
  const { writer } = decide(situation, config.searchDomains);
  const file = describeResolvConf(situation, writer);
  if (text === null) return [problem(ABOUT, `${file} cannot be read`, `ls -l ${RESOLV_CONF}`)];
  const servers = parseResolvConf(text).nameservers.map(({ address }) => address);
  if (text.startsWith(FALLBACK_MARK)) {
    const what = `${file}: homeport was down, and the host asks ${words(servers)} meanwhile`;
    return [problem(ABOUT, what, 'systemctl restart homeport.socket homeport.service')];
  }
  const own = new Set(ownAddresses(patient));
  const throughResolved = servers.some((address) => RESOLVED_LISTENERS.includes(address));
  const others = servers.filter((address) => !own.has(address));
  if (servers.length > 0 && others.length === 0) {
    return [fine(ABOUT, `${file} leads to homeport at ${words(servers)}`)];
  }
  if (others.length < servers.length) {
    const what = `${file}: ${words(others)} is asked beside homeport, and may answer in its place`;
    return [problem(ABOUT, what, INSTALL)];
  }
  if (throughResolved && resolvedAsks(patient, own)) {
    return [fine(ABOUT, `${file} leads to homeport through systemd-resolved`)];
  }
  const what = `${file} leads to ${words(servers)}, and not to homeport`;
  return [isInstalled ? problem(ABOUT, what, INSTALL) : note(ABOUT, what, INSTALL)];
}

function resolvedAsks({ situation }: Patient, own: ReadonlySet<string>): boolean {
  const { resolved } = situation;
  const servers = [
    ...(resolved?.globalServers ?? []),
    ...(resolved?.links ?? []).flatMap((link) => link.servers),
  ];
  return servers.some((server) => own.has(server));
}

function words(servers: readonly string[]): string {
  return servers.join(', ') || 'no server';
}
