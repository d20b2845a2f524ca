/** What the control socket says: the names, the decision on one, how the server stands, and what changes. */
import type { Config } from '../config/config.ts';
import type {
  ControlEvent,
  ControlSource,
  EngineReport,
  GroupReport,
  LeaseOutcome,
  LeasesReport,
  LeaseWords,
  NameReport,
  NamesReport,
  ParityReport,
  ReloadReport,
  StatusReport,
} from '../control/reports.ts';
import { listNames } from '../names/listing.ts';
import type { SealedDelta } from '../names/sealed-delta.ts';
import { Clients } from '../names/view.ts';
import type { DecisionSettings, ZoneDelta } from '../names/zone-delta.ts';
import type { UpstreamGroup, UpstreamServer } from '../resolve/settings.ts';
import type { Answering } from './answering.ts';
import { type EngineStatus, engineUrlText } from './engines.ts';
import { explainQuestion } from './explaining.ts';
import type { Leasing } from './leasing.ts';
import type { Endpoint } from './listeners.ts';
import type { Naming } from './naming.ts';

/** The parts of the server that are reported on. */
export interface Reported {
  readonly version: string;
  readonly startedAtMs: number;
  readonly transport: 'batch' | 'dgram';
  readonly naming: Naming;
  readonly leasing: Leasing;
  readonly threads: readonly Answering[];
  config(): Config;
  configProblems(): readonly string[];
  endpoints(): readonly Endpoint[];
  listenProblems(): readonly string[];
  engines(): readonly EngineStatus[];
  upstreams(): readonly UpstreamGroup[];
  /** undefined: no production is configured. */
  parity(): ParityReport | null | undefined;
  reload(): Promise<ReloadReport>;
}

export class Reports implements ControlSource {
  readonly #reported: Reported;
  readonly #listeners = new Set<(event: ControlEvent) => void>();
  readonly #clients = new Clients();
  readonly #down = new Set<number>();

  constructor(reported: Reported) {
    this.#reported = reported;
  }

  names(): NamesReport {
    const listed = listNames(this.#reported.naming.table.entries(), this.#listing());
    const names = listed.names.map((report) => this.#withEnds(report));
    return { ...listed, names, ...this.#parity() };
  }

  explain(query: Parameters<ControlSource['explain']>[0]): ReturnType<ControlSource['explain']> {
    const { naming, config, upstreams, engines } = this.#reported;
    return explainQuestion(query, {
      config: config(),
      settings: this.#decisionSettings(),
      upstreams: upstreams(),
      nowMs: Date.now(),
      entryOf: (name) => naming.table.entryOf(name),
      reverseOf: (address) => naming.table.reverseOf(address),
      viewOf: (address) => this.#clients.viewOf(address, null),
      leaseEndOf: (name) => this.#reported.leasing.untilOf(name),
      staleOf: (engine) => {
        const state = engines().find(({ config: { name } }) => name === engine)?.state;
        return state?.kind === 'stale' ? `engine ${engine} is not heard: ${state.reason}` : null;
      },
    });
  }

  async status(): Promise<StatusReport> {
    const { version, startedAtMs, transport, threads } = this.#reported;
    const config = this.#reported.config();
    const { names, missing } = this.names();
    const reports = await Promise.all(threads.map((thread) => thread.report()));
    const counters: Record<string, number> = {};
    for (const report of reports) {
      for (const [name, count] of Object.entries(report.counters)) {
        counters[name] = (counters[name] ?? 0) + count;
      }
    }
    return {
      version,
      pid: process.pid,
      startedAt: new Date(startedAtMs).toISOString(),
      configFile: config.file,
      configProblems: this.#reported.configProblems(),
      transport,
      threads: threads.length,
      listen: this.#reported.endpoints(),
      listenProblems: this.#reported.listenProblems(),
      searchDomains: config.searchDomains,
      engines: this.#reported.engines().map(engineReport),
      upstreams: this.#reported.upstreams().flatMap(({ domain, servers }) =>
        servers.map((server) => ({
          server: serverText(server),
          domain,
          isUp: !this.#down.has(server.id),
        })),
      ),
      counts: {
        names: names.length,
        collisions: names.filter(({ collision }) => collision).length,
        missing: missing.length,
      },
      counters,
      ...this.#parity(),
    };
  }

  #parity(): Pick<StatusReport, 'parity'> {
    const parity = this.#reported.parity();
    return parity === undefined ? {} : { parity };
  }

  subscribe(listener: (event: ControlEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  reload(): Promise<ReloadReport> {
    return this.#reported.reload();
  }

  leases(): LeasesReport {
    return { leases: this.#reported.leasing.list() };
  }

  addLease(words: LeaseWords): Promise<LeaseOutcome> {
    return this.#reported.leasing.add(words);
  }

  removeLease(name: string): Promise<LeaseOutcome> {
    return this.#reported.leasing.remove(name);
  }

  /** Names changed: views follow, and whoever listens is told. */
  changed(delta: ZoneDelta, sealed: SealedDelta): void {
    this.#clients.apply(sealed);
    if (this.#listeners.size === 0) return;
    const listing = this.#listing();
    for (const { name } of delta.entries)
      this.#tell({ kind: 'name', name, report: this.#nameReport(name, listing) });
    for (const name of delta.forgotten) this.#tell({ kind: 'name', name, report: null });
  }

  #nameReport(name: string, listing: Parameters<typeof listNames>[1]): NameReport | null {
    const entry = this.#reported.naming.table.entryOf(name);
    const [report] = entry === null ? [] : listNames([entry], listing).names;
    return report === undefined ? null : this.#withEnds(report);
  }

  /** A lease has an end, which is no business of the table of names. */
  #withEnds(report: NameReport): NameReport {
    if (!report.groups.some(({ kind }) => kind === 'lease')) return report;
    const until = this.#reported.leasing.untilOf(report.name);
    const withEnd = (group: GroupReport): GroupReport =>
      group.kind === 'lease' && until !== null ? { ...group, until } : group;
    return { ...report, groups: report.groups.map(withEnd) };
  }

  engineChanged(status: EngineStatus): void {
    const { name: engine, state, reason } = engineReport(status);
    this.#tell({ kind: 'engine', engine, state, reason });
  }

  upstreamChanged(server: UpstreamServer, isUp: boolean): void {
    if (isUp) this.#down.delete(server.id);
    else this.#down.add(server.id);
  }

  reloaded(report: ReloadReport): void {
    this.#tell({ kind: 'reload', ...report });
  }

  parityChanged(report: ParityReport): void {
    this.#tell({ kind: 'parity', report });
  }

  #tell(event: ControlEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #decisionSettings(): DecisionSettings {
    const { networkOrder, ttlSeconds } = this.#reported.config();
    const networks = new Map(
      this.#reported.naming.networks.map((network) => [network.key, network]),
    );
    return { networkOrder, ttlSeconds, networks };
  }

  #listing(): Parameters<typeof listNames>[1] {
    const { networks } = this.#decisionSettings();
    return { networks, expected: this.#reported.config().expected.names, nowMs: Date.now() };
  }
}

function engineReport({ config, state }: EngineStatus): EngineReport {
  return {
    name: config.name,
    url: engineUrlText(config.url),
    state: state.kind === 'waiting' ? 'connecting' : state.kind,
    reason: state.kind === 'connected' ? null : state.reason,
    containers: state.kind === 'waiting' ? 0 : state.counts.containers,
  };
}

function serverText({ address, port, tlsName }: UpstreamServer): string {
  const place = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  return tlsName === null ? place : `tls://${place}#${tlsName}`;
}
