/** What is known of the swarm that an engine manages, and what of it the names room has been told. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { Owner, OwnersChange } from '../../names/owner.ts';
import type { Skipped } from '../container-table.ts';
import type { SwarmFacts } from './swarm-facts.ts';
import { readSwarm, type ServiceReading, type SwarmSurroundings } from './swarm-owners.ts';

export class SwarmTable {
  readonly #around: SwarmSurroundings;
  readonly #onSkipped: (skipped: Skipped) => void;
  readonly #owners = new Map<string, Owner>();
  readonly #said = new Set<string>();
  #facts: SwarmFacts | null = null;
  #readings: readonly ServiceReading[] = [];
  #serviceOfContainer: ReadonlyMap<string, string> = new Map();
  #isChanged = false;

  constructor(around: SwarmSurroundings, onSkipped: (skipped: Skipped) => void) {
    this.#around = around;
    this.#onSkipped = onSkipped;
  }

  /** Whether the engine manages a swarm, as far as is known. */
  get isManaged(): boolean {
    return this.#facts !== null;
  }

  /** The node that the engine is; null: none of a swarm that it manages. */
  get nodeId(): string | null {
    return this.#facts?.nodeId ?? null;
  }

  get ownerCount(): number {
    return this.#owners.size;
  }

  /** Whether the swarm is on its way to what its operator asked for. */
  get isConverging(): boolean {
    const { services, tasks } = this.#facts ?? { services: [], tasks: [] };
    if (tasks.some(({ state }) => state !== 'running')) return true;
    return services.some(({ id, replicas, isUpdating }) => {
      const count = tasks.filter(({ serviceId }) => serviceId === id).length;
      return isUpdating || (replicas !== null && replicas !== count);
    });
  }

  /** Whether tasks run on other nodes, whose containers' events this engine does not send. */
  get hasRemoteTasks(): boolean {
    return this.#facts?.tasks.some(({ nodeId }) => nodeId !== this.#facts?.nodeId) ?? false;
  }

  /**
   * Takes over the swarm as it is now; null: the engine manages none.
   *
   * @returns whether anything is different
   */
  replace(facts: SwarmFacts | null): boolean {
    if (isDeepStrictEqual(facts, this.#facts)) return false;
    this.#facts = facts;
    this.#serviceOfContainer = new Map(
      facts?.tasks.map(({ containerId, serviceId }) => [containerId, serviceId]),
    );
    this.#isChanged = true;
    return true;
  }

  /** Networks or containers changed in a way that may change addresses. */
  recheck(): void {
    if (this.#facts !== null) this.#isChanged = true;
  }

  /** Whether the container is a task's. */
  hasContainer(id: string): boolean {
    return this.#serviceOfContainer.has(id);
  }

  /** The names that may change with a container, if it is a task's. */
  namesOfContainer(id: string): readonly string[] {
    const service = this.#serviceOfContainer.get(id);
    return service === undefined ? [] : this.namesOfService(service);
  }

  namesOfService(id: string): readonly string[] {
    return this.#readings.find(({ service }) => service.id === id)?.names ?? [];
  }

  /** The names of all services: a node that goes may take tasks of any. */
  get names(): readonly string[] {
    return this.#readings.flatMap(({ names }) => names);
  }

  get hasChange(): boolean {
    return this.#isChanged;
  }

  /** What the names room must be told now, or null. */
  takeChange(): OwnersChange | null {
    if (!this.#isChanged) return null;
    this.#isChanged = false;
    this.#readings = this.#facts === null ? [] : readSwarm(this.#facts, this.#around);
    const owners = new Map(
      this.#readings.flatMap((reading) => reading.owners).map((at) => [at.id, at]),
    );
    const removals = [...this.#owners.keys()].filter((id) => !owners.has(id));
    const upserts = [...owners.values()].filter(
      (owner) => !isDeepStrictEqual(owner, this.#owners.get(owner.id)),
    );
    this.#owners.clear();
    for (const [id, owner] of owners) this.#owners.set(id, owner);
    for (const reading of this.#readings) this.#say(reading);
    return upserts.length + removals.length === 0 ? null : { upserts, removals };
  }

  #say({ service, refused, problems }: ServiceReading): void {
    const container = `service ${service.name}`;
    const lines: readonly Skipped[] = [
      ...refused.map(({ name, reason }) => ({ container, name, reason })),
      ...problems.map((reason) => ({ container, name: null, reason })),
    ];
    for (const skipped of lines) {
      const what = JSON.stringify(skipped);
      if (this.#said.has(what)) continue;
      this.#said.add(what);
      this.#onSkipped(skipped);
    }
  }
}
