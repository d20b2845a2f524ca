/** Differences that somebody has taken on: with a reason, and until a day. */
import type { AcceptedDifference } from '../inputs.ts';
import { type Finding, type FindingKind, fact, findingMaker } from './finding.ts';

const kinds = [
  {
    id: 'accept-expired',
    severity: 'warning',
    title: 'an accepted difference has expired',
    impact: 'It counts as a difference again.',
    fix: 'Remove the difference, or set a later `until` under `parity.accept` with a reason that still holds.',
    why: 'Every acceptance has a last day, so that none is kept by oversight.',
  },
  {
    id: 'accept-unused',
    severity: 'notice',
    title: 'an accepted difference that is not there',
    impact: 'None; the entry would hide the difference should it come back.',
    fix: 'Remove the entry from `parity.accept`.',
    why: 'No finding of this check has that id, name and target.',
  },
] as const satisfies readonly FindingKind[];
const found = findingMaker(kinds);

/** Kinds that the list of accepted differences itself can give. */
export const acceptedKinds: readonly FindingKind[] = kinds;

/** A finding that does not count, and why. */
export interface AcceptedFinding extends Finding {
  readonly accepted: { readonly reason: string; readonly until: string };
}

/** Findings sorted by whether somebody accepted them. */
export interface SortedFindings {
  readonly open: readonly Finding[];
  readonly accepted: readonly AcceptedFinding[];
}

/**
 * Sorts findings. Of a finding on several names, only the accepted names are taken off. Pure.
 *
 * @param now an acceptance holds through the whole day `until`, UTC
 */
export function sortAccepted(
  findings: readonly Finding[],
  accept: readonly AcceptedDifference[],
  now: Date,
): SortedFindings {
  const today = now.toISOString().slice(0, 'yyyy-mm-dd'.length);
  const open: Finding[] = [];
  const accepted: AcceptedFinding[] = [];
  const used = new Set<AcceptedDifference>();
  for (const finding of findings) {
    let rest = finding;
    for (const entry of accept.filter((candidate) => matches(candidate, finding))) {
      used.add(entry);
      if (entry.until < today) continue;
      const { name, reason, until } = entry;
      if (name === undefined) {
        accepted.push({ ...rest, accepted: { reason, until } });
        rest = { ...rest, names: [], message: '' };
        break;
      }
      accepted.push({ ...rest, names: [name], accepted: { reason, until } });
      rest = { ...rest, names: rest.names.filter((other) => other !== name) };
      if (rest.names.length === 0) rest = { ...rest, message: '' };
    }
    if (rest.message !== '') open.push(rest);
  }
  return { open: [...open, ...expired(accept, used, today), ...unused(accept, used)], accepted };
}

function expired(
  accept: readonly AcceptedDifference[],
  used: ReadonlySet<AcceptedDifference>,
  today: string,
): readonly Finding[] {
  return accept
    .filter((entry) => used.has(entry) && entry.until < today)
    .map((entry) =>
      entryFinding('accept-expired', entry, `${entry.id} was accepted until ${entry.until}`),
    );
}

function unused(
  accept: readonly AcceptedDifference[],
  used: ReadonlySet<AcceptedDifference>,
): readonly Finding[] {
  return accept
    .filter((entry) => !used.has(entry))
    .map((entry) =>
      entryFinding('accept-unused', entry, `${entry.id} is accepted, but was not found`),
    );
}

function entryFinding(
  id: 'accept-expired' | 'accept-unused',
  entry: AcceptedDifference,
  message: string,
): Finding {
  return found(id, entry.target ?? 'homeport', {
    names: entry.name === undefined ? [] : [entry.name],
    message,
    evidence: [fact(`parity.accept: ${entry.id}, reason: ${entry.reason}`)],
  });
}

function matches({ id, name, target }: AcceptedDifference, finding: Finding): boolean {
  return (
    id === finding.id &&
    (name === undefined || finding.names.includes(name)) &&
    (target === undefined || target === finding.target || `container ${target}` === finding.target)
  );
}
