/** Replays one recorded lookup in the simulators: its own version and every version recorded as alike. */
import { createStub, isStubName } from '../stubs/registry.ts';
import type { Outcome } from '../stubs/stub.ts';
import { compare } from './compare.ts';
import type { StubCase } from './stub-case.ts';
import type { CaseVerdict } from './verdict.ts';
import { zoneOracle } from './zone-oracle.ts';

/** @returns one verdict per version: the recorded one and those of `also` */
export function replayStubCase(recorded: StubCase): readonly CaseVerdict[] {
  return [recorded.resolver, ...recorded.also].map((resolver) =>
    replayVersion({ ...recorded, resolver }, resolver === recorded.resolver),
  );
}

function replayVersion(recorded: StubCase, isOwn: boolean): CaseVerdict {
  const id = isOwn ? recorded.id : `${recorded.id} as ${recorded.resolver}`;
  const name = recorded.resolver;
  if (!isStubName(name)) return { id, kind: 'unknown', detail: `no simulator for '${name}'` };
  const oracle = zoneOracle(recorded.zone);
  const outcome = createStub(name, recorded.situation)(recorded.lookup, oracle);
  const possible = [outcome, ...(outcome.alternatives ?? [])];
  const comparable =
    recorded.wire !== undefined && !isOwn ? { ...recorded, wire: undefined } : recorded;
  const differences = possible.map((one) => compare(comparable, [one]));
  if (differences.includes(undefined)) return { id, kind: 'passed' };
  return verdictOf(id, outcome, differences[0] ?? '');
}

function verdictOf(id: string, outcome: Outcome, difference: string): CaseVerdict {
  return outcome.kind === 'unknown'
    ? { id, kind: 'unknown', detail: outcome.reason }
    : { id, kind: 'differs', detail: difference };
}
