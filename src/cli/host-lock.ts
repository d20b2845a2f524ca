/** One `homeport host` command at a time changes a host. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { codeOf, HomeportError } from '../errors.ts';

/** In /run: a reboot ends the command, and the lock with it. */
const LOCK_FILE = '/run/homeport-host.pid';

/**
 * Runs an action while no other command changes the host.
 *
 * @throws HomeportError HOST_REFUSED where one does
 */
export async function alone<T>(action: () => Promise<T>): Promise<T> {
  take();
  try {
    return await action();
  } finally {
    rmSync(LOCK_FILE, { force: true });
  }
}

function take(isRetry = false): void {
  try {
    writeFileSync(LOCK_FILE, `${process.pid}\n`, { flag: 'wx' });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    const pid = Number(readFileSync(LOCK_FILE, 'utf8'));
    if (isRetry || isAlive(pid)) {
      throw new HomeportError(
        'HOST_REFUSED',
        `another homeport host command is running (pid ${pid}); wait for it`,
      );
    }
    // Of a command that was killed.
    rmSync(LOCK_FILE, { force: true });
    take(true);
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}
