/** The calls that homeport makes to an engine, each with a time limit. Replies are as the engine sent them. */
import type { IncomingMessage } from 'node:http';
import Docker from 'dockerode';
import { HomeportError } from '../errors.ts';
import { ArrayElements } from './array-elements.ts';
import { type ListEntry, listEntry } from './container-facts.ts';
import { type EngineEvent, EVENT_FILTERS, parseEvent } from './engine-event.ts';
import type { EngineAddress } from './engine-url.ts';
import { Lines } from './lines.ts';
import { Modem, StatusError } from './modem.ts';
import { isObject, textAt } from './shape.ts';

/** All labels of a container are in each of its events; 16 MB is far beyond what Docker accepts. */
const MAX_EVENT_BYTES = 16 * 1024 * 1024;

/** How long to wait for what, in milliseconds. */
export interface EngineTimeouts {
  /** Calls that no lock holds up. */
  readonly callMs: number;
  /** An inspect waits for a start or stop in progress. */
  readonly inspectMs: number;
  /** Of thousands of containers, on a busy host. */
  readonly listMs: number;
}

export interface EngineVersion {
  readonly version: string;
  readonly apiVersion: string;
}

export class EngineClient {
  readonly #docker: DockerApi;
  readonly #modem: Modem;
  readonly #timeouts: EngineTimeouts;

  /** @param keepsConnections whether calls share connections, or each has one of its own */
  constructor(address: EngineAddress, timeouts: EngineTimeouts, keepsConnections = true) {
    this.#modem = new Modem(address, keepsConnections);
    this.#docker = dockerOver(this.#modem);
    this.#timeouts = timeouts;
  }

  async version(signal: AbortSignal): Promise<EngineVersion> {
    const body: unknown = await this.#within(this.#timeouts.callMs, signal, (abortSignal) =>
      this.#docker.version({ abortSignal }),
    );
    const [version, apiVersion] = [textAt(body, 'Version'), textAt(body, 'ApiVersion')];
    if (apiVersion === '') {
      throw new HomeportError('DOCKER_REPLY_INVALID', 'what answers there is no Docker engine');
    }
    return { version, apiVersion };
  }

  /** The body of a container's inspect; undefined where the engine does not know it. */
  inspect(id: string, signal: AbortSignal): Promise<unknown> {
    return this.#unlessGone(this.#timeouts.inspectMs, signal, (abortSignal) =>
      this.#docker.getContainer(id).inspect({ abortSignal }),
    );
  }

  inspectNetwork(id: string, signal: AbortSignal): Promise<unknown> {
    return this.#unlessGone(this.#timeouts.callMs, signal, (abortSignal) =>
      this.#docker.getNetwork(id).inspect({ abortSignal }),
    );
  }

  async networks(signal: AbortSignal): Promise<readonly unknown[]> {
    const body: unknown = await this.#within(this.#timeouts.callMs, signal, (abortSignal) =>
      this.#docker.listNetworks({ abortSignal }),
    );
    if (Array.isArray(body)) return body;
    throw new HomeportError('DOCKER_REPLY_INVALID', 'the list of networks is no list');
  }

  /** All containers, running or not. Rejects where the list is not whole: half a list would remove the rest. */
  list(signal: AbortSignal): Promise<readonly ListEntry[]> {
    return this.#within(this.#timeouts.listMs, signal, async (abortSignal) => {
      const response = await this.#stream('/containers/json?', { all: 1 }, abortSignal);
      const elements = new ArrayElements();
      const entries: ListEntry[] = [];
      for await (const piece of response) {
        for (const text of elements.add(piece)) {
          const entry = listEntry(JSON.parse(text));
          if (entry !== undefined) entries.push(entry);
        }
      }
      if (elements.isComplete) return entries;
      throw new HomeportError('DOCKER_REPLY_INVALID', 'the list of containers is not whole');
    });
  }

  /**
   * The event stream, once the engine has accepted it. `onEvent` is called for each; the promise
   * `closed` resolves when the stream is over, however it ended.
   *
   * @param since events from then on are sent again; null: only new ones
   */
  async events(options: {
    readonly since: EventTime | null;
    readonly signal: AbortSignal;
    readonly onEvent: (event: EngineEvent) => void;
  }): Promise<{ readonly closed: Promise<string>; destroy(): void }> {
    const { since, signal, onEvent } = options;
    const query = { filters: EVENT_FILTERS, ...(since === null ? {} : { since: timeText(since) }) };
    // The time limit is for the headers alone: a quiet engine sends nothing for hours.
    const opening = new AbortController();
    const response = await this.#within(this.#timeouts.callMs, signal, (abortSignal) => {
      abortSignal.addEventListener('abort', () => opening.abort(abortSignal.reason));
      return this.#docker.getEvents({ ...query, abortSignal: opening.signal });
    });
    const lines = new Lines(MAX_EVENT_BYTES);
    let reason = 'the engine closed the event stream';
    response.on('data', (piece: Buffer) => {
      for (const line of lines.add(piece)) {
        const event = parseEvent(line);
        if (event !== undefined) onEvent(event);
      }
    });
    response.on('error', (error) => {
      reason = `the event stream broke: ${error.message}`;
    });
    const stop = () => response.destroy();
    signal.addEventListener('abort', stop);
    const closed = new Promise<string>((resolve) => {
      // Comes last, however the stream ended.
      response.on('close', () => {
        signal.removeEventListener('abort', stop);
        resolve(reason);
      });
    });
    return { closed, destroy: stop };
  }

  /** The events of a time that is over, as far as the engine still has them (256 of all kinds). */
  eventsBetween(since: EventTime, until: EventTime, signal: AbortSignal): Promise<EngineEvent[]> {
    return this.#within(this.#timeouts.callMs, signal, async (abortSignal) => {
      const query = { filters: EVENT_FILTERS, since: timeText(since), until: timeText(until) };
      const response = await this.#docker.getEvents({ ...query, abortSignal });
      const lines = new Lines(MAX_EVENT_BYTES);
      const events: EngineEvent[] = [];
      for await (const piece of response) {
        for (const line of lines.add(piece)) {
          const event = parseEvent(line);
          if (event !== undefined) events.push(event);
        }
      }
      return events;
    });
  }

  /** The engine's clock, to the second; undefined where it does not say. */
  async clock(signal: AbortSignal): Promise<number | undefined> {
    const response = await this.#within(this.#timeouts.callMs, signal, (abortSignal) =>
      this.#stream('/_ping', {}, abortSignal),
    );
    response.resume();
    const ms = Date.parse(response.headers.date ?? '');
    return Number.isNaN(ms) ? undefined : ms;
  }

  /** Closes every connection; later calls open new ones. */
  close(): void {
    this.#modem.close();
  }

  #stream(path: string, options: unknown, abortSignal: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const dial = { path, method: 'GET', options, abortSignal, isStream: true } as const;
      this.#modem.dial({ ...dial, statusCodes: { 200: true } }, (error, response) => {
        if (error !== null) reject(error);
        // A stream's answer is the response itself.
        else resolve(response as IncomingMessage);
      });
    });
  }

  async #unlessGone(
    timeoutMs: number,
    signal: AbortSignal,
    call: (signal: AbortSignal) => Promise<unknown>,
  ): Promise<unknown> {
    try {
      const body = await this.#within(timeoutMs, signal, call);
      return isObject(body) ? body : null;
    } catch (error) {
      if (error instanceof StatusError && error.statusCode === 404) return undefined;
      throw error;
    }
  }

  /** A call that ends when its time is over or nobody wants it any more. */
  async #within<T>(
    timeoutMs: number,
    outer: AbortSignal,
    call: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const inner = new AbortController();
    const stop = () => inner.abort(outer.reason);
    const timer = setTimeout(() => {
      inner.abort(
        new HomeportError('DOCKER_UNAVAILABLE', `the engine did not answer within ${timeoutMs} ms`),
      );
    }, timeoutMs);
    outer.addEventListener('abort', stop);
    if (outer.aborted) stop();
    try {
      return await call(inner.signal);
    } catch (error) {
      // Node reports every abort alike; the reason tells a time limit from a shutdown.
      throw inner.signal.aborted ? inner.signal.reason : error;
    } finally {
      clearTimeout(timer);
      outer.removeEventListener('abort', stop);
    }
  }
}

/** Milliseconds since the epoch by the engine's clock. */
export type EventTime = number;

/** Seconds with a fraction, as the engine reads `since` and `until`. */
function timeText(ms: EventTime): string {
  return (ms / 1000).toFixed(6);
}

/** The part of dockerode that is used; its types leave the signal out of two of these. */
interface DockerApi {
  version(options: Signalled): Promise<unknown>;
  listNetworks(options: Signalled): Promise<unknown>;
  getEvents(options: Signalled & object): Promise<IncomingMessage>;
  getContainer(id: string): { inspect(options: Signalled): Promise<unknown> };
  getNetwork(id: string): { inspect(options: Signalled): Promise<unknown> };
}

interface Signalled {
  readonly abortSignal: AbortSignal;
}

/** dockerode takes a modem in the place of its own; its types do not say so. */
function dockerOver(modem: Modem): DockerApi {
  return new Docker({ modem } as unknown as Docker.DockerOptions) as unknown as DockerApi;
}
