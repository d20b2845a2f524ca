/** Replies in the shape of a Docker engine's (API 1.41 to 1.51), for engines that tests make up. */

export interface MadeEndpoint {
  readonly network: string;
  readonly networkId: string;
  readonly endpointId?: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly gateway?: string;
  readonly aliases?: readonly string[];
  readonly priority?: number;
}

export interface MadeContainer {
  readonly id: string;
  readonly name: string;
  readonly state?: 'created' | 'running' | 'paused' | 'restarting' | 'exited';
  readonly health?: string;
  readonly startedAtMs?: number;
  /** Default: no run of it has ended. */
  readonly finishedAtMs?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly hostname?: string;
  readonly networkMode?: string;
  readonly endpoints?: readonly MadeEndpoint[];
  readonly exposed?: readonly string[];
  readonly ports?: Readonly<Record<string, unknown>>;
}

export interface MadeNetwork {
  readonly id: string;
  readonly name: string;
  readonly driver?: string;
  readonly subnet?: string;
  readonly gateway?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly options?: Readonly<Record<string, string>>;
  readonly isIngress?: boolean;
  readonly attached?: Readonly<Record<string, { readonly ipv4?: string; readonly ipv6?: string }>>;
}

/** `GET /containers/{id}/json` */
export function inspectBody(made: MadeContainer): Record<string, unknown> {
  const state = made.state ?? 'running';
  return {
    Id: made.id,
    Name: `/${made.name}`,
    State: {
      Status: state,
      Running: state === 'running' || state === 'paused' || state === 'restarting',
      Paused: state === 'paused',
      Restarting: state === 'restarting',
      StartedAt: new Date(made.startedAtMs ?? 0).toISOString(),
      FinishedAt:
        made.finishedAtMs === undefined
          ? '0001-01-01T00:00:00Z'
          : new Date(made.finishedAtMs).toISOString(),
      ...(made.health === undefined ? {} : { Health: { Status: made.health } }),
    },
    HostConfig: {
      NetworkMode: made.networkMode ?? made.endpoints?.[0]?.network ?? 'none',
      PortBindings: made.ports ?? {},
    },
    Config: {
      Hostname: made.hostname ?? made.id.slice(0, 12),
      Labels: made.labels ?? {},
      ExposedPorts: Object.fromEntries((made.exposed ?? []).map((port) => [port, {}])),
    },
    NetworkSettings: { Ports: made.ports ?? {}, Networks: networksOf(made, true) },
  };
}

/** An entry of `GET /containers/json`. */
export function listBody(made: MadeContainer): Record<string, unknown> {
  const health = made.health === undefined ? '' : ` (${made.health})`;
  return {
    Id: made.id,
    Names: [`/${made.name}`],
    Labels: made.labels ?? {},
    State: made.state ?? 'running',
    Status: `Up 1 second${health.replace('starting', 'health: starting')}`,
    HostConfig: { NetworkMode: made.networkMode ?? made.endpoints?.[0]?.network ?? 'none' },
    NetworkSettings: { Networks: networksOf(made, false) },
  };
}

/** `GET /networks/{id}`; the list of networks has the same without `Containers`. */
export function networkBody(made: MadeNetwork): Record<string, unknown> {
  const attached = Object.entries(made.attached ?? {}).map(([id, at]) => [
    id,
    { IPv4Address: withLength(at.ipv4, 16), IPv6Address: withLength(at.ipv6, 64) },
  ]);
  return {
    Id: made.id,
    Name: made.name,
    Driver: made.driver ?? 'bridge',
    Ingress: made.isIngress ?? false,
    IPAM: {
      Config:
        made.subnet === undefined
          ? []
          : [{ Subnet: made.subnet, ...(made.gateway ? { Gateway: made.gateway } : {}) }],
    },
    Options: made.options ?? {},
    Labels: made.labels ?? {},
    Containers: Object.fromEntries(attached),
  };
}

/** A line of `GET /events`. */
export function eventLine(
  type: string,
  action: string,
  id: string,
  attributes: Readonly<Record<string, string>>,
  atMs: number,
): string {
  const timeNano = Math.round(atMs * 1e6);
  return JSON.stringify({
    Type: type,
    Action: action,
    Actor: { ID: id, Attributes: attributes },
    scope: 'local',
    time: Math.floor(atMs / 1000),
    timeNano,
  });
}

function networksOf(made: MadeContainer, hasAliases: boolean): Record<string, unknown> {
  return Object.fromEntries(
    (made.endpoints ?? []).map((at) => [
      at.network,
      {
        NetworkID: at.networkId,
        EndpointID: at.endpointId ?? '',
        IPAddress: at.ipv4 ?? '',
        GlobalIPv6Address: at.ipv6 ?? '',
        Gateway: at.gateway ?? '',
        Aliases: hasAliases ? (at.aliases ?? null) : null,
        GwPriority: at.priority ?? 0,
      },
    ]),
  );
}

function withLength(address: string | undefined, length: number): string {
  return address === undefined ? '' : `${address}/${length}`;
}
