/** The watches on all engines: started, compared on reload, refreshed together, and how they stand. */
import { EventEmitter, once } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import type { EngineConfig } from '../config/config.ts';
import type { EngineAddress } from '../docker/engine-address.ts';
import type { EngineState } from '../docker/engine-sink.ts';
import { EngineWatch } from '../docker/engine-watch.ts';
import { hostInterfaces } from '../host/interfaces.ts';
import type { Logger } from '../log.ts';
import type { EngineStanding } from '../resolve/settings.ts';
import { engineAddress } from './engine-address.ts';
import type { ToAnswering } from './messages.ts';
import type { Naming } from './naming.ts';

interface Watched {
  readonly config: EngineConfig;
  readonly watch: EngineWatch;
  /** As it was told last. */
  kind: EngineState['kind'];
}

/** An engine and how it stands. */
export interface EngineStatus {
  readonly config: EngineConfig;
  readonly state: EngineState;
}

export interface EnginesOptions {
  readonly naming: Naming;
  readonly log: Logger;
  /** Sends a message to every answering thread. */
  post(message: ToAnswering): void;
  /** An engine's state changed. */
  changed(): void;
}

export class Engines {
  readonly #options: EnginesOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #news = new EventEmitter();
  /** Tokens are each engine's own; the answering side sees one series. */
  #nextToken = 1;

  constructor(options: EnginesOptions) {
    this.#options = options;
  }

  get statuses(): readonly EngineStatus[] {
    return [...this.#watched.values()].map(({ config, watch }) => ({ config, state: watch.state }));
  }

  /** Starts what is new, ends what is gone; an engine whose configuration is the same stays connected. */
  async configure(configs: readonly EngineConfig[]): Promise<void> {
    const addresses = await Promise.all(configs.map(engineAddress));
    const wanted = new Map(configs.map((config) => [config.name, config]));
    for (const [name, { config, watch }] of this.#watched) {
      if (isDeepStrictEqual(wanted.get(name), config)) continue;
      this.#watched.delete(name);
      await watch.close();
      this.#options.naming.forget(name);
    }
    for (const [i, at] of addresses.entries()) {
      const config = configs[i];
      if (config !== undefined && !this.#watched.has(config.name)) this.#start(config, at);
    }
    this.#tellStandings();
  }

  #start(config: EngineConfig, at: EngineAddress): void {
    const { naming, post } = this.#options;
    const log = this.#options.log.child({ room: 'docker', engine: config.name });
    const tokens = new Map<number, number>();
    const watch = new EngineWatch({
      name: config.name,
      url: engineUrlText(config.url),
      at,
      answer: config.answer === 'host' ? 'host' : 'container',
      ...(config.addresses[0] === undefined ? {} : { address: config.addresses[0] }),
      interfaces: hostInterfaces,
      log: this.#options.log,
      sink: {
        changed: (change) => naming.apply(config.name, change),
        touched: (token, names) => {
          tokens.set(token, this.#nextToken);
          post({ kind: 'touch', token: this.#nextToken++, names });
        },
        settled: (token) => {
          const known = tokens.get(token);
          tokens.delete(token);
          if (known !== undefined) post({ kind: 'settle', token: known });
        },
        suspected: (names, untilMs) => post({ kind: 'suspect', names, untilMs }),
        state: (state) => this.#setState(config, state, log),
        skipped: (skipped) => log.warn(skipped, 'left out'),
      },
    });
    this.#watched.set(config.name, { config, watch, kind: 'waiting' });
    watch.start();
  }

  #setState(config: EngineConfig, state: EngineState, log: Logger): void {
    const watched = this.#watched.get(config.name);
    if (watched === undefined) return;
    if (watched.kind !== state.kind) logState(state, log);
    watched.kind = state.kind;
    this.#tellStandings();
    this.#options.changed();
    this.#news.emit('news');
  }

  #tellStandings(): void {
    const standings = this.statuses.map(
      ({ config, state }): EngineStanding => ({
        engine: config.name,
        isAskable: state.kind === 'connected',
        stale: state.kind === 'stale' ? staleText(config.name, state) : null,
      }),
    );
    this.#options.post({ kind: 'engines', standings });
  }

  /** Resolves when each engine has been heard, or cannot be; after `timeoutMs` at the latest. */
  async firstSync(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const isKnown = () =>
      this.statuses.every(({ state }) => state.kind !== 'waiting' || state.reason !== null);
    const deadlineMs = performance.now() + timeoutMs;
    while (!isKnown() && performance.now() < deadlineMs && !signal.aborted) {
      const patience = AbortSignal.any([
        signal,
        AbortSignal.timeout(Math.ceil(Math.max(0, deadlineMs - performance.now()))),
      ]);
      await once(this.#news, 'news', { signal: patience }).catch(() => undefined);
    }
  }

  /** Looks at all engines that can be asked; resolves when what they said has been applied. */
  async refresh(): Promise<void> {
    const connected = [...this.#watched.values()].filter(
      ({ watch }) => watch.state.kind === 'connected',
    );
    await Promise.allSettled(connected.map(({ watch }) => watch.refresh()));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#watched.values()].map(({ watch }) => watch.close()));
    this.#watched.clear();
  }
}

function staleText(engine: string, { sinceMs, reason }: EngineState & { kind: 'stale' }): string {
  return `engine ${engine} was last heard at ${new Date(sinceMs).toISOString()}: ${reason}`;
}

function logState(state: EngineState, log: Logger): void {
  switch (state.kind) {
    case 'waiting':
      log.info({ reason: state.reason }, 'waiting for the engine; everything else is served');
      break;
    case 'connected':
      // The engine room has said so, with what it found.
      break;
    case 'stale':
      log.warn({ reason: state.reason }, 'engine lost; the last known names are served as stale');
      break;
  }
}

/** An engine's URL as `docker --host` takes it. */
export function engineUrlText(url: EngineConfig['url']): string {
  switch (url.kind) {
    case 'unix':
      return `unix://${url.path}`;
    case 'tcp':
      return `tcp://${url.host.includes(':') ? `[${url.host}]` : url.host}:${url.port}`;
    case 'ssh': {
      const user = url.user === null ? '' : `${url.user}@`;
      const port = url.port === null ? '' : `:${url.port}`;
      return `ssh://${user}${url.host}${port}${url.path ?? ''}`;
    }
  }
}
