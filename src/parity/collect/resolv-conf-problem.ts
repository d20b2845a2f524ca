/** Whether a resolv.conf was read at a bad moment: empty, or cut off while it was being written. Pure. */
import { parseResolvConf } from '../../resolv-conf/resolv-conf.ts';
import type { Problem, SourceFile } from '../surroundings.ts';

const KEYWORDS = ['nameserver', 'search', 'domain', 'options', 'sortlist'];

/**
 * What makes a file unfit for a comparison; undefined where nothing does.
 *
 * A file that is missing is not one: stubs have a rule for it. A last line without a line feed is cut
 * off only if it is also the beginning of something: a keyword's start, or an address's.
 */
export function resolvConfProblem({ path, text }: SourceFile): Problem | undefined {
  if (text === undefined) return undefined;
  if (text.trim() === '') return { thing: path, why: 'is empty: nothing to compare' };
  const last = parseResolvConf(text).lines.at(-1);
  if (last === undefined || last.ending !== '') return undefined;
  const isCutKeyword =
    last.kind === 'unknown' &&
    last.words.length === 0 &&
    KEYWORDS.some((keyword) => keyword.startsWith(last.keyword));
  const isCutValue = last.kind === 'nameserver' && last.problem !== undefined;
  if (!isCutKeyword && !isCutValue) return undefined;
  return {
    thing: path,
    why: `looks half-written: line ${last.number} ends in "${last.text.slice(-40)}"`,
  };
}
