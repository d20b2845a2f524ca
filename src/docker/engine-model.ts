/**
 * What an engine's events and replies mean, without sockets or clocks: events, replies and the time go
 * in; requests to the engine and words to the sink come out. A thin edge (`engine-watch.ts`) carries
 * them. An event is never more than "this container changed": what it changed to, inspect says; of one that
 * starts, whose inspect waits for that, the event of its creation and its network.
 */
import { messageOf } from '../errors.ts';
import {
  type ContainerFacts,
  factsOfCreation,
  factsOfInspect,
  type ListEntry,
} from './container-facts.ts';
import { ContainerTable, type ProbeTarget } from './container-table.ts';
import type { EngineEvent } from './engine-event.ts';
import type { EngineCounts, EngineSink } from './engine-sink.ts';
import { GatewayAwaits } from './gateway-awaits.ts';
import { Inspections, type Lane } from './inspections.ts';
import { attachedContainers, type Interfaces, networkFacts } from './network-facts.ts';
import { NetworkInspections, type Prefetch } from './network-inspections.ts';
import { NetworkTable } from './network-table.ts';
import type { AnswerMode } from './owner-of-container.ts';
import { type SwarmBodies, swarmFacts } from './swarm/swarm-facts.ts';
import { SwarmReads } from './swarm/swarm-reads.ts';
import { SwarmTable } from './swarm/swarm-table.ts';
import { Touches } from './touches.ts';

/** What the edge asks the engine on behalf of the model. */
export type EngineRequest =
  | { readonly kind: 'inspect'; readonly id: string; readonly order: number }
  | { readonly kind: 'list' }
  | { readonly kind: 'networks' }
  | { readonly kind: 'network'; readonly id: string }
  /** The services, tasks and nodes of the swarm that the engine manages; its own node, where it is known. */
  | { readonly kind: 'swarm'; readonly nodeId: string | null };

/** What came back: a body, the news that there is no such thing, or nothing (5xx, timeout, cut off). */
export type EngineReply =
  | { readonly kind: 'known'; readonly body: unknown }
  | { readonly kind: 'gone' }
  | { readonly kind: 'silent' };

/** A killed process is gone within milliseconds; one that handles the signal announces its end by an event. */
const SUSPICION_MS = 2000;
/** Where the engine has not described a container for so long after its death, its address is dead. */
const BELIEF_MS = 100;
/** Containers told at once: an answering thread takes them over between two queries, in a quarter of a millisecond. */
const FLUSH_LIMIT = 16;
/** A refresh that finds more than that has lost touch, and must not crowd out events. */
const MAX_URGENT_NEWS = 64;

const SWARM_TASK = 'com.docker.swarm.task.id';

interface Listing {
  /** How many containers are inspected although the list says nothing new of them. */
  verify: number;
  readonly done: (() => void)[];
}

export class EngineModel {
  readonly #sink: EngineSink;
  readonly #networks: NetworkTable;
  readonly #table: ContainerTable;
  readonly #inspections = new Inspections();
  readonly #networkInspections = new NetworkInspections();
  readonly #gatewayAwaits = new GatewayAwaits();
  readonly #swarm: SwarmTable;
  readonly #swarmReads = new SwarmReads();
  /** Whether containers are answered with addresses of their own, which their networks tell. */
  readonly #areAddressesOwn: boolean;
  readonly #suspects = new Map<string, number>();
  readonly #touches: Touches;
  /** Containers whose process ended, until an inspect that began later has spoken. */
  readonly #deaths = new Map<string, { readonly order: number; readonly atMs: number }>();
  readonly #random: () => number;
  #wantedList: Listing | null = null;
  #list: Listing | null = null;
  #areNetworksWanted = false;
  #areNetworksAsked = false;
  /** To be said once everything that is known has been told. */
  #afterFlush: (() => void)[] = [];
  #verified = 0;

  constructor(options: {
    readonly engine: string;
    readonly answer: AnswerMode;
    readonly interfaces: () => Interfaces;
    readonly sink: EngineSink;
    readonly random?: () => number;
  }) {
    const { engine, answer, interfaces, sink } = options;
    this.#sink = sink;
    this.#touches = new Touches(
      (token, names) => sink.touched(token, names),
      (token) => this.#afterFlush.push(() => sink.settled(token)),
    );
    this.#areAddressesOwn = answer.kind === 'container';
    this.#random = options.random ?? Math.random;
    this.#networks = new NetworkTable({
      engine,
      tellsWhoAsks: answer.kind === 'container',
      interfaces,
    });
    this.#table = new ContainerTable({
      engine,
      answer,
      networks: this.#networks,
      onSkipped: (skipped) => sink.skipped(skipped),
    });
    this.#swarm = new SwarmTable(
      {
        engine,
        answer,
        keyOf: (networkId) => this.#networks.keyOfSwarms(networkId),
        keyOfName: (name) => this.#networks.keyOfName(name),
        isRunning: (containerId) => this.#table.isAlive(containerId),
      },
      (skipped) => sink.skipped(skipped),
    );
  }

  /** Takes in one event. */
  event(event: EngineEvent, nowMs: number): void {
    switch (event.kind) {
      case 'container':
        this.#changed(event.id, event.names);
        break;
      case 'create':
        this.#created(event);
        break;
      case 'die':
        this.#changed(event.id, event.names);
        this.#deaths.set(event.id, { order: this.#inspections.order, atMs: nowMs + BELIEF_MS });
        break;
      case 'rename':
        this.#renamed(event, nowMs);
        break;
      case 'kill':
        this.#suspect(event.id, nowMs + SUSPICION_MS);
        break;
      case 'connect':
        this.#connected(event.id, event.network, event.atMs || nowMs, nowMs);
        break;
      case 'disconnect':
        this.#table.disconnect(event.id, event.network);
        this.#changed(event.id, []);
        break;
      case 'networks':
        this.#areNetworksWanted = true;
        break;
      case 'swarm':
        this.#swarmChanged(event.service, event.names);
        break;
      case 'other':
        break;
    }
  }

  /**
   * Lists everything, so that nothing that events did not tell stays unknown.
   *
   * @param verify how many containers are inspected even where the list says nothing new of them
   * @param done called once what the list says has been told; verifying goes on after that
   */
  sync(verify: number, done: () => void): void {
    this.#areNetworksWanted = true;
    this.#want(verify, done);
  }

  /** Calls `done` once the model shows the engine as it is now, or the engine failed to say. */
  refresh(done: () => void): void {
    const all = gather(done);
    this.#want(0, all.wait());
    if (this.#swarm.isManaged) this.#swarmReads.want(all.wait());
    all.close();
  }

  /** Asks whether the engine manages a swarm, and for its services; `done` is called once they have been told. */
  readSwarm(done?: () => void): void {
    this.#swarmReads.want(done);
  }

  /** The requests to send now. */
  take(nowMs: number): EngineRequest[] {
    const requests: EngineRequest[] = [];
    this.#believeDeaths(nowMs);
    this.#touches.endSuccessions(nowMs);
    if (this.#areNetworksWanted && !this.#areNetworksAsked) {
      this.#areNetworksWanted = false;
      this.#areNetworksAsked = true;
      requests.push({ kind: 'networks' });
    }
    const bridge = this.#networks.gatewayBridgeId;
    if (this.#gatewayAwaits.take(nowMs) && bridge !== undefined) {
      this.#networkInspections.want(bridge);
    }
    for (const id of this.#networkInspections.take()) requests.push({ kind: 'network', id });
    for (const { id, beganAt } of this.#inspections.take(nowMs)) {
      requests.push({ kind: 'inspect', id, order: beganAt });
    }
    if (this.#wantedList !== null && this.#list === null) {
      this.#list = this.#wantedList;
      this.#wantedList = null;
      requests.push({ kind: 'list' });
    }
    if (this.#swarmReads.take(nowMs)) {
      requests.push({ kind: 'swarm', nodeId: this.#swarm.nodeId });
    }
    return requests;
  }

  /** When `take` may have more although nothing came in; Infinity: never. */
  get nextMs(): number {
    const deaths = [...this.#deaths.values()].map((death) => death.atMs);
    const others = [this.#swarmReads.nextMs, this.#gatewayAwaits.nextMs, this.#touches.nextMs];
    return Math.min(this.#inspections.nextMs, ...others, ...deaths);
  }

  /** The reply to an `inspect` request. */
  inspected(id: string, order: number, reply: EngineReply, nowMs: number): void {
    const isNewer = reply.kind !== 'silent' && order >= (this.#deaths.get(id)?.order ?? 0);
    if (isNewer) this.#deaths.delete(id);
    switch (reply.kind) {
      case 'known':
        this.#describe(id, order, reply.body);
        break;
      case 'gone':
        this.#table.forget(id);
        this.#suspects.delete(id);
        break;
      case 'silent':
        break;
    }
    if (this.#swarm.hasContainer(id)) this.#swarm.recheck();
    const over = this.#inspections.finish(id, reply.kind, nowMs, this.#random());
    for (const done of over) done();
    if (!this.#inspections.isPending(id)) this.#touches.forget(id);
  }

  /** The reply to a `list` request; null: the engine said nothing, which is not an empty list. */
  listed(entries: readonly ListEntry[] | null, nowMs: number): void {
    const listing = this.#list;
    this.#list = null;
    if (listing === null) return;
    const finish = gather(() => this.#afterFlush.push(...listing.done));
    if (entries !== null) this.#compare(entries, listing.verify, nowMs, finish.wait);
    finish.close();
  }

  /** The reply to a `networks` request; null: the engine said nothing. */
  networksListed(bodies: readonly unknown[] | null): void {
    this.#areNetworksAsked = false;
    if (bodies === null) return;
    const list = bodies.map(networkFacts).filter((facts) => facts !== undefined);
    if (this.#networks.replace(list)) this.#table.recheck();
    this.#swarm.recheck();
    const bridge = this.#networks.gatewayBridgeId;
    if (bridge !== undefined) this.#networkInspections.want(bridge);
  }

  /** The reply to a `network` request. */
  networkInspected(id: string, reply: EngineReply): void {
    const prefetches = this.#networkInspections.finish(id);
    if (reply.kind === 'known') {
      const attached = attachedContainers(reply.body);
      for (const prefetch of prefetches) this.#connect(id, reply.body, attached, prefetch);
      if (id === this.#networks.gatewayBridgeId) {
        for (const { containerId } of attached) this.#gatewayAwaits.found(containerId);
        this.#table.recheck(this.#networks.bridge(attached));
      }
    }
    for (const prefetch of prefetches) prefetch.over();
  }

  /** The reply to a `swarm` request: `gone` where the engine manages none. */
  swarmRead(reply: 'gone' | 'silent' | SwarmBodies, nowMs: number): void {
    const wasManaged = this.#swarm.isManaged;
    let isChanged = false;
    if (reply !== 'silent') {
      isChanged = this.#swarm.replace(reply === 'gone' ? null : swarmFacts(reply));
    }
    const { isManaged, isConverging, hasRemoteTasks } = this.#swarm;
    const standing = { isChanged, isConverging, hasRemoteTasks };
    // Networks of services have no local events before a task needs them here.
    if (isManaged && !wasManaged) this.#areNetworksWanted = true;
    this.#afterFlush.push(...this.#swarmReads.finish(isManaged ? standing : null, nowMs));
  }

  /** The containers whose port must be tried until it accepts (label homeport.ready). */
  get probes(): ReadonlyMap<string, ProbeTarget> {
    return this.#table.probes;
  }

  /** A container's port accepted a connection in the run that started then. */
  probed(id: string, startedAtMs: number): void {
    this.#table.connected(id, startedAtMs);
  }

  /** Whether `flush` has something to do. */
  get hasNews(): boolean {
    return this.#table.hasChange || this.#swarm.hasChange || this.#afterFlush.length > 0;
  }

  /** Whether somebody waits for what there is to tell. */
  get isAwaited(): boolean {
    return this.#afterFlush.length > 0;
  }

  /** Whether the container is inspected as one of many, and not because something happened to it. */
  isOneOfMany(id: string): boolean {
    return this.#inspections.laneOf(id) === 'bulk';
  }

  /** Tells the sink what changed, a piece at a time; returns whether there is more. */
  flush(): boolean {
    const change = this.#table.takeChange(FLUSH_LIMIT);
    if (change !== null) this.#sink.changed(change);
    if (this.#table.hasChange) return true;
    const swarmChange = this.#swarm.takeChange();
    if (swarmChange !== null) this.#sink.changed(swarmChange);
    const after = this.#afterFlush;
    this.#afterFlush = [];
    for (const say of after) say();
    return this.hasNews;
  }

  /** The connection is lost: what is known stays, whoever waits is let go. */
  disconnected(): void {
    for (const done of this.#inspections.clear()) done();
    for (const prefetch of this.#networkInspections.clear()) prefetch.over();
    this.#afterFlush.push(...(this.#list?.done ?? []), ...(this.#wantedList?.done ?? []));
    this.#afterFlush.push(...this.#swarmReads.clear());
    this.#list = null;
    this.#wantedList = null;
    this.#areNetworksAsked = false;
    this.#gatewayAwaits.clear();
    this.#suspects.clear();
    this.#deaths.clear();
    this.#touches.clear();
  }

  get counts(): EngineCounts {
    return {
      containers: this.#table.containerCount,
      owners: this.#table.ownerCount + this.#swarm.ownerCount,
      networks: this.#networks.count,
    };
  }

  /** @returns the order of this happening */
  #changed(id: string, names: readonly string[]): number {
    const settle = this.#touches.touchFor(id, [...this.#namesOf(id), ...names]);
    return this.#inspections.mark(id, 'urgent', settle);
  }

  #created({ id, name, labels, names }: EngineEvent & { readonly kind: 'create' }): void {
    // What a service has, its swarm says: names of a task wait for the inspect.
    if (this.#areAddressesOwn && name !== '' && labels[SWARM_TASK] === undefined) {
      this.#table.introduce(factsOfCreation(id, name, labels), this.#inspections.order);
    }
    this.#changed(id, names);
  }

  #renamed(event: EngineEvent & { readonly kind: 'rename' }, nowMs: number): void {
    const { id, names, from, to } = event;
    const settle = this.#touches.touch([...this.#namesOf(id), ...names]);
    const inherited = this.#touches.inherit(to);
    this.#inspections.mark(id, 'urgent', () => {
      settle();
      inherited();
    });
    if (from !== '' && from !== to) this.#touches.leave(from, nowMs);
  }

  #namesOf(id: string): readonly string[] {
    return [...this.#table.namesOf(id), ...this.#swarm.namesOfContainer(id)];
  }

  /**
   * An inspect of a container that is being restarted blocks until it runs again, which may take
   * longer than queries wait; its address may be another container's by then.
   */
  #believeDeaths(nowMs: number): void {
    for (const [id, { order, atMs }] of this.#deaths) {
      if (atMs > nowMs) continue;
      this.#deaths.delete(id);
      this.#table.presumeDead(id, order);
      if (this.#swarm.hasContainer(id)) this.#swarm.recheck();
    }
  }

  #connected(id: string, networkId: string, atMs: number, nowMs: number): void {
    const order = this.#changed(id, []);
    const settle = this.#touches.settleOf(id);
    // It gets another address, so a run that ended is over, whatever an inspect will say.
    const death = this.#deaths.get(id);
    if (death !== undefined) this.#table.presumeDead(id, death.order);
    this.#networkInspections.want(networkId, {
      id,
      order,
      atMs,
      // The inspect of a starting container blocks until it runs: what the network says is enough.
      over: () => {
        if (this.#table.isStarting(id)) settle();
      },
    });
    // It may ask in the first millisecond of its life, from an address of which no event tells.
    if (this.#networks.isOverlayNetwork(networkId)) this.#gatewayAwaits.add(id, nowMs);
  }

  #connect(
    networkId: string,
    body: unknown,
    attached: ReturnType<typeof attachedContainers>,
    prefetch: Prefetch,
  ): void {
    const at = attached.find((container) => container.containerId === prefetch.id);
    const networkName = networkFacts(body)?.name;
    if (at === undefined || networkName === undefined) return;
    const { order, atMs } = prefetch;
    const { ipv4, ipv6 } = at;
    this.#table.connect(prefetch.id, { order, atMs, networkId, networkName, ipv4, ipv6 });
  }

  #swarmChanged(service: string, names: readonly string[]): void {
    const known = service === '' ? this.#swarm.names : this.#swarm.namesOfService(service);
    this.#swarmReads.want(this.#touches.touch([...known, ...names]));
  }

  #suspect(id: string, untilMs: number): void {
    const names = this.#namesOf(id);
    if (names.length === 0) return;
    this.#suspects.set(id, untilMs);
    this.#sink.suspected(names, untilMs);
  }

  #describe(id: string, order: number, body: unknown): void {
    let facts: ContainerFacts | null = null;
    try {
      facts = factsOfInspect(body);
    } catch (error) {
      this.#sink.skipped({ container: id.slice(0, 12), name: null, reason: messageOf(error) });
    }
    this.#table.describe(id, facts, order);
    // No event tells of tasks but those of their containers.
    if (this.#swarm.isManaged && facts !== null && isTask(facts)) this.#swarmReads.want();
    if (facts?.isRunning !== true) {
      this.#suspects.delete(id);
      return;
    }
    const { endpoints } = facts;
    // Podman announces no networks, and events can be lost.
    if (endpoints.some((at) => this.#networks.isNewlyMissing(at))) this.#areNetworksWanted = true;
    // No event tells of the address there, and each start gives another.
    const bridge = this.#networks.gatewayBridgeId;
    if (bridge !== undefined && endpoints.some((at) => this.#networks.isOverlay(at))) {
      this.#networkInspections.want(bridge);
    }
  }

  #want(verify: number, done: () => void): void {
    this.#wantedList ??= { verify: 0, done: [] };
    this.#wantedList.verify = Math.max(this.#wantedList.verify, verify);
    this.#wantedList.done.push(done);
  }

  #compare(
    entries: readonly ListEntry[],
    verify: number,
    nowMs: number,
    wait: () => () => void,
  ): void {
    const listed = new Set(entries.map((entry) => entry.id));
    const news = [
      ...entries.filter((entry) => this.#table.isNews(entry)).map((entry) => entry.id),
      ...[...this.#table.ids].filter((id) => !listed.has(id)),
      ...this.#suspectedIds(nowMs),
    ];
    const lane: Lane = news.length > MAX_URGENT_NEWS ? 'bulk' : 'urgent';
    const looked = new Set(news);
    for (const id of looked) this.#inspections.mark(id, lane, wait());
    for (const entry of entries) {
      // One that is still starting answers when it runs; its networks have told what there is to tell.
      const runs = entry.isRunning || this.#table.isRunning(entry.id);
      if (runs && !looked.has(entry.id)) this.#inspections.wait(entry.id, wait());
    }
    for (const id of this.#networkInspections.pendingIds) this.#networkInspections.wait(id, wait());
    this.#verify(entries, looked, verify);
  }

  /** Inspects some that the list says nothing new of, others each time: aliases are not in the list. */
  #verify(entries: readonly ListEntry[], looked: ReadonlySet<string>, verify: number): void {
    const count = Math.min(verify, entries.length);
    for (let i = 0; i < count; i++) {
      const entry = entries[(this.#verified + i) % entries.length];
      if (entry !== undefined && !looked.has(entry.id)) this.#inspections.mark(entry.id, 'bulk');
    }
    this.#verified = entries.length === 0 ? 0 : (this.#verified + count) % entries.length;
  }

  #suspectedIds(nowMs: number): string[] {
    for (const [id, untilMs] of this.#suspects) if (untilMs < nowMs) this.#suspects.delete(id);
    return [...this.#suspects.keys()];
  }
}

function isTask({ labels }: ContainerFacts): boolean {
  return labels[SWARM_TASK] !== undefined;
}

/** Calls `done` once `close` and every function that `wait` returned have been called. */
function gather(done: () => void): { wait(): () => void; close(): void } {
  let pending = 1;
  const one = (): void => {
    if (--pending === 0) done();
  };
  const wait = (): (() => void) => {
    pending++;
    let isOver = false;
    return () => {
      if (!isOver) one();
      isOver = true;
    };
  };
  return { wait, close: one };
}
