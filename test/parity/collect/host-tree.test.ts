import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { readText } from '../../../src/parity/collect/file-tree.ts';
import { hostTree } from '../../../src/parity/collect/host-tree.ts';

const root = mkdtempSync(join(tmpdir(), 'homeport-parity-'));
after(() => rmSync(root, { recursive: true }));

const isRoot = process.getuid?.() === 0;
writeFileSync(join(root, 'text'), 'nameserver 10.0.0.2\n');
writeFileSync(join(root, 'binary'), 'a\0b');
writeFileSync(join(root, 'big'), Buffer.alloc(2 * 1024 * 1024, 'a'));
writeFileSync(join(root, 'secret'), 'x');
chmodSync(join(root, 'secret'), 0o000);
mkdirSync(join(root, 'directory'));
symlinkSync('text', join(root, 'link'));
symlinkSync('nowhere', join(root, 'dangling'));
symlinkSync('loop', join(root, 'loop'));

const cases: { path: string; want: RegExp; skip?: boolean }[] = [
  { path: '/text', want: /^nameserver 10\.0\.0\.2\n$/ },
  { path: '/link', want: /^nameserver 10\.0\.0\.2\n$/ },
  { path: '/nothing', want: /^missing$/ },
  { path: '/text/below', want: /^missing$/ },
  { path: '/dangling', want: /^is a symbolic link to a file that does not exist$/ },
  { path: '/loop', want: /^is a symbolic link that leads to itself$/ },
  { path: '/directory', want: /^is no regular file$/ },
  { path: '/binary', want: /^is no text: a NUL byte at offset 1$/ },
  { path: '/big', want: /^is larger than 131072 bytes$/ },
  { path: '/secret', want: /^cannot be read: permission denied$/, skip: isRoot },
];

describe('hostTree', () => {
  for (const { path, want, skip = false } of cases) {
    it(`says of ${path}: ${want.source}`, { skip: skip && 'root reads everything' }, async () => {
      const read = await readText(hostTree(root), path);
      assert.match(
        read.kind === 'text' ? read.text : read.kind === 'missing' ? 'missing' : read.why,
        want,
      );
    });
  }

  it('reads files of /proc, which say that they are empty', async () => {
    const read = await readText(hostTree(), '/proc/self/status');
    assert.equal(read.kind, 'text');
    assert.ok(read.kind === 'text' && read.text.includes('Pid:'));
  });
});
