/**
 * Runs parity checks in a thread of their own: a check of many names and containers takes seconds of
 * computing, in which neither queries nor Docker's events may wait. The thread starts with the first
 * check; one that fails or hangs is replaced at the next.
 */
import type { Worker } from 'node:worker_threads';
import type { Config } from '../config/config.ts';
import type { ParityReport } from '../control/reports.ts';
import { messageOf } from '../errors.ts';
import { startThread } from '../listen/start-thread.ts';
import type { ServerSide } from './homeport-side.ts';

/** What the thread is asked. Plain data. */
export interface ParityRequest {
  readonly id: number;
  readonly config: Config;
  readonly server: ServerSide;
}

export interface ParityAnswer {
  readonly id: number;
  /** null: no production is configured */
  readonly report: ParityReport | null;
}

/** The collectors give up after 10 s per engine and container; beyond this a file system hangs. */
const CHECK_MS = 120_000;
/** A profile or a host with absurdly many names must end its thread, not the server. */
const MAX_HEAP_MB = 512;

export class ParityChecker {
  #worker: Worker | undefined;
  #nextId = 1;

  /** Checks once. @throws where the thread fails or does not answer in time */
  async check(config: Config, server: ServerSide): Promise<ParityReport | null> {
    this.#worker ??= this.#start();
    try {
      return await ask(this.#worker, { id: this.#nextId++, config, server });
    } catch (error) {
      // One that hangs in a file system may take its time to end.
      void this.#drop();
      throw error;
    }
  }

  #start(): Worker {
    const worker = startThread('./parity-thread', import.meta.url, {
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    // Whoever waits for an answer hears of it, too; a thread that ends in between is only replaced.
    worker.on('error', () => this.#forget(worker));
    worker.on('exit', () => this.#forget(worker));
    worker.unref();
    return worker;
  }

  #forget(worker: Worker): void {
    if (this.#worker === worker) this.#worker = undefined;
  }

  #drop(): Promise<unknown> {
    const worker = this.#worker;
    this.#worker = undefined;
    return worker?.terminate().catch(() => undefined) ?? Promise.resolve();
  }

  /** Ends the thread, and with it a check that is under way. */
  async close(): Promise<void> {
    await this.#drop();
  }
}

function ask(worker: Worker, request: ParityRequest): Promise<ParityReport | null> {
  return new Promise((resolve, reject) => {
    const take = ({ id, report }: ParityAnswer) => {
      if (id === request.id) settle(() => resolve(report));
    };
    const fail = (error: unknown) =>
      settle(() => reject(new Error(`the parity check failed: ${messageOf(error)}`)));
    const end = () => fail('its thread ended');
    const timer = setTimeout(() => fail(`no answer within ${CHECK_MS / 1000} s`), CHECK_MS);
    const settle = (done: () => void) => {
      clearTimeout(timer);
      worker.off('message', take).off('error', fail).off('exit', end);
      done();
    };
    worker.on('message', take).on('error', fail).on('exit', end);
    worker.postMessage(request);
  });
}
