/** An `EngineModel` that watches a simulated engine, with a stream that can be cut. */
import { listEntry } from '../../../src/docker/container-facts.ts';
import { parseEvent } from '../../../src/docker/engine-event.ts';
import {
  EngineModel,
  type EngineReply,
  type EngineRequest,
} from '../../../src/docker/engine-model.ts';
import type { EngineSink } from '../../../src/docker/engine-sink.ts';
import type { Owner, OwnersChange } from '../../../src/names/owner.ts';
import { type Generation, SimulatedEngine } from './simulated.ts';

/** A sink that keeps what it was told, as the names room does. */
export class KeptOwners implements EngineSink {
  readonly owners = new Map<string, Owner>();
  readonly touches = new Map<number, readonly string[]>();
  readonly suspects = new Map<string, number>();
  readonly said: string[] = [];
  readonly changes: OwnersChange[] = [];
  readonly states: string[] = [];

  changed(change: OwnersChange): void {
    this.changes.push(change);
    for (const id of change.removals) this.owners.delete(id);
    for (const owner of change.upserts) this.owners.set(owner.id, owner);
  }

  touched(token: number, names: readonly string[]): void {
    this.touches.set(token, names);
  }

  settled(token: number): void {
    if (!this.touches.delete(token))
      throw new Error(`token ${token} was settled twice or never given`);
  }

  suspected(names: readonly string[], untilMs: number): void {
    for (const name of names) this.suspects.set(name, untilMs);
  }

  state(state: { readonly kind: string }): void {
    this.states.push(state.kind);
  }

  skipped(skipped: {
    readonly container: string;
    readonly name: string | null;
    readonly reason: string;
  }): void {
    this.said.push(`${skipped.container} ${skipped.name}: ${skipped.reason}`);
  }

  /** Whether a query for the name would wait or look first. */
  isWaiting(name: string, nowMs: number): boolean {
    const isTouched = [...this.touches.values()].some((names) => names.includes(name));
    return isTouched || (this.suspects.get(name) ?? 0) > nowMs;
  }

  /** Addresses by container id, as `SimulatedEngine.truth` has them. */
  table(): Record<string, { readonly addresses: string[]; readonly names: string[] }> {
    const entries = [...this.owners.values()].map((owner) => {
      const addresses = owner.addresses.map((at) => at.address).sort();
      const names = owner.claims.map((claim) => claim.name).sort();
      return [owner.id.slice('local/'.length), { addresses, names }] as const;
    });
    return Object.fromEntries(entries);
  }
}

export class ModelledEngine {
  readonly sink = new KeptOwners();
  readonly engine: SimulatedEngine;
  readonly model: EngineModel;
  readonly #random: () => number;
  #isOpen = false;
  #connection = 0;
  #lastArrival = 0;

  constructor(generation: Generation, random: () => number) {
    this.#random = random;
    this.engine = new SimulatedEngine({
      generation,
      random,
      onEvent: (line) => this.#deliver(line),
    });
    this.model = new EngineModel({
      engine: 'local',
      answer: { kind: 'container' },
      interfaces: () => ({}),
      sink: this.sink,
      random,
    });
  }

  /** Subscribes, then lists. */
  open(): void {
    this.#isOpen = true;
    this.#connection++;
    this.model.sync(Number.POSITIVE_INFINITY, () => undefined);
    this.turn();
  }

  /** Cuts the stream: events that are on their way or come now are lost, and all replies. */
  cut(): void {
    this.#isOpen = false;
    this.#connection++;
    this.model.disconnected();
    this.turn();
  }

  /** Calls `done` when the model shows the engine as it is now. */
  refresh(done: () => void): void {
    this.model.refresh(done);
    this.turn();
  }

  turn(): void {
    if (this.#isOpen) {
      for (const request of this.model.take(this.engine.now)) this.#perform(request);
    }
    while (this.model.hasNews && this.model.flush());
  }

  /** A stream is in order: an event never arrives before an earlier one. */
  #deliver(line: string): void {
    const connection = this.#connection;
    if (!this.#isOpen) return;
    const at = Math.max(this.#lastArrival, this.engine.now + 3 * this.#random());
    this.#lastArrival = at;
    this.engine.after(at - this.engine.now, () => {
      const event = parseEvent(line);
      if (connection !== this.#connection || event === undefined) return;
      this.model.event(event, this.engine.now);
      this.turn();
    });
  }

  #perform(request: EngineRequest): void {
    const { engine, model } = this;
    switch (request.kind) {
      case 'inspect':
        engine.inspect(
          request.id,
          this.#whileOpen((body) =>
            model.inspected(request.id, request.order, replyOf(body), engine.now),
          ),
        );
        break;
      case 'network':
        engine.network(
          request.id,
          this.#whileOpen((body) => model.networkInspected(request.id, replyOf(body))),
        );
        break;
      case 'networks':
        engine.networks(this.#whileOpen((bodies) => model.networksListed(bodies)));
        break;
      case 'list':
        engine.list(
          this.#whileOpen((bodies) => {
            const entries = bodies.map(listEntry).filter((entry) => entry !== undefined);
            model.listed(entries, engine.now);
          }),
        );
        break;
    }
  }

  #whileOpen<T>(apply: (reply: T) => void): (reply: T) => void {
    const connection = this.#connection;
    return (reply) => {
      if (connection !== this.#connection) return;
      apply(reply);
      this.turn();
    };
  }
}

function replyOf(body: unknown): EngineReply {
  return body === undefined ? { kind: 'gone' } : { kind: 'known', body };
}
