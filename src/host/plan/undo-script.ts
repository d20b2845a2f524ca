/**
 * The undo of an install as a shell script: for a host from which the program itself was taken away.
 * Coarser than `homeport host uninstall`: a file that somebody edited since is left alone.
 */
import { createHash } from 'node:crypto';
import { FALLBACK_LOCK, STATE_FOLDER } from '../addresses.ts';
import type { Action, Change } from './change.ts';

/** Where a file that an install replaces is kept, under its own inode. */
export function savedName(path: string): string {
  return `${path}.before-homeport`;
}

/** Prints the script for these changes; all of them, or the first few, may have been made. */
export function undoScript(changes: readonly Change[]): string {
  const parts = [...changes].reverse().map((change) => {
    const files = [...change.files].reverse().map(({ path, text, ownMark, alsoOurs = [] }) => {
      const sums = [text, ...alsoOurs].map((ours) =>
        createHash('sha256').update(ours).digest('hex'),
      );
      return `put_back ${quoted(path)} ${quoted(ownMark ?? '')} ${sums.join(' ')}`;
    });
    const folders = [...change.folders]
      .reverse()
      .map(({ path }) => `rmdir ${quoted(path)} 2>/dev/null`);
    return [
      `# ${change.id}`,
      ...commands(change.deactivate),
      ...files,
      ...folders,
      ...commands(change.settle),
    ].join('\n');
  });
  return `${HEAD}\n${parts.join('\n\n')}\n\nrm -rf ${STATE_FOLDER} ${FALLBACK_LOCK}\n`;
}

const HEAD = `#!/bin/sh
# Undoes \`homeport host install\` where there is no homeport any more. Else use \`homeport host uninstall\`.
PATH=/usr/sbin:/usr/bin:/sbin:/bin

# put_back FILE MARK SUM...: if FILE is still as homeport wrote it.
put_back() {
  file=$1 mark=$2
  shift 2
  [ -f "$file" ] && [ ! -L "$file" ] || return 0
  sum=$(sha256sum <"$file" | cut -d' ' -f1)
  case " $* " in
    *" $sum "*) ;;
    *) [ -n "$mark" ] && [ "$(head -n 1 "$file" | cut -c "1-\${#mark}")" = "$mark" ] || return 0 ;;
  esac
  if [ -e "$file.before-homeport" ] || [ -L "$file.before-homeport" ]; then
    mv -f -T "$file.before-homeport" "$file"
  else
    rm -f "$file"
  fi
}
`;

/** The engine's settings go back, its restart is left to whoever reads this. */
function commands(actions: readonly Action[]): readonly string[] {
  return actions.flatMap((action) =>
    action.kind === 'run' ? [`${action.argv.map(quoted).join(' ')} 2>/dev/null`] : [],
  );
}

/** A word for sh, whatever it holds. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
