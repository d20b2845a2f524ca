/** How a file is taken back that somebody edited after homeport had written it: their lines stay, ours go. Pure. */
import { OWN_ADDRESSES } from '../addresses.ts';
import type { FileToWrite } from './change.ts';
import { lineEdits } from './diff.ts';
import { editJson, readJsonObject } from './json-edit.ts';

/** What becomes of the edited file. */
export type Release =
  /** It has nothing of ours any more. */
  | { readonly kind: 'leave' }
  /** Nothing of theirs is left in it. */
  | { readonly kind: 'remove' }
  | { readonly kind: 'write'; readonly text: string };

/**
 * Carries an edit over to the file as it was before homeport.
 *
 * @param file as homeport wrote it
 * @param current as it is now, edited or replaced
 * @param before as it was before homeport; null: there was none, or a symlink
 */
export function release(
  file: Pick<FileToWrite, 'text' | 'format'>,
  current: string,
  before: string | null,
): Release {
  if (file.format === 'given') return { kind: 'leave' };
  if (file.format === 'own') return { kind: 'remove' };
  if (file.format === 'json') return releaseJson(file.text, current, before);
  if (file.format === 'resolv.conf' && !mentionsUs(current)) return { kind: 'leave' };
  const edits = lineEdits(file.text, current);
  const isOursInside = edits.some(({ mark, text }) => mark === ' ' && isSetting(text));
  if (!isOursInside) return { kind: 'leave' };
  const added = edits.flatMap(({ mark, text }) => (mark === '+' ? [text] : []));
  const dropped = new Set(edits.flatMap(({ mark, text }) => (mark === '-' ? [text] : [])));
  const kept = (before ?? sectionsOf(file.text, added))
    .split('\n')
    .filter((line) => !(dropped.has(line) && isSetting(line)));
  if (kept.at(-1) === '') kept.pop();
  const lines = [...kept, ...added.filter((line) => !mentionsUs(line) && !kept.includes(line))];
  if (before === null && !lines.some(isSetting)) return { kind: 'remove' };
  return { kind: 'write', text: lines.map((line) => `${line}\n`).join('') };
}

/** Settings that stand in a section of ours need its head. */
function sectionsOf(ours: string, added: readonly string[]): string {
  if (!added.some(isSetting)) return '';
  return ours
    .split('\n')
    .filter((line) => /^\[.*\]$/.test(line))
    .slice(0, 1)
    .join('\n');
}

function isSetting(line: string): boolean {
  return line.trim() !== '' && !/^\s*([#;]|\[.*\]\s*$)/.test(line);
}

function mentionsUs(text: string): boolean {
  return OWN_ADDRESSES.some((address) => text.includes(address));
}

/** Takes back the keys that still have our value; what they changed stays. */
function releaseJson(ours: string, current: string, before: string | null): Release {
  const [mine, theirs, old] = [ours, current, before ?? ''].map(readJsonObject);
  if (mine?.kind !== 'object' || theirs?.kind !== 'object') return { kind: 'leave' };
  const former = old?.kind === 'object' ? old.value : {};
  const keys: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(mine.value)) {
    const isOurs = JSON.stringify(value) !== JSON.stringify(former[key]);
    if (isOurs && JSON.stringify(theirs.value[key]) === JSON.stringify(value)) {
      keys[key] = former[key];
    }
  }
  const text = editJson(current, keys);
  if (text === current) return { kind: 'leave' };
  const isEmpty = Object.keys(theirs.value).length === Object.keys(keys).length;
  const takesAll = Object.values(keys).every((value) => value === undefined);
  return before === null && isEmpty && takesAll ? { kind: 'remove' } : { kind: 'write', text };
}
