/** Domain names: text, wire form, and the few questions asked about them. Pure. */
import { HomeportError } from '../errors.ts';

/**
 * An absolute domain name in lower case with its trailing dot (`web.`, `.` for the root).
 * Only `parseName` makes one, so two that are equal as strings are equal as names.
 */
export type DomainName = string & { readonly __brand: 'DomainName' };

/** RFC 1035 §2.3.4. */
const MAX_LABEL_BYTES = 63;
const MAX_NAME_BYTES = 255;

/** What DNS can carry and a resolver will ask for: letters, digits, hyphen, underscore; `*` alone as a label. */
const LABEL = /^(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?|\*)$/;

/** Why `text` is no domain name that homeport can serve, or undefined where it is one. Never throws. */
export function nameProblem(text: string): string | undefined {
  if (text === '' || text === '.') return text === '' ? 'it is empty' : undefined;
  const labels = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase().split('.');
  let bytes = 1;
  for (const label of labels) {
    if (label === '') return 'it has an empty label';
    if (label.length > MAX_LABEL_BYTES)
      return `the label "${label.slice(0, 12)}…" is longer than 63 bytes`;
    if (!LABEL.test(label)) {
      return `the label "${label}" has more than letters, digits, inner hyphens and underscores`;
    }
    bytes += label.length + 1;
  }
  return bytes > MAX_NAME_BYTES ? 'it is longer than 255 bytes' : undefined;
}

/** `text` as a domain name, or undefined where DNS cannot carry it. Never throws. */
export function tryParseName(text: string): DomainName | undefined {
  if (nameProblem(text) !== undefined) return undefined;
  const lower = text.toLowerCase();
  return (lower.endsWith('.') ? lower : `${lower}.`) as DomainName;
}

/**
 * `text` (with or without trailing dot, any case) as a domain name.
 *
 * @throws HomeportError NAME_INVALID that says why
 */
export function parseName(text: string): DomainName {
  const name = tryParseName(text);
  if (name !== undefined) return name;
  throw new HomeportError('NAME_INVALID', `"${text}" is no domain name: ${nameProblem(text)}`);
}

/** The labels from left to right; the root has none. */
export function labelsOf(name: DomainName): readonly string[] {
  return name === '.' ? [] : name.slice(0, -1).split('.');
}

/** Whether the name is one label, as applications write it: `web.` */
export function isBare(name: DomainName): boolean {
  return name !== '.' && name.indexOf('.') === name.length - 1;
}

/** `name` under `suffix`: `web.` and `example.com.` make `web.example.com.`. @throws NAME_INVALID when too long */
export function under(name: DomainName, suffix: DomainName): DomainName {
  return suffix === '.' ? name : parseName(name + suffix);
}

/** The name without its trailing dot, as people write it; the root stays `.` */
export function display(name: DomainName): string {
  return name === '.' ? name : name.slice(0, -1);
}

/** The uncompressed wire form (RFC 1035 §3.1), lower case as the name is. */
export function toWire(name: DomainName): Buffer {
  const labels = labelsOf(name);
  return Buffer.concat([
    ...labels.map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1')),
    Buffer.of(0),
  ]);
}

/**
 * The text of an uncompressed wire name, lower case, for logs, keys and messages: bytes outside
 * letters, digits, `-`, `_`, `*` are written `\DDD` (RFC 4343 §2.1), so every name has one text.
 *
 * @param bytes a message that has already been checked
 * @param offset where the name begins
 * @returns presentation form with trailing dot
 */
export function textOfWire(bytes: Uint8Array, offset: number): string {
  let text = '';
  let at = offset;
  for (let length = bytes[at] ?? 0; length !== 0; length = bytes[at] ?? 0) {
    for (let i = at + 1; i <= at + length; i++) text += textOfByte(bytes[i] ?? 0);
    text += '.';
    at += length + 1;
  }
  return text === '' ? '.' : text;
}

function textOfByte(byte: number): string {
  const char = String.fromCharCode(byte).toLowerCase();
  return /[a-z0-9_*-]/.test(char) ? char : `\\${String(byte).padStart(3, '0')}`;
}
