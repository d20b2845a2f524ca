/**
 * `npm run package [-- FOLDER [VERSION]]`: the single executable and the Debian package, into .package/ or
 * FOLDER. An executable that is there is taken as it is when a VERSION is given: only the package differs.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildDebian } from './debian.ts';
import { buildExecutable } from './executable.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const out = resolve(process.argv[2] ?? join(root, '.package'));

async function main(): Promise<void> {
  mkdirSync(out, { recursive: true });
  // What is built here is nobody's to commit.
  writeFileSync(join(out, '.gitignore'), '*\n');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string;
  };
  const other = process.argv[3];
  const built = join(out, 'homeport');
  const executable = other !== undefined && existsSync(built) ? built : await buildExecutable(out);
  process.stdout.write(`${executable}\n`);
  process.stdout.write(`${await buildDebian(executable, other ?? version, out)}\n`);
}

await main();
