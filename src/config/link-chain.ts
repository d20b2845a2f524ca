/** The way from a path to its file through symbolic links, so that a change of any of them is seen. */
import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';

/** What must be watched to see every change of a file. */
export interface LinkChain {
  /** Existing directories in which something on the way is. */
  readonly directories: readonly string[];
  /** The links on the way, and its end: the file, or the first part that does not exist. */
  readonly entries: readonly string[];
}

/** path_resolution(7): Linux gives up after 40 links. */
const MAX_LINKS = 40;

/** Follows a path, link by link. Never throws: where the way ends, what is known is given. */
export function linkChain(path: string): LinkChain {
  const entries = new Set<string>();
  let rest = partsOf(resolve(path));
  let at: string = sep;
  for (let links = 0; links <= MAX_LINKS; ) {
    const part = rest.shift();
    if (part === undefined) break;
    const here = join(at, part);
    const kind = kindOf(here);
    if (kind === 'link') {
      links++;
      entries.add(here);
      rest = [...partsOf(resolve(at, readlinkSync(here))), ...rest];
      at = sep;
      continue;
    }
    if (kind === 'none' || rest.length === 0) {
      entries.add(here);
      break;
    }
    at = here;
  }
  const directories = new Set([...entries].map((entry) => dirname(entry)));
  return { directories: [...directories], entries: [...entries] };
}

function partsOf(path: string): string[] {
  return path.split(sep).filter((part) => part !== '');
}

function kindOf(path: string): 'link' | 'other' | 'none' {
  try {
    return lstatSync(path).isSymbolicLink() ? 'link' : 'other';
  } catch {
    return 'none';
  }
}
