/**
 * Whoever asks does nothing until the answer comes. So the answering threads go before what keeps the host busy,
 * and before the main thread, which may have 10,000 containers to tell of. On Linux niceness is a thread's own.
 */
import { getPriority, setPriority } from 'node:os';

/** A flood of queries must not starve the host either. */
const FIRST = -5;

/** For an answering thread of a root's process that nobody has niced; under systemd it has come with Nice=. */
export function goFirst(): void {
  changePriority(FIRST, (now) => now === 0);
}

/** For the main thread, once the answering threads have come from it: gives up what the process was started with. */
export function stepBack(): void {
  changePriority(0, (now) => now < 0);
}

function changePriority(to: number, when: (now: number) => boolean): void {
  if (process.platform !== 'linux') return;
  try {
    if (when(getPriority())) setPriority(to);
  } catch {
    // Not allowed; all is answered nevertheless.
  }
}
