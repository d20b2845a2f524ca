/** A file that is another one for a moment: where it waits, and what an interruption leaves of it. */
import { moveFile, removeFile } from './files.ts';
import type { RecordedFile } from './manifest.ts';
import { isOurs, type Run } from './run.ts';
import { currentFile } from './saved-file.ts';

/** Where the file waits meanwhile. */
export function asideName(place: string): string {
  return `${place}.homeport-aside`;
}

/** Ends what an interrupted run began: our own text is of no use there, the administrator's file goes back. */
export function settleAside(run: Run, file: RecordedFile): void {
  const place = run.machine.at(file.path);
  const waiting = currentFile(asideName(place));
  if (waiting.kind === 'absent') return;
  const text = waiting.kind === 'file' ? waiting.bytes.toString('utf8') : null;
  if (text !== null && isOurs(file, text)) removeFile(asideName(place));
  else moveFile(asideName(place), place);
}
