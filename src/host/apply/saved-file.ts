/** Keeps a file as it was: its content in the manifest, and the file itself under another name. */
import { createHash } from 'node:crypto';
import {
  linkSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, HomeportError } from '../../errors.ts';
import type { Machine } from '../machine.ts';
import { savedName } from '../plan/undo-script.ts';
import { moveFile, removeFile, syncFolder, writeAtomically } from './files.ts';
import type { SavedFile } from './manifest.ts';

/** A configuration has kilobytes; a manifest that holds more is not one. */
const MAX_BYTES = 1 << 20;

/** What a path holds now. */
export type Current =
  | { readonly kind: 'absent' }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'file'; readonly bytes: Buffer; readonly sha256: string };

export function currentFile(path: string): Current {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return { kind: 'absent' };
  if (stat.isSymbolicLink()) return { kind: 'link', target: readlinkSync(path) };
  if (!stat.isFile() || stat.size > MAX_BYTES) {
    throw new HomeportError(
      'HOST_REFUSED',
      `${path} is no file of a configuration; nothing was done to it`,
    );
  }
  const bytes = readFileSync(path);
  return { kind: 'file', bytes, sha256: sha256(bytes) };
}

export function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Describes a file for the manifest; nothing is changed. */
export function describeFile(path: string): SavedFile {
  const current = currentFile(path);
  if (current.kind === 'absent') return current;
  const { mode, uid, gid, mtimeMs } = lstatSync(path);
  if (current.kind === 'link') return { ...current, uid, gid };
  return {
    kind: 'file',
    mode: mode & 0o7777,
    uid,
    gid,
    mtimeMs,
    sha256: current.sha256,
    base64: current.bytes.toString('base64'),
  };
}

/**
 * Gives the file a second name, so that it outlives the rename of another onto its first: the very
 * inode, with everything that it has. Where the file system has no hard links, a copy with all attributes.
 *
 * @param path of the host; it holds a file or a symlink
 */
export async function keepAside(machine: Machine, path: string): Promise<void> {
  const from = machine.at(path);
  const to = machine.at(savedName(path));
  if (isSameInode(from, to)) return;
  // Of an earlier install that could not take it away: what it keeps is in that manifest.
  removeFile(to);
  try {
    linkSync(from, to);
  } catch (error) {
    if (!/^(EPERM|ENOTSUP|EOPNOTSUPP|EMLINK|EXDEV|EINVAL)$/.test(codeOf(error) ?? '')) throw error;
    const unfinished = `${to}.homeport-new`;
    const copy = await machine.run(['cp', '-a', '--no-dereference', from, unfinished]);
    if (copy.code !== 0) throw error;
    renameSync(unfinished, to);
  }
  syncFolder(dirname(to));
}

function isSameInode(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) =>
    lstatSync(path, { throwIfNoEntry: false, bigint: true }),
  );
  return one !== undefined && other !== undefined && one.ino === other.ino && one.dev === other.dev;
}

/** Whether a path holds what was saved. */
export function holds(path: string, saved: SavedFile): boolean {
  const current = currentFile(path);
  if (saved.kind === 'absent' || current.kind === 'absent') return saved.kind === current.kind;
  if (saved.kind === 'link') return current.kind === 'link' && current.target === saved.target;
  return current.kind === 'file' && current.sha256 === saved.sha256;
}

/** Puts the saved file back in one step: the kept inode where it is still there, else made again. */
export function restoreFile(machine: Machine, path: string, saved: SavedFile): void {
  const place = machine.at(path);
  const kept = machine.at(savedName(path));
  if (saved.kind === 'absent') {
    removeFile(place);
    return;
  }
  if (holds(kept, saved)) {
    moveFile(kept, place);
    // A rename between two names of one inode does nothing, and leaves both.
    if (holds(kept, saved)) removeFile(kept);
    return;
  }
  if (saved.kind === 'link') {
    const unfinished = `${place}.homeport-new`;
    removeFile(unfinished);
    symlinkSync(saved.target, unfinished);
    moveFile(unfinished, place);
    return;
  }
  writeAtomically(place, Buffer.from(saved.base64, 'base64'), saved);
  utimesSync(place, saved.mtimeMs / 1000, saved.mtimeMs / 1000);
}

/** Removes the second name of a file that is back at its first. */
export function dropKept(machine: Machine, path: string, saved: SavedFile): void {
  const kept = machine.at(savedName(path));
  if (saved.kind !== 'absent' && holds(kept, saved)) removeFile(kept);
}

/** The saved content as text; null for a symlink or nothing. */
export function savedText(saved: SavedFile): string | null {
  return saved.kind === 'file' ? Buffer.from(saved.base64, 'base64').toString('utf8') : null;
}
