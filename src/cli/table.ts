/** Columns of text, aligned. */
import { stripVTControlCharacters } from 'node:util';

const GAP = '  ';
/** Below this a column says nothing. */
const MIN_WIDTH = 12;

/**
 * Aligns rows. The last column is as long as it likes; on a narrow terminal it is cut.
 *
 * @param rows cells, which may be coloured; shorter rows have empty cells at their end
 * @param columns of the terminal, or Infinity
 * @returns lines, each with its end
 */
export function table(rows: readonly (readonly string[])[], columns: number): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
    });
  }
  const last = widths.length - 1;
  const before = widths.slice(0, last).reduce((sum, width) => sum + width + GAP.length, 0);
  const room = Math.max(MIN_WIDTH, columns - before);
  return rows
    .map((row) => {
      const cells = row.map((cell, column) =>
        column === last ? cut(cell, room) : padded(cell, widths[column] ?? 0),
      );
      return `${cells.join(GAP).trimEnd()}\n`;
    })
    .join('');
}

/** Columns that a text takes: what DNS and Docker name is one column a character. */
export function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}

function padded(cell: string, width: number): string {
  return cell + ' '.repeat(Math.max(0, width - widthOf(cell)));
}

/** A cut text loses its colour: half a colour code is worse. */
function cut(cell: string, room: number): string {
  return widthOf(cell) <= room ? cell : `${stripVTControlCharacters(cell).slice(0, room - 1)}…`;
}
