/** Proves an install by asking, not by reading. */
import { codeOf, messageOf } from '../../errors.ts';
import { collectResolved } from '../collect/resolved.ts';
import type { Machine } from '../machine.ts';
import { startCanaries } from './canary.ts';
import { type Check, skipped } from './check.ts';
import { gapChecks } from './gap.ts';
import { absentNameCheck, addressChecks, canaryChecks } from './look-ups.ts';

export interface VerifySettings {
  readonly searchDomains: readonly string[];
  readonly expected: readonly string[];
  readonly worldName: string;
  /** Stop homeport for a moment. */
  readonly stopsHomeport: boolean;
}

/**
 * Makes all checks one after another.
 *
 * @param onCheck told of each as soon as it is known
 */
export async function verify(
  machine: Machine,
  settings: VerifySettings,
  onCheck: (check: Check) => void,
): Promise<readonly Check[]> {
  const checks: Check[] = [];
  const add = (some: readonly Check[]): void => {
    for (const check of some) {
      checks.push(check);
      onCheck(check);
    }
  };
  add(await addressChecks());
  const isResolvedActive = (await collectResolved(machine))?.isActive === true;
  const canaries = await startCanaries(machine);
  if (typeof canaries === 'string') {
    add([skipped('canary', 'every kind of client finds a container', canaries)]);
  } else {
    try {
      add(
        await canaryChecks(machine, canaries, {
          searchDomains: settings.searchDomains,
          isResolvedActive,
        }),
      );
    } finally {
      await canaries.remove();
    }
  }
  add([await absentNameCheck(machine)]);
  if (settings.stopsHomeport) add(await safely(() => gapChecks(machine, settings)));
  return checks;
}

async function safely(check: () => Promise<readonly Check[]>): Promise<readonly Check[]> {
  try {
    return await check();
  } catch (error) {
    const claim = 'an outage of homeport is measured';
    return [skipped('gap', claim, `${codeOf(error) ?? 'error'}: ${messageOf(error)}`)];
  }
}
