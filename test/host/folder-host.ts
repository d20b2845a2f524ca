/** A folder that stands for a host: its files are real, its commands are only noted. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { CommandResult, Machine } from '../../src/host/machine.ts';

/** In memory where that can be: thousands of synced writes take minutes on a busy disk. */
const PARENT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export class FolderHost implements Machine {
  readonly root: string = mkdtempSync(join(PARENT, 'homeport-host-'));
  readonly commands: string[] = [];
  /** Commands that fail, by their beginning. */
  readonly failing: string[] = [];
  /** Accesses to files until this process "is killed": from then on nothing can be done any more. */
  left: number = Number.POSITIVE_INFINITY;

  at(path: string): string {
    this.left -= 1;
    if (this.left < 0) throw new Error('killed');
    return join(this.root, path);
  }

  run(argv: readonly string[]): Promise<CommandResult> {
    if (this.left < 0) return Promise.reject(new Error('killed'));
    const line = argv.join(' ');
    this.commands.push(line);
    const code = this.failing.some((beginning) => line.startsWith(beginning)) ? 1 : 0;
    return Promise.resolve({ code, stdout: '', stderr: code === 0 ? '' : 'it failed' });
  }

  write(path: string, text: string, mode = 0o644): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text, { mode });
  }

  read(path: string): string | null {
    const place = join(this.root, path);
    return existsSync(place) ? readFileSync(place, 'utf8') : null;
  }

  /** Every file, link and folder: kind, mode, owner, inode and content. */
  snapshot(): Readonly<Record<string, string>> {
    const found: Record<string, string> = {};
    const visit = (path: string): void => {
      for (const name of readdirSync(join(this.root, path)).sort()) {
        const inner = `${path}/${name}`;
        const place = join(this.root, inner);
        const { mode, uid, gid, ino, mtimeMs } = lstatSync(place);
        const stat = lstatSync(place);
        const head = `${mode.toString(8)} ${uid}:${gid}`;
        if (stat.isDirectory()) {
          found[inner] = head;
          visit(inner);
        } else if (stat.isSymbolicLink()) {
          found[inner] = `${head} ${ino} -> ${readlinkSync(place)}`;
        } else {
          found[inner] = `${head} ${ino} ${mtimeMs} ${readFileSync(place, 'utf8')}`;
        }
      }
    };
    visit('');
    return found;
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
