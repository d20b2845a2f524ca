/**
 * Watches one engine: subscribes, lists, applies, and comes back after every loss. The decisions are
 * the model's (`engine-model.ts`); here are the connection, its checks and its states.
 */
import { networkInterfaces } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { HomeportError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { backoffMs } from './backoff.ts';
import type { EngineAddress } from './engine-address.ts';
import { EngineClient, type EngineTimeouts, type EngineVersion } from './engine-client.ts';
import type { EngineEvent } from './engine-event.ts';
import { EngineModel } from './engine-model.ts';
import type { EngineSink, EngineState } from './engine-sink.ts';
import { failureText } from './failure-text.ts';
import type { Interfaces } from './network-facts.ts';
import type { AnswerMode } from './owner-of-container.ts';
import { ReadyProber } from './ready-prober.ts';
import { RequestRunner } from './request-runner.ts';
import { StreamWitness } from './stream-witness.ts';

/** Everything that waits for the engine or the clock, in milliseconds. */
export interface WatchTimes extends EngineTimeouts {
  /** A refresh that takes longer leaves the caller with what is known. */
  readonly refreshMs: number;
  /** A full list, for what no event told. */
  readonly resyncEveryMs: number;
  /** How often the event stream is checked by another connection. */
  readonly checkEveryMs: number;
  /** Events younger than that may still be on their way (Podman's take a quarter of a second). */
  readonly checkMarginMs: number;
}

const DEFAULT_TIMES: WatchTimes = {
  callMs: 3000,
  inspectMs: 5000,
  listMs: 30_000,
  refreshMs: 1000,
  resyncEveryMs: 60_000,
  checkEveryMs: 4000,
  checkMarginMs: 1000,
};

/** Events this long before the last one seen are asked for again on reconnection. */
const OVERLAP_MS = 2000;
/** Of the containers that a regular list says nothing new of, so many are inspected each time. */
const VERIFY_AT_RESYNC = 256;
/** A connection that held so long was a good one: the next failure is the first again. */
const STABLE_MS = 10_000;
/** The engine's clock is known to the second; less than that is no difference. */
const CLOCK_TOLERANCE_MS = 2000;

export interface EngineWatchOptions {
  /** The engine's name in the configuration; part of every id. */
  readonly name: string;
  /** Its URL, for messages: `unix:///path`, `tcp://host:port`, `ssh://user@host`. */
  readonly url: string;
  readonly at: EngineAddress;
  /** Whose address is given: each container's (default), or that of the engine's host, which publishes ports. */
  readonly answer?: 'container' | 'host';
  /** The host's address, for `answer: host`. */
  readonly address?: string;
  readonly sink: EngineSink;
  readonly log: Logger;
  readonly times?: Partial<WatchTimes>;
  /** The host's addresses by interface; default: those of this network namespace. */
  readonly interfaces?: () => Interfaces;
}

export class EngineWatch {
  readonly #url: string;
  readonly #client: EngineClient;
  /** Has a connection of its own for each call, so that none is as dead as the stream it checks. */
  readonly #checker: EngineClient;
  readonly #model: EngineModel;
  readonly #runner: RequestRunner;
  readonly #prober: ReadyProber;
  readonly #sink: EngineSink;
  readonly #log: Logger;
  readonly #times: WatchTimes;
  readonly #stop = new AbortController();
  /** The stream is open and the engine answered when it was last asked. */
  #isAnswering = false;
  #state: EngineState = { kind: 'waiting', sinceMs: Date.now(), reason: null };
  #version: EngineVersion = { version: '', apiVersion: '', isPodman: false };
  #lastEventMs: number | null = null;
  #running: Promise<void> = Promise.resolve();

  /** @throws HomeportError CONFIG_INVALID for an answer mode that cannot be followed */
  constructor(options: EngineWatchOptions) {
    const { name, sink } = options;
    this.#url = options.url;
    this.#times = { ...DEFAULT_TIMES, ...options.times };
    this.#sink = sink;
    this.#log = options.log.child({ room: 'docker', engine: name });
    this.#client = new EngineClient(options.at, this.#times);
    this.#checker = new EngineClient(options.at, this.#times, false);
    this.#model = new EngineModel({
      engine: name,
      answer: answerMode(options),
      interfaces: options.interfaces ?? hostInterfaces,
      sink,
    });
    this.#prober = new ReadyProber(({ id, startedAtMs }) => {
      this.#model.probed(id, startedAtMs);
      this.#runner.turn();
    });
    this.#runner = new RequestRunner({
      client: this.#client,
      model: this.#model,
      log: this.#log,
      afterFlush: () => this.#prober.update(this.#model.probes),
    });
  }

  /** How it stands with the engine now, with the counts of this moment. */
  get state(): EngineState {
    if (this.#state.kind === 'waiting') return this.#state;
    return { ...this.#state, counts: this.#model.counts };
  }

  /** Begins to connect; the sink hears of everything from then on. */
  start(): void {
    this.#sink.state(this.#state);
    this.#running = this.#run();
  }

  /**
   * Resolves once the sink knows the engine as it is now, containers that no event has told of yet
   * included; also where the engine fails to say or takes too long. Never rejects.
   */
  refresh(): Promise<void> {
    if (!this.#isAnswering) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#times.refreshMs);
      this.#model.refresh(() => {
        clearTimeout(timer);
        resolve();
      });
      this.#runner.turn();
    });
  }

  /** Ends the connection and all that waits for it. The sink hears nothing after that. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#isAnswering = false;
    this.#runner.close();
    this.#checker.close();
    this.#prober.close();
    await this.#running;
    this.#runner.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted; ) {
      const beganAtMs = Date.now();
      const reason = await this.#connectOnce().catch((error) => failureText(error, this.#url));
      if (signal.aborted) return;
      this.#isAnswering = false;
      this.#runner.abandon();
      this.#lost(reason);
      failures = Date.now() - beganAtMs > STABLE_MS ? 1 : failures + 1;
      await delay(backoffMs(failures, Math.random()), undefined, { signal }).catch(() => undefined);
    }
  }

  /** One connection, from its first call to its loss: resolves with or rejects for the reason. */
  async #connectOnce(): Promise<string> {
    const signal = this.#runner.open();
    this.#version = await this.#client.version();
    await this.#checker.version();
    const offsetMs = clockOffset(await this.#client.clock(), Date.now());
    const witness = new StreamWitness(Date.now() + offsetMs);
    const since = this.#lastEventMs === null ? null : this.#lastEventMs - OVERLAP_MS;
    signal.throwIfAborted(); // what was under way when it closed has ended, what begins now would not
    const stream = await this.#client.events(since, (event) => {
      witness.see(event);
      this.#lastEventMs = Math.max(this.#lastEventMs ?? 0, event.atMs);
      this.#model.event(event, Date.now());
      this.#runner.turn();
    });
    try {
      signal.throwIfAborted();
      // From here on no change is lost: what the list does not show, the stream brings.
      this.#isAnswering = true;
      const lost = Promise.race([stream.closed, this.#check(witness, offsetMs, signal)]);
      const isSynced = await Promise.race([this.#synced(), lost.then(() => false)]);
      if (isSynced) this.#connected();
      return await lost;
    } finally {
      stream.destroy();
    }
  }

  /** The first list of a connection: true when all of it has been told. Rejects where the engine does not give it. */
  async #synced(): Promise<boolean> {
    const isListed = new Promise<void>((resolve) => {
      this.#model.sync(Number.POSITIVE_INFINITY, resolve);
    });
    const isSwarmRead = new Promise<void>((resolve) => this.#model.readSwarm(resolve));
    this.#runner.turn();
    await Promise.all([isListed, isSwarmRead]);
    if (this.#runner.listFailure === null) return true;
    throw new HomeportError('DOCKER_UNAVAILABLE', this.#runner.listFailure);
  }

  /** Looks after an open stream until the signal ends it; resolves with the reason to give it up. */
  async #check(witness: StreamWitness, offsetMs: number, signal: AbortSignal): Promise<string> {
    const { checkEveryMs, checkMarginMs, resyncEveryMs } = this.#times;
    let resyncAtMs = Date.now() + resyncEveryMs;
    for (;;) {
      await delay(checkEveryMs, undefined, { signal });
      const untilMs = Date.now() + offsetMs - checkMarginMs;
      // Two rounds wide, so that an event which a slow engine announced late is asked for again.
      const sinceMs = untilMs - 2 * checkEveryMs - checkMarginMs;
      let told: readonly EngineEvent[];
      try {
        told = await this.#checker.eventsBetween(sinceMs, untilMs);
      } catch (error) {
        if (signal.aborted) throw error;
        this.#isAnswering = false;
        this.#lost(failureText(error, this.#url));
        continue;
      }
      if (!this.#isAnswering) return 'the engine answers again';
      if (witness.missed(told) !== undefined) return 'the event stream is open and brings nothing';
      if (Date.now() < resyncAtMs) continue;
      resyncAtMs = Date.now() + resyncEveryMs;
      this.#model.sync(VERIFY_AT_RESYNC, () => undefined);
      this.#model.readSwarm();
      this.#runner.turn();
    }
  }

  #connected(): void {
    const { version, apiVersion } = this.#version;
    const counts = this.#model.counts;
    this.#state = { kind: 'connected', sinceMs: Date.now(), version, apiVersion, counts };
    this.#log.info({ version, apiVersion, ...counts }, 'connected to the engine');
    this.#sink.state(this.#state);
  }

  #lost(reason: string): void {
    if (this.#state.kind !== 'connected' && this.#state.reason === reason) return;
    if (this.#state.kind === 'waiting') {
      this.#state = { ...this.#state, reason };
      this.#log.warn({ reason }, 'waiting for the engine');
    } else {
      const sinceMs = this.#state.kind === 'stale' ? this.#state.sinceMs : Date.now();
      this.#state = { ...this.#state, kind: 'stale', sinceMs, reason, counts: this.#model.counts };
      this.#log.warn({ reason }, 'lost the engine; its last known names stay');
    }
    this.#sink.state(this.#state);
  }
}

function answerMode(options: EngineWatchOptions): AnswerMode {
  if (options.answer !== 'host') return { kind: 'container' };
  if (options.address !== undefined) return { kind: 'host', address: options.address };
  throw new HomeportError(
    'CONFIG_INVALID',
    `engine ${options.name} has answer: host and no address; add the address of its host`,
  );
}

function clockOffset(engineMs: number | undefined, nowMs: number): number {
  const offset = (engineMs ?? nowMs) - nowMs;
  return Math.abs(offset) < CLOCK_TOLERANCE_MS ? 0 : offset;
}

function hostInterfaces(): Interfaces {
  const interfaces: Record<string, readonly { readonly address: string }[]> = {};
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    interfaces[name] = addresses ?? [];
  }
  return interfaces;
}
