import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verdictText } from '../../src/cli/parity-line.ts';
import { paintFor } from '../../src/cli/terminal.ts';
import type { ParityReport } from '../../src/control/reports.ts';

const paint = paintFor(false, {});
const none = { error: 0, warning: 0, notice: 0 };

const cases: { name: string; report: Partial<ParityReport> | null; want: string }[] = [
  { name: 'a check that is still to come', report: null, want: 'not checked yet' },
  { name: 'parity', report: {}, want: 'parity (checked at 2026-01-02T03:04:05.000Z)' },
  {
    name: 'differences, counted by severity',
    report: { verdict: 'differs', counts: { error: 1, warning: 2, notice: 0 } },
    want: 'differs, 1 error, 2 warnings (checked at 2026-01-02T03:04:05.000Z)',
  },
  {
    name: 'a check that was not possible, and why, on one line',
    report: { verdict: 'could not check', problems: ['p.yaml does\nnot exist', 'another'] },
    want: 'could not check, p.yaml does not exist (checked at 2026-01-02T03:04:05.000Z)',
  },
];

describe('verdictText', () => {
  for (const { name, report, want } of cases) {
    it(`tells ${name}`, () => {
      const parity: ParityReport = {
        verdict: 'parity',
        checkedAt: '2026-01-02T03:04:05.000Z',
        counts: none,
        findings: [],
        problems: [],
      };
      assert.equal(verdictText(report === null ? null : { ...parity, ...report }, paint), want);
    });
  }
});
