/** Restarts the engine so that new containers get its new DNS settings, and the running ones do not notice. */
import { HomeportError } from '../../errors.ts';
import { collectEngine } from '../collect/engine.ts';
import { withLiveRestore } from '../plan/engine.ts';
import type { EngineSituation } from '../situation.ts';
import { asideName } from './aside.ts';
import { moveFile, removeFile, writeAtomically } from './files.ts';
import type { Run } from './run.ts';
import { currentFile } from './saved-file.ts';

/** A restart takes 0.7 s; an engine that does not come back in this time has a configuration that it does not want. */
const COMES_BACK_MS = 20_000;
const LIVE_RESTORE_MS = 5_000;
const POLL_MS = 200;

/**
 * Restarts the engine with what its file says now.
 *
 * @throws HomeportError HOST_REFUSED where it does not come back; the caller then takes its file back and
 *   calls this again
 */
export async function restartEngine(run: Run, direction: 'install' | 'uninstall'): Promise<void> {
  const engine = await collectEngine(run.machine);
  // Stopped: it reads the file when it is started.
  if (engine === null || (!engine.isActive && direction === 'install')) return;
  const unit = engine.unit;
  if (unit === null || !run.mayRestartEngine) {
    run.remark(
      `the engine goes on with its old DNS settings until it is restarted${unit === null ? '' : `: systemctl restart ${unit}`}`,
    );
    return;
  }
  const needsLiveRestore = engine.running.length > 0 && !engine.hasLiveRestore && !engine.isSwarm;
  if (needsLiveRestore) await withContainersKept(run, engine, unit);
  else await restart(run, unit);
}

/** live-restore can be switched on without a restart, and off again after it. */
async function withContainersKept(run: Run, engine: EngineSituation, unit: string): Promise<void> {
  const place = run.machine.at(engine.file);
  const current = currentFile(place);
  const text = current.kind === 'file' ? current.bytes.toString('utf8') : null;
  if (text !== null) moveFile(place, asideName(place));
  try {
    if (!(await setLiveRestore(run, place, text, unit, true))) {
      throw new HomeportError(
        'HOST_REFUSED',
        'the engine does not take live-restore, so a restart would end its containers',
      );
    }
    await restart(run, unit);
    // A key that is only gone would leave it on.
    await setLiveRestore(run, place, text, unit, false);
  } finally {
    if (text === null) removeFile(place);
    else moveFile(asideName(place), place);
    await run.machine.run(['systemctl', 'reload', unit]);
  }
}

async function setLiveRestore(
  run: Run,
  place: string,
  text: string | null,
  unit: string,
  isOn: boolean,
): Promise<boolean> {
  writeAtomically(place, withLiveRestore(text, isOn), { mode: 0o600 });
  await run.machine.run(['systemctl', 'reload', unit]);
  return until(
    LIVE_RESTORE_MS,
    async () => (await collectEngine(run.machine))?.hasLiveRestore === isOn,
  );
}

async function restart(run: Run, unit: string): Promise<void> {
  run.progress(`restarting ${unit}`);
  await run.machine.run(['systemctl', 'restart', unit]);
  const isBack = await until(
    COMES_BACK_MS,
    async () => (await collectEngine(run.machine))?.isActive === true,
  );
  if (!isBack) {
    throw new HomeportError(
      'HOST_REFUSED',
      `the engine does not answer ${COMES_BACK_MS / 1000} s after its restart; see journalctl -u ${unit}`,
    );
  }
}

async function until(timeoutMs: number, holds: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    if (await holds()) return true;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return false;
}
