/**
 * Which Compose projects owned a name, own it no more and have a container still: the clients of such a
 * project are never given another project's container under that name.
 */
import { compareText } from './precedence.ts';
import type { EngineProject } from './zone-delta.ts';

/**
 * Names remembered for one project at most, oldest dropped first: a project that lives for months may
 * run thousands of one-off containers, each with a name of its own.
 */
const MAX_NAMES_PER_PROJECT = 10_000;

export class FormerProjects {
  readonly #byName = new Map<string, Map<string, EngineProject>>();
  readonly #byProject = new Map<string, Set<string>>();
  /** Projects with a container, by engine; an engine that has not said anything yet is not in it. */
  readonly #living = new Map<string, ReadonlySet<string>>();

  /** The projects that owned the name, sorted; the same array content for the same state. */
  of(name: string): readonly EngineProject[] {
    const projects = this.#byName.get(name);
    if (projects === undefined) return [];
    return [...projects.values()].sort(
      (a, b) => compareText(a.engine, b.engine) || compareText(a.project, b.project),
    );
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  names(): readonly string[] {
    return [...this.#byName.keys()];
  }

  /**
   * A project owns the name no more. Nothing is remembered of one without any container.
   *
   * @returns a name that had to be forgotten for it, or undefined
   */
  lose(name: string, lost: EngineProject): string | undefined {
    const key = keyOf(lost);
    if (this.#living.get(lost.engine)?.has(lost.project) === false) return undefined;
    const projects = this.#byName.get(name) ?? new Map<string, EngineProject>();
    projects.set(key, { engine: lost.engine, project: lost.project });
    this.#byName.set(name, projects);
    const names = this.#byProject.get(key) ?? new Set<string>();
    this.#byProject.set(key, names);
    names.add(name);
    const [oldest] = names;
    if (names.size <= MAX_NAMES_PER_PROJECT || oldest === undefined) return undefined;
    this.regain(oldest, lost);
    return oldest;
  }

  /** A project owns the name again, or need not be remembered for it. */
  regain(name: string, project: EngineProject): void {
    const projects = this.#byName.get(name);
    const key = keyOf(project);
    if (projects?.delete(key) !== true) return;
    if (projects.size === 0) this.#byName.delete(name);
    const names = this.#byProject.get(key);
    names?.delete(name);
    if (names?.size === 0) this.#byProject.delete(key);
  }

  /**
   * The projects of one engine that have a container, running or not.
   *
   * @returns the names that a project has been forgotten for, as it has no container any more
   */
  setLiving(engine: string, list: readonly string[]): readonly string[] {
    const living = new Set(list);
    this.#living.set(engine, living);
    const changed: string[] = [];
    for (const [key, names] of this.#byProject) {
      const separator = key.indexOf('/');
      const project = key.slice(separator + 1);
      if (key.slice(0, separator) !== engine || living.has(project)) continue;
      for (const name of [...names]) {
        this.regain(name, { engine, project });
        changed.push(name);
      }
    }
    return changed;
  }
}

/** Names of engines have no slash. */
function keyOf({ engine, project }: EngineProject): string {
  return `${engine}/${project}`;
}
