/** A program inside a copy of Node, put there by ourselves. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { embedBlob } from '../../config/package/embed-blob.ts';

const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:0';
/** A header, and a table with one segment (elf(5)). */
const elf = Buffer.alloc(64 + 56);
elf.write('\x7fELF\x02\x01', 'latin1');
elf.writeBigUInt64LE(64n, 32);
elf.writeUInt16LE(1, 56);
elf.writeUInt32LE(1, 64);

describe('a blob in an executable', () => {
  it('is found by this Node, with its assets, and ends as the program says', () => {
    const folder = mkdtempSync(join(tmpdir(), 'homeport-embed-'));
    try {
      const main = join(folder, 'main.cjs');
      writeFileSync(
        main,
        "console.log(require('node:sea').getAsset('word', 'utf8'), process.argv.slice(2)); process.exitCode = 7",
      );
      writeFileSync(join(folder, 'word'), 'héllo');
      const output = join(folder, 'blob');
      const settings = { main, output, disableExperimentalSEAWarning: true };
      writeFileSync(
        join(folder, 'sea.json'),
        JSON.stringify({ ...settings, assets: { word: join(folder, 'word') } }),
      );
      execFileSync(process.execPath, ['--experimental-sea-config', join(folder, 'sea.json')], {
        stdio: 'ignore',
      });
      const executable = join(folder, 'program');
      const bytes = embedBlob(readFileSync(process.execPath), readFileSync(output));
      writeFileSync(executable, bytes, { mode: 0o755 });
      let outcome: unknown;
      try {
        execFileSync(executable, ['a', 'b'], { encoding: 'utf8', stdio: 'pipe' });
      } catch (error) {
        outcome = error;
      }
      const { status, stdout } = outcome as { status: number; stdout: string };
      assert.equal(status, 7);
      assert.equal(stdout, "héllo [ 'a', 'b' ]\n");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  for (const { name, node, say } of [
    { name: 'a script', node: Buffer.from('#!/bin/sh\n'), say: /no 64-bit little-endian ELF/ },
    { name: 'a program that is no Node', node: elf, say: /no room/ },
    {
      name: 'two fuses',
      node: Buffer.concat([elf, Buffer.from(`${FUSE}${FUSE}`)]),
      say: /no room/,
    },
  ]) {
    it(`is refused by ${name}`, () => {
      assert.throws(() => embedBlob(node, Buffer.from('blob')), say);
    });
  }
});
