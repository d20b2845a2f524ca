/** Which measured engine a version behaves like. Only what was recorded is simulated (resolver-semantics section 11). */

/** The engines whose files and resolver were recorded: dockerd 20.10.24 and 26.1.5. */
export type MeasuredEngine = '20.10' | '26.1';

/**
 * The measured engine that a version belongs to. Never throws.
 *
 * @param version as `docker version` or a recording says it: `20.10.24+dfsg1`, `dockerd-26.1.5`
 * @returns undefined for every release line that was not recorded: nothing is guessed from its neighbours
 */
export function measuredEngine(version: string): MeasuredEngine | undefined {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === '20' && minor === '10') return '20.10';
  if (major === '26' && minor === '1') return '26.1';
  return undefined;
}
