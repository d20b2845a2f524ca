/**
 * Takes an install back, whole or interrupted. Only what is still ours is replaced; where somebody edited
 * a file since, the edit stays and our lines go. Needs no homeport that runs, and no room on the disk.
 */
import { mkdirSync, rmdirSync } from 'node:fs';
import { codeOf, messageOf } from '../../errors.ts';
import { KEPT_FOLDER } from '../addresses.ts';
import type { Action } from '../plan/change.ts';
import { release } from '../plan/release.ts';
import { perform } from './actions.ts';
import { settleAside } from './aside.ts';
import { removeFile, writeAtomically } from './files.ts';
import {
  type RecordedChange,
  type RecordedFile,
  readManifest,
  removeManifest,
} from './manifest.ts';
import { isOurs, Run, type RunOptions } from './run.ts';
import {
  type Current,
  currentFile,
  dropKept,
  holds,
  restoreFile,
  savedText,
} from './saved-file.ts';

export interface UninstallResult {
  /** false: homeport was not installed. */
  readonly hasChanged: boolean;
  readonly remarks: readonly string[];
}

/**
 * Brings every file, link, mode and service back to what it was.
 *
 * @throws HomeportError STATE_UNREADABLE; everything else that fails is a remark, and the rest goes on
 */
export async function uninstall(options: RunOptions): Promise<UninstallResult> {
  const manifest = readManifest(options.machine);
  if (manifest === null) {
    // An interrupted run may have left its empty folder.
    removeManifest(options.machine);
    return { hasChanged: false, remarks: [] };
  }
  const run = new Run(manifest, options);
  manifest.state = 'uninstalling';
  await undoAll(run);
  return { hasChanged: true, remarks: run.remarks };
}

/** Undoes all changes, the last first, and then forgets them; what could not be undone stays in the manifest. */
export async function undoAll(run: Run): Promise<void> {
  tryToRecord(run);
  for (const change of [...run.manifest.changes].reverse()) {
    try {
      await undoChange(run, change);
    } catch (error) {
      run.remark(`${change.id} could not be taken back: ${messageOf(error)}; run uninstall again`);
    }
  }
  if (run.manifest.changes.every(({ phase }) => phase === 'planned')) removeManifest(run.machine);
}

/** Undoes one change. May be repeated. */
export async function undoChange(run: Run, change: RecordedChange): Promise<void> {
  // An interrupted run may have written a file and not yet said so, but then it had said that it would.
  const isUntouched =
    change.phase === 'planned' && change.files.every(({ before }) => before === null);
  if (isUntouched && change.folders.every(({ isMade }) => isMade !== true)) return;
  run.progress(`${change.id}: taken back`);
  await performAll(run, change.deactivate);
  for (const file of [...change.files].reverse()) takeBackFile(run, file);
  for (const { path, isMade } of [...change.folders].reverse()) {
    if (isMade === true) removeFolder(run.machine.at(path));
  }
  await performAll(run, change.settle);
  change.phase = 'planned';
  for (const file of change.files) file.before = null;
  for (const folder of change.folders) folder.isMade = null;
  tryToRecord(run);
}

/** A service that does not stop must not keep a file from going back. */
async function performAll(run: Run, actions: readonly Action[]): Promise<void> {
  for (const action of actions) {
    try {
      await perform(run, action);
    } catch (error) {
      run.remark(messageOf(error));
    }
  }
}

function takeBackFile(run: Run, file: RecordedFile): void {
  const { before } = file;
  if (before === null) return;
  const place = run.machine.at(file.path);
  removeFile(`${place}.homeport-new`);
  settleAside(run, file);
  if (holds(place, before)) {
    dropKept(run.machine, file.path, before);
    return;
  }
  const current = currentFile(place);
  const text = current.kind === 'file' ? current.bytes.toString('utf8') : null;
  if (text !== null && isOurs(file, text)) restoreFile(run.machine, file.path, before);
  else releaseEdited(run, file, current, text);
}

function releaseEdited(run: Run, file: RecordedFile, current: Current, text: string | null): void {
  const place = run.machine.at(file.path);
  const before = file.before ?? { kind: 'absent' };
  if (current.kind === 'absent') {
    // Removed by somebody, which no file of ours may be; a file that was there before comes back.
    if (before.kind === 'absent') return;
    restoreFile(run.machine, file.path, before);
    run.remark(`${file.path} was missing; it is back as it was before homeport`);
    return;
  }
  const released =
    text === null ? ({ kind: 'leave' } as const) : release(file, text, savedText(before));
  if (released.kind === 'leave') {
    run.remark(
      `${file.path} was replaced by somebody since; it stays as it is now${keptHint(run, file)}`,
    );
    return;
  }
  keepCopy(run, file.path, text ?? '');
  if (released.kind === 'remove') {
    restoreFile(run.machine, file.path, before);
    run.remark(
      `${file.path} was edited since and is of no use any more; a copy is ${keptPath(file.path)}`,
    );
  } else if (before.kind === 'link' && before.target !== '') {
    restoreFile(run.machine, file.path, before);
    run.remark(
      `${file.path} was edited since, and is a symlink again; the edit is in ${keptPath(file.path)}`,
    );
  } else {
    const owner = before.kind === 'file' ? before : { mode: file.mode, uid: 0, gid: 0 };
    writeAtomically(place, released.text, owner);
    dropKept(run.machine, file.path, before);
    run.remark(
      `${file.path} was edited since: the edit stays, homeport's lines are gone (as it was: ${keptPath(file.path)})`,
    );
  }
}

function keptHint(run: Run, file: RecordedFile): string {
  const before = file.before === null ? null : savedText(file.before);
  if (before === null) return '';
  if (file.before !== null) dropKept(run.machine, file.path, file.before);
  keepCopy(run, `${file.path}.before-homeport`, before);
  return ` (before homeport: ${keptPath(`${file.path}.before-homeport`)})`;
}

function keptPath(path: string): string {
  return `${KEPT_FOLDER}/${path.slice(1).replaceAll('/', '.')}`;
}

function keepCopy(run: Run, path: string, text: string): void {
  try {
    mkdirSync(run.machine.at(KEPT_FOLDER), { recursive: true, mode: 0o700 });
    writeAtomically(run.machine.at(keptPath(path)), text, { mode: 0o600 });
  } catch (error) {
    run.remark(`no copy of ${path} could be kept: ${messageOf(error)}`);
  }
}

function removeFolder(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    // Somebody put something into it: it is theirs now.
    if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'ENOENT') throw error;
  }
}

/** A full disk must not keep the host from its old files: what is undone is seen from the files again. */
function tryToRecord(run: Run): void {
  try {
    run.record();
  } catch (error) {
    run.remark(`the record could not be updated: ${messageOf(error)}`);
  }
}
