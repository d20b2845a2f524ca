/** Production's profile, read from its file. */
import { resolve } from 'node:path';
import { HomeportError } from '../../errors.ts';
import { type Profile, parseProfile } from '../profile/profile.ts';
import type { Problem } from '../surroundings.ts';
import { readText } from './file-tree.ts';
import { hostTree } from './host-tree.ts';
import { resolvConfProblem } from './resolv-conf-problem.ts';

const MAX_PROFILE_BYTES = 16 * 1024 * 1024;

/** What a profile's file gave; undefined where it cannot be used, and then a problem says why. */
export interface ProductionRead {
  readonly profile: Profile | undefined;
  readonly problems: readonly Problem[];
}

/** Reads production's profile, or its resolv.conf. Never rejects. */
export async function productionProfile(path: string): Promise<ProductionRead> {
  const read = await readText(hostTree(), resolve(path), MAX_PROFILE_BYTES);
  if (read.kind !== 'text') {
    const why = read.kind === 'missing' ? 'does not exist' : read.why;
    return { profile: undefined, problems: [{ thing: `production's profile ${path}`, why }] };
  }
  try {
    const profile = parseProfile(path, read.text);
    const { resolvConf } = profile.surroundings;
    const problems = [resolvConfProblem(resolvConf)].filter((problem) => problem !== undefined);
    if (resolvConf.text === undefined) problems.push({ thing: path, why: 'holds no resolv.conf' });
    return { profile, problems };
  } catch (error) {
    if (!(error instanceof HomeportError)) throw error;
    const problem = { thing: "production's profile:", why: error.message };
    return { profile: undefined, problems: [problem] };
  }
}
