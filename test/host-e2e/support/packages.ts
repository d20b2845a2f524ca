/** homeport's packages for the test hosts, built once for each state of the sources. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const PREFIX = 'homeport-test-package-';
/** What the packages are made of. */
const PACKED = [
  'src',
  'systemd',
  'config/package',
  'config/homeport.yaml',
  'package.json',
  'package-lock.json',
];

export interface Packages {
  /** The single executable. */
  readonly executable: string;
  readonly debian: string;
  /** The same with a higher version. */
  readonly newerDebian: string;
}

/** Builds the packages, or finds those of the same sources. */
export function buildPackages(): Packages {
  const name = `${PREFIX}${digestOfSources()}`;
  const folder = join(tmpdir(), name);
  if (!existsSync(folder)) {
    for (const old of readdirSync(tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
      rmSync(join(tmpdir(), old), { recursive: true, force: true });
    }
    const building = mkdtempSync(join(tmpdir(), 'homeport-building-'));
    const program = join(ROOT, 'config/package/main.ts');
    for (const version of [[], ['9.9.9']]) {
      execFileSync(process.execPath, ['--import', 'tsx', program, building, ...version], {
        cwd: ROOT,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    }
    renameSync(building, folder);
  }
  const debs = readdirSync(folder).filter((file) => file.endsWith('.deb'));
  const find = (isNewer: boolean): string => {
    const deb = debs.find((file) => file.includes('9.9.9') === isNewer);
    if (deb === undefined) throw new Error(`${folder} has no package`);
    return join(folder, deb);
  };
  return { executable: join(folder, 'homeport'), debian: find(false), newerDebian: find(true) };
}

function digestOfSources(): string {
  const hash = createHash('sha256');
  const visit = (path: string): void => {
    if (!statSync(path).isDirectory()) {
      hash.update(path).update(readFileSync(path));
      return;
    }
    for (const name of readdirSync(path).sort()) visit(join(path, name));
  };
  for (const path of PACKED) {
    visit(join(ROOT, path));
  }
  return hash.update(process.version).digest('hex').slice(0, 12);
}
