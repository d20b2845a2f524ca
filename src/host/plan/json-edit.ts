/** Changes single keys of a JSON object in its text, so that every other byte of a foreign file stays. Pure. */
import { messageOf } from '../../errors.ts';

interface Member {
  readonly key: string;
  /** Offset of the key's quote. */
  readonly start: number;
  /** Offset after the value. */
  readonly end: number;
  readonly valueStart: number;
}

/** What a text is: an object that can be edited, or why not. */
export type JsonObject =
  | { readonly kind: 'object'; readonly value: Readonly<Record<string, unknown>> }
  | { readonly kind: 'fault'; readonly fault: string };

/** Reads a JSON object; a fault says where and what, comments by name. Never throws. */
export function readJsonObject(text: string): JsonObject {
  if (text.trim() === '') return { kind: 'object', value: {} };
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return { kind: 'object', value: Object.fromEntries(Object.entries(value)) };
    }
    return { kind: 'fault', fault: 'it is no JSON object' };
  } catch (error) {
    const comment = /^\s*(\/\/|\/\*|#)/m.exec(text);
    if (comment !== null) {
      const line = lineAt(text, comment.index + comment[0].length);
      return { kind: 'fault', fault: `line ${line} is a comment, which JSON does not have` };
    }
    const position = faultPosition(messageOf(error), text);
    if (position === undefined) return { kind: 'fault', fault: 'it is not JSON' };
    return { kind: 'fault', fault: `line ${lineAt(text, position)} is not JSON` };
  }
}

/** V8 tells the position of some faults only; that of a missing end is the end. */
function faultPosition(message: string, text: string): number | undefined {
  const [, position] = /position (\d+)/.exec(message) ?? [];
  if (position !== undefined) return Number(position);
  return /end of JSON/.test(message) ? text.length : undefined;
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/**
 * Sets or removes top-level keys of a JSON object's text.
 *
 * @param text an object that `readJsonObject` could read; blank: an empty one
 * @param keys the new value of each key, undefined: remove it
 */
export function editJson(text: string, keys: Readonly<Record<string, unknown>>): string {
  let edited = text.trim() === '' ? '{}\n' : text;
  for (const [key, value] of Object.entries(keys)) {
    const member = membersOf(edited).findLast((known) => known.key === key);
    if (value === undefined) {
      if (member !== undefined) edited = without(edited, member);
    } else if (member !== undefined) {
      edited = edited.slice(0, member.valueStart) + printed(value) + edited.slice(member.end);
    } else {
      edited = withMember(edited, `${JSON.stringify(key)}: ${printed(value)}`);
    }
  }
  return edited;
}

/** On one line, as people write short lists. */
function printed(value: unknown): string {
  if (!Array.isArray(value)) return JSON.stringify(value);
  return `[${value.map((item) => JSON.stringify(item)).join(', ')}]`;
}

function withMember(text: string, member: string): string {
  const members = membersOf(text);
  const last = members.at(-1);
  const first = members[0];
  if (last === undefined || first === undefined) {
    const open = text.indexOf('{');
    const close = text.lastIndexOf('}');
    return `${text.slice(0, open)}{\n  ${member}\n${text.slice(close)}`;
  }
  const gap = text.slice(text.indexOf('{') + 1, first.start);
  return `${text.slice(0, last.end)},${gap === '' ? ' ' : gap}${member}${text.slice(last.end)}`;
}

function without(text: string, member: Member): string {
  const members = membersOf(text);
  const index = members.findIndex((known) => known.start === member.start);
  const before = members[index - 1];
  const after = members[index + 1];
  if (before !== undefined) return text.slice(0, before.end) + text.slice(member.end);
  if (after !== undefined) return text.slice(0, member.start) + text.slice(after.start);
  return text.slice(0, text.indexOf('{') + 1) + text.slice(text.lastIndexOf('}'));
}

function membersOf(text: string): readonly Member[] {
  const members: Member[] = [];
  let at = skipBlanks(text, text.indexOf('{') + 1);
  while (text[at] === '"') {
    const start = at;
    const keyEnd = scanString(text, at);
    const valueStart = skipBlanks(text, skipBlanks(text, keyEnd) + 1);
    const end = scanValue(text, valueStart);
    const key: unknown = JSON.parse(text.slice(start, keyEnd));
    members.push({ key: String(key), start, end, valueStart });
    at = skipBlanks(text, end);
    if (text[at] !== ',') break;
    at = skipBlanks(text, at + 1);
  }
  return members;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (/\s/.test(text[at] ?? '')) at += 1;
  return at;
}

/** The offset after the closing quote. */
function scanString(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** The offset after the value that starts at `from`. */
function scanValue(text: string, from: number): number {
  if (text[from] === '"') return scanString(text, from);
  let depth = 0;
  for (let at = from; at < text.length; ) {
    const character = text[at] ?? '';
    if (character === '"') {
      at = scanString(text, at);
      continue;
    }
    const closes = character === '}' || character === ']';
    if (depth === 0 && (closes || character === ',' || /\s/.test(character))) return at;
    if (character === '{' || character === '[') depth += 1;
    if (closes) depth -= 1;
    at += 1;
    if (closes && depth === 0) return at;
  }
  return text.length;
}
