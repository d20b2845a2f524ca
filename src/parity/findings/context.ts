/** What the finders look at: one target beside production, or the check as a whole. */
import type { Reading } from '../../resolv-conf/readings/reading.ts';
import type { ResolvConf } from '../../resolv-conf/resolv-conf.ts';
import type { Comparison } from '../compare/comparison.ts';
import type { Namespace, ServerRole } from '../compare/server-role.ts';
import type { EmbeddedSettings } from '../engine/settings.ts';
import type { ParityInputs } from '../inputs.ts';
import type { SourceFile, Surroundings } from '../surroundings.ts';
import type { Target } from '../target.ts';
import type { Finding, FindingKind, LineEvidence } from './finding.ts';

/** One side, read. */
export interface Side {
  readonly surroundings: Surroundings;
  /** undefined where the file is missing */
  readonly conf: ResolvConf | undefined;
  /** by stub name */
  readonly readings: ReadonlyMap<string, Reading>;
}

/** A server that a target asks, directly or through 127.0.0.11. */
export interface AskedServer {
  readonly address: string;
  readonly role: ServerRole;
  /** the line of the target's file; undefined for an upstream of 127.0.0.11 */
  readonly line: number | undefined;
}

/** One target beside production. */
export interface TargetContext {
  readonly inputs: ParityInputs;
  readonly target: Target;
  readonly stubs: readonly string[];
  readonly namespace: Namespace;
  readonly production: Side;
  readonly here: Side;
  readonly embedded: EmbeddedSettings | undefined;
  /** in the order they are asked, 127.0.0.11 replaced by its upstreams */
  readonly servers: readonly AskedServer[];
  readonly comparisons: readonly Comparison[];
  /** seconds that a look-up takes when no server answers, by stub */
  readonly worstSeconds: ReadonlyMap<string, number>;
}

/** The check as a whole. */
export interface CheckContext {
  readonly inputs: ParityInputs;
  readonly search: readonly string[];
  readonly targets: readonly TargetContext[];
}

/** A family of findings: what it can find, and how. */
export interface Family {
  readonly kinds: readonly FindingKind[];
  /** what one target shows */
  readonly inTarget?: (context: TargetContext) => readonly Finding[];
  /** what is the same for all targets */
  readonly inCheck?: (context: CheckContext) => readonly Finding[];
}

/** The evidence of one line of a file; without a number, of the file as a whole. */
export function lineOf(
  side: LineEvidence['side'],
  file: SourceFile,
  line: number | undefined,
  text?: string,
): LineEvidence {
  const quoted = line === undefined ? undefined : linesOf(file)[line - 1]?.trim();
  const shown = text ?? quoted ?? (file.text === undefined ? 'no such file' : 'no such line');
  const base = { kind: 'line', side, file: file.path, text: shown } as const;
  return line === undefined ? base : { ...base, line };
}

/** A file's lines, split once: a file of a container may have hundreds of thousands, each with its finding. */
const splitFiles = new WeakMap<SourceFile, readonly string[]>();

function linesOf(file: SourceFile): readonly string[] {
  const known = splitFiles.get(file);
  if (known !== undefined) return known;
  const lines = file.text?.split('\n') ?? [];
  splitFiles.set(file, lines);
  return lines;
}

/** Groups stubs for which something is the same, so that one finding speaks for all of them. */
export function groupStubs<T>(
  stubs: readonly string[],
  of: (stub: string) => T | undefined,
): readonly { readonly value: T; readonly stubs: readonly string[] }[] {
  const groups = new Map<string, { value: T; stubs: string[] }>();
  for (const stub of stubs) {
    const value = of(stub);
    if (value === undefined) continue;
    const key = JSON.stringify(value);
    const group = groups.get(key) ?? { value, stubs: [] };
    group.stubs.push(stub);
    groups.set(key, group);
  }
  return [...groups.values()];
}
