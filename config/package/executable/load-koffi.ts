/**
 * In place of src/listen/native/load-koffi.ts. A native module must be a file: the package installs it,
 * a lone executable writes it to a folder of its own for as long as it runs.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { getAsset } from 'node:sea';
import { isMainThread } from 'node:worker_threads';

/** Told to threads: they load the same file, or they would have a second copy of it. */
const PATH_VARIABLE = 'HOMEPORT_NATIVE_FILE';

type Koffi = typeof import('koffi');

export function loadKoffi(): Koffi {
  const holder: { exports: unknown } = { exports: {} };
  process.dlopen(holder, nativeFile());
  // koffi's own JavaScript adds little more than the search for this file.
  return holder.exports as Koffi;
}

function nativeFile(): string {
  const told = process.env[PATH_VARIABLE];
  if (told !== undefined && !isMainThread) return told;
  const asset = Buffer.from(getAsset('koffi.node'));
  const path = installedFile(asset) ?? extractedFile(asset);
  process.env[PATH_VARIABLE] = path;
  return path;
}

/** The file of the package, if it is of the same version. */
function installedFile(asset: Buffer): string | undefined {
  const path = join(dirname(process.execPath), '../lib/homeport/koffi.node');
  if (!existsSync(path)) return undefined;
  return digest(readFileSync(path)) === digest(asset) ? path : undefined;
}

function extractedFile(asset: Buffer): string {
  const folder = mkdtempSync(join(process.env.RUNTIME_DIRECTORY ?? tmpdir(), 'homeport-native-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'koffi.node');
  writeFileSync(path, asset, { mode: 0o500 });
  return path;
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
