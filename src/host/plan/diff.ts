/** A unified diff of two texts, for people who decide whether a file may be changed. Pure. */
import { splitLines } from '../../resolv-conf/resolv-conf.ts';

/** Lines that show where a change is. */
const CONTEXT_LINES = 3;
/** Beyond this the table of the comparison would take megabytes; such a file is shown as replaced. */
const MAX_CELLS = 4_000_000;

interface Edit {
  readonly mark: ' ' | '-' | '+';
  readonly text: string;
}

/**
 * The difference in the form of `diff -u`.
 *
 * @param before null: the file does not exist
 * @param after null: the file goes
 * @returns '' where nothing differs
 */
export function unifiedDiff(path: string, before: string | null, after: string | null): string {
  if (before === after) return '';
  const edits = editsOf(linesOf(before), linesOf(after));
  const head = [
    `--- ${before === null ? '/dev/null' : path}`,
    `+++ ${after === null ? '/dev/null' : path}`,
  ];
  return `${[...head, ...hunksOf(edits)].join('\n')}\n`;
}

/** Which lines went and which came, in order. */
export function lineEdits(before: string, after: string): readonly Edit[] {
  return editsOf(linesOf(before), linesOf(after));
}

function linesOf(text: string | null): readonly string[] {
  return splitLines(text ?? '').map(({ text, ending }) => (ending === '\r\n' ? `${text}\r` : text));
}

function editsOf(before: readonly string[], after: readonly string[]): readonly Edit[] {
  const all = (mark: '-' | '+', lines: readonly string[]): Edit[] =>
    lines.map((text) => ({ mark, text }));
  if (before.length * after.length > MAX_CELLS) return [...all('-', before), ...all('+', after)];
  const common = commonLengths(before, after);
  const edits: Edit[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length && j < after.length) {
    if (before[i] === after[j]) {
      edits.push({ mark: ' ', text: before[i] ?? '' });
      i += 1;
      j += 1;
    } else if ((common[i + 1]?.[j] ?? 0) >= (common[i]?.[j + 1] ?? 0)) {
      edits.push({ mark: '-', text: before[i] ?? '' });
      i += 1;
    } else {
      edits.push({ mark: '+', text: after[j] ?? '' });
      j += 1;
    }
  }
  return [...edits, ...all('-', before.slice(i)), ...all('+', after.slice(j))];
}

/** `[i][j]`: the length of the longest common subsequence of what follows line i and line j. */
function commonLengths(before: readonly string[], after: readonly string[]): readonly number[][] {
  const table = Array.from({ length: before.length + 1 }, () =>
    new Array<number>(after.length + 1).fill(0),
  );
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      const row = table[i];
      if (row === undefined) continue;
      row[j] =
        before[i] === after[j]
          ? (table[i + 1]?.[j + 1] ?? 0) + 1
          : Math.max(table[i + 1]?.[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return table;
}

function hunksOf(edits: readonly Edit[]): readonly string[] {
  const changed = edits.flatMap(({ mark }, index) => (mark === ' ' ? [] : [index]));
  const lines: string[] = [];
  for (let at = 0; at < changed.length; ) {
    let last = at;
    while ((changed[last + 1] ?? Infinity) - (changed[last] ?? 0) <= 2 * CONTEXT_LINES) last += 1;
    const from = Math.max(0, (changed[at] ?? 0) - CONTEXT_LINES);
    const to = Math.min(edits.length, (changed[last] ?? 0) + CONTEXT_LINES + 1);
    lines.push(hunkHead(edits, from, to));
    for (const { mark, text } of edits.slice(from, to)) lines.push(`${mark}${text}`);
    at = last + 1;
  }
  return lines;
}

function hunkHead(edits: readonly Edit[], from: number, to: number): string {
  const range = (mark: '-' | '+'): string => {
    const counts = (part: readonly Edit[]): number =>
      part.filter((edit) => edit.mark === ' ' || edit.mark === mark).length;
    const count = counts(edits.slice(from, to));
    const start = counts(edits.slice(0, from)) + (count === 0 ? 0 : 1);
    return `${mark}${start},${count}`;
  };
  return `@@ ${range('-')} ${range('+')} @@`;
}
