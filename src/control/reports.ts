/** What the control socket says, as JSON; and the service behind it, which `daemon/` implements. Types only. */

/** What the control server asks. What it returns is written as JSON as it is. */
export interface ControlSource {
  names(): NamesReport | Promise<NamesReport>;
  explain(query: ExplainQuery): ExplainReport | Promise<ExplainReport>;
  status(): StatusReport | Promise<StatusReport>;
  /** @returns ends the subscription; the listener must not be called after that */
  subscribe(listener: (event: ControlEvent) => void): () => void;
  reload(): ReloadReport | Promise<ReloadReport>;
  leases(): LeasesReport | Promise<LeasesReport>;
  addLease(words: LeaseWords): LeaseOutcome | Promise<LeaseOutcome>;
  removeLease(name: string): LeaseOutcome | Promise<LeaseOutcome>;
}

/** `GET /v1/names` and `homeport names --json`: fields may be added, never renamed. */
export interface NamesReport {
  readonly names: readonly NameReport[];
  /** Expected names that nobody owns. */
  readonly missing: readonly string[];
  /** Names that nobody owns any more and that do not go to production yet. */
  readonly departed?: readonly {
    readonly name: string;
    readonly owner: string | null;
    /** ISO 8601. */
    readonly until: string;
  }[];
  /** As in the status. */
  readonly parity?: ParityReport | null;
}

export interface NameReport {
  readonly name: string;
  /** In the order in which the host view prefers them. */
  readonly groups: readonly GroupReport[];
  /** Several groups claim the name. */
  readonly collision: boolean;
  readonly expected: boolean;
}

export interface GroupReport {
  /** What an operator calls it: the container's name. */
  readonly owner: string;
  readonly kind: 'container' | 'service' | 'static' | 'lease';
  /** '' for static records and leases. */
  readonly engine: string;
  readonly project: string | null;
  readonly ready: boolean;
  /** Of all members; empty: it runs without an address. */
  readonly addresses: readonly AddressReport[];
  /** The name that a static alias stands for. */
  readonly cname?: string | null;
  /** When a lease ends, ISO 8601; absent for everything else. */
  readonly until?: string;
  /** Who it is made of, how they are, and why one has no address. */
  readonly members?: readonly {
    readonly owner: string;
    readonly condition: string;
    readonly trouble: string | null;
  }[];
}

export interface AddressReport {
  readonly address: string;
  /** The network's name; null: every client reaches it. */
  readonly network: string | null;
}

export interface ExplainQuery {
  /** As typed, a legal name. */
  readonly name: string;
  /** The client whose view is explained, canonical; null: the host itself. */
  readonly from: string | null;
  /** `A`, `AAAA`, `TYPE65`… */
  readonly type: string;
}

/** `GET /v1/explain`: the whole decision for one client. */
export interface ExplainReport {
  readonly name: string;
  readonly type: string;
  readonly client: ClientReport;
  readonly verdict: Verdict;
  /** How the decision was made, in order. */
  readonly steps: readonly ExplainStep[];
}

export interface ClientReport {
  readonly address: string;
  readonly view: 'host' | 'remote' | 'container';
  /** The container that asks. */
  readonly title: string | null;
  readonly project: string | null;
  /** Names of the networks it is on. */
  readonly networks: readonly string[];
}

export interface ExplainStep {
  /** `chosen`: this decided; `passed`: looked at and left; `note`: good to know. */
  readonly kind: 'chosen' | 'passed' | 'note';
  /** One line, lower case, no full stop. */
  readonly text: string;
}

/** What the client is told, and why. */
export type Verdict =
  | {
      readonly kind: 'owned';
      readonly owner: string;
      /** It is healthy, as far as its engine knows. */
      readonly ready?: boolean;
      readonly ownerKind: GroupReport['kind'];
      readonly engine: string;
      readonly project: string | null;
      /** What gave it the name: `label`, `name`, `alias`, `service`, `hostname`, `lease`, `record`. */
      readonly source: string;
      readonly addresses: readonly AddressReport[];
      readonly cname: string | null;
      readonly ttlSeconds: number;
      /** Why it may not work all the same: not ready, the engine not heard of since… */
      readonly note: string | null;
    }
  /** It runs, but this client gets no address. */
  | { readonly kind: 'unreachable'; readonly owner: string; readonly reason: string }
  /** Expected or departed: NXDOMAIN here rather than production's answer. */
  | { readonly kind: 'refused'; readonly reason: string }
  | {
      readonly kind: 'forwarded';
      /** The names that the upstreams are asked, in turn. */
      readonly asks: readonly string[];
      /** In order of preference. */
      readonly upstreams: readonly string[];
      /** An expected name that the configuration lets through. */
      readonly isLeak: boolean;
    }
  | { readonly kind: 'nonexistent'; readonly reason: string }
  /** `allow` does not name this client. */
  | { readonly kind: 'notAllowed'; readonly reason: string };

/** `GET /v1/status`. */
export interface StatusReport {
  readonly version: string;
  readonly pid: number;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly configFile: string | null;
  /** Why the file's present content is not what is served; empty: it is. */
  readonly configProblems: readonly string[];
  readonly transport: 'batch' | 'dgram';
  readonly threads: number;
  /** Where it answers now. */
  readonly listen: readonly { readonly address: string; readonly port: number }[];
  /** What it cannot listen on, and why. */
  readonly listenProblems: readonly string[];
  readonly searchDomains: readonly string[];
  readonly engines: readonly EngineReport[];
  readonly upstreams: readonly UpstreamReport[];
  readonly counts: {
    readonly names: number;
    readonly collisions: number;
    readonly missing: number;
  };
  /** Queries answered, forwarded, refused, leaked… since the start. */
  readonly counters: Readonly<Record<string, number>>;
  /** The last parity check; null: none yet; absent: no production profile is configured. */
  readonly parity?: ParityReport | null;
}

/** Whether this host, and every container on it, resolves names as production does; `homeport parity` tells all. */
export interface ParityReport {
  readonly verdict: 'parity' | 'differs' | 'could not check';
  /** ISO 8601. */
  readonly checkedAt: string;
  readonly counts: { readonly error: number; readonly warning: number; readonly notice: number };
  /** The worst first; not all of them, where there are many. */
  readonly findings: readonly {
    readonly id: string;
    readonly severity: 'error' | 'warning' | 'notice';
    readonly target: string;
    readonly message: string;
  }[];
  /** What could not be read or judged. */
  readonly problems: readonly string[];
}

export interface EngineReport {
  readonly name: string;
  readonly url: string;
  readonly state: 'connected' | 'connecting' | 'stale';
  /** Why it is not connected. */
  readonly reason: string | null;
  readonly containers: number;
}

export interface UpstreamReport {
  /** `10.0.0.2:53`, `tls://10.0.0.2:853#dns.example.com`. */
  readonly server: string;
  /** '' for all names. */
  readonly domain: string;
  readonly isUp: boolean;
}

/** `POST /v1/reload`. */
export interface ReloadReport {
  readonly isReloaded: boolean;
  /** As `homeport config check` prints them; the old configuration serves on. */
  readonly problems: readonly string[];
}

/** What somebody wants to lease, as typed: `{"name": "demo.env.dev.internal", "addresses": ["10.0.0.7"], "for": "5d"}`. */
export interface LeaseWords {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly for: string;
}

/** One lease. */
export interface LeaseReport {
  readonly name: string;
  readonly addresses: readonly string[];
  /** ISO 8601. */
  readonly since: string;
  /** ISO 8601. */
  readonly until: string;
}

/** `GET /v1/leases` and `homeport lease list --json`: by name. */
export interface LeasesReport {
  readonly leases: readonly LeaseReport[];
}

/** What became of `POST /v1/leases` or `DELETE /v1/leases?name=NAME`. */
export type LeaseOutcome =
  /** It is on disk, and answered. */
  | { readonly kind: 'added'; readonly lease: LeaseReport; readonly isRenewed: boolean }
  | { readonly kind: 'removed'; readonly lease: LeaseReport }
  /** The words are wrong. */
  | { readonly kind: 'invalid'; readonly message: string }
  /** There is no lease of that name. */
  | { readonly kind: 'unknown'; readonly message: string }
  /** It could not be kept, and all is as before. */
  | { readonly kind: 'unkept'; readonly message: string };

/** One line of `GET /v1/events`. */
export type ControlEvent =
  /** null: nobody owns it any more. */
  | { readonly kind: 'name'; readonly name: string; readonly report: NameReport | null }
  | {
      readonly kind: 'engine';
      readonly engine: string;
      readonly state: EngineReport['state'];
      readonly reason: string | null;
    }
  | { readonly kind: 'reload'; readonly isReloaded: boolean; readonly problems: readonly string[] }
  | { readonly kind: 'parity'; readonly report: ParityReport }
  /** This reader was too slow, and events were left out: ask for the names again. */
  | { readonly kind: 'lost' };
