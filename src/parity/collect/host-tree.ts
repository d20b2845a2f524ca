/** This host's files, for the collectors. */
import { createReadStream } from 'node:fs';
import { lstat, open, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, messageOf } from '../../errors.ts';
import type { FileRead, FileTree } from './file-tree.ts';

/**
 * The tree under a directory: `/` for the host itself.
 *
 * @param root links are followed by the kernel, so they may lead out of any other root
 */
export function hostTree(root = '/'): FileTree {
  return {
    read: (path, maxBytes) => readFile(join(root, path), path, maxBytes),
    has: async (path) => {
      try {
        await realpath(join(root, path));
        return true;
      } catch (error) {
        return isAbsent(error) ? false : undefined;
      }
    },
    scan: (path, maxBytes) => createReadStream(join(root, path), { end: maxBytes - 1 }),
  };
}

async function readFile(full: string, path: string, maxBytes: number): Promise<FileRead> {
  try {
    const file = await open(full, 'r');
    try {
      const stat = await file.stat();
      if (!stat.isFile()) return { kind: 'unreadable', why: 'is no regular file' };
      // One byte more than allowed: /proc and friends say size 0.
      const buffer = Buffer.alloc(Math.min(maxBytes, Math.max(stat.size, 64 * 1024)) + 1);
      let length = 0;
      for (;;) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
        length += bytesRead;
        if (bytesRead === 0 || length === buffer.length) break;
      }
      if (length > maxBytes || stat.size > maxBytes) {
        return { kind: 'unreadable', why: `is larger than ${maxBytes} bytes` };
      }
      return { kind: 'read', bytes: buffer.subarray(0, length), path };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isAbsent(error)) return (await danglingLink(full)) ?? { kind: 'missing' };
    return { kind: 'unreadable', why: reasonOf(error) };
  }
}

async function danglingLink(full: string): Promise<FileRead | undefined> {
  try {
    const stat = await lstat(full);
    return stat.isSymbolicLink()
      ? { kind: 'unreadable', why: 'is a symbolic link to a file that does not exist' }
      : undefined;
  } catch {
    return undefined;
  }
}

function isAbsent(error: unknown): boolean {
  return codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
}

function reasonOf(error: unknown): string {
  switch (codeOf(error)) {
    case 'EACCES':
    case 'EPERM':
      return 'cannot be read: permission denied';
    case 'ELOOP':
      return 'is a symbolic link that leads to itself';
    case 'EISDIR':
      return 'is a directory';
    default:
      return `cannot be read: ${messageOf(error)}`;
  }
}
