/** An `EngineModel` that watches a simulated engine, with a stream that can be cut. */
import { listEntry } from '../../../src/docker/container-facts.ts';
import { parseEvent } from '../../../src/docker/engine-event.ts';
import {
  EngineModel,
  type EngineReply,
  type EngineRequest,
} from '../../../src/docker/engine-model.ts';
import { KeptOwners } from './kept-owners.ts';
import { type Generation, SimulatedEngine } from './simulated.ts';

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
