/** How each former writer of /etc/resolv.conf is made to leave it alone, and to keep its own record of the servers. Pure. */
import { UPSTREAM_FILE } from '../addresses.ts';
import type { Situation } from '../situation.ts';
import type { Action, Change } from './change.ts';
import type { Decision } from './decide.ts';

const NETWORK_MANAGER_DROP_IN = '/etc/NetworkManager/conf.d/homeport.conf';
/** NetworkManager from 1.42 on takes over `lo` at boot, and with it the address for containers. */
const UNMANAGED_LO = '[keyfile]\nunmanaged-devices+=interface-name:lo\n';

/** The changes that keep former writers away from the file and the address; often none. */
export function muzzleChanges(situation: Situation, decision: Decision): readonly Change[] {
  const changes: Change[] = [];
  if (situation.networkManager !== null) {
    changes.push(networkManagerChange(decision.muzzle === 'network-manager'));
  }
  if (decision.muzzle === 'dhclient') changes.push(dhclientChange());
  if (decision.muzzle === 'openresolv') changes.push(openresolvChange(situation));
  return changes;
}

function networkManagerChange(isWriter: boolean): Change {
  const reload: Action = { kind: 'run', argv: ['systemctl', 'reload', 'NetworkManager.service'] };
  return {
    id: 'network-manager',
    why: isWriter
      ? 'NetworkManager leaves /etc/resolv.conf alone and keeps its servers in /run, where homeport reads them; it leaves lo alone too'
      : 'NetworkManager leaves lo alone, else the address for containers is gone after a boot',
    folders: [],
    files: [
      {
        path: NETWORK_MANAGER_DROP_IN,
        text: `# Written by \`homeport host install\`.\n${isWriter ? '[main]\ndns=none\n' : ''}${UNMANAGED_LO}`,
        mode: 0o644,
        format: 'lines',
      },
    ],
    activate: [reload],
    deactivate: [],
    settle: [reload],
  };
}

/** dhclient-script(8) sources it; it counts from the next renewal on, without a restart. */
function dhclientChange(): Change {
  return {
    id: 'dhclient',
    why: 'a renewed lease would overwrite /etc/resolv.conf; its servers go where homeport reads them',
    folders: [],
    files: [
      {
        path: '/etc/dhcp/dhclient-enter-hooks.d/homeport',
        text: `# Written by \`homeport host install\`: the lease's DNS servers are homeport's to ask.
make_resolv_conf() {
  [ -n "\${new_domain_name_servers:-}" ] || return 0
  {
    echo '# From the DHCP lease; homeport asks these.'
    for server in $new_domain_name_servers; do echo "nameserver $server"; done
  } >'${UPSTREAM_FILE}.new' && chmod 644 '${UPSTREAM_FILE}.new' && mv -f '${UPSTREAM_FILE}.new' '${UPSTREAM_FILE}'
}
`,
        mode: 0o644,
        format: 'own',
      },
    ],
    activate: [],
    deactivate: [],
    settle: [],
  };
}

function openresolvChange(situation: Situation): Change {
  const conf = situation.openresolv?.conf ?? '';
  const line = `resolv_conf=${UPSTREAM_FILE}`;
  const refresh: Action = { kind: 'run', argv: ['resolvconf', '-u'] };
  return {
    id: 'openresolv',
    why: 'openresolv rewrites /etc/resolv.conf at every update; its servers go where homeport reads them',
    folders: [],
    files: [
      {
        path: '/etc/resolvconf.conf',
        text: `${conf}${conf === '' || conf.endsWith('\n') ? '' : '\n'}# Written by \`homeport host install\`.\n${line}\n`,
        mode: 0o644,
        format: 'lines',
      },
    ],
    activate: [refresh],
    deactivate: [],
    settle: [refresh],
  };
}
