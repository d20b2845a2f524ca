/** One recorded case of docker-resolv-conf.jsonl, checked field by field. */
import type { ContainerDnsRequest, DnsSettings, EngineHost } from './settings.ts';

/** What a case recorded: the container's file, or what a command in it printed and asked. */
export type RecordedOutcome =
  | { readonly kind: 'file'; readonly text: string }
  | {
      readonly kind: 'command';
      readonly command: readonly string[];
      readonly output: string;
      readonly queries: readonly RecordedQuery[];
      readonly zone: Readonly<Record<string, unknown>>;
    };

/** A query that reached the recording server: name, type, server, seconds since the first. */
export type RecordedQuery = readonly [string, string, string, number];

/** A case, ready to be simulated. */
export interface EngineCase {
  readonly id: string;
  readonly engine: string;
  /** undefined for the `live` rows, which say only what became of one container's file */
  readonly setUp: EngineSetUp | undefined;
  readonly outcome: RecordedOutcome;
}

/** The host, the flags and the network of a case. */
export interface EngineSetUp {
  readonly host: EngineHost;
  readonly request: ContainerDnsRequest;
}

/** A row as far as it could be read, or why not: one sentence. */
export type ParsedEngineCase =
  | { readonly kind: 'case'; readonly case: EngineCase }
  | { readonly kind: 'bad'; readonly why: string };

const NETWORKS = ['default-bridge', 'user-defined', 'host'] as const;
const FLAGS: Readonly<Record<string, keyof DnsSettings>> = {
  '--dns': 'servers',
  '--dns-search': 'search',
  '--dns-opt': 'options',
  '--dns-option': 'options',
};

/** Reads one row (already JSON). Never throws. */
export function parseEngineCase(row: Readonly<Record<string, unknown>>): ParsedEngineCase {
  const { id, engine } = row;
  if (typeof id !== 'string') return bad('id', 'a string');
  if (typeof engine !== 'string') return bad('engine', 'a string');
  const outcome = outcomeOf(row);
  if (typeof outcome === 'string') return { kind: 'bad', why: outcome };
  if (row.network === undefined) {
    return { kind: 'case', case: { id, engine, outcome, setUp: undefined } };
  }
  const network = NETWORKS.find((known) => known === row.network);
  if (network === undefined) return bad('network', NETWORKS.join(', '));
  if (!isTexts(row.args)) return bad('args', 'a list of strings');
  const daemon = daemonOf(row.daemon_json);
  if (daemon === undefined) return bad('daemon_json', 'an object of lists of strings');
  const { host_resolv_conf: file, run_systemd_resolve_resolv_conf: uplink = null } = row;
  if (!isTextOrNull(file)) return bad('host_resolv_conf', 'a string or null');
  if (!isTextOrNull(uplink)) return bad('run_systemd_resolve_resolv_conf', 'a string or null');
  const host: EngineHost = {
    version: engine,
    resolvConf: file ?? undefined,
    uplinkResolvConf: uplink ?? undefined,
    daemon,
    // The recorder started dockerd on resolved's stub file and replaced that file afterwards.
    ...(id.startsWith('systemd-stub-then-') ? { startedWithStub: true } : {}),
  };
  const request = { flags: flagsOf(row.args), network, ipv6: false };
  return { kind: 'case', case: { id, engine, outcome, setUp: { host, request } } };
}

function outcomeOf(row: Readonly<Record<string, unknown>>): RecordedOutcome | string {
  const { container_resolv_conf: text, command, output, zone = {} } = row;
  if (typeof text === 'string') return { kind: 'file', text };
  if (!isTexts(command)) return "field 'command' is not a list of strings";
  if (typeof output !== 'string') return "field 'output' is not a string";
  if (!isRecord(zone)) return "field 'zone' is not an object";
  const queries = row.upstream_queries;
  if (!Array.isArray(queries) || !queries.every(isQuery)) {
    return "field 'upstream_queries' is not a list of [name, type, server, seconds]";
  }
  return { kind: 'command', command, output, zone, queries };
}

function flagsOf(args: readonly string[]): DnsSettings {
  const flags = { servers: [] as string[], search: [] as string[], options: [] as string[] };
  for (const [index, word] of args.entries()) {
    const [name = '', inline] = word.split(/=(.*)/s);
    const key = Object.hasOwn(FLAGS, name) ? FLAGS[name] : undefined;
    const value = inline ?? args[index + 1];
    if (key !== undefined && value !== undefined) flags[key].push(value);
  }
  return flags;
}

function daemonOf(value: unknown): DnsSettings | undefined {
  if (value === null || value === undefined) return { servers: [], search: [], options: [] };
  if (!isRecord(value)) return undefined;
  const { dns = [], 'dns-search': search = [], 'dns-opts': options = [] } = value;
  if (!isTexts(dns) || !isTexts(search) || !isTexts(options)) return undefined;
  return { servers: dns, search, options };
}

function bad(field: string, wanted: string): ParsedEngineCase {
  return { kind: 'bad', why: `field '${field}' is not ${wanted}` };
}

function isQuery(value: unknown): value is RecordedQuery {
  if (!Array.isArray(value) || value.length !== 4) return false;
  const [name, type, server, seconds]: readonly unknown[] = value;
  return (
    typeof name === 'string' &&
    typeof type === 'string' &&
    typeof server === 'string' &&
    typeof seconds === 'number'
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}
