/** homeport's units on this host: written where no package brought them, adapted, enabled and started. Pure. */
import { CONFIG_FILE, CONTAINER_ADDRESS, HOST_ADDRESS } from '../addresses.ts';
import type { Situation } from '../situation.ts';
import type { Change, FileToWrite, HostSettings, UnitTexts } from './change.ts';
import { AGAIN_UNIT } from './fallback-script.ts';

const UNIT_FOLDER = '/etc/systemd/system';
const DROP_IN_FOLDER = `${UNIT_FOLDER}/homeport.service.d`;
/** The words of the shipped unit that other installations replace. */
const SHIPPED_START = `/usr/bin/homeport serve --config ${CONFIG_FILE}`;
/** RestartSteps= is unknown before. */
const SYSTEMD_WITH_BACKOFF = 254;
/** An engine with many containers is listed after the first answer, so this is for a slow disk. */
const FIRST_ANSWER_MS = 20_000;

/** Plans the units: after this change homeport answers, and nobody asks it yet. */
export function unitsChange(
  situation: Situation,
  settings: HostSettings,
  units: UnitTexts,
): Change {
  const start = `${situation.units.program.map(unitWord).join(' ')} serve --config ${unitWord(settings.configFile)}`;
  const isPackaged = situation.units.packagedIn !== null;
  const files: FileToWrite[] = isPackaged
    ? []
    : Object.entries(units).map(([name, text]) => ({
        path: `${UNIT_FOLDER}/${name}`,
        text: text.replace(SHIPPED_START, () => start),
        mode: 0o644,
        format: 'own',
      }));
  const dropIn = dropInText(situation, isPackaged && start !== SHIPPED_START ? start : null);
  if (dropIn !== null) {
    files.push({ path: `${DROP_IN_FOLDER}/host.conf`, text: dropIn, mode: 0o644, format: 'own' });
  }
  return {
    id: 'units',
    why: `homeport answers at ${HOST_ADDRESS} for the host and ${CONTAINER_ADDRESS} for containers, from early at boot`,
    folders: [
      // systemd makes it for the service's state, and would leave it behind.
      { path: '/var/lib/private', mode: 0o700 },
      ...(dropIn === null ? [] : [{ path: DROP_IN_FOLDER, mode: 0o755 }]),
    ],
    files,
    activate: [
      run('systemctl', 'daemon-reload'),
      run('systemctl', 'enable', 'homeport.service', 'homeport.socket'),
      run('systemctl', 'start', 'homeport.socket'),
      run('systemctl', 'restart', 'homeport.service'),
      { kind: 'await-answer', address: HOST_ADDRESS, timeoutMs: FIRST_ANSWER_MS },
      { kind: 'await-answer', address: CONTAINER_ADDRESS, timeoutMs: FIRST_ANSWER_MS },
    ],
    deactivate: [
      attempt('systemctl', 'stop', `${AGAIN_UNIT}.timer`),
      attempt('systemctl', 'disable', '--now', 'homeport.socket', 'homeport.service'),
      attempt('ip', 'address', 'delete', `${CONTAINER_ADDRESS}/32`, 'dev', 'lo'),
      attempt('systemctl', 'clean', '--what=state', 'homeport.service'),
    ],
    settle: [
      run('systemctl', 'daemon-reload'),
      // Started when the units stopped, and without its script now.
      attempt('systemctl', 'stop', 'homeport-fallback.service'),
      attempt('systemctl', 'reset-failed', 'homeport*'),
    ],
  };
}

function dropInText(situation: Situation, start: string | null): string | null {
  const lines: string[] = [];
  if (start !== null) lines.push('ExecStart=', `ExecStart=${start} $HOMEPORT_OPTIONS`);
  // systemd starts no service whose groups do not exist.
  if (!situation.hasDockerGroup) lines.push('SupplementaryGroups=');
  if ((situation.systemd ?? 0) >= SYSTEMD_WITH_BACKOFF) {
    lines.push('RestartSteps=5', 'RestartMaxDelaySec=10');
  }
  if (lines.length === 0) return null;
  return `# What of homeport.service differs on this host.\n[Service]\n${lines.join('\n')}\n`;
}

function run(...argv: string[]): { readonly kind: 'run'; readonly argv: readonly string[] } {
  return { kind: 'run', argv };
}

function attempt(...argv: string[]): {
  readonly kind: 'run';
  readonly argv: readonly string[];
  readonly mayFail: true;
} {
  return { kind: 'run', argv, mayFail: true };
}

/** A word of a unit's command line (systemd.service(5), COMMAND LINES). */
function unitWord(word: string): string {
  const escaped = word.replaceAll('%', '%%').replaceAll('$', () => '$$');
  return /^[\w@%+=:,./$-]+$/.test(escaped) ? escaped : `"${escaped.replace(/[\\"]/g, '\\$&')}"`;
}
