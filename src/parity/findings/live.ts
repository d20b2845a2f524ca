/** Findings of `--live`: where simulation and reality, or two real answers, disagree. */
import type { Family } from './context.ts';
import { type Finding, type FindingKind, fact, findingMaker } from './finding.ts';

const kinds = [
  {
    id: 'live-disagrees',
    severity: 'warning',
    title: 'a real look-up ends otherwise than simulated',
    impact: 'The report does not describe this host: something else takes part in its look-ups.',
    fix: 'Look for what was not read: an NSS module, a cache, a firewall, a server that answers differently by client. Then capture the profile again.',
    why: 'With `--live` the same look-ups are really made.',
  },
  {
    id: 'live-leak',
    severity: 'error',
    title: "a real look-up returned production's address",
    impact: 'A test that starts now connects to production.',
    fix: 'See the findings on servers of the same target.',
    why: "The host's own getaddrinfo was asked.",
  },
  {
    id: 'live-unanswered',
    severity: 'warning',
    title: 'a server did not answer a real query',
    impact: 'Look-ups that reach it wait for their time-out.',
    fix: 'Check that the server runs and that its address is right.',
    why: 'It was asked by plain DNS over UDP.',
  },
] as const satisfies readonly FindingKind[];
const found = findingMaker(kinds);

/** What a real look-up gave beside the simulated one. */
export interface LiveResult {
  readonly name: string;
  /** who was asked: `getaddrinfo`, `homeport 127.53.0.1`, `production 10.0.0.2` */
  readonly through: string;
  /** what was expected from simulation or profile; undefined where neither says anything */
  readonly simulated?: string | undefined;
  readonly real: string;
  readonly verdict: 'agrees' | 'disagrees' | 'leak' | 'unanswered';
}

/** The family of live look-ups. */
export const liveFamily: Family = {
  kinds,
  inCheck: ({ inputs }) => (inputs.live ?? []).flatMap((result) => findingOf(result)),
};

function findingOf(result: LiveResult): readonly Finding[] {
  const { name, through, simulated, real } = result;
  const what = {
    names: [name],
    message: `${name} through ${through}: ${real}${simulated === undefined ? '' : `, simulated ${simulated}`}`,
    evidence: [
      fact(`${through} says ${real}`),
      ...(simulated === undefined ? [] : [fact(`simulated: ${simulated}`)]),
    ],
  };
  switch (result.verdict) {
    case 'agrees':
      return [];
    case 'disagrees':
      return [found('live-disagrees', 'host', what)];
    case 'leak':
      return [found('live-leak', 'host', what)];
    case 'unanswered':
      return [found('live-unanswered', 'host', what)];
  }
}
