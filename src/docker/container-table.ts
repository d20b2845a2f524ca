/**
 * Everything known of one engine's containers and networks, and what of it the names room has been
 * told: it hands out the difference. Pure; never asks the engine.
 */
import { isDeepStrictEqual } from 'node:util';
import type { EndedOwner, Owner, OwnersChange } from '../names/owner.ts';
import { claimsOf } from './claims.ts';
import { type Connection, withConnections } from './connections.ts';
import { type ContainerFacts, fingerprint, type ListEntry } from './container-facts.ts';
import { projectOf, wishesOf } from './labels.ts';
import type { NetworkTable } from './network-table.ts';
import {
  type AnswerMode,
  type Probe,
  type Reading,
  readContainer,
  type Surroundings,
} from './owner-of-container.ts';

/** A name, label or container that homeport leaves out, and why. */
export interface Skipped {
  readonly container: string;
  /** null: the reason is about the container or one of its labels. */
  readonly name: string | null;
  readonly reason: string;
}

interface Known {
  /** null: the engine's word on it made no sense; undefined: it has not spoken yet. */
  readonly facts: ContainerFacts | null | undefined;
  /** The order at which the inspect that said so began. */
  readonly order: number;
  readonly connections: readonly Connection[];
  /** Its process is known to have ended since. */
  readonly isDead: boolean;
  /** The port of homeport.ready was connected in the run that started then. */
  readonly connectedStartMs: number | null;
  /** A list entry that differs from the inspect for good: engines keep some stale ones. */
  readonly disagreement: string | null;
}

/** A container whose port must accept before it is ready. */
export interface ProbeTarget extends Probe {
  readonly id: string;
  readonly startedAtMs: number;
}

export class ContainerTable {
  readonly #engine: string;
  readonly #networks: NetworkTable;
  readonly #onSkipped: (skipped: Skipped) => void;
  readonly #known = new Map<string, Known>();
  readonly #idsByName = new Map<string, string>();
  readonly #sharers = new Map<string, Set<string>>();
  readonly #owners = new Map<string, Owner>();
  /** Runs that ended unseen, as they were told: by container. */
  readonly #ended = new Map<string, EndedOwner>();
  readonly #changed = new Set<string>();
  readonly #said = new Map<string, Set<string>>();
  readonly #projects = new Map<string, number>();
  readonly #probes = new Map<string, ProbeTarget>();
  #mayHaveNewProjects = true;
  #toldProjects: readonly string[] | null = null;
  readonly #surroundings: Surroundings;

  constructor(options: {
    readonly engine: string;
    readonly answer: AnswerMode;
    readonly networks: NetworkTable;
    readonly onSkipped: (skipped: Skipped) => void;
  }) {
    this.#engine = options.engine;
    this.#networks = options.networks;
    this.#onSkipped = options.onSkipped;
    this.#surroundings = {
      engine: options.engine,
      answer: options.answer,
      keyOf: (endpoint) => options.networks.keyOf(endpoint),
      containerOf: (idOrName) => this.#factsNow(idOrName),
      gatewayBridgeAddress: (id) => options.networks.gatewayBridgeAddress(id),
      isConnectable: (id, startedAtMs) => this.#known.get(id)?.connectedStartMs === startedAtMs,
    };
  }

  get ids(): IterableIterator<string> {
    return this.#known.keys();
  }

  get containerCount(): number {
    return this.#known.size;
  }

  get ownerCount(): number {
    return this.#owners.size;
  }

  /** What has to be probed now, so that it can become ready. */
  get probes(): ReadonlyMap<string, ProbeTarget> {
    return this.#probes;
  }

  has(id: string): boolean {
    return this.#known.has(id);
  }

  isRunning(id: string): boolean {
    return this.#known.get(id)?.facts?.isRunning === true;
  }

  /** Whether its process runs, as far as anybody can tell. */
  isAlive(id: string): boolean {
    return this.isRunning(id) && this.#known.get(id)?.isDead === false;
  }

  /** Whether the engine has described it, oddly or not. */
  isDescribed(id: string): boolean {
    return this.#known.get(id)?.facts !== undefined;
  }

  /** The names that change with it: those it holds or would hold if it ran, and those of its network's sharers. */
  namesOf(id: string): string[] {
    const around = this.#around(id);
    return [...new Set(around.flatMap((at) => this.#ownNamesOf(at)))];
  }

  #ownNamesOf(id: string): string[] {
    const facts = this.#known.get(id)?.facts;
    const told = this.#owners.get(id)?.claims ?? [];
    const now = facts ? claimsOf(facts, wishesOf(facts.labels)).claims : [];
    return [...told, ...now].map((claim) => claim.name);
  }

  /** Takes over what an inspect said that began at `order`; null: nothing that makes sense. */
  describe(id: string, facts: ContainerFacts | null, order: number): void {
    const before = this.#known.get(id);
    this.#touch(id);
    this.#unlink(id, before);
    this.#known.set(id, {
      facts,
      order,
      connections: before?.connections.filter((at) => at.order > order) ?? [],
      isDead: false,
      connectedStartMs: before?.connectedStartMs ?? null,
      disagreement: before?.disagreement ?? null,
    });
    if (facts !== null) this.#link(facts);
    this.#touch(id);
  }

  /** It was made, and the engine has said no more of it; does nothing where it has. */
  introduce(facts: ContainerFacts, order: number): void {
    if (!this.isDescribed(facts.id)) this.describe(facts.id, facts, order);
  }

  /** The engine does not know it any more. */
  forget(id: string): void {
    const before = this.#known.get(id);
    if (before === undefined) return;
    this.#touch(id);
    this.#unlink(id, before);
    this.#known.delete(id);
    this.#ended.delete(id);
    this.#said.delete(id);
  }

  /** A network knows an address of it; does nothing where an inspect that began later has spoken. */
  connect(id: string, connection: Connection): void {
    const known = this.#known.get(id);
    if (known !== undefined && known.order >= connection.order) return;
    const others = known?.connections.filter((at) => at.networkId !== connection.networkId) ?? [];
    this.#set(id, { connections: [...others, connection] });
  }

  /** It left the network: what the network said of it counts no more. */
  disconnect(id: string, networkId: string): void {
    const known = this.#known.get(id);
    const left = known?.connections.filter((at) => at.networkId !== networkId) ?? [];
    if (known !== undefined && left.length < known.connections.length) {
      this.#set(id, { connections: left });
    }
  }

  /** Its process ended at that order, and no inspect since has said what became of it. */
  presumeDead(id: string, order: number): void {
    const known = this.#known.get(id);
    if (known?.facts?.isRunning !== true || known.order >= order) return;
    // Networks that it connected to after its death belong to its next run.
    this.#set(id, {
      isDead: true,
      connections: known.connections.filter((at) => at.order > order),
    });
  }

  /** Whether it is known to run by its networks alone. */
  isStarting(id: string): boolean {
    const known = this.#known.get(id);
    const isDown = known?.facts?.isRunning === false || known?.isDead === true;
    return isDown && (known?.connections.length ?? 0) > 0;
  }

  /** Its port accepted a connection in the run that started then. */
  connected(id: string, startedAtMs: number): void {
    if (this.#known.has(id)) this.#set(id, { connectedStartMs: startedAtMs });
  }

  /** Networks changed in a way that may change addresses of these containers, or of all. */
  recheck(ids: Iterable<string> = this.#known.keys()): void {
    for (const id of ids) this.#touch(id);
  }

  /** Whether a list entry says something new of its container, so that an inspect is worthwhile. */
  isNews(entry: ListEntry): boolean {
    const known = this.#known.get(entry.id);
    if (known?.facts === undefined) return true;
    const { facts } = known;
    if (facts === null) return false;
    const own = fingerprint(facts);
    if (own === entry.fingerprint) return false;
    const disagreement = `${entry.fingerprint}\0${own}`;
    // A shared network leaves no trace of a restart in the list, so there nothing is old news.
    if (known.disagreement === disagreement && facts.endpoints.length > 0) return false;
    this.#known.set(entry.id, { ...known, disagreement });
    return true;
  }

  /** Whether there is something to tell. */
  get hasChange(): boolean {
    return this.#changed.size > 0 || this.#mayHaveNewProjects || this.#networks.hasChange;
  }

  /**
   * What the names room must be told now, or null.
   *
   * @param limit at most so many containers, so that a large engine does not block the thread
   */
  takeChange(limit: number): OwnersChange | null {
    const upserts: Owner[] = [];
    const removals: string[] = [];
    const ended: EndedOwner[] = [];
    for (const id of this.#changed) {
      if (limit-- <= 0) break;
      this.#changed.delete(id);
      const owner = this.#read(id);
      const before = this.#owners.get(id);
      if (owner === null && before !== undefined) {
        this.#owners.delete(id);
        removals.push(before.id);
      } else if (owner !== null && !isDeepStrictEqual(owner, before)) {
        this.#owners.set(id, owner);
        upserts.push(owner);
      } else if (owner === null) {
        ended.push(...this.#takeEnd(id));
      }
    }
    const networks = this.#networks.takeChange();
    const projects = this.#takeProjects();
    const count = upserts.length + removals.length + ended.length;
    if (count === 0 && networks === null && projects === null) return null;
    return {
      upserts,
      removals,
      ...(ended.length === 0 ? {} : { ended }),
      ...(networks === null ? {} : { networks: { engine: this.#engine, list: networks } }),
      ...(projects === null ? {} : { projects: { engine: this.#engine, list: projects } }),
    };
  }

  /** The run of a container that ended before anybody saw it, once. */
  #takeEnd(id: string): readonly EndedOwner[] {
    const facts = this.#known.get(id)?.facts;
    if (!facts || facts.isRunning || facts.finishedAtMs === 0) return [];
    const names = claimsOf(facts, wishesOf(facts.labels)).claims.map((claim) => claim.name);
    if (names.length === 0) return [];
    const end: EndedOwner = {
      names: [...new Set(names)],
      title: facts.name,
      engine: this.#engine,
      project: projectOf(facts.labels),
      endedAtMs: facts.finishedAtMs,
    };
    if (isDeepStrictEqual(end, this.#ended.get(id))) return [];
    this.#ended.set(id, end);
    return [end];
  }

  #takeProjects(): readonly string[] | null {
    if (!this.#mayHaveNewProjects) return null;
    this.#mayHaveNewProjects = false;
    const projects = [...this.#projects.keys()].sort();
    if (isDeepStrictEqual(projects, this.#toldProjects)) return null;
    this.#toldProjects = projects;
    return projects;
  }

  #read(id: string): Owner | null {
    const known = this.#known.get(id);
    const reading = known === undefined ? null : this.#reading(id, known);
    if (known === undefined || reading === null) {
      this.#probes.delete(id);
      return null;
    }
    this.#say(id, known.facts?.name ?? id, reading);
    const startedAtMs = reading.owner?.startedAtMs ?? 0;
    if (reading.probe === null || known.connectedStartMs === startedAtMs) this.#probes.delete(id);
    else this.#probes.set(id, { ...reading.probe, id, startedAtMs });
    return reading.owner;
  }

  #reading(id: string, known: Known): Reading | null {
    const facts = factsNow(known);
    if (facts === undefined) return null;
    for (const endpoint of facts.endpoints) this.#networks.hint(endpoint);
    try {
      return readContainer(facts, this.#surroundings);
    } catch (error) {
      // One container with odd data costs that container its names, nothing else.
      const reason = error instanceof Error ? error.message : String(error);
      this.#sayOnce(id, { container: facts.name, name: null, reason });
      return null;
    }
  }

  #factsNow(idOrName: string): ContainerFacts | undefined {
    const known = this.#known.get(idOrName) ?? this.#known.get(this.#idsByName.get(idOrName) ?? '');
    return known === undefined ? undefined : factsNow(known);
  }

  #set(id: string, change: Partial<Known>): void {
    const before = this.#known.get(id) ?? {
      facts: undefined,
      order: 0,
      connections: [],
      isDead: false,
      connectedStartMs: null,
      disagreement: null,
    };
    this.#known.set(id, { ...before, ...change });
    this.#touch(id);
  }

  #touch(id: string): void {
    for (const at of this.#around(id)) this.#changed.add(at);
  }

  /** The container and those that share its network, which change with it. */
  #around(id: string): string[] {
    const reached = [id];
    for (const at of reached) {
      const name = this.#known.get(at)?.facts?.name ?? '';
      for (const target of [at, name]) {
        for (const sharer of this.#sharers.get(target) ?? []) {
          if (!reached.includes(sharer)) reached.push(sharer);
        }
      }
    }
    return reached;
  }

  #link(facts: ContainerFacts): void {
    this.#idsByName.set(facts.name, facts.id);
    const target = sharedWith(facts);
    if (target !== null) {
      const sharers = this.#sharers.get(target) ?? new Set();
      this.#sharers.set(target, sharers.add(facts.id));
    }
    this.#countProject(projectOf(facts.labels), 1);
  }

  #unlink(id: string, known: Known | undefined): void {
    const facts = known?.facts;
    if (!facts) return;
    if (this.#idsByName.get(facts.name) === id) this.#idsByName.delete(facts.name);
    const target = sharedWith(facts);
    if (target !== null) this.#sharers.get(target)?.delete(id);
    this.#countProject(projectOf(facts.labels), -1);
  }

  #countProject(project: string | null, by: number): void {
    if (project === null) return;
    const count = (this.#projects.get(project) ?? 0) + by;
    if (count > 0) this.#projects.set(project, count);
    else this.#projects.delete(project);
    this.#mayHaveNewProjects = true;
  }

  #say(id: string, container: string, reading: Reading): void {
    for (const { name, reason } of reading.refused) this.#sayOnce(id, { container, name, reason });
    for (const reason of reading.problems) this.#sayOnce(id, { container, name: null, reason });
  }

  #sayOnce(id: string, skipped: Skipped): void {
    const said = this.#said.get(id) ?? new Set();
    this.#said.set(id, said);
    const what = `${skipped.name} ${skipped.reason}`;
    if (said.has(what)) return;
    said.add(what);
    this.#onSkipped(skipped);
  }
}

/** A container as it is now, as far as anybody can tell; undefined where the engine's word makes no sense or is missing. */
function factsNow({ facts, isDead, connections }: Known): ContainerFacts | undefined {
  if (!facts) return undefined;
  return withConnections(isDead ? { ...facts, isRunning: false } : facts, connections);
}

/** The container whose network it uses, as its network mode writes it: an id, or a name. */
function sharedWith(facts: ContainerFacts): string | null {
  return /^container:(.+)$/.exec(facts.networkMode)?.[1] ?? null;
}
