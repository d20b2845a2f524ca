/** The vectors runner without its file access: texts in, lines and an exit code out. */
import { replayEngineCase } from '../engine/replay.ts';
import { replayStubCase } from './replay-stub.ts';
import { isRecord, parseStubCase } from './stub-case.ts';
import type { CaseVerdict } from './verdict.ts';

/** A file that was read, or why it could not be. */
export type VectorFile =
  | { readonly path: string; readonly text: string }
  | { readonly path: string; readonly error: string };

export interface RunResult {
  /** one line per case that differs or is unknown and per unreadable line, the sum last */
  readonly lines: readonly string[];
  /** 0 all passed, 1 a case failed, 2 a file or line could not be read, 64 no file given */
  readonly exitCode: 0 | 1 | 2 | 64;
}

/** Replays the cases of all files. A case with several versions counts once. Never throws. */
export function runVectors(files: readonly VectorFile[]): RunResult {
  if (files.length === 0) {
    return { lines: ['usage: npm run vectors -- FILE...'], exitCode: 64 };
  }
  const lines: string[] = [];
  let passed = 0;
  let failed = 0;
  let bad = 0;
  for (const file of files) {
    if ('error' in file) {
      lines.push(`${file.path}: cannot read: ${file.error}`);
      bad++;
      continue;
    }
    const rows = file.text.split('\n').map((text, index) => ({ text, number: index + 1 }));
    const filled = rows.filter((row) => row.text.trim() !== '');
    if (filled.length === 0) {
      lines.push(`${file.path}: no cases in it; a vectors file has one JSON object per line`);
      bad++;
    }
    for (const { text, number } of filled) {
      const verdicts = replayLine(text);
      if (typeof verdicts === 'string') {
        lines.push(`${file.path}:${number}: ${verdicts}`);
        bad++;
        continue;
      }
      const failures = verdicts.filter((verdict) => verdict.kind !== 'passed');
      lines.push(...failures.map(lineOf));
      if (failures.length > 0) failed++;
      else passed++;
    }
  }
  lines.push(`${passed} passed, ${failed} failed`);
  return { lines, exitCode: failed > 0 ? 1 : bad > 0 ? 2 : 0 };
}

function lineOf({ id, kind, detail }: CaseVerdict): string {
  return kind === 'unknown' ? `${id}: unknown: ${detail}` : `${id}: ${detail}`;
}

/** @returns the verdicts of one row, or what is wrong with the row */
function replayLine(text: string): readonly CaseVerdict[] | string {
  let row: unknown;
  try {
    row = JSON.parse(text);
  } catch {
    return 'not JSON';
  }
  if (!isRecord(row)) return 'not a JSON object';
  if ('engine' in row) {
    const verdict = replayEngineCase(row);
    return typeof verdict === 'string' ? verdict : [verdict];
  }
  if (!('resolver' in row)) return "neither a stub's case (resolver) nor an engine's (engine)";
  const parsed = parseStubCase(row);
  return parsed.kind === 'bad' ? parsed.reason : replayStubCase(parsed.case);
}
