/** Writes into a page what its commands printed: `HOMEPORT_WRITE_PAGES=1 node --import tsx --test FILE`. */
import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Puts the printed lines below their commands.
 *
 * @param printed of each `$ ` command of the page's console blocks, in order
 */
export function writePage(file: string, printed: readonly (readonly string[])[]): void {
  let at = 0;
  const parts = readFileSync(file, 'utf8').split(/^(```console\n[\s\S]*?^```$)/m);
  const written = parts.map((part) => {
    if (!part.startsWith('```console\n')) return part;
    const commands = part.split('\n').filter((line) => /^[$>] /.test(line));
    const lines = commands.flatMap((line, i) => {
      const isWhole = commands[i + 1]?.startsWith('> ') !== true;
      return isWhole ? [line, ...(printed[at++] ?? [])] : [line];
    });
    return ['```console', ...lines, '```'].join('\n');
  });
  writeFileSync(file, written.join(''));
}
