/**
 * Carries out a plan, or the rest of one that was interrupted. Every change is in the manifest, on the disk,
 * before it is made, so whoever runs next knows what to finish or to take back.
 */
import { lstatSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { HomeportError, messageOf } from '../../errors.ts';
import { HOST_ADDRESS, RESOLV_CONF } from '../addresses.ts';
import type { HostSettings, Plan } from '../plan/change.ts';
import { release } from '../plan/release.ts';
import type { Situation } from '../situation.ts';
import { answersSoon } from '../verify/ask.ts';
import { perform } from './actions.ts';
import { settleAside } from './aside.ts';
import { syncFolder, writeAtomically } from './files.ts';
import {
  type Manifest,
  newManifest,
  type RecordedChange,
  type RecordedFile,
  readManifest,
  recorded,
} from './manifest.ts';
import { isOurs, Run, type RunOptions } from './run.ts';
import { currentFile, describeFile, holds, keepAside, savedText } from './saved-file.ts';
import { undoAll, undoChange } from './undo.ts';

/** It answers within a millisecond; it may be restarting just now. */
const UP_WITHIN_MS = 2_000;

export interface InstallResult {
  /** false: everything was as planned already. */
  readonly hasChanged: boolean;
  readonly remarks: readonly string[];
}

/**
 * Installs a plan without refusals.
 *
 * @param situation what the plan was made of: the host without homeport
 * @throws HomeportError HOST_REFUSED; then everything that this run did is taken back
 */
export async function install(
  plan: Plan,
  given: {
    readonly situation: Situation;
    readonly settings: HostSettings;
    readonly version: string;
  },
  options: RunOptions,
): Promise<InstallResult> {
  const earlier = readManifest(options.machine);
  const manifest = merged(earlier, plan, given);
  const run = new Run(manifest, options);
  if (earlier?.state === 'installed' && isComplete(run, earlier, plan)) {
    if (await isUp(run)) return { hasChanged: false, remarks: run.remarks };
    // Somebody stopped it: its units are started again, and their answer waited for.
    for (const change of manifest.changes) if (change.id === 'units') change.phase = 'touched';
  }
  run.record();
  try {
    await undoDropped(run, plan);
    for (const change of manifest.changes) await make(run, change);
  } catch (error) {
    throw await takenBack(run, error);
  }
  manifest.state = 'installed';
  run.record();
  return { hasChanged: true, remarks: run.remarks };
}

/** The new plan with what an earlier run knows of each file; changes that are planned no more stay, to be undone. */
function merged(
  earlier: Manifest | null,
  plan: Plan,
  given: {
    readonly situation: Situation;
    readonly settings: HostSettings;
    readonly version: string;
  },
): Manifest {
  const { situation, settings, version } = given;
  const since = earlier?.since ?? new Date().toISOString();
  const manifest = newManifest(version, since, situation, settings);
  const known = new Map((earlier?.changes ?? []).map((change) => [change.id, change]));
  const planned = plan.changes.map((change): RecordedChange => {
    const before = known.get(change.id);
    const entry = recorded(change);
    if (before === undefined) return entry;
    return {
      ...entry,
      phase: before.phase === 'active' && !isSame(before, entry) ? 'touched' : before.phase,
      files: [
        ...entry.files.map((file) => ({ ...file, ...knownOf(before, file) })),
        ...before.files.filter(({ path }) => !entry.files.some((file) => file.path === path)),
      ],
      folders: [
        ...entry.folders.map(
          (folder) => before.folders.find(({ path }) => path === folder.path) ?? folder,
        ),
        ...before.folders.filter(({ path }) => !entry.folders.some((made) => made.path === path)),
      ],
    };
  });
  const dropped = (earlier?.changes ?? []).filter(
    ({ id }) => !plan.changes.some((change) => change.id === id),
  );
  manifest.changes = [...planned, ...dropped];
  return manifest;
}

/** What is at the path before homeport, and what an earlier version of homeport has put there. */
function knownOf(change: RecordedChange, file: RecordedFile): Partial<RecordedFile> {
  const known = change.files.find(({ path }) => path === file.path);
  if (known === undefined) return {};
  const alsoOurs = new Set([...(file.alsoOurs ?? []), known.text, ...(known.alsoOurs ?? [])]);
  alsoOurs.delete(file.text);
  return { before: known.before, alsoOurs: [...alsoOurs] };
}

function isSame(a: RecordedChange, b: RecordedChange): boolean {
  const essence = ({ files, activate }: RecordedChange): string =>
    JSON.stringify([files.map(({ path, text }) => [path, text]), activate]);
  return essence(a) === essence(b);
}

function isComplete(run: Run, earlier: Manifest, plan: Plan): boolean {
  const { changes } = run.manifest;
  return (
    changes.length === plan.changes.length &&
    changes.length === earlier.changes.length &&
    changes.every(
      ({ phase, files }) => phase === 'active' && files.every((file) => isThere(run, file)),
    )
  );
}

async function isUp(run: Run): Promise<boolean> {
  return !run.isRealHost || (await answersSoon(HOST_ADDRESS, UP_WITHIN_MS));
}

/** Ours, or an edit of ours that still does what it must. */
function isThere(run: Run, file: RecordedFile): boolean {
  const current = currentFile(run.machine.at(file.path));
  if (current.kind !== 'file') return false;
  const text = current.bytes.toString('utf8');
  if (text === file.text || (file.ownMark !== undefined && isOurs(file, text))) return true;
  return isEditOfOurs(run, file, text);
}

function isEditOfOurs(run: Run, file: RecordedFile, text: string): boolean {
  if (file.before === null || isOurs(file, text)) return false;
  const isEdit = release(file, text, savedText(file.before)).kind !== 'leave';
  if (isEdit) run.remark(`${file.path} was edited since; the edit stays`);
  return isEdit;
}

async function undoDropped(run: Run, plan: Plan): Promise<void> {
  const dropped = run.manifest.changes.filter(
    ({ id }) => !plan.changes.some((change) => change.id === id),
  );
  for (const change of dropped.reverse()) {
    await undoChange(run, change);
    run.manifest.changes = run.manifest.changes.filter((other) => other !== change);
    run.record();
  }
}

async function make(run: Run, change: RecordedChange): Promise<void> {
  if (change.phase === 'active' && change.files.every((file) => isThere(run, file))) return;
  run.progress(`${change.id}: ${change.why}`);
  change.phase = 'touched';
  run.record();
  for (const folder of change.folders) makeFolder(run, folder);
  for (const file of change.files) await putFile(run, file);
  for (const action of change.activate) await perform(run, action);
  change.phase = 'active';
  run.record();
}

function makeFolder(run: Run, folder: RecordedChange['folders'][number]): void {
  const place = run.machine.at(folder.path);
  const isThere = lstatSync(place, { throwIfNoEntry: false }) !== undefined;
  if (folder.isMade === null) {
    folder.isMade = !isThere;
    run.record();
  }
  if (isThere) return;
  mkdirSync(place, { recursive: true, mode: folder.mode });
  syncFolder(dirname(place));
}

async function putFile(run: Run, file: RecordedFile): Promise<void> {
  const place = run.machine.at(file.path);
  settleAside(run, file);
  const current = currentFile(place);
  const text = current.kind === 'file' ? current.bytes.toString('utf8') : null;
  if (file.before !== null && text !== null) {
    if (text === file.text || isEditOfOurs(run, file, text)) return;
  }
  const isKept = file.before !== null && text !== null && isOurs(file, text);
  if (file.before === null) {
    refuseOutdated(file, text, current.kind);
    file.before = describeFile(place);
  } else if (!isKept && !holds(place, file.before)) {
    run.remark(`${file.path} was replaced since; uninstall will bring back what stood there now`);
    file.before = describeFile(place);
  }
  run.record();
  if (!isKept && file.before.kind !== 'absent') await keepAside(run.machine, file.path);
  guardAgainstChange(run, file, current);
  writeAtomically(place, file.text, ownership(file));
  await relabel(run, file.path);
}

/** The plan was made of what the file held a moment ago. */
function refuseOutdated(file: RecordedFile, text: string | null, kind: string): void {
  if (file.madeFrom === undefined || kind === 'link' || file.madeFrom === text) return;
  throw changedMeanwhile(file.path);
}

function changedMeanwhile(path: string): HomeportError {
  return new HomeportError(
    'HOST_REFUSED',
    `${path} changed during the install; see who writes it, then run it again`,
  );
}

/** A manager that writes between our reading and our writing must not lose what it wrote. */
function guardAgainstChange(
  run: Run,
  file: RecordedFile,
  read: ReturnType<typeof currentFile>,
): void {
  const now = currentFile(run.machine.at(file.path));
  const same =
    now.kind === read.kind &&
    (now.kind !== 'file' || (read.kind === 'file' && now.sha256 === read.sha256)) &&
    (now.kind !== 'link' || (read.kind === 'link' && now.target === read.target));
  if (!same) throw changedMeanwhile(file.path);
}

/** A foreign configuration keeps who may read it; resolv.conf is for everybody. */
function ownership(file: RecordedFile): { mode: number; uid: number; gid: number } {
  const { before } = file;
  if (before?.kind === 'file' && file.path !== RESOLV_CONF) return before;
  return { mode: file.mode, uid: 0, gid: 0 };
}

/** A new inode has the label of its folder, not of its name. */
async function relabel(run: Run, path: string): Promise<void> {
  if (run.manifest.situation.selinux === null) return;
  await run.machine.run(['restorecon', path]);
}

/** After a failure this run's work is undone: the host asks whom it asked before. */
async function takenBack(run: Run, error: unknown): Promise<HomeportError> {
  run.progress('that failed; everything is taken back');
  await undoAll(run);
  const remarks = run.remarks.map((remark) => `; ${remark}`).join('');
  return new HomeportError(
    'HOST_REFUSED',
    `${messageOf(error)}; everything was taken back${remarks}`,
    { cause: error },
  );
}
