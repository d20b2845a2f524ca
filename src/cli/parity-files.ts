/** The files that `homeport parity` is given: an application's configurations, resolv.conf files. */
import { basename, dirname, resolve } from 'node:path';
import { MAX_TEXT_BYTES, readText } from '../parity/collect/file-tree.ts';
import { hostTree } from '../parity/collect/host-tree.ts';
import { resolvConfProblem } from '../parity/collect/resolv-conf-problem.ts';
import { type Mention, mentionsIn } from '../parity/names-from/mentions.ts';
import type { Problem } from '../parity/surroundings.ts';
import type { Target } from '../parity/target.ts';

const MAX_SOURCE_BYTES = 16 * 1024 * 1024;

/** The host names in configuration files, and notes on how they were read. Never rejects. */
export async function namesFrom(
  files: readonly string[],
  problems: Problem[],
): Promise<{ readonly mentions: readonly Mention[]; readonly notes: readonly string[] }> {
  const mentions: Mention[] = [];
  const notes: string[] = [];
  for (const file of files) {
    const read = await readText(hostTree(), resolve(file), MAX_SOURCE_BYTES);
    if (read.kind !== 'text') {
      problems.push({ thing: file, why: read.kind === 'missing' ? 'does not exist' : read.why });
      continue;
    }
    const scan = mentionsIn(file, read.text);
    mentions.push(...scan.mentions);
    if (scan.note !== undefined) notes.push(scan.note);
  }
  return { mentions, notes };
}

/** A resolv.conf by itself: the other files beside it are taken as absent. */
export async function fileTargets(
  paths: readonly string[],
  problems: Problem[],
): Promise<readonly Target[]> {
  const targets: Target[] = [];
  for (const path of paths) {
    const tree = hostTree(dirname(resolve(path)));
    const read = await readText(tree, basename(path), MAX_TEXT_BYTES);
    if (read.kind !== 'text') {
      problems.push({ thing: path, why: read.kind === 'missing' ? 'does not exist' : read.why });
      continue;
    }
    const resolvConf = { path, text: read.text };
    const oddity = resolvConfProblem(resolvConf);
    if (oddity !== undefined) {
      problems.push(oddity);
      continue;
    }
    const absent = (name: string) => ({ path: `${path}: ${name}`, text: undefined });
    targets.push({
      kind: 'file',
      title: path,
      libc: undefined,
      surroundings: {
        resolvConf,
        nsswitch: absent('nsswitch.conf'),
        hosts: absent('hosts'),
        hostConf: absent('host.conf'),
        hostname: '',
        environment: {},
        aliases: undefined,
        nssModules: [],
      },
    });
  }
  return targets;
}
