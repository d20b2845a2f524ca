/** A small image of this host's own getent and C library, so that containers can look names up without a registry. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Machine } from '../machine.ts';

/** What the image needs: one looks up, the other keeps a container alive. */
const PROGRAMS = ['getent', 'sleep'];

/**
 * Imports the image.
 *
 * @returns null, or why it cannot be made here
 */
export async function importProbeImage(machine: Machine, tag: string): Promise<string | null> {
  const files: string[] = [];
  for (const program of PROGRAMS) {
    const found = await machine.run(['sh', '-c', `command -v ${program}`]);
    const path = found.stdout.trim();
    if (found.code !== 0) return `this host has no ${program}`;
    const libraries = await machine.run(['ldd', path]);
    if (libraries.code !== 0) return `${program} is no program of glibc`;
    files.push(path, ...librariesIn(libraries.stdout));
  }
  const folder = mkdtempSync(join(tmpdir(), 'homeport-verify-'));
  try {
    mkdirSync(join(folder, 'etc'));
    writeFileSync(join(folder, 'etc/nsswitch.conf'), 'hosts: files dns\n');
    const names = [...new Set(files)].map((path) => path.slice(1));
    const words = names.map((name) => `'${name}'`).join(' ');
    const tar = `tar -chf - -C ${folder} etc -C / ${words}`;
    const imported = await machine.run(['sh', '-c', `${tar} | docker import - ${tag}`]);
    return imported.code === 0 ? null : `docker import failed: ${imported.stderr.trim()}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Absolute paths in the output of ldd(1), the loader among them. */
export function librariesIn(output: string): readonly string[] {
  return [...output.matchAll(/(?:^|\s)(\/[^\s()]+)(?=\s+\(0x)/gm)].map(([, path]) => path ?? '');
}
