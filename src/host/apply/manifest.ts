/** The record of an install: what was there, what was put there, how far it came. Written and synced before each change. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { codeOf, HomeportError, messageOf } from '../../errors.ts';
import { FALLBACK_LOCK, KEPT_FOLDER, MANIFEST_FILE, STATE_FOLDER } from '../addresses.ts';
import type { Machine } from '../machine.ts';
import type { Change, FileToWrite, HostSettings } from '../plan/change.ts';
import type { Situation } from '../situation.ts';
import { removeFile, syncFolder, writeAtomically } from './files.ts';

const VERSION = 1;

/** A file as it was, complete enough to make it again; the inode itself is kept beside it. */
export type SavedFile =
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'file';
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
      readonly mtimeMs: number;
      readonly sha256: string;
      readonly base64: string;
    }
  | { readonly kind: 'link'; readonly uid: number; readonly gid: number; readonly target: string };

export interface RecordedFile extends FileToWrite {
  /** null: nothing was looked at or touched yet. */
  before: SavedFile | null;
}

export interface RecordedChange extends Omit<Change, 'files' | 'folders'> {
  /** `touched`: at least one file may have been written; `active`: all of it was done. */
  phase: 'planned' | 'touched' | 'active';
  files: RecordedFile[];
  /** `isMade`: it was missing, and is ours to take away; null: not looked at yet. */
  folders: { readonly path: string; readonly mode: number; isMade: boolean | null }[];
}

export interface Manifest {
  readonly version: number;
  /** homeport's own, for whoever reads the file. */
  readonly homeport: string;
  state: 'installing' | 'installed' | 'uninstalling';
  readonly since: string;
  situation: Situation;
  settings: HostSettings;
  changes: RecordedChange[];
}

/**
 * Reads the manifest.
 *
 * @returns null: homeport is not installed on this host
 * @throws HomeportError STATE_UNREADABLE
 */
export function readManifest(machine: Machine): Manifest | null {
  let text: string;
  try {
    text = readFileSync(machine.at(MANIFEST_FILE), 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
    throw unreadable(messageOf(error), error);
  }
  try {
    const parsed: unknown = JSON.parse(text);
    if (isManifest(parsed)) return parsed;
  } catch (error) {
    throw unreadable('it is not JSON', error);
  }
  throw unreadable(`it is of another version than ${VERSION}`);
}

function unreadable(fault: string, cause?: unknown): HomeportError {
  return new HomeportError(
    'STATE_UNREADABLE',
    `cannot use ${MANIFEST_FILE}: ${fault}; the files as they were stand beside the new ones as *.before-homeport`,
    { cause },
  );
}

/** Only root and this code write the file, so its version stands for its form. */
function isManifest(value: unknown): value is Manifest {
  return (
    typeof value === 'object' && value !== null && 'version' in value && value.version === VERSION
  );
}

/** Writes the manifest; when this returns it is on the disk. */
export function writeManifest(machine: Machine, manifest: Manifest): void {
  mkdirSync(machine.at(STATE_FOLDER), { recursive: true, mode: 0o755 });
  syncFolder(dirname(machine.at(STATE_FOLDER)));
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  writeAtomically(machine.at(MANIFEST_FILE), text, { mode: 0o600 });
}

/** Removes the state folder with the manifest, the manifest last; copies that were kept for somebody stay. */
export function removeManifest(machine: Machine): void {
  rmSync(machine.at(FALLBACK_LOCK), { force: true });
  const folder = machine.at(STATE_FOLDER);
  if (!existsSync(folder)) return;
  const manifest = basename(MANIFEST_FILE);
  // openresolv leaves a backup there, an interrupted write its beginning.
  for (const name of readdirSync(folder)) {
    if (name !== manifest && name !== basename(KEPT_FOLDER)) {
      rmSync(join(folder, name), { recursive: true, force: true });
    }
  }
  removeFile(join(folder, manifest));
  if (!existsSync(machine.at(KEPT_FOLDER))) rmdirSync(folder);
}

export function newManifest(
  version: string,
  since: string,
  situation: Situation,
  settings: HostSettings,
): Manifest {
  return {
    version: VERSION,
    homeport: version,
    state: 'installing',
    since,
    situation,
    settings,
    changes: [],
  };
}

/** A planned change as the manifest keeps it. */
export function recorded(change: Change): RecordedChange {
  return {
    ...change,
    phase: 'planned',
    files: change.files.map((file) => ({ ...file, before: null })),
    folders: change.folders.map((folder) => ({ ...folder, isMade: null })),
  };
}
