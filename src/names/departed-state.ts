/** What the table of names keeps over a restart of homeport, as plain JSON. */
import type { EngineProject } from './zone-delta.ts';

/** One name that a container owns, or owned and may not go to production yet. */
export interface KeptName {
  readonly name: string;
  /** Who owns it, or owned it last. */
  readonly owner: string;
  /** Milliseconds since the epoch; null: it was owned when this was written. */
  readonly departedAtMs: number | null;
  /** Projects that own it, or owned it. */
  readonly projects: readonly EngineProject[];
}

export interface DepartedState {
  readonly version: 1;
  readonly names: readonly KeptName[];
}

/** The names of a state file's content. What is odd in it is left out: a lost departure is not worth a failed start. Never throws. */
export function keptNames(content: unknown): readonly KeptName[] {
  if (!isObject(content) || content.version !== 1 || !Array.isArray(content.names)) return [];
  return content.names.flatMap((item: unknown) => keptName(item) ?? []);
}

function keptName(item: unknown): KeptName | undefined {
  if (!isObject(item)) return undefined;
  const { name, owner, departedAtMs, projects } = item;
  if (typeof name !== 'string' || name === '' || typeof owner !== 'string') return undefined;
  if (departedAtMs !== null && typeof departedAtMs !== 'number') return undefined;
  const known: unknown[] = Array.isArray(projects) ? projects : [];
  return { name, owner, departedAtMs, projects: known.flatMap((at) => engineProject(at) ?? []) };
}

function engineProject(item: unknown): EngineProject | undefined {
  if (!isObject(item)) return undefined;
  const { engine, project } = item;
  if (typeof engine !== 'string' || typeof project !== 'string') return undefined;
  return { engine, project };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
