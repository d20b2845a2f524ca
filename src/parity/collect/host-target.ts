/** This host as a target. */
import { hostname } from 'node:os';
import type { Problem } from '../surroundings.ts';
import type { Target } from '../target.ts';
import { hostTree } from './host-tree.ts';
import { detectLibc } from './libc.ts';
import { collectSurroundings } from './surroundings.ts';

/**
 * Reads what decides this host's look-ups. Never rejects for a file that cannot be read.
 *
 * @param environment of the processes that look names up
 */
export async function hostTarget(
  resolvConfPath: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly target: Target; readonly problems: readonly Problem[] }> {
  const tree = hostTree();
  const { surroundings, problems } = await collectSurroundings(tree, {
    ...{ label: '', hostname: hostname(), environment, resolvConfPath },
  });
  const libc = await detectLibc(tree);
  return { target: { kind: 'host', title: 'host', surroundings, libc }, problems };
}
