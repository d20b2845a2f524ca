import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type LoadResult, loadConfig } from '../../src/config/load.ts';
import { printProblem } from '../../src/config/problem.ts';
import { type ConfigWatch, watchConfig } from '../../src/config/watch.ts';

/** A TTL, or the first problem without the directory. */
function told(result: LoadResult, folder: string): string {
  if ('config' in result) return `ttl ${result.config.ttlSeconds}`;
  const [first] = result.problems;
  return first === undefined ? 'no problem' : printProblem(first).replace(folder, 'DIR');
}

const GONE = 'DIR/h.yaml: there is no such file — check the path, or write the file';

describe('a watched configuration', () => {
  let folder = '';
  let file = '';
  let watch: ConfigWatch;
  let changes: EventEmitter;
  let seen: string[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'homeport-watch-'));
    file = join(folder, 'h.yaml');
    changes = new EventEmitter();
    seen = [];
  });
  afterEach(async () => {
    await watch.close();
    rmSync(folder, { recursive: true });
  });

  async function start(): Promise<void> {
    const options = { file, env: {} };
    watch = watchConfig(file, options, loadConfig(options), {
      onChange: (result) => {
        seen.push(told(result, folder));
        changes.emit('change');
      },
      onTrouble: (reason) => changes.emit('error', new Error(reason)),
    });
    await watch.ready;
  }

  /** Does something and waits until the watch tells of it. */
  async function change(act: () => void): Promise<string | undefined> {
    const next = once(changes, 'change', { signal: AbortSignal.timeout(10_000) });
    act();
    await next;
    return seen.at(-1);
  }

  it('is loaded again when it is written in place', async () => {
    writeFileSync(file, 'ttl: 1\n');
    await start();
    assert.equal(await change(() => writeFileSync(file, 'ttl: 2\n')), 'ttl 2');
  });

  it('is loaded again when a rename replaces it, each time', async () => {
    writeFileSync(file, 'ttl: 1\n');
    await start();
    for (const ttl of [2, 3, 4]) {
      const act = () => {
        writeFileSync(`${file}.new`, `ttl: ${ttl}\n`);
        renameSync(`${file}.new`, file);
      };
      assert.equal(await change(act), `ttl ${ttl}`);
    }
    assert.deepEqual(seen, ['ttl 2', 'ttl 3', 'ttl 4']);
  });

  it('is read once when it is truncated and then written', async () => {
    writeFileSync(file, 'ttl: 1\n');
    await start();
    const act = () => {
      writeFileSync(file, '');
      setTimeout(() => writeFileSync(file, 'ttl: 2\n'), 200);
    };
    assert.equal(await change(act), 'ttl 2');
    assert.deepEqual(seen, ['ttl 2']);
  });

  it('tells of faults, and of what mends them', async () => {
    writeFileSync(file, 'ttl: 1\n');
    await start();
    assert.equal(
      await change(() => writeFileSync(file, 'tll: 2\n')),
      'DIR/h.yaml:1:1: tll: unknown key — did you mean ttl?',
    );
    assert.equal(await change(() => writeFileSync(file, 'ttl: 1\n')), 'ttl 1');
  });

  it('may be deleted and come back', async () => {
    writeFileSync(file, 'ttl: 1\n');
    await start();
    assert.equal(await change(() => unlinkSync(file)), GONE);
    assert.equal(await change(() => writeFileSync(file, 'ttl: 1\n')), 'ttl 1');
  });

  it('may lose its directory and get it back', async () => {
    file = join(folder, 'a', 'b', 'h.yaml');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, 'ttl: 1\n');
    await start();
    await change(() => rmSync(join(folder, 'a'), { recursive: true }));
    assert.match(seen.at(-1) ?? '', /there is no such file/);
    const act = () => {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, 'ttl: 2\n');
    };
    assert.equal(await change(act), 'ttl 2');
    assert.equal(await change(() => writeFileSync(file, 'ttl: 3\n')), 'ttl 3');
  });

  it('follows a swap of links, as Kubernetes mounts a ConfigMap', async () => {
    const publish = (version: string, text: string) => {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, 'h.yaml'), text);
      symlinkSync(version, join(folder, '..data_tmp'));
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    };
    publish('..2026_01', 'ttl: 1\n');
    symlinkSync('..data/h.yaml', file);
    await start();
    assert.equal(await change(() => publish('..2026_02', 'ttl: 2\n')), 'ttl 2');
    rmSync(join(folder, '..2026_01'), { recursive: true });
    assert.equal(await change(() => publish('..2026_03', 'ttl: 3\n')), 'ttl 3');
    assert.deepEqual(seen, ['ttl 2', 'ttl 3']);
  });

  it('is seen to change where a link leads, in another directory', async () => {
    const target = join(folder, 'elsewhere', 'real.yaml');
    mkdirSync(dirname(target));
    writeFileSync(target, 'ttl: 1\n');
    symlinkSync(target, file);
    await start();
    assert.equal(await change(() => writeFileSync(target, 'ttl: 2\n')), 'ttl 2');
  });

  it('counts what changed between loading and watching', async () => {
    writeFileSync(file, 'ttl: 1\n');
    const options = { file, env: {} };
    const loaded = loadConfig(options);
    writeFileSync(file, 'ttl: 2\n');
    const next = once(changes, 'change', { signal: AbortSignal.timeout(10_000) });
    watch = watchConfig(file, options, loaded, {
      onChange: (result) => {
        seen.push(told(result, folder));
        changes.emit('change');
      },
      onTrouble: (reason) => changes.emit('error', new Error(reason)),
    });
    await next;
    assert.deepEqual(seen, ['ttl 2']);
  });

  it('says nothing when it is written with what it held', async () => {
    writeFileSync(file, 'ttl: 1\n');
    await start();
    writeFileSync(file, 'ttl: 1\n');
    writeFileSync(join(folder, 'other.yaml'), 'ttl: 9\n');
    assert.equal(
      await change(() => setTimeout(() => writeFileSync(file, 'ttl: 2\n'), 300)),
      'ttl 2',
    );
    assert.deepEqual(seen, ['ttl 2']);
  });

  it('can be loaded on demand, and is not told of again', async () => {
    writeFileSync(file, 'ttl: 1\n');
    await start();
    writeFileSync(file, 'ttl: 2\n');
    assert.equal(told(watch.reload(), folder), 'ttl 2');
    assert.equal(
      await change(() => setTimeout(() => writeFileSync(file, 'ttl: 3\n'), 300)),
      'ttl 3',
    );
    assert.deepEqual(seen, ['ttl 3']);
  });
});
