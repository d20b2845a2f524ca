/** All kinds of findings, and the finders that make them. */
import { acceptedKinds } from './accepted.ts';
import { answerFamily } from './answers.ts';
import type { CheckContext, Family } from './context.ts';
import { dockerFamily } from './docker.ts';
import type { Finding, FindingKind } from './finding.ts';
import { liveFamily } from './live.ts';
import { nameFamily } from './names.ts';
import { ndotsFamily } from './ndots.ts';
import { searchFamily } from './search.ts';
import { serverFamily } from './servers.ts';
import { sourceFamily } from './sources.ts';
import { syntaxFamily } from './syntax.ts';
import { timeFamily } from './time.ts';

/** In the order of a report: what matters most first. */
const families: readonly Family[] = [
  nameFamily,
  serverFamily,
  dockerFamily,
  searchFamily,
  ndotsFamily,
  sourceFamily,
  syntaxFamily,
  answerFamily,
  timeFamily,
  liveFamily,
];

/** Every kind of finding there is, by its id in `--explain`. */
export const findingKinds: readonly FindingKind[] = [
  ...families.flatMap(({ kinds }) => kinds),
  ...acceptedKinds,
];

/** What a kind means; undefined for an id that is none. */
export function findingKind(id: string): FindingKind | undefined {
  return findingKinds.find((kind) => kind.id === id);
}

/** Everything that can be found in a check. */
export function allFindings(context: CheckContext): readonly Finding[] {
  return families.flatMap((family) => [
    ...(family.inCheck?.(context) ?? []),
    ...context.targets.flatMap((target) => family.inTarget?.(target) ?? []),
  ]);
}
