/** Spans of time as people write them: `90s`, `15m`, `12h`, `5d`. */
import { faulty, type Parsed, parsed } from './problem.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
/** Ten years: who writes more means something else. */
const MAX_MS = 3_650 * 86_400_000;

/**
 * Reads a span of time.
 *
 * @param text a whole number and its unit; 0 needs none
 * @returns milliseconds
 */
export function parseDuration(text: string): Parsed<number> {
  if (text === '0') return parsed(0);
  const [, digits = '', unit = ''] = /^(\d{1,15})\s*([a-z]*)$/i.exec(text.trim()) ?? [];
  if (digits === '') {
    return faulty('is no span of time', 'write a whole number and its unit: 90s, 15m, 12h or 5d');
  }
  const unitMs = UNIT_MS[unit];
  if (unitMs === undefined) {
    return unit === ''
      ? faulty('has no unit', `write ${digits}s for seconds, ${digits}m for minutes`)
      : faulty(`has the unit "${unit}", which is none`, 'use s, m, h or d: 90s, 15m, 12h, 5d');
  }
  const ms = Number(digits) * unitMs;
  return ms <= MAX_MS ? parsed(ms) : faulty('is longer than ten years', 'write at most 3650d');
}
