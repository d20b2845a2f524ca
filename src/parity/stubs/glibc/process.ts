/** One lookup inside a glibc process: its reading of resolv.conf, its resolver state, its clock. */
import { aliasOf } from '../../../resolv-conf/host-aliases.ts';
import type { Reading } from '../../../resolv-conf/readings/reading.ts';
import type { DnsOracle, SentQuery, Situation } from '../stub.ts';
import { ResolvedDaemon, type ResolvedVersion } from '../systemd-resolved.ts';
import { Wire } from '../wire.ts';
import { GlibcSender } from './send.ts';

/** What a process needs to know besides its files. */
export interface GlibcSetup {
  readonly situation: Situation;
  readonly reading: Reading;
  /** the systemd-resolved that a distribution ships with this glibc, should it run */
  readonly resolved: ResolvedVersion;
}

export class GlibcProcess {
  readonly situation: Situation;
  readonly reading: Reading;
  readonly wire: Wire;
  /** the thread's resolver state: one for all modules, so a fallback to single requests lasts */
  readonly sender: GlibcSender;
  /** systemd-resolved, where it runs */
  readonly daemon: ResolvedDaemon | undefined;

  /** @param firstServer index of the server that `rotate` begins with */
  constructor({ situation, reading, resolved }: GlibcSetup, oracle: DnsOracle, firstServer = 0) {
    this.situation = situation;
    this.reading = reading;
    const daemon =
      situation.resolvedConf === undefined
        ? undefined
        : new ResolvedDaemon(resolved, situation, oracle);
    const wire: Wire = new Wire((query) =>
      daemon !== undefined && ResolvedDaemon.isListener(query.server)
        ? daemon.answer(query, wire.nowMs)
        : oracle(query),
    );
    this.daemon = daemon;
    this.wire = wire;
    this.sender = new GlibcSender(reading, wire, firstServer);
  }

  /** All queries of the lookup: the program's own and those that the daemon made for it. */
  queries(): readonly SentQuery[] {
    return [...this.wire.queries, ...(this.daemon?.queries ?? [])];
  }

  /** The name that HOSTALIASES maps a bare name to. */
  hostAlias(name: string): string | undefined {
    const path = this.situation.env.HOSTALIASES;
    return path === undefined ? undefined : aliasOf(this.situation.files[path], name);
  }
}
