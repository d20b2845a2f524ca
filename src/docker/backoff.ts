/** How long to wait before the next try. Pure. */

const FIRST_MS = 50;
const LONGEST_MS = 5000;

/**
 * The wait after so many failures in a row: 50 ms, doubled each time up to 5 s, of which a random half
 * is left out so that many hosts do not come back at once.
 *
 * @param failures 1 for the first
 * @param random in [0, 1)
 */
export function backoffMs(failures: number, random: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.max(0, failures - 1));
  return full * (0.5 + random / 2);
}
