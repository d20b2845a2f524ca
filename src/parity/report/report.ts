/** The report of a parity check: the form that `--json` prints, and that a pipeline may rely on. */
import { z } from 'zod';
import type { Verdict } from '../compare/comparison.ts';
import type { Evidence, Finding } from '../findings/finding.ts';
import type { LiveResult } from '../findings/live.ts';
import type { Problem } from '../surroundings.ts';

/** A finished check. Fields may be added, never renamed. */
export interface Report {
  readonly format: 'homeport-parity-report/1';
  readonly verdict: 'parity' | 'differences' | 'could not check';
  readonly exitCode: 0 | 1 | 2;
  /** RFC 3339 */
  readonly checkedAt: string;
  readonly production: {
    readonly source: string;
    readonly capturedAt?: string | undefined;
    /** `assumed`: the profile has none, so each expected name is taken to exist in the region */
    readonly answers: 'recorded' | 'assumed';
  };
  readonly expected: readonly string[];
  /** where each name was found that `--names-from` brought: `file:line` */
  readonly expectedFrom?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly counts: { readonly error: number; readonly warning: number; readonly notice: number };
  readonly findings: readonly ReportedFinding[];
  readonly accepted: readonly AcceptedReport[];
  /** what could not be read or judged */
  readonly problems: readonly Problem[];
  readonly targets: readonly ReportedTarget[];
  readonly lookups: readonly ReportedLookup[];
  readonly live?: readonly LiveResult[] | undefined;
}

/** A finding with what its kind says, so that a reader needs no second table. */
export interface ReportedFinding extends Finding {
  readonly impact: string;
  readonly fix: string;
  readonly evidence: readonly Evidence[];
}

/** A finding that somebody has taken on. */
export interface AcceptedReport extends ReportedFinding {
  readonly reason: string;
  readonly until: string;
}

/** What was compared. */
export interface ReportedTarget {
  readonly title: string;
  readonly kind: 'host' | 'container' | 'file';
  readonly stubs: readonly string[];
  readonly servers: readonly { readonly address: string; readonly role: string }[];
  readonly same: number;
  readonly different: number;
  readonly unknown: number;
}

/** One comparison, and all targets for which it came out so. */
export interface ReportedLookup {
  readonly targets: readonly string[];
  readonly stub: string;
  readonly name: string;
  readonly verdict: Verdict;
  readonly why?: string | undefined;
  readonly production: ReportedSide;
  readonly here: ReportedSide;
}

/** One side of a comparison. */
export interface ReportedSide {
  readonly questions: readonly {
    readonly server: string;
    readonly name: string;
    readonly type: string;
    readonly answer: string;
  }[];
  readonly result: 'found' | 'failed' | 'unknown';
  /** whose address was found */
  readonly owner?: string | undefined;
  readonly addresses: readonly string[];
  readonly error?: string | undefined;
  readonly seconds: number;
}

const severity = z.enum(['error', 'warning', 'notice']);
const side = z.enum(['production', 'here']);
const evidence = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('line'),
    side,
    file: z.string(),
    line: z.int().positive().optional().describe('counted from 1; absent for the file as a whole'),
    text: z.string(),
  }),
  z.object({
    kind: z.literal('lookup'),
    side,
    stub: z.string(),
    name: z.string(),
    questions: z.array(z.string()).describe('SERVER: NAME TYPE -> ANSWER, in order'),
    result: z.string(),
  }),
  z.object({ kind: z.literal('fact'), text: z.string() }),
]);
const finding = z.object({
  id: z.string().describe('stable; `homeport parity --explain ID` tells more'),
  severity,
  target: z.string(),
  names: z.array(z.string()).describe('expected names it touches; empty: none in particular'),
  stubs: z.array(z.string()).describe('stub resolvers it touches; empty: all'),
  message: z.string(),
  impact: z.string(),
  fix: z.string(),
  evidence: z.array(evidence),
});
const question = z.object({
  server: z.string(),
  name: z.string(),
  type: z.string(),
  answer: z.string(),
});
const lookup = z.object({
  questions: z.array(question),
  result: z.enum(['found', 'failed', 'unknown']),
  owner: z.string().optional().describe('whose address was found'),
  addresses: z.array(z.string()),
  error: z.string().optional(),
  seconds: z.number(),
});

/** The schema of the report, kept beside its types: an assignment that does not fit does not compile. */
export const reportSchema: z.ZodType<Report> = z.object({
  format: z.literal('homeport-parity-report/1'),
  verdict: z.enum(['parity', 'differences', 'could not check']),
  exitCode: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  checkedAt: z.string().describe('RFC 3339'),
  production: z.object({
    source: z.string(),
    capturedAt: z.string().optional(),
    answers: z
      .enum(['recorded', 'assumed'])
      .describe(
        'assumed: the profile has none, so each expected name is taken to exist in the region',
      ),
  }),
  expected: z.array(z.string()),
  expectedFrom: z
    .record(z.string(), z.array(z.string()))
    .optional()
    .describe('where --names-from found a name: file:line'),
  counts: z.object({ error: z.int(), warning: z.int(), notice: z.int() }),
  findings: z.array(finding),
  accepted: z.array(finding.extend({ reason: z.string(), until: z.string() })),
  problems: z
    .array(z.object({ thing: z.string(), why: z.string() }))
    .describe('what could not be read or judged'),
  targets: z.array(
    z.object({
      title: z.string(),
      kind: z.enum(['host', 'container', 'file']),
      stubs: z.array(z.string()),
      servers: z.array(z.object({ address: z.string(), role: z.string() })),
      same: z.int(),
      different: z.int(),
      unknown: z.int(),
    }),
  ),
  lookups: z.array(
    z.object({
      targets: z.array(z.string()).describe('targets whose files give the same look-up'),
      stub: z.string(),
      name: z.string(),
      verdict: z.enum([
        'same',
        'not-found',
        'leak',
        'other-owner',
        'only-here',
        'other-error',
        'unknown',
      ]),
      why: z.string().optional(),
      production: lookup,
      here: lookup,
    }),
  ),
  live: z
    .array(
      z.object({
        name: z.string(),
        through: z.string(),
        simulated: z.string().optional(),
        real: z.string(),
        verdict: z.enum(['agrees', 'disagrees', 'leak', 'unanswered']),
      }),
    )
    .optional(),
});

/** The JSON Schema of the report (draft 2020-12), for `--json-schema`. */
export function reportJsonSchema(): unknown {
  return z.toJSONSchema(reportSchema, { target: 'draft-2020-12' });
}
