/** File operations that are whole or not at all, and on the disk when they return. Synchronous: a command of root's, one step after the other. */
import {
  chmodSync,
  chownSync,
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, HomeportError, messageOf } from '../../errors.ts';

/** Appended to the name while the file is being written. */
const UNFINISHED = '.homeport-new';

export interface Ownership {
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** Writes a file beside its place and renames it there: readers see the old one or the new, a full disk changes nothing. */
export function writeAtomically(path: string, content: string | Buffer, owner: Ownership): void {
  const unfinished = `${path}${UNFINISHED}`;
  // Left by an interrupted run, and never followed where it is a link.
  rmSync(unfinished, { force: true });
  try {
    writeNew(unfinished, content, owner);
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw unwritable(path, error);
  }
  syncFolder(dirname(path));
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; make room and run it again',
  EDQUOT: 'the quota is used up; make room and run it again',
  EROFS: 'the file system is read-only; make it writable and run it again',
  EACCES: 'permission denied; run it with sudo',
  EPERM: 'it is immutable, or a security module forbids it; see lsattr and the audit log',
  EBUSY: 'it is a mount of its own; change it from outside',
};

function unwritable(path: string, error: unknown): HomeportError {
  const reason = REASONS[codeOf(error) ?? ''] ?? messageOf(error);
  return new HomeportError('HOST_REFUSED', `cannot write ${path}: ${reason}`, { cause: error });
}

function writeNew(path: string, content: string | Buffer, { mode, uid, gid }: Ownership): void {
  const fd = openSync(path, 'wx', 0o600);
  try {
    const bytes = Buffer.from(content);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    if (uid !== undefined && gid !== undefined) fchownSync(fd, uid, gid);
    fchmodSync(fd, mode);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Renames within one file system, synced. */
export function moveFile(from: string, to: string): void {
  renameSync(from, to);
  syncFolder(dirname(to));
}

/** Removes a file or a symlink, synced; none is well too. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return;
    throw error;
  }
  syncFolder(dirname(path));
}

/** Makes a rename in that folder last. Some file systems cannot, and need not. */
export function syncFolder(path: string): void {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return;
  }
  try {
    fsyncSync(fd);
  } catch (error) {
    if (codeOf(error) !== 'EINVAL') throw error;
  } finally {
    closeSync(fd);
  }
}

/** Gives a file its mode and owner again. */
export function setOwnership(path: string, { mode, uid, gid }: Ownership): void {
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
  chmodSync(path, mode);
}
