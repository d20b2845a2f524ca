/** Replays one recorded lookup in the simulators: its own version and every version recorded as alike. */
import { lookUpTwice } from '../stubs/lifetime.ts';
import { createStub, isStubName, type StubName } from '../stubs/registry.ts';
import type { Outcome } from '../stubs/stub.ts';
import { compare } from './compare.ts';
import type { StubCase } from './stub-case.ts';
import type { CaseVerdict } from './verdict.ts';
import { zoneOracle } from './zone-oracle.ts';

/** @returns one verdict per version: the recorded one and those of `also` */
export function replayStubCase(recorded: StubCase): readonly CaseVerdict[] {
  const own = replayVersion(recorded, recorded.id);
  // the wire is the own version's: of the others only queries and result are recorded as the same
  const others = recorded.also.map((resolver) =>
    replayVersion({ ...recorded, resolver, wire: undefined }, `${recorded.id} as ${resolver}`),
  );
  return [own, ...others];
}

function replayVersion(recorded: StubCase, id: string): CaseVerdict {
  const name = recorded.resolver;
  if (!isStubName(name)) return { id, kind: 'unknown', detail: `no simulator for '${name}'` };
  const outcomes = simulate(name, recorded);
  const unknown = outcomes.find((outcome) => outcome.kind === 'unknown');
  if (unknown !== undefined) return { id, kind: 'unknown', detail: unknown.reason };
  const [first, ...rest] = outcomes;
  const possible = [first, ...(first?.alternatives ?? [])].filter((one) => one !== undefined);
  const differences = possible.map((one) => compare(recorded, [one, ...rest]));
  if (differences.includes(undefined)) return { id, kind: 'passed' };
  return { id, kind: 'differs', detail: differences[0] ?? 'no outcome' };
}

function simulate(name: StubName, recorded: StubCase): readonly Outcome[] {
  const { situation, lookup, later } = recorded;
  const oracle = zoneOracle(recorded.zone);
  if (later === undefined) return [createStub(name, situation)(lookup, oracle)];
  return lookUpTwice(name, situation, later.situation, lookup, oracle, later.afterMs);
}
