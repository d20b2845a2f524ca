/** The upstreams as they are now: chosen anew when resolv.conf, the configuration or our own addresses change. */
import { isDeepStrictEqual } from 'node:util';
import { type FileReading, WatchedFile } from '../host/watched-file.ts';
import type { Logger } from '../log.ts';
import { parseResolvConf, type ResolvConf } from '../resolv-conf/resolv-conf.ts';
import type { UpstreamGroup } from '../resolve/settings.ts';
import {
  type ConfiguredUpstreams,
  chooseUpstreams,
  isResolvedStub,
  UpstreamNumbers,
} from './upstream-list.ts';

/** The servers that systemd-resolved asks itself (systemd-resolved.service(8)). */
const RESOLVED_UPLINKS = '/run/systemd/resolve/resolv.conf';

export interface UpstreamWatchOptions {
  readonly log: Logger;
  /** Whether homeport itself listens there. */
  isOurs(address: string, port: number): boolean;
  changed(groups: readonly UpstreamGroup[]): void;
}

export class UpstreamWatch {
  readonly #options: UpstreamWatchOptions;
  readonly #numbers = new UpstreamNumbers();
  #configured: ConfiguredUpstreams = { servers: [], byDomain: [] };
  #path = '';
  #files: WatchedFile[] = [];
  #resolvConf: ResolvConf | null = null;
  #uplinks: ResolvConf | null = null;
  #groups: readonly UpstreamGroup[] | undefined;
  #complaint = '';

  constructor(options: UpstreamWatchOptions) {
    this.#options = options;
  }

  get groups(): readonly UpstreamGroup[] {
    return this.#groups ?? [];
  }

  /** Takes the configuration's part, and watches resolv.conf where that names no servers for every name. */
  async configure(configured: ConfiguredUpstreams, resolvConfPath: string): Promise<void> {
    this.#configured = configured;
    const path = configured.servers.length > 0 ? '' : resolvConfPath;
    if (path !== this.#path) {
      await this.close();
      this.#path = path;
      if (path !== '') await this.#watch(path);
    }
    this.choose();
  }

  async #watch(path: string): Promise<void> {
    const main = new WatchedFile(path, (reading) => {
      this.#resolvConf = this.#parse(path, reading);
      this.choose();
    });
    // systemd-resolved may be there from the start or come later.
    const uplinks = new WatchedFile(RESOLVED_UPLINKS, (reading) => {
      this.#uplinks = reading.kind === 'text' ? parseResolvConf(reading.text) : null;
      this.choose();
    });
    this.#files = [main, uplinks];
    await uplinks.read();
    await main.read();
  }

  #parse(path: string, reading: FileReading): ResolvConf | null {
    if (reading.kind === 'text') return parseResolvConf(reading.text);
    const { reason } = reading;
    this.#options.log.warn(
      { path, reason },
      'no upstreams from this file; name them under upstreams:',
    );
    return null;
  }

  /** Reads the files again: for SIGHUP. */
  async reread(): Promise<void> {
    for (const file of this.#files) await file.read();
  }

  /** Chooses again, and tells what changed. */
  choose(): void {
    const file = this.#resolvConf;
    const isStub = file !== null && isResolvedStub(file) && this.#uplinks !== null;
    const source = this.#path === '' ? null : isStub ? this.#uplinks : file;
    const { isOurs, changed, log } = this.#options;
    const { groups, ourselves } = chooseUpstreams(this.#configured, source, isOurs, this.#numbers);
    const complaint = ourselves.join(' ');
    if (complaint !== '' && complaint !== this.#complaint) {
      log.info({ left_out: ourselves }, 'our own addresses are no upstreams');
    }
    this.#complaint = complaint;
    if (isDeepStrictEqual(groups, this.#groups)) return;
    this.#groups = groups;
    const servers = groups.flatMap((group) =>
      group.servers.map(({ address, port }) => `${address}:${port}`),
    );
    if (servers.length === 0)
      log.warn('there is no upstream: only owned names and records are answered');
    else log.info({ servers }, 'upstreams');
    changed(groups);
  }

  async close(): Promise<void> {
    const files = this.#files;
    this.#files = [];
    await Promise.all(files.map((file) => file.close()));
    this.#resolvConf = null;
    this.#uplinks = null;
  }
}
