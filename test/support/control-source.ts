/** A control source with fixed words, and events on demand. */
import type {
  ControlEvent,
  ControlSource,
  ExplainQuery,
  ExplainReport,
  LeaseOutcome,
  LeaseReport,
  LeasesReport,
  LeaseWords,
  NamesReport,
  ReloadReport,
  StatusReport,
} from '../../src/control/reports.ts';

export const REDIS_NAMES: NamesReport = {
  names: [
    {
      name: 'redis',
      groups: [
        {
          owner: 'redis-b',
          kind: 'container',
          engine: 'local',
          project: 'build-2',
          ready: true,
          addresses: [{ address: '172.18.0.3', network: 'build-2_default' }],
        },
        {
          owner: 'redis-a',
          kind: 'container',
          engine: 'local',
          project: 'build-1',
          ready: true,
          addresses: [{ address: '172.17.0.3', network: 'build-1_default' }],
        },
      ],
      collision: true,
      expected: false,
    },
    {
      name: 'mongodb-cluster-a-node-1',
      groups: [
        {
          owner: 'mongodb-cluster-a-node-1',
          kind: 'container',
          engine: 'local',
          project: null,
          ready: false,
          addresses: [{ address: '172.17.0.2', network: 'bridge' }],
          members: [{ owner: 'mongodb-cluster-a-node-1', condition: 'starting', trouble: null }],
        },
      ],
      collision: false,
      expected: true,
    },
    {
      name: 'pg.dev.internal',
      groups: [
        {
          owner: 'pg.dev.internal',
          kind: 'static',
          engine: '',
          project: null,
          ready: true,
          addresses: [{ address: '10.0.0.5', network: null }],
        },
      ],
      collision: false,
      expected: false,
    },
  ],
  missing: ['mongodb-cluster-a-node-2'],
};

export class FakeControlSource implements ControlSource {
  namesReport: NamesReport = REDIS_NAMES;
  reloadReport: ReloadReport = { isReloaded: true, problems: [] };
  listen: StatusReport['listen'] = [{ address: '127.0.0.1', port: 5300 }];
  explained: ExplainQuery[] = [];
  leaseReports: LeaseReport[] = [];
  /** What leases come to, instead of what they should. */
  leaseOutcome: LeaseOutcome | undefined;
  verdict: ExplainReport['verdict'] = {
    kind: 'owned',
    owner: 'mongodb-cluster-a-node-1',
    ownerKind: 'container',
    engine: 'local',
    project: null,
    source: 'name',
    addresses: [{ address: '172.17.0.2', network: 'bridge' }],
    cname: null,
    ttlSeconds: 0,
    note: null,
  };
  /** By name, where not all have one verdict. */
  readonly verdicts = new Map<string, ExplainReport['verdict']>();
  fails: Error | undefined;
  readonly listeners = new Set<(event: ControlEvent) => void>();

  emit(event: ControlEvent): void {
    for (const listener of this.listeners) listener(event);
  }

  names(): NamesReport {
    if (this.fails !== undefined) throw this.fails;
    return this.namesReport;
  }

  explain(query: ExplainQuery): ExplainReport {
    this.explained.push(query);
    return {
      name: query.name,
      type: query.type,
      client: {
        address: query.from ?? '127.0.0.1',
        view: query.from === null ? 'host' : 'container',
        title: query.from === null ? null : 'web',
        project: query.from === null ? null : 'build-1',
        networks: query.from === null ? [] : ['build-1_default'],
      },
      verdict: this.verdicts.get(query.name) ?? this.verdict,
      steps: [
        { kind: 'note', text: 'one group claims the name' },
        { kind: 'passed', text: 'redis-a: not ready' },
        { kind: 'chosen', text: 'mongodb-cluster-a-node-1: the only one' },
      ],
    };
  }

  status(): StatusReport {
    return {
      version: '0.1.0',
      pid: 4711,
      startedAt: '2026-01-02T03:04:05.000Z',
      configFile: null,
      configProblems: [],
      transport: 'dgram',
      threads: 1,
      listen: this.listen,
      listenProblems: [],
      searchDomains: ['us-east-1.domain.com'],
      engines: [
        {
          name: 'local',
          url: 'unix:///var/run/docker.sock',
          state: 'connected',
          reason: null,
          containers: 3,
        },
      ],
      upstreams: [{ server: '10.0.0.2:53', domain: '', isUp: true }],
      counts: { names: 3, collisions: 1, missing: 1 },
      counters: { queries: 12 },
    };
  }

  subscribe(listener: (event: ControlEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  reload(): ReloadReport {
    return this.reloadReport;
  }
  leases(): LeasesReport {
    return { leases: this.leaseReports };
  }

  addLease({ name, addresses }: LeaseWords): LeaseOutcome {
    const times = { since: '2026-01-02T03:04:05.000Z', until: '2026-01-07T03:04:05.000Z' };
    const lease = { name, addresses, ...times };
    this.leaseReports.push(lease);
    return this.leaseOutcome ?? { kind: 'added', lease, isRenewed: false };
  }

  removeLease(name: string): LeaseOutcome {
    const lease = this.leaseReports.find((each) => each.name === name);
    if (this.leaseOutcome !== undefined) return this.leaseOutcome;
    if (lease === undefined) return { kind: 'unknown', message: `there is no lease of ${name}` };
    return { kind: 'removed', lease };
  }
}
