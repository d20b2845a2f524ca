import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { runVectors } from '../../../src/parity/vectors/run.ts';

const folder = new URL('../../fixtures/vectors/', import.meta.url);

describe('recorded look-ups', () => {
  for (const [path, count] of [
    ['stub-resolvers.jsonl', 1184],
    ['stub-resolvers-further.jsonl', 1113],
    ['stub-resolvers-random.jsonl', 1089],
  ] as const) {
    it(`are all reproduced: ${path}`, () => {
      const text = readFileSync(new URL(path, folder), 'utf8');
      assert.deepEqual(runVectors([{ path, text }]), {
        lines: [`${count} passed, 0 failed`],
        exitCode: 0,
      });
    });
  }
});
