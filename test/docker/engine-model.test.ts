import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ModelledEngine } from '../support/engine/modelled.ts';
import { seeded } from '../support/engine/seeded.ts';
import type { Generation } from '../support/engine/simulated.ts';

const OPERATIONS = [
  'create',
  'run',
  'start',
  'stop',
  'kill',
  'exit',
  'restart',
  'remove',
  'rename',
  'pause',
  'connect',
  'disconnect',
  'cut',
] as const;

interface Operation {
  readonly kind: (typeof OPERATIONS)[number];
  readonly target: number;
  readonly network: number;
  readonly gapMs: number;
}

const operation: fc.Arbitrary<Operation> = fc.record({
  // What happens while the stream is cut is what gets lost.
  kind: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...OPERATIONS) },
    fc.constant('cut' as const),
  ),
  target: fc.nat(4),
  network: fc.nat(2),
  gapMs: fc.oneof(
    fc.constant(0),
    fc.integer({ min: 1, max: 20 }),
    fc.integer({ min: 50, max: 400 }),
  ),
});

/** Long after every operation's end. */
const QUIET_MS = 5000;

describe('the model of an engine, after any sequence of events', () => {
  for (const generation of ['20.10', '28.5'] as const) {
    it(`shows what a fresh list of ${generation} gives`, () => {
      fc.assert(
        fc.property(
          fc.array(operation, { maxLength: 40, size: 'max' }),
          fc.nat(),
          (operations, seed) => {
            const { engine, sink } = played(generation, operations, seed);
            assert.deepEqual(sink.table(), engine.truth());
            assert.deepEqual([...sink.touches], [], 'no name waits for ever');
          },
        ),
        { numRuns: 500 },
      );
    });

    it(`has the right answer for the first query after a start or stop of ${generation} returned`, () => {
      fc.assert(
        fc.property(
          fc.array(operation, { maxLength: 30, size: 'max' }),
          fc.nat(),
          (operations, seed) => {
            const problems: string[] = [];
            const whole = operations.filter((at) => at.kind !== 'cut');
            played(generation, whole, seed, (problem) => problems.push(problem));
            assert.deepEqual(problems, []);
          },
        ),
        { numRuns: 500, includeErrorInReport: true },
      );
    });
  }
});

/** Plays the operations on a simulated engine until all is quiet. */
function played(
  generation: Generation,
  operations: readonly Operation[],
  seed: number,
  report: (problem: string) => void = () => undefined,
): ModelledEngine {
  const watched = new ModelledEngine(generation, seeded(seed));
  const { engine } = watched;
  const versions = new Map<string, number>();
  let names = 0;
  watched.open();
  engine.advance(50);
  for (const { kind, target, network, gapMs } of operations) {
    const ids = engine.containerIds;
    const id = ids[target % Math.max(1, ids.length)];
    if (kind === 'create' || kind === 'run') {
      const made = engine.create(`c${names++}`, network, names % 2 ? ['web'] : []);
      if (kind === 'run') {
        const checked = expectRight(watched, versions, made, report);
        engine.after(12, () => engine.start(made, checked));
      }
    } else if (kind === 'cut') {
      watched.cut();
      engine.after(1 + gapMs, () => watched.open());
      engine.advance(engine.now + 1 + gapMs);
    } else if (id !== undefined) {
      const returned = expectRight(watched, versions, id, report);
      if (kind === 'start') engine.start(id, returned);
      if (kind === 'stop') engine.stop(id, 'stop', returned);
      if (kind === 'kill') engine.stop(id, 'kill', returned);
      if (kind === 'exit') engine.stop(id, 'itself');
      if (kind === 'restart') engine.restart(id);
      if (kind === 'remove') engine.remove(id);
      if (kind === 'rename') engine.rename(id, `r${names++}`);
      if (kind === 'pause') engine.pause(id);
      if (kind === 'connect') engine.connect(id, network, ['extra']);
      if (kind === 'disconnect') engine.disconnect(id, network);
    }
    engine.advance(engine.now + gapMs);
  }
  engine.advance(engine.now + QUIET_MS);
  // As the edge does at `nextMs`.
  watched.turn();
  assert.ok(engine.isQuiet, 'nothing is left to happen');
  return watched;
}

/**
 * For a call that is about to be made: what to do when it returns. A client asks at once; an unknown
 * name makes the server look, a known one is answered 3 ms later unless it waits.
 */
function expectRight(
  watched: ModelledEngine,
  versions: Map<string, number>,
  id: string,
  report: (problem: string) => void,
): () => void {
  const { engine, sink } = watched;
  const version = (versions.get(id) ?? 0) + 1;
  versions.set(id, version);
  const check = (when: string) => {
    if (versions.get(id) !== version) return;
    const [told, truth] = [sink.table()[id], engine.truth()[id]];
    const isRight = JSON.stringify(told?.addresses) === JSON.stringify(truth?.addresses);
    // An unknown name is looked for; a known one is answered unless it waits.
    const looks = !told || told.names.some((name) => sink.isWaiting(name, engine.now));
    if (!isRight && !(when === 'soon' && looks)) {
      report(`${when}: ${JSON.stringify(told)} instead of ${JSON.stringify(truth)}`);
    }
  };
  return () => {
    watched.refresh(() => check('after a look'));
    engine.after(3.01, () => check('soon'));
  };
}
