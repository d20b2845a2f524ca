/** Has the host's caches forget names when homeport's own answers have changed. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { FlushableCache } from '../config/config.ts';
import { messageOf } from '../errors.ts';
import type { Machine } from '../host/machine.ts';
import type { Logger } from '../log.ts';
import type { NameEntry, ZoneDelta } from '../names/zone-delta.ts';

interface Cache {
  /** It is there while the cache runs. */
  readonly socket: string;
  readonly argv: readonly string[];
  /** What to do where homeport may not. */
  readonly wayOut: string;
}

/** Its homeport-flush.path has somebody do it who may. */
const BY_UNIT = 'run homeport by its unit, homeport.service (`homeport host install`)';

const CACHES: Readonly<Record<FlushableCache, Cache>> = {
  'systemd-resolved': {
    socket: '/run/systemd/resolve/io.systemd.Resolve',
    argv: ['resolvectl', 'flush-caches'],
    // Measured: D-Bus hangs up on a user that no source of nsswitch.conf knows, as a unit's dynamic user is
    // without nss-systemd.
    wayOut: `${BY_UNIT}, or leave it out of flush:`,
  },
  nscd: {
    socket: '/run/nscd/socket',
    argv: ['nscd', '--invalidate=hosts'],
    // nscd(8): only root may.
    wayOut: `${BY_UNIT}, have nscd keep no host names (\`homeport host install --no-nscd-hosts\`), or leave it out of flush:`,
  },
};

/** A cache is emptied at most this often: each time it loses what others have in it, too. */
const PAUSE_MS = 1_000;
const COMMAND_TIMEOUT_MS = 5_000;

export interface CacheFlusherOptions {
  readonly caches: readonly FlushableCache[];
  readonly machine: Machine;
  readonly log: Logger;
  /** Where somebody with the right to do it looks for the names of caches (homeport-flush.path); undefined: homeport does it. */
  readonly requestFile?: string | undefined;
}

export class CacheFlusher {
  readonly #options: CacheFlusherOptions;
  /** What could be in a cache: the addresses of each owned name. */
  readonly #addresses = new Map<string, ReadonlySet<string>>();
  readonly #failing = new Set<FlushableCache>();
  #caches: readonly FlushableCache[];
  /** Set while a flush was not long ago. */
  #pause: NodeJS.Timeout | undefined;
  #isDue = false;
  #isClosed = false;
  #flushing: Promise<void> = Promise.resolve();

  constructor(options: CacheFlusherOptions) {
    this.#options = options;
    this.#caches = options.caches;
  }

  configure(caches: readonly FlushableCache[]): void {
    this.#caches = caches;
  }

  /**
   * Takes a change of names. An address that goes may be in a cache that was given a TTL; where a name
   * comes, its absence may be: nscd keeps that for 20 s even with an SOA minimum of 0 (measured).
   */
  changed({ entries, forgotten }: Pick<ZoneDelta, 'entries' | 'forgotten'>): void {
    const isStale = [
      ...entries.map((entry) => this.#replace(entry.name, addressesOf(entry))),
      ...forgotten.map((name) => this.#replace(name, new Set())),
    ];
    if (isStale.includes(true)) this.#flushSoon();
  }

  /** Whether somebody may keep something that is wrong now. */
  #replace(name: string, after: ReadonlySet<string>): boolean {
    const before = this.#addresses.get(name) ?? new Set();
    if (after.size === 0) this.#addresses.delete(name);
    else this.#addresses.set(name, after);
    if (before.size === 0) return after.size > 0;
    return [...before].some((address) => !after.has(address));
  }

  /** At once, and what comes within the pause together at its end. */
  #flushSoon(): void {
    if (this.#isClosed) return;
    if (this.#pause !== undefined) {
      this.#isDue = true;
      return;
    }
    this.#flushing = this.#flush();
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      if (!this.#isDue) return;
      this.#isDue = false;
      // A command that hangs is waited for, so that there is never more than one.
      void this.#flushing.then(() => this.#flushSoon());
    }, PAUSE_MS);
  }

  async #flush(): Promise<void> {
    const { machine, requestFile } = this.#options;
    const running = this.#caches.filter((cache) => existsSync(machine.at(CACHES[cache].socket)));
    if (running.length === 0) return;
    if (requestFile === undefined) await Promise.all(running.map((cache) => this.#empty(cache)));
    else await this.#request(requestFile, running);
  }

  async #request(file: string, caches: readonly FlushableCache[]): Promise<void> {
    try {
      await writeFile(file, caches.map((cache) => `${cache}\n`).join(''));
      for (const cache of caches) this.#failing.delete(cache);
    } catch (error) {
      const wayOut = 'make the directory of HOMEPORT_FLUSH_REQUEST, and let homeport write there';
      for (const cache of caches) this.#failed(cache, messageOf(error), wayOut);
    }
  }

  async #empty(cache: FlushableCache): Promise<void> {
    const { machine, log } = this.#options;
    const { argv, wayOut } = CACHES[cache];
    const { code, stderr } = await machine.run(argv, { timeoutMs: COMMAND_TIMEOUT_MS });
    if (code === 0) {
      this.#failing.delete(cache);
      log.debug({ cache }, 'cache emptied');
      return;
    }
    const reason = stderr.trim().split('\n').at(-1) || `${argv.join(' ')} ended with ${code}`;
    this.#failed(cache, reason, wayOut);
  }

  /** Said once, until it works again. */
  #failed(cache: FlushableCache, reason: string, wayOut: string): void {
    if (this.#failing.has(cache)) return;
    this.#failing.add(cache);
    this.#options.log.warn(
      { cache, reason, wayOut },
      'cannot empty a cache; it may keep names that are gone',
    );
  }

  /** Resolves when no command runs any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#pause);
    await this.#flushing;
  }
}

function addressesOf({ groups }: NameEntry): ReadonlySet<string> {
  const addresses = new Set<string>();
  for (const { members } of groups) {
    for (const member of members) {
      if (member.isOnHost) addresses.add('the host');
      for (const { address } of member.addresses) addresses.add(address);
      if (member.cname !== null) addresses.add(member.cname);
    }
  }
  return addresses;
}
