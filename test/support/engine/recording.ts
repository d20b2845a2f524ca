/** Reads the recorded engines of `test/fixtures/recordings`. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../fixtures/recordings/', import.meta.url));

/** One line of a recording; what each kind holds is in the folder's README. */
export interface Recorded {
  readonly t: number;
  readonly kind: string;
  readonly of?: string;
  readonly status?: number;
  readonly event?: unknown;
  readonly body?: unknown;
}

/** The names of all recordings, without `.jsonl`. */
export function recordings(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.jsonl'))
    .map((file) => file.slice(0, -'.jsonl'.length))
    .sort();
}

/** A recording's lines in order. */
export function recording(name: string): Recorded[] {
  const text = readFileSync(`${FOLDER}${name}.jsonl`, 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line): Recorded => JSON.parse(line));
}

/** The bodies of successful inspects of a recording, in order. */
export function inspects(name: string): unknown[] {
  return recording(name)
    .filter((line) => line.kind === 'inspect' && line.status === 200)
    .map((line) => line.body);
}
