/**
 * The script that keeps a host resolving while homeport is down. A shell script on purpose: it must
 * work when homeport, its configuration or Node is what is broken.
 */
import { FALLBACK_LOCK, FALLBACK_SCRIPT, OWN_ADDRESSES, RESOLV_CONF } from '../addresses.ts';
import { FALLBACK_MARK, OWN_MARK } from './resolv-conf-text.ts';
import { RESOLVED_FILE } from './resolved-text.ts';
import { quoted } from './undo-script.ts';

/** The transient timer that looks whether systemd has given homeport up, and starts it again. */
export const AGAIN_UNIT = 'homeport-again';
/** Ten starts that fail cost three seconds of a core. */
const AGAIN_SECONDS = 30;

/** What the script switches. */
export interface FallbackParts {
  /** Our resolv.conf, and where the servers of the rest of the world stand; null: the file is not ours. */
  readonly resolvConf: {
    readonly text: string;
    readonly upstreamFile: string | null;
    /** Asked where that file names none. */
    readonly servers: readonly string[];
  } | null;
  /** The two versions of the drop-in for systemd-resolved; null: it is not ours. */
  readonly resolved: { readonly text: string; readonly fallbackText: string } | null;
}

/** Prints the script. `fallback on` and `fallback off` may be repeated, and change only files that are still ours. */
export function fallbackScript(parts: FallbackParts): string {
  const body = [HEAD];
  if (parts.resolvConf !== null) body.push(resolvConfPart(parts.resolvConf));
  if (parts.resolved !== null) body.push(resolvedPart(parts.resolved));
  const calls = (direction: 'on' | 'off'): string =>
    [
      ...(parts.resolvConf === null ? [] : [`resolv_conf_${direction}`]),
      ...(parts.resolved === null ? [] : [`resolved_${direction}`]),
      ':',
    ].join('; ');
  body.push(`case \${1:-} in
  on) wait_for_homeport || { ${calls('on')}; try_later; } ;;
  off) ${calls('off')} ;;
  again) try_again ;;
  *) echo 'usage: fallback on|off|again' >&2; exit 64 ;;
esac
`);
  return body.join('\n');
}

const HEAD = `#!/bin/sh
# Switches what this host asks: homeport, or, while homeport is down, the servers that it asked before.
# homeport's units run it; \`homeport host install\` wrote it and \`homeport host uninstall\` removes it.
set -u
PATH=/usr/sbin:/usr/bin:/sbin:/bin
umask 022
# One at a time: a stop and a start may follow each other within milliseconds.
if command -v flock >/dev/null; then exec 9>${FALLBACK_LOCK} && flock -w 10 9; fi

state_of() { systemctl show --property="$2" --value "$1"; }

# True when homeport answers, or comes back within a moment.
wait_for_homeport() {
  tries=0 idle=0
  while [ "$tries" -lt 30 ]; do
    # A start waits for the engine's list of containers; anything else that is not over in 1.6 s is an outage.
    case $(state_of homeport.service SubState) in
      running | start-post | reload*) return 0 ;;
      start*) tries=$((tries + 1)) ;;
      *) tries=$((tries + 4)) ;;
    esac
    # Nobody is starting it: no need to wait, but a restart passes through here too.
    case $(state_of homeport.service ActiveState)/$(state_of homeport.socket ActiveState) in
      inactive/inactive | inactive/failed | failed/inactive | failed/failed) idle=$((idle + 1)) ;;
      *) idle=0 ;;
    esac
    [ "$idle" -ge 2 ] && return 1
    sleep 0.2
  done
  return 1
}

# Whether systemd has given up; a socket that is only inactive was stopped by somebody.
has_failed() {
  case $(state_of homeport.service ActiveState)/$(state_of homeport.socket ActiveState) in
    failed/inactive) return 1 ;;
    *failed*) return 0 ;;
    *) return 1 ;;
  esac
}

# What was in the way may go, unless somebody stopped homeport. Not only once systemd has given up: nothing tells
# of that while this runs.
try_later() {
  case $(state_of homeport.service ActiveState)/$(state_of homeport.socket ActiveState) in
    inactive/inactive | inactive/active | failed/inactive) return 0 ;;
  esac
  systemd-run --quiet --collect --unit=${AGAIN_UNIT} --on-active=${AGAIN_SECONDS} --on-unit-inactive=${AGAIN_SECONDS} /bin/sh ${FALLBACK_SCRIPT} again 2>/dev/null
  return 0
}

# Every ${AGAIN_SECONDS} s until homeport runs or was stopped. Without waiting: the start itself runs this script.
try_again() {
  if has_failed; then
    systemctl reset-failed homeport.service homeport.socket
    systemctl start --no-block homeport.socket homeport.service
  elif [ "$(state_of homeport.service ActiveState)" != activating ]; then
    systemctl stop ${AGAIN_UNIT}.timer
  fi
}

# is_marked FILE MARK: whether the first line of a regular file begins so.
is_marked() { [ -f "$1" ] && [ ! -L "$1" ] && [ "$(head -n 1 "$1" | cut -c "1-\${#2}")" = "$2" ]; }

# replace FILE: by what comes on standard input, in one step; a reader sees the old file or the new.
replace() {
  cat >"$1.homeport-new" && chmod 644 "$1.homeport-new" || return 1
  command -v restorecon >/dev/null && restorecon "$1.homeport-new" 2>/dev/null
  mv -f "$1.homeport-new" "$1"
}
`;

function resolvConfPart(resolvConf: NonNullable<FallbackParts['resolvConf']>): string {
  const { text, upstreamFile, servers } = resolvConf;
  const own = OWN_ADDRESSES.map((address) => `-e ${address}`).join(' ');
  return `normal_resolv_conf() {
cat <<'END'
${text}END
}

upstreams() {
  [ -r ${quoted(upstreamFile ?? '/dev/null')} ] &&
    sed -n 's/^[[:space:]]*nameserver[[:space:]][[:space:]]*\\([^[:space:]#;]*\\).*/\\1/p' ${quoted(upstreamFile ?? '/dev/null')} |
    grep -v -x -F ${own}
}

resolv_conf_on() {
  is_marked ${RESOLV_CONF} ${quoted(OWN_MARK)} || return 0
  servers=$(upstreams)
  [ -n "$servers" ] || servers=${quoted(servers.join(' '))}
  [ -n "$servers" ] || return 0
  {
    echo ${quoted(`${FALLBACK_MARK} these servers answer until it is back`)}
    for server in $servers; do echo "nameserver $server"; done
    # No search domain: a bare name must not become production's. glibc would take one from a dotted host name.
    case $(uname -n) in *.*) echo 'search invalid' ;; esac
    normal_resolv_conf | grep '^options'
  } | replace ${RESOLV_CONF}
}

resolv_conf_off() {
  is_marked ${RESOLV_CONF} ${quoted(FALLBACK_MARK)} || return 0
  normal_resolv_conf | replace ${RESOLV_CONF}
}
`;
}

function resolvedPart(resolved: NonNullable<FallbackParts['resolved']>): string {
  const branch = (name: string, from: string, text: string, wait: string): string => `${name}() {
  is_marked ${RESOLVED_FILE} ${quoted(from)} || return 0
  replace ${RESOLVED_FILE} <<'END' && systemctl ${wait}try-restart systemd-resolved.service
${text}END
}
`;
  return [
    branch('resolved_on', OWN_MARK, resolved.fallbackText, ''),
    // homeport is starting just now; waiting for another unit inside a start could wait for itself.
    branch('resolved_off', FALLBACK_MARK, resolved.text, '--no-block '),
  ].join('\n');
}
