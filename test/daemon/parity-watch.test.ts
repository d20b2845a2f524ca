/** When the parity watch checks, and what it says of it; the checks are scripted, the clock is a fake. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import pino from 'pino';
import type { ParityReport } from '../../src/control/reports.ts';
import { ParityWatch } from '../../src/daemon/parity-watch.ts';

const SOURCES = { production: '/etc/homeport/production.yaml', resolvConf: '/etc/resolv.conf' };
const WATCHED = [
  '/etc/hosts',
  '/etc/homeport/production.yaml',
  '/etc/nsswitch.conf',
  '/etc/resolv.conf',
];

function report(verdict: ParityReport['verdict'], error = 0): ParityReport {
  return {
    verdict,
    checkedAt: new Date().toISOString(),
    counts: { error, warning: 0, notice: 0 },
    findings: [],
    problems: [],
  };
}

/** A watch whose checks are scripted, and what it did. */
class Scene {
  /** When each check began, in ms. */
  readonly checkedAt: number[] = [];
  readonly logged: { level: string; verdict: string; before: string | null }[] = [];
  readonly told: string[] = [];
  readonly files = new Map<string, () => void>();
  /** What the next checks find; the last one goes on. */
  finds: (ParityReport | Error)[] = [report('parity')];
  takesMs = 0;
  readonly watch: ParityWatch;

  constructor() {
    const lines = { write: (line: string) => void this.logged.push(lineOf(line)) };
    this.watch = new ParityWatch({
      log: pino({ formatters: { level: (level) => ({ level }) } }, lines),
      check: () => this.#check(),
      changed: ({ verdict, counts }) => this.told.push(`${verdict} ${counts.error}`),
      watchFile: (path, onChange) => {
        this.files.set(path, onChange);
        return { read: async () => onChange(), close: async () => void this.files.delete(path) };
      },
      nowMs: () => Date.now(),
    });
  }

  async #check(): Promise<ParityReport> {
    this.checkedAt.push(Date.now());
    const found = this.finds.length > 1 ? this.finds.shift() : this.finds[0];
    if (this.takesMs > 0) await new Promise((resolve) => setTimeout(resolve, this.takesMs));
    if (found === undefined || found instanceof Error) throw found;
    return found;
  }

  /** Lets time go by, and `each` happen every 100 ms. */
  async pass(ms: number, each: () => void = () => undefined): Promise<void> {
    for (let gone = 0; gone < ms; gone += 100) {
      each();
      mock.timers.tick(100);
      await new Promise(setImmediate);
    }
  }

  get verdicts(): string[] {
    return this.logged.map(({ level, verdict, before }) => `${level} ${before} -> ${verdict}`);
  }
}

function lineOf(line: string): Scene['logged'][number] {
  const { level, verdict, before } = JSON.parse(line);
  return { level, verdict, before };
}

let scene: Scene;

describe('ParityWatch', () => {
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 0 });
    scene = new Scene();
  });
  afterEach(() => {
    scene.watch.close();
    mock.timers.reset();
  });

  it('does nothing and says nothing where no production is configured', async () => {
    scene.watch.configure({ ...SOURCES, production: null });
    scene.watch.touch();
    await scene.pass(60_000);
    assert.deepEqual(scene.checkedAt, []);
    assert.equal(scene.watch.report, undefined);
    assert.equal(scene.files.size, 0);
  });

  it('checks once after the start, and never again while nothing changes', async () => {
    scene.watch.configure(SOURCES);
    const first = scene.watch.report;
    assert.equal(first, null);
    await scene.pass(360_000);
    assert.deepEqual(scene.checkedAt, [2_000]);
    assert.equal(scene.watch.report?.verdict, 'parity');
    assert.deepEqual(scene.verdicts, ['info null -> parity']);
  });

  it('watches the files that decide', () => {
    scene.watch.configure(SOURCES);
    assert.deepEqual([...scene.files.keys()].sort(), [...WATCHED].sort());
  });

  for (const path of WATCHED) {
    it(`checks again when ${path} changes`, async () => {
      scene.watch.configure(SOURCES);
      await scene.pass(5_000);
      scene.files.get(path)?.();
      await scene.pass(5_000);
      assert.deepEqual(scene.checkedAt, [2_000, 7_000]);
    });
  }

  it('watches another profile once the configuration names it', async () => {
    scene.watch.configure(SOURCES);
    await scene.pass(5_000);
    scene.watch.configure({ ...SOURCES, production: '/srv/profile.yaml' });
    await scene.pass(5_000);
    assert.deepEqual(scene.checkedAt, [2_000, 7_000]);
    assert.ok(scene.files.has('/srv/profile.yaml'));
    assert.ok(!scene.files.has(SOURCES.production));
  });

  it('waits until changes have come to rest', async () => {
    scene.watch.configure(SOURCES);
    await scene.pass(20_000);
    await scene.pass(3_000, () => scene.watch.touch());
    await scene.pass(10_000);
    assert.deepEqual(scene.checkedAt, [2_000, 24_900]);
  });

  it('checks every ten seconds or so where changes do not end', async () => {
    scene.watch.configure(SOURCES);
    await scene.pass(120_000, () => scene.watch.touch());
    const { length } = scene.checkedAt;
    assert.ok(length >= 9 && length <= 14, scene.checkedAt.join(' '));
  });

  it('checks a few single changes at once, and more of them every ten seconds', async () => {
    scene.watch.configure(SOURCES);
    let count = 0;
    await scene.pass(120_000, () => {
      if (count++ % 25 === 0) scene.watch.touch();
    });
    const { length } = scene.checkedAt;
    assert.ok(length >= 11 && length <= 16, scene.checkedAt.join(' '));
    assert.deepEqual(scene.checkedAt.slice(0, 3), [2_000, 4_500, 7_000]);
  });

  it('runs one check at a time, and rests after a long one', async () => {
    scene.takesMs = 20_000;
    scene.watch.configure(SOURCES);
    await scene.pass(300_000, () => scene.watch.touch());
    const gaps = scene.checkedAt.map((at, index) => at - (scene.checkedAt[index - 1] ?? 0));
    assert.ok(gaps.slice(1).every((gap) => gap >= 20_000 + 2_000));
    assert.ok(scene.checkedAt.length <= 5, scene.checkedAt.join(' '));
  });

  it('checks again what changed during a check', async () => {
    scene.takesMs = 1_000;
    scene.watch.configure(SOURCES);
    await scene.pass(2_500);
    scene.watch.touch();
    await scene.pass(10_000);
    assert.deepEqual(scene.checkedAt, [2_000, 4_500]);
  });

  it('logs a change of verdict once, and tells a change of counts too', async () => {
    scene.finds = [
      report('parity'),
      report('differs', 1),
      report('differs', 1),
      report('differs', 2),
      report('parity'),
    ];
    scene.watch.configure(SOURCES);
    for (let round = 0; round < 5; round++) {
      await scene.pass(30_000);
      scene.watch.touch();
    }
    assert.deepEqual(scene.verdicts, [
      'info null -> parity',
      'warn parity -> differs',
      'info differs -> parity',
    ]);
    assert.deepEqual(scene.told, ['parity 0', 'differs 1', 'differs 2', 'parity 0']);
  });

  it('takes a check that fails for a verdict, and recovers', async () => {
    scene.finds = [new Error('the thread ended'), report('parity')];
    scene.watch.configure(SOURCES);
    await scene.pass(5_000);
    assert.deepEqual(scene.watch.report?.problems, ['the thread ended']);
    scene.watch.touch();
    await scene.pass(5_000);
    assert.deepEqual(scene.verdicts, [
      'warn null -> could not check',
      'info could not check -> parity',
    ]);
  });

  it('does not tell what could not be read because it changed meanwhile', async () => {
    scene.takesMs = 1_000;
    scene.finds = [report('parity'), report('could not check'), report('parity')];
    scene.watch.configure(SOURCES);
    await scene.pass(10_000);
    scene.watch.touch();
    await scene.pass(2_500);
    scene.watch.touch();
    await scene.pass(30_000);
    assert.equal(scene.checkedAt.length, 3);
    assert.deepEqual(scene.told, ['parity 0']);
  });

  it('tells it where that does not end', async () => {
    scene.takesMs = 1_000;
    scene.finds = [report('parity'), report('could not check')];
    scene.watch.configure(SOURCES);
    await scene.pass(10_000);
    await scene.pass(60_000, () => scene.watch.touch());
    assert.deepEqual(scene.told, ['parity 0', 'could not check 0']);
  });

  it('forgets the verdict when production is configured no more', async () => {
    scene.watch.configure(SOURCES);
    await scene.pass(5_000);
    scene.watch.touch();
    scene.watch.configure({ ...SOURCES, production: null });
    await scene.pass(60_000);
    assert.equal(scene.watch.report, undefined);
    assert.equal(scene.files.size, 0);
    assert.deepEqual(scene.checkedAt, [2_000]);
  });

  it('takes no result after it was closed', async () => {
    scene.takesMs = 1_000;
    scene.watch.configure(SOURCES);
    await scene.pass(2_500);
    scene.watch.close();
    await scene.pass(5_000);
    assert.deepEqual(scene.told, []);
    assert.equal(scene.files.size, 0);
  });
});
