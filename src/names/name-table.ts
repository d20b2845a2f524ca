/**
 * The table of owned names: takes changes of owners, gives changes of entries. A change costs what it
 * touches, however many names there are. Pure: the clock is passed in.
 */
import { Askers } from './askers.ts';
import { type DepartedState, type KeptName, keptNames } from './departed-state.ts';
import { Departures } from './departures.ts';
import { FormerProjects } from './former-projects.ts';
import { type Claimant, claimantOf, groupsOf } from './groups.ts';
import type { Claim, EndedOwner, Network, Owner, OwnerId, OwnersChange } from './owner.ts';
import { compareText } from './precedence.ts';
import { type ReverseEntry, ReverseNames } from './reverse-names.ts';
import { isSame } from './same.ts';
import { groupTitle } from './words.ts';
import type { EngineProject, Group, NameEntry, ZoneDelta, ZoneNetwork } from './zone-delta.ts';

export interface NameTableSettings {
  /** How long a name that a container owned is treated as expected; 0: not at all. */
  readonly departedForMs: number;
}

interface NameState {
  readonly claimants: Map<OwnerId, Claimant>;
  entry: NameEntry | null;
}

export class NameTable {
  readonly #owners = new Map<OwnerId, Owner>();
  readonly #names = new Map<string, NameState>();
  readonly #networks = new Map<string, readonly Network[]>();
  readonly #departures: Departures;
  readonly #former = new FormerProjects();
  readonly #reverse = new ReverseNames();
  readonly #askers = new Askers();
  /** Names to look at again before the change is done, and the projects that may have lost them. */
  readonly #touched = new Map<string, EngineProject[]>();

  constructor(settings: NameTableSettings) {
    this.#departures = new Departures(settings.departedForMs);
  }

  /** When `tick` has something to do, milliseconds since the epoch; Infinity: never, as things stand. */
  get nextWakeMs(): number {
    return this.#departures.nextEndMs;
  }

  /** Applies one change as a whole. What is repeated unchanged makes an empty delta. */
  apply(change: OwnersChange, nowMs: number): ZoneDelta {
    const networks = change.networks === undefined ? null : this.#setNetworks(change.networks);
    if (change.projects !== undefined) this.#setProjects(change.projects);
    for (const id of change.removals) this.#remove(id);
    for (const owner of change.upserts) this.#upsert(owner);
    for (const owner of change.ended ?? []) this.#end(owner, nowMs);
    return this.#settle(nowMs, networks);
  }

  /** Forgets departed names whose time is up; null where there is none. */
  tick(nowMs: number): ZoneDelta | null {
    const expired = this.#departures.expire(nowMs);
    if (expired.length === 0) return null;
    for (const name of expired) this.#touch(name);
    return this.#settle(nowMs, null);
  }

  /** Changes the settings; names that have departed already follow. */
  configure(settings: NameTableSettings, nowMs: number): ZoneDelta {
    if (settings.departedForMs === this.#departures.departedForMs) return this.#settle(nowMs, null);
    this.#departures.setDepartedFor(settings.departedForMs);
    this.#departures.expire(nowMs);
    for (const [name, { entry }] of this.#names) if (entry?.groups.length === 0) this.#touch(name);
    for (const name of this.#former.names()) this.#touch(name);
    return this.#settle(nowMs, null);
  }

  /** All names of which something is known: owned, departed, or refused to a project's clients. */
  *entries(): Iterable<NameEntry> {
    for (const { entry } of this.#names.values()) if (entry !== null) yield entry;
  }

  entryOf(name: string): NameEntry | null {
    return this.#names.get(name)?.entry ?? null;
  }

  /** Who has an address, canonical text, and what PTR gives for it. */
  reverseOf(address: string): ReverseEntry | undefined {
    return this.#reverse.of(address);
  }

  /** The whole state as one change, for an answering thread that knows nothing yet. */
  snapshot(): ZoneDelta {
    return {
      entries: [...this.entries()],
      forgotten: [],
      clients: this.#askers.all(),
      leftClients: [],
      networks: this.#zoneNetworks(),
      reverse: this.#reverse.all(),
    };
  }

  /**
   * What must survive a restart: names that departed, and those that containers own now, since one of
   * them may be gone before the next start has seen it.
   */
  exportDeparted(): DepartedState {
    const names = new Set([
      ...this.#names.keys(),
      ...this.#departures.names(),
      ...this.#former.names(),
    ]);
    return { version: 1, names: [...names].flatMap((name) => this.#kept(name) ?? []) };
  }

  /**
   * Takes up what `exportDeparted` gave; best before the first change. Names that were owned then have
   * departed now, until their containers are seen again.
   *
   * @param content the parsed file; what is odd in it is left out
   */
  importDeparted(content: unknown, nowMs: number): ZoneDelta {
    const departureOf = (kept: KeptName) => Math.min(kept.departedAtMs ?? nowMs, nowMs);
    const kept = [...keptNames(content)].sort((a, b) => departureOf(a) - departureOf(b));
    for (const { name, owner, departedAtMs, projects } of kept) {
      const atMs = Math.min(departedAtMs ?? nowMs, nowMs);
      this.#departures.leave(name, { atMs, owner });
      this.#touch(name);
      for (const project of projects) this.#touchLost(name, project);
    }
    this.#departures.expire(nowMs);
    return this.#settle(nowMs, null);
  }

  #kept(name: string): KeptName | undefined {
    const groups = this.#names.get(name)?.entry?.groups.filter(isEngines) ?? [];
    const departure = this.#departures.of(name);
    const former = this.#former.of(name);
    const [group] = groups;
    if (group !== undefined) {
      const projects = uniqueProjects([...groups.flatMap(projectsOf), ...former]);
      return { name, owner: groupTitle(group), departedAtMs: null, projects };
    }
    if (departure === undefined && former.length === 0) return undefined;
    const { owner, atMs } = departure ?? { owner: '', atMs: 0 };
    return { name, owner, departedAtMs: atMs, projects: former };
  }

  #setNetworks(change: NonNullable<OwnersChange['networks']>): readonly ZoneNetwork[] | null {
    const list = [...change.list].sort((a, b) => compareText(a.key, b.key));
    if (isSame(list, this.#networks.get(change.engine) ?? [])) return null;
    if (list.length > 0) this.#networks.set(change.engine, list);
    else this.#networks.delete(change.engine);
    this.#askers.setNetworks([...this.#networks.values()].flat());
    return this.#zoneNetworks();
  }

  #zoneNetworks(): readonly ZoneNetwork[] {
    return [...this.#networks.values()]
      .flat()
      .sort((a, b) => compareText(a.key, b.key))
      .map(({ driver: _, ...network }) => network);
  }

  #setProjects({ engine, list }: NonNullable<OwnersChange['projects']>): void {
    for (const name of this.#former.setLiving(engine, list)) this.#touch(name);
  }

  #upsert(owner: Owner): void {
    const known = this.#owners.get(owner.id);
    if (isSame(owner, known)) return;
    if (known !== undefined) this.#withdraw(known);
    this.#owners.set(owner.id, owner);
    this.#reverse.add(owner);
    this.#askers.add(owner);
    for (const [name, claims] of claimsByName(owner)) {
      this.#stateOf(name).claimants.set(owner.id, claimantOf(owner, claims));
      this.#touch(name);
    }
  }

  #remove(id: OwnerId): void {
    const known = this.#owners.get(id);
    if (known === undefined) return;
    this.#withdraw(known);
    this.#owners.delete(id);
  }

  /** Its names depart when its run ended; what is known to have departed later stays so. */
  #end({ names, title, engine, project, endedAtMs }: EndedOwner, nowMs: number): void {
    const atMs = Math.min(endedAtMs, nowMs);
    for (const name of names) {
      if (project === null) this.#touch(name);
      else this.#touchLost(name, { engine, project });
      const isRecent = atMs + this.#departures.departedForMs > nowMs;
      const known = this.#departures.of(name);
      if (isRecent && (known === undefined || known.atMs < atMs)) {
        this.#departures.leave(name, { atMs, owner: title });
      }
    }
  }

  #withdraw(owner: Owner): void {
    this.#reverse.remove(owner);
    this.#askers.remove(owner);
    const { engine, project } = owner;
    for (const { name } of owner.claims) {
      this.#names.get(name)?.claimants.delete(owner.id);
      if (project === null) this.#touch(name);
      else this.#touchLost(name, { engine, project });
    }
  }

  #touch(name: string): EngineProject[] {
    const lost = this.#touched.get(name) ?? [];
    this.#touched.set(name, lost);
    return lost;
  }

  #touchLost(name: string, project: EngineProject): void {
    this.#touch(name).push(project);
  }

  /** Also when its turn in this change is over. */
  #touchAgain(name: string): void {
    const lost = this.#touched.get(name) ?? [];
    this.#touched.delete(name);
    this.#touched.set(name, lost);
  }

  #stateOf(name: string): NameState {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const state: NameState = { claimants: new Map(), entry: null };
    this.#names.set(name, state);
    return state;
  }

  /** Looks at every touched name again and collects what is different. */
  #settle(nowMs: number, networks: readonly ZoneNetwork[] | null): ZoneDelta {
    const changed = new Map<string, NameEntry | null>();
    // A name may touch another one on the way; the Map's iteration comes to that too.
    for (const [name, lost] of this.#touched) {
      const state = this.#stateOf(name);
      const entry = this.#entry(name, state, lost, nowMs);
      if (!isSame(state.entry, entry)) changed.set(name, entry);
      state.entry = entry;
      if (entry === null && state.claimants.size === 0) this.#names.delete(name);
    }
    this.#touched.clear();
    const entries = [...changed.values()].filter((entry) => entry !== null);
    const forgotten = [...changed.keys()].filter((name) => changed.get(name) === null);
    const { clients, leftClients } = this.#askers.takeChanges();
    const reverse = this.#reverse.takeChanges();
    return { entries, forgotten, clients, leftClients, networks, reverse };
  }

  #entry(name: string, state: NameState, lost: EngineProject[], nowMs: number): NameEntry | null {
    const groups = groupsOf([...state.claimants.values()]);
    this.#noteDeparture(name, state.entry?.groups ?? [], groups, nowMs);
    this.#noteProjects(name, state.claimants, lost);
    const formerProjects = this.#former.of(name);
    const departure = groups.length === 0 ? this.#departures.of(name) : undefined;
    const departedUntilMs =
      departure === undefined ? null : departure.atMs + this.#departures.departedForMs;
    // With 0, what no owner holds is forwarded at once, to a former project's clients too.
    const isRefused = formerProjects.length > 0 && this.#departures.departedForMs > 0;
    if (groups.length === 0 && departure === undefined && !isRefused) return null;
    return {
      name,
      groups,
      formerProjects,
      departedUntilMs,
      departedOwner: departure?.owner ?? null,
    };
  }

  /**
   * A name departs with its last container or service. Not with a record or lease: the operator removed
   * that himself, and means it.
   */
  #noteDeparture(
    name: string,
    before: readonly Group[],
    after: readonly Group[],
    nowMs: number,
  ): void {
    if (after.some(isEngines)) {
      this.#departures.comeBack(name);
      return;
    }
    const last = before.find(isEngines);
    if (last !== undefined) {
      this.#departures.leave(name, { atMs: nowMs, owner: groupTitle(last) });
    }
  }

  #noteProjects(
    name: string,
    claimants: ReadonlyMap<OwnerId, Claimant>,
    lost: EngineProject[],
  ): void {
    // Taken out, so that a name that is touched again has not lost them twice.
    for (const project of lost.splice(0)) {
      const forgottenFor = this.#former.lose(name, project);
      if (forgottenFor !== undefined) this.#touchAgain(forgottenFor);
    }
    if (!this.#former.has(name)) return;
    for (const { owner } of claimants.values()) {
      const { engine, project } = owner;
      if (project !== null) this.#former.regain(name, { engine, project });
    }
  }
}

/** Whether a delta says nothing. */
export function isEmptyDelta(delta: ZoneDelta): boolean {
  const { entries, forgotten, clients, leftClients, networks, reverse } = delta;
  const lists = [entries, forgotten, clients, leftClients, reverse];
  return networks === null && lists.every(({ length }) => length === 0);
}

function claimsByName(owner: Owner): ReadonlyMap<string, readonly Claim[]> {
  const byName = new Map<string, Claim[]>();
  for (const claim of owner.claims) {
    const claims = byName.get(claim.name);
    if (claims === undefined) byName.set(claim.name, [claim]);
    else claims.push(claim);
  }
  return byName;
}

/** Whether engines run the group, rather than the operator's records or leases. */
function isEngines({ kind }: Group): boolean {
  return kind === 'container' || kind === 'service';
}

function projectsOf({ engine, members }: Group): readonly EngineProject[] {
  return members.flatMap(({ project }) => (project === null ? [] : [{ engine, project }]));
}

function uniqueProjects(projects: readonly EngineProject[]): readonly EngineProject[] {
  return projects.filter((at, i) => projects.findIndex((other) => isSame(at, other)) === i);
}
