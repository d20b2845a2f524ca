/** Stubs that draw lots: every sequence of draws is played, so that all outcomes are known. */
import { BeyondMeasured, type Outcome } from './stub.ts';

/** More outcomes than this are too many to be useful. */
const maxOutcomes = 64;

/**
 * Plays a lookup once for every sequence of draws it makes.
 *
 * @param play one lookup; `draw(count)` gives an index below `count`
 * @returns the outcome in which every lot is 0, the others as its alternatives
 * @throws BeyondMeasured where there are too many
 */
export function playAllDraws(play: (draw: (count: number) => number) => Outcome): Outcome {
  const outcomes: Outcome[] = [];
  let lots: { index: number; count: number }[] | undefined = [];
  while (lots !== undefined) {
    if (outcomes.length === maxOutcomes) throw new BeyondMeasured('too many lots are drawn');
    const drawn: { index: number; count: number }[] = lots;
    let used = 0;
    outcomes.push(
      play((count) => {
        const lot = drawn[used] ?? { index: 0, count };
        drawn[used++] = lot;
        return lot.index;
      }),
    );
    lots = following(drawn.slice(0, used));
  }
  const [first, ...alternatives] = outcomes;
  if (first === undefined) throw new BeyondMeasured('no outcome');
  return alternatives.length === 0 ? first : { ...first, alternatives };
}

/** The next sequence in counting order, or undefined after the last. */
function following(
  lots: readonly { readonly index: number; readonly count: number }[],
): { index: number; count: number }[] | undefined {
  const last = lots.findLastIndex(({ index, count }) => index + 1 < count);
  if (last < 0) return undefined;
  return lots
    .slice(0, last + 1)
    .map((lot, at) => ({ ...lot, index: lot.index + (at === last ? 1 : 0) }));
}
