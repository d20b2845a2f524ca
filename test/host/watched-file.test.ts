import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { type FileReading, WatchedFile } from '../../src/host/watched-file.ts';

const LOOK_MS = 200;
const cleanUp: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'homeport-watched-'));
  cleanUp.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A watched file and the next thing that is told of it. */
async function watching(path: string): Promise<(want: FileReading) => Promise<void>> {
  const told: FileReading[] = [];
  let wake = () => {};
  const onChange = (reading: FileReading) => {
    told.push(reading);
    wake();
  };
  const watched = new WatchedFile(path, onChange, LOOK_MS);
  cleanUp.push(() => watched.close());
  await watched.read();
  told.length = 0;
  return async (want) => {
    const signal = AbortSignal.timeout(8_000);
    while (told.length === 0) {
      await new Promise<void>((resolve, reject) => {
        wake = resolve;
        signal.onabort = () => reject(new Error(`${JSON.stringify(want)} was not told`));
      });
    }
    assert.deepEqual(told.shift(), want);
  };
}

const text = (content: string): FileReading => ({ kind: 'text', text: content });
const missing: FileReading = { kind: 'unreadable', reason: 'there is no such file' };

describe('a watched file', () => {
  it('is told of when it is written, replaced, removed and made again', async () => {
    const path = join(folder(), 'resolv.conf');
    const told = await watching(path);
    writeFileSync(path, 'one');
    await told(text('one'));
    writeFileSync(`${path}.new`, 'two');
    renameSync(`${path}.new`, path);
    await told(text('two'));
    rmSync(path);
    await told(missing);
    writeFileSync(path, 'three');
    await told(text('three'));
  });

  it('is told of where its folders are made later, as /run/systemd/resolve at boot', async () => {
    const root = folder();
    const path = join(root, 'systemd', 'resolve', 'resolv.conf');
    const told = await watching(path);
    mkdirSync(join(root, 'systemd', 'resolve'), { recursive: true });
    writeFileSync(path, 'one');
    await told(text('one'));
    rmSync(join(root, 'systemd'), { recursive: true });
    await told(missing);
    mkdirSync(join(root, 'systemd', 'resolve'), { recursive: true });
    writeFileSync(path, 'two');
    await told(text('two'));
  });

  it('is not read when it is a folder, or larger than any configuration', async () => {
    const root = folder();
    const path = join(root, 'resolv.conf');
    mkdirSync(path);
    const told = await watching(path);
    rmSync(path, { recursive: true });
    writeFileSync(path, Buffer.alloc((1 << 20) + 1));
    await told({
      kind: 'unreadable',
      reason: 'it has 1048577 bytes, more than a configuration',
    });
  });
});
