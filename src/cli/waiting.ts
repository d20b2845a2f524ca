/** Waits until names are ready: told by the server's events, over restarts of the server, until a signal. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ControlClient } from '../control/client.ts';
import type { ControlEvent, Verdict } from '../control/reports.ts';
import { codeOf } from '../errors.ts';
import { refusalOf } from './accepting.ts';

/** How a name stands for whoever waits. */
export type Standing =
  | { readonly isReady: true; readonly owner: string; readonly addresses: readonly string[] }
  | { readonly isReady: false; readonly reason: string };

export interface WaitOptions {
  readonly client: ControlClient;
  readonly names: readonly string[];
  /** A TCP port that must accept, too; null: none. */
  readonly port: number | null;
  /** The client whose view decides; null: this host. */
  readonly from: string | null;
  /** Ends the wait. Each name is looked at once, whenever this comes. */
  readonly signal: AbortSignal;
  /** A name became ready, or is so no longer. */
  tell(name: string, standing: Standing): void;
}

/** A server that restarts is back within a second or so; meanwhile it is tried this often. */
const RECONNECT_MS = 200;
/** Nobody tells when a port opens: it is tried again, ever more seldom. */
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 1_000;
/** Aliases of aliases are followed no further. */
const MAX_ALIASES = 8;

/**
 * Waits until all names are ready at the same time, or the signal.
 *
 * @returns how each stands at the end, in the order of `names`
 * @throws HomeportError CONTROL_UNAVAILABLE where there is no server at first, or none when the signal comes
 */
export async function waitForNames(options: WaitOptions): Promise<ReadonlyMap<string, Standing>> {
  const waiting = new Waiting(options);
  await waiting.run();
  return waiting.standings;
}

class Waiting {
  readonly standings: Map<string, Standing>;
  readonly #options: WaitOptions;
  /** Names to be looked at again. */
  readonly #dirty: Set<string>;
  /** Names whose answer hangs on other names. */
  readonly #aliases = new Set<string>();
  /** Ports that are tried again; a new look at the name ends that. */
  readonly #retries = new Map<string, AbortController>();
  readonly #ended = new AbortController();
  #wake: () => void = () => undefined;
  /** Why the server cannot be asked just now; null: it can. */
  #lost: Error | null = null;

  constructor(options: WaitOptions) {
    this.#options = options;
    this.#dirty = new Set(options.names);
    const unknown: Standing = { isReady: false, reason: 'the server has not been asked' };
    this.standings = new Map(options.names.map((name) => [name, unknown]));
  }

  async run(): Promise<void> {
    const { signal, client } = this.#options;
    const wake = () => this.#wake();
    signal.addEventListener('abort', wake);
    // Listened to first and asked after, so that nothing falls between.
    const events = await client.events(this.#ended.signal);
    const listening = this.#listen(events);
    try {
      await this.#untilAllReady();
    } finally {
      signal.removeEventListener('abort', wake);
      this.#ended.abort();
      for (const retry of this.#retries.values()) retry.abort();
      await listening;
    }
    if (this.#lost !== null && !this.#isDone()) throw this.#lost;
  }

  async #untilAllReady(): Promise<void> {
    for (;;) {
      const news = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await this.#look();
      if (this.#isDone() || this.#options.signal.aborted) return;
      if (this.#dirty.size === 0 || this.#lost !== null) await news;
    }
  }

  #isDone(): boolean {
    if (this.#dirty.size > 0) return false;
    return [...this.standings.values()].every(({ isReady }) => isReady);
  }

  /** Looks at the names that something happened to. */
  async #look(): Promise<void> {
    const names = [...this.#dirty];
    this.#dirty.clear();
    await Promise.all(
      names.map(async (name) => {
        try {
          await this.#judge(name, await this.#ask(name));
        } catch (error) {
          if (codeOf(error) !== 'CONTROL_UNAVAILABLE' || !(error instanceof Error)) throw error;
          this.#dirty.add(name);
          this.#lost ??= error;
        }
      }),
    );
  }

  async #ask(asked: string): Promise<Standing> {
    const { client, from } = this.#options;
    let name = asked;
    for (let followed = 0; followed <= MAX_ALIASES; followed++) {
      const { verdict } = await client.explain(name, from === null ? {} : { from });
      if (verdict.kind !== 'owned' || verdict.cname === null) return standingOf(verdict);
      this.#aliases.add(asked);
      name = verdict.cname;
    }
    return { isReady: false, reason: `its aliases do not end: ${name} is one still` };
  }

  async #judge(name: string, standing: Standing): Promise<void> {
    const { port } = this.#options;
    this.#retries.get(name)?.abort();
    this.#retries.delete(name);
    if (!standing.isReady || port === null) {
      this.#set(name, standing);
      return;
    }
    const retry = new AbortController();
    this.#retries.set(name, retry);
    const isAccepted = await this.#connect(name, standing, port, retry.signal);
    if (!isAccepted) void this.#connectLater(name, standing, port, retry.signal);
  }

  /** Tries once. */
  async #connect(
    name: string,
    standing: Standing & { isReady: true },
    port: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const refusal = await refusalOf(standing.addresses, port, signal);
    if (signal.aborted) return false;
    const reason = `${standing.owner} is ready, but ${refusal}`;
    this.#set(name, refusal === null ? standing : { isReady: false, reason });
    return refusal === null;
  }

  async #connectLater(
    name: string,
    standing: Standing & { isReady: true },
    port: number,
    signal: AbortSignal,
  ): Promise<void> {
    let waitMs = FIRST_RETRY_MS;
    while (await waited(waitMs, signal)) {
      if (await this.#connect(name, standing, port, signal)) return;
      waitMs = Math.min(2 * waitMs, LAST_RETRY_MS);
    }
  }

  #set(name: string, standing: Standing): void {
    const wasReady = this.standings.get(name)?.isReady ?? false;
    this.standings.set(name, standing);
    if (wasReady !== standing.isReady) this.#options.tell(name, standing);
    this.#wake();
  }

  /** Takes events until the end, over restarts of the server. */
  async #listen(first: AsyncIterable<ControlEvent>): Promise<void> {
    const { signal } = this.#ended;
    let events: AsyncIterable<ControlEvent> | undefined = first;
    while (!signal.aborted) {
      try {
        events ??= await this.#options.client.events(signal);
        this.#askAgain();
        for await (const event of events) this.#hear(event);
      } catch (error) {
        this.#lost = error instanceof Error ? error : new Error(String(error));
      }
      events = undefined;
      await waited(RECONNECT_MS, signal);
    }
  }

  /** The server is back, and what happened meanwhile is not known. */
  #askAgain(): void {
    if (this.#lost === null) return;
    this.#lost = null;
    for (const name of this.#options.names) this.#dirty.add(name);
    this.#wake();
  }

  #hear(event: ControlEvent): void {
    for (const name of this.#options.names) {
      if (concerns(event, name, this.#aliases.has(name))) this.#dirty.add(name);
    }
    if (this.#dirty.size > 0) this.#wake();
  }
}

/** Whether an event may change how a name stands. */
function concerns(event: ControlEvent, name: string, isAlias: boolean): boolean {
  switch (event.kind) {
    case 'name': {
      const asked = name.toLowerCase().replace(/\.$/, '');
      // `redis` concerns `redis.us-east-1.domain.com` too.
      const isItself = asked === event.name || asked.startsWith(`${event.name}.`);
      const isCovered = event.name.startsWith('*.') && asked.endsWith(event.name.slice(1));
      return isAlias || isItself || isCovered;
    }
    case 'parity':
      return false;
    case 'engine':
    case 'reload':
    case 'lost':
      return true;
  }
}

function standingOf(verdict: Verdict): Standing {
  switch (verdict.kind) {
    case 'owned': {
      const { owner, ownerKind, note, addresses } = verdict;
      if (!(verdict.ready ?? note === null)) {
        return { isReady: false, reason: note ?? `${owner} is not ready` };
      }
      if (addresses.length === 0) return { isReady: false, reason: `${owner} has no address` };
      const texts = addresses.map(({ address }) => address);
      return { isReady: true, owner: `${ownerKind} ${owner}`, addresses: texts };
    }
    case 'forwarded':
      return { isReady: false, reason: 'nobody on this host owns it' };
    case 'unreachable':
    case 'refused':
    case 'nonexistent':
    case 'notAllowed':
      return { isReady: false, reason: verdict.reason };
  }
}

/** Whether the time passed; not where the signal came first. */
async function waited(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(ms, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}
