/** The host as it is without homeport, so that a second install plans the same as the first. Pure. */
import { OWN_ADDRESSES } from '../addresses.ts';
import { FALLBACK_MARK, OWN_MARK } from '../plan/resolv-conf-text.ts';
import type { PortHolder, Situation } from '../situation.ts';

/** PID 1 holds the sockets of homeport.socket. */
const SYSTEMD_PID = 1;

/**
 * Takes away from what was found what an earlier install has put there.
 *
 * @param recorded what the earlier install found; null: there was none
 */
export function originalSituation(found: Situation, recorded: Situation | null): Situation {
  const port53 = found.port53.filter((holder) => !isHomeport(holder));
  if (recorded === null) return { ...found, port53 };
  return {
    ...found,
    port53,
    resolvConf: isOurs(found.resolvConf.text) ? recorded.resolvConf : found.resolvConf,
    resolved:
      found.resolved === null
        ? null
        : {
            ...found.resolved,
            // Ours are global ones; what the drop-in hides is in no reading of today.
            globalServers: recorded.resolved?.globalServers ?? [],
            dnssec: recorded.resolved?.dnssec ?? found.resolved.dnssec,
            dnsOverTls: recorded.resolved?.dnsOverTls ?? found.resolved.dnsOverTls,
          },
    networkManager:
      found.networkManager === null ? null : (recorded.networkManager ?? found.networkManager),
    openresolv: found.openresolv === null ? null : (recorded.openresolv ?? found.openresolv),
    units: { ...found.units, packagedIn: recorded.units.packagedIn ?? found.units.packagedIn },
    engine:
      found.engine === null
        ? null
        : {
            ...found.engine,
            text: recorded.engine?.text ?? (recorded.engine === null ? found.engine.text : null),
            fileKind: recorded.engine?.fileKind ?? found.engine.fileKind,
          },
    nscd: found.nscd === null ? null : (recorded.nscd ?? found.nscd),
  };
}

function isOurs(text: string | null): boolean {
  return text?.startsWith(OWN_MARK) === true || text?.startsWith(FALLBACK_MARK) === true;
}

function isHomeport({ address, unit, pid }: PortHolder): boolean {
  if (!OWN_ADDRESSES.includes(address)) return false;
  return pid === SYSTEMD_PID || unit === 'homeport.service' || unit === 'homeport.socket';
}
