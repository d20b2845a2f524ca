/** Sends the model's requests to the engine, brings the replies back, and passes on what the model has to tell. */
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { EngineClient } from './engine-client.ts';
import type { EngineModel, EngineReply, EngineRequest } from './engine-model.ts';

/** Of thousands of containers that are looked at, some dozens are described in that time. */
const GATHER_MS = 5;

export class RequestRunner {
  readonly #client: EngineClient;
  readonly #model: EngineModel;
  readonly #log: Logger;
  readonly #afterFlush: () => void;
  #connection: AbortController | null = null;
  #listFailure: string | null = null;
  readonly #saidFailures = new Set<EngineRequest['kind']>();
  #flushing: NodeJS.Immediate | null = null;
  #gathering: NodeJS.Timeout | null = null;
  #wake: NodeJS.Timeout | null = null;
  #wakeAtMs = Number.POSITIVE_INFINITY;

  /** @param options `afterFlush`: called each time the sink has been told something */
  constructor(options: {
    readonly client: EngineClient;
    readonly model: EngineModel;
    readonly log: Logger;
    readonly afterFlush: () => void;
  }) {
    this.#client = options.client;
    this.#model = options.model;
    this.#log = options.log;
    this.#afterFlush = options.afterFlush;
  }

  /** Why the engine did not give its last list; null where it did. */
  get listFailure(): string | null {
    return this.#listFailure;
  }

  /** From now on requests are sent; they end with `abandon`. */
  open(): AbortSignal {
    this.#connection = new AbortController();
    this.#saidFailures.clear();
    const { signal } = this.#connection;
    this.turn();
    return signal;
  }

  /** Ends every request that is under way; the model forgets that it asked. */
  abandon(): void {
    this.#connection?.abort();
    this.#connection = null;
    // What made the stream useless may have done so to every connection of that time.
    this.#client.close();
    this.#model.disconnected();
    this.turn();
  }

  /** Abandons, and tells the sink nothing more. */
  close(): void {
    this.abandon();
    if (this.#flushing !== null) clearImmediate(this.#flushing);
    if (this.#gathering !== null) clearTimeout(this.#gathering);
    if (this.#wake !== null) clearTimeout(this.#wake);
    this.#flushing = null;
    this.#gathering = null;
  }

  /**
   * To be called after everything that goes into the model.
   *
   * @param isOneOfMany more of the kind follows within milliseconds, to be told with it
   */
  turn(isOneOfMany = false): void {
    if (this.#connection !== null) {
      const { signal } = this.#connection;
      // `#perform` never rejects.
      for (const request of this.#model.take(Date.now())) void this.#perform(request, signal);
      this.#wakeAt(this.#model.nextMs);
    }
    if (!this.#model.hasNews) return;
    // What came in together is told together.
    if (!isOneOfMany || this.#model.isAwaited) this.#flushing ??= setImmediate(() => this.#flush());
    else this.#gathering ??= setTimeout(() => this.#flush(), GATHER_MS);
  }

  #flush(): void {
    this.#flushing = null;
    if (this.#gathering !== null) clearTimeout(this.#gathering);
    this.#gathering = null;
    if (this.#model.flush()) this.#flushing = setImmediate(() => this.#flush());
    this.#afterFlush();
  }

  #wakeAt(atMs: number): void {
    if (atMs === this.#wakeAtMs && this.#wake !== null) return;
    if (this.#wake !== null) clearTimeout(this.#wake);
    this.#wake = null;
    this.#wakeAtMs = atMs;
    if (atMs === Number.POSITIVE_INFINITY) return;
    this.#wake = setTimeout(
      () => {
        this.#wake = null;
        this.turn();
      },
      Math.max(1, atMs - Date.now()),
    );
  }

  async #perform(request: EngineRequest, signal: AbortSignal): Promise<void> {
    const apply = await this.#ask(request);
    // A reply of a connection that is over belongs to a question that nobody remembers.
    if (signal.aborted) return;
    const isOneOfMany = request.kind === 'inspect' && this.#model.isOneOfMany(request.id);
    apply();
    this.turn(isOneOfMany);
  }

  /** Asks, and returns what hands the reply to the model. */
  async #ask(request: EngineRequest): Promise<() => void> {
    switch (request.kind) {
      case 'inspect': {
        const { id, order } = request;
        const isOneOfMany = this.#model.isOneOfMany(id);
        const reply = await this.#reply(() => this.#client.inspect(id, isOneOfMany), request);
        return () => this.#model.inspected(id, order, reply, Date.now());
      }
      case 'network': {
        const { id } = request;
        const reply = await this.#reply(() => this.#client.inspectNetwork(id), request);
        return () => this.#model.networkInspected(id, reply);
      }
      case 'networks': {
        const bodies = await this.#orNull(() => this.#client.networks(), request);
        return () => this.#model.networksListed(bodies);
      }
      case 'swarm': {
        const call = async () => (await this.#client.swarm(request.nodeId)) ?? 'gone';
        const reply = await this.#orNull(call, request);
        return () => this.#model.swarmRead(reply ?? 'silent', Date.now());
      }
      case 'list': {
        this.#listFailure = null;
        const entries = await this.#orNull(() => this.#client.list(), request);
        return () => this.#model.listed(entries, Date.now());
      }
    }
  }

  async #reply(call: () => Promise<unknown>, request: EngineRequest): Promise<EngineReply> {
    try {
      const body = await call();
      return body === undefined ? { kind: 'gone' } : { kind: 'known', body };
    } catch (error) {
      this.#failed(request, error);
      return { kind: 'silent' };
    }
  }

  async #orNull<T>(call: () => Promise<T>, request: EngineRequest): Promise<T | null> {
    try {
      return await call();
    } catch (error) {
      if (request.kind === 'list') this.#listFailure = messageOf(error);
      this.#failed(request, error);
      return null;
    }
  }

  /** Said once for each kind and connection: a socket proxy may refuse one kind, a busy engine many calls. */
  #failed(request: EngineRequest, error: unknown): void {
    if (this.#connection === null) return;
    const level = this.#saidFailures.has(request.kind) ? 'debug' : 'warn';
    this.#saidFailures.add(request.kind);
    const line = { request, reason: messageOf(error) };
    this.#log[level](line, 'the engine did not answer a request; what was known stays');
  }
}
