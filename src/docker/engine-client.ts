/// <reference path="./dockerode-parts.d.ts" />
/** The calls that homeport makes to an engine, each with a time limit. Replies are as the engine sent them. */
import type { IncomingMessage } from 'node:http';
import Container from 'dockerode/lib/container.js';
import Network from 'dockerode/lib/network.js';
import { HomeportError } from '../errors.ts';
import { ArrayElements } from './array-elements.ts';
import { type ListEntry, listEntry } from './container-facts.ts';
import type { EngineAddress } from './engine-address.ts';
import { type EngineEvent, EVENT_FILTERS, parseEvent } from './engine-event.ts';
import { Lines } from './lines.ts';
import { type Dial, type Limits, Modem, StatusError } from './modem.ts';
import { arrayAt, objectAt, textAt } from './shape.ts';
import type { SwarmBodies } from './swarm/swarm-facts.ts';

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
  readonly isPodman: boolean;
}

export class EngineClient {
  readonly #modem: Modem;
  readonly #timeouts: EngineTimeouts;
  #filters: typeof EVENT_FILTERS | undefined = EVENT_FILTERS;

  /** @param keepsConnections whether calls share connections, or each has one of its own */
  constructor(address: EngineAddress, timeouts: EngineTimeouts, keepsConnections = true) {
    this.#modem = new Modem(address, keepsConnections);
    this.#timeouts = timeouts;
  }

  /** Which engine it is; to be asked first, for event streams depend on it. */
  async version(): Promise<EngineVersion> {
    const body = await this.#call('/version', { timeoutMs: this.#timeouts.callMs });
    const [version, apiVersion] = [textAt(body, 'Version'), textAt(body, 'ApiVersion')];
    const parts = arrayAt(body, 'Components').map((part) => textAt(part, 'Name'));
    this.#filters = parts.includes('Podman Engine') ? undefined : EVENT_FILTERS;
    if (apiVersion !== '') return { version, apiVersion, isPodman: this.#filters === undefined };
    throw new HomeportError('DOCKER_REPLY_INVALID', 'what answers there is no Docker engine');
  }

  /** The body of a container's inspect; undefined where the engine does not know it. */
  inspect(id: string, isOneOfMany = false): Promise<unknown> {
    const limits: Limits = { timeoutMs: this.#timeouts.inspectMs, isOneOfMany };
    return unlessGone(new Container(this.#modem, id).inspect(limits));
  }

  inspectNetwork(id: string): Promise<unknown> {
    const timeoutMs = this.#timeouts.callMs;
    return unlessGone(new Network(this.#modem, id).inspect({ timeoutMs }));
  }

  async networks(): Promise<readonly unknown[]> {
    const body = await this.#call('/networks', { timeoutMs: this.#timeouts.callMs });
    if (Array.isArray(body)) return body;
    throw new HomeportError('DOCKER_REPLY_INVALID', 'the list of networks is no list');
  }

  /**
   * The services, tasks and nodes of the swarm that the engine manages; null where it manages none.
   *
   * @param knownNodeId what the last call said; null: nothing yet
   */
  async swarm(knownNodeId: string | null): Promise<SwarmBodies | null> {
    const limits = { timeoutMs: this.#timeouts.callMs };
    const nodeId = knownNodeId ?? (await this.#managerNode());
    if (nodeId === null) return null;
    // Ended tasks are kept for a while, and may be many.
    const wanted = { filters: { 'desired-state': ['running', 'ready'] }, ...limits };
    try {
      const [services, tasks, nodes] = await Promise.all([
        this.#call('/services', limits),
        this.#call('/tasks', wanted),
        this.#call('/nodes', limits),
      ]);
      if (Array.isArray(services) && Array.isArray(tasks) && Array.isArray(nodes)) {
        return { nodeId, services, tasks, nodes };
      }
    } catch (error) {
      // 503 is said by a node that left or was demoted, and by a manager that has lost its majority.
      if (error instanceof StatusError && error.statusCode === 503) {
        if ((await this.#managerNode()) === null) return null;
      }
      throw error;
    }
    throw new HomeportError(
      'DOCKER_REPLY_INVALID',
      'the list of services, tasks or nodes is no list',
    );
  }

  /** The node that the engine is in the swarm that it manages; null where it manages none, or a proxy does not say. */
  async #managerNode(): Promise<string | null> {
    try {
      const body = await this.#call('/info', { timeoutMs: this.#timeouts.callMs });
      const swarm = objectAt(body, 'Swarm');
      return swarm.ControlAvailable === true ? textAt(swarm, 'NodeID') : null;
    } catch (error) {
      if (error instanceof StatusError && error.statusCode < 500) return null;
      throw error;
    }
  }

  /** All containers, running or not. Rejects where the list is not whole: half a list would remove the rest. */
  async list(): Promise<readonly ListEntry[]> {
    const limits = { timeoutMs: this.#timeouts.listMs, isBrief: true };
    const response = await this.#stream('/containers/json', { all: 1, ...limits });
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
  }

  /**
   * The event stream, once the engine has accepted it. `onEvent` is called for each event.
   *
   * @param since events from then on are sent again; null: only new ones
   * @returns `closed` resolves with the reason when the stream is over, however it ended
   */
  async events(
    since: EventTime | null,
    onEvent: (event: EngineEvent) => void,
  ): Promise<{ readonly closed: Promise<string>; destroy(): void }> {
    // The time limit is for the headers alone: a quiet engine sends nothing for hours.
    const query = {
      filters: this.#filters,
      since: since === null ? undefined : timeText(since),
      timeoutMs: this.#timeouts.callMs,
    };
    const response = await this.#stream('/events', query);
    const lines = new Lines(MAX_EVENT_BYTES);
    let reason = 'the engine closed the event stream';
    response.on('data', (piece: Buffer) => eventsIn(lines.add(piece)).forEach(onEvent));
    response.on('error', (error) => {
      reason = `the event stream broke: ${error.message}`;
    });
    // 'close' comes last, however the stream ended.
    const closed = new Promise<string>((resolve) => response.on('close', () => resolve(reason)));
    return { closed, destroy: () => response.destroy() };
  }

  /** The events of a time that is over, as far as the engine still has them (256 of all kinds). */
  async eventsBetween(since: EventTime, until: EventTime): Promise<EngineEvent[]> {
    const times = { since: timeText(since), until: timeText(until) };
    const options = { filters: this.#filters, ...times, timeoutMs: this.#timeouts.callMs };
    const dial = { path: '/events', method: 'GET', options, isText: true } as const;
    // What is over comes whole. Asked every few seconds, a stream would be what an idle server costs.
    const text = await this.#dial({ ...dial, statusCodes: { 200: true } });
    return typeof text === 'string' ? eventsIn(text.split('\n').filter((line) => line !== '')) : [];
  }

  /** The engine's clock, to the second; undefined where it does not say. */
  async clock(): Promise<number | undefined> {
    const limits = { timeoutMs: this.#timeouts.callMs, isBrief: true };
    const response = await this.#stream('/_ping', limits);
    response.resume();
    const ms = Date.parse(response.headers.date ?? '');
    return Number.isNaN(ms) ? undefined : ms;
  }

  /** Ends every call and stream under way; later calls open new connections. */
  close(): void {
    this.#modem.close();
  }

  #call(path: string, options: LimitedQuery): Promise<unknown> {
    return this.#dial({ path, method: 'GET', options, statusCodes: { 200: true } });
  }

  /** A reply as it comes in. */
  async #stream(path: string, options: LimitedQuery): Promise<IncomingMessage> {
    const dial = { path, method: 'GET', options, isStream: true } as const;
    // A stream's answer is the response itself.
    return (await this.#dial({ ...dial, statusCodes: { 200: true } })) as IncomingMessage;
  }

  #dial(dial: Dial): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#modem.dial(dial, (error, answer) => {
        if (error !== null) reject(error);
        else resolve(answer);
      });
    });
  }
}

function eventsIn(lines: readonly string[]): EngineEvent[] {
  return lines.map(parseEvent).filter((event) => event !== undefined);
}

/** So says Podman (4.3), with status 500, of a container that goes while it is inspected. */
const PODMANS_GONE = /: no such container$/;

/** A body that is none of an object's is odd, but it is the engine's word; a 404 is none. */
async function unlessGone(call: Promise<unknown>): Promise<unknown> {
  try {
    const body = await call;
    return body === undefined ? null : body;
  } catch (error) {
    const isGone =
      error instanceof StatusError &&
      (error.statusCode === 404 || (error.statusCode === 500 && PODMANS_GONE.test(error.message)));
    if (isGone) return undefined;
    throw error;
  }
}

/** Milliseconds since the epoch by the engine's clock. */
export type EventTime = number;

/** Seconds with a fraction, as the engine reads `since` and `until`. */
function timeText(ms: EventTime): string {
  return (ms / 1000).toFixed(6);
}

type LimitedQuery = Limits & Readonly<Record<string, unknown>>;
