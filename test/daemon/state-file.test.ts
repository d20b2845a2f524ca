import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readState, writeState } from '../../src/daemon/state-file.ts';

const WRITER = fileURLToPath(new URL('./support/state-writer.ts', import.meta.url));
const ROUNDS = 3;

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'homeport-state-'));
});
after(() => rmSync(folder, { recursive: true }));

describe('a file of state', () => {
  it('is what was written, for its owner alone', async () => {
    const path = join(folder, 'new', 'state.json');
    await writeState(path, { a: [1, 'zwei'] });
    assert.deepEqual(await readState(path), { a: [1, 'zwei'] });
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(join(folder, 'new')), ['state.json']);
  });

  it('that is not there yet is nothing', async () => {
    assert.equal(await readState(join(folder, 'none.json')), undefined);
  });

  it('has after SIGKILL at any moment what was said to be written, or what was under way', async () => {
    const path = join(folder, 'killed.json');
    for (let round = 0; round < ROUNDS; round++) {
      const child = spawn(process.execPath, ['--import', 'tsx', WRITER, path], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const written = await killedAfter(child, 5 + 4 * round);
      const content = await readState(path);
      assert.ok(isState(content), JSON.stringify(content));
      assert.ok(content.sequence >= written && content.sequence <= written + 1);
      assert.equal(content.filling.length, content.sequence * 1_000);
    }
  });
});

/** Kills the writer after it has said that often that it wrote; resolves to the last number that it said. */
async function killedAfter(child: ChildProcess, count: number): Promise<number> {
  if (child.stdout === null) throw new Error('no output');
  const closed = once(child, 'close');
  let last = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    last = Number(line);
    if (last >= count) child.kill('SIGKILL');
  });
  await closed;
  return last;
}

function isState(value: unknown): value is { sequence: number; filling: string } {
  return typeof value === 'object' && value !== null && 'sequence' in value && 'filling' in value;
}
