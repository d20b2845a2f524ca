/** What decides a container's resolv.conf: the host's files, daemon.json, the container's flags and network. */

/** `dns`, `dns-search` and `dns-opts` of daemon.json, or `--dns`, `--dns-search` and `--dns-opt` of one container. */
export interface DnsSettings {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

/** Nothing set. */
export const noDnsSettings: DnsSettings = { servers: [], search: [], options: [] };

/** The engine and the host that it runs on. */
export interface EngineHost {
  /** as the engine reports it, e.g. `20.10.24+dfsg1` */
  readonly version: string;
  /** the text of /etc/resolv.conf; undefined where it is missing */
  readonly resolvConf: string | undefined;
  /** the text of /run/systemd/resolve/resolv.conf; undefined where it is missing */
  readonly uplinkResolvConf: string | undefined;
  /**
   * Whether 127.0.0.53 was the only server when dockerd started: it decides that once (moby
   * `resolvconf.Path`). Left out: judged from the present file.
   */
  readonly startedWithStub?: boolean;
  readonly daemon: DnsSettings;
}

/** The kinds of network that differ in what resolv.conf a container gets. */
export type NetworkKind = 'default-bridge' | 'user-defined' | 'host';

/** What the container itself adds. */
export interface ContainerDnsRequest {
  readonly flags: DnsSettings;
  readonly network: NetworkKind;
  /** whether one of the container's networks has IPv6 */
  readonly ipv6: boolean;
}

/** A server that the embedded resolver forwards to, and the network namespace that it asks from. */
export interface EmbeddedUpstream {
  readonly address: string;
  readonly from: 'host' | 'container';
}

/** What the embedded resolver 127.0.0.11 of one container goes by. */
export interface EmbeddedSettings {
  readonly upstreams: readonly EmbeddedUpstream[];
  /**
   * Whether host or user set ndots: then a one-label name is never forwarded. `unknown` where that
   * was not measured.
   */
  readonly ndotsSet: boolean | 'unknown';
}

/** A container's /etc/resolv.conf and the resolver behind it. */
export interface ContainerDns {
  /** the file, byte for byte */
  readonly text: string;
  /** undefined where the container asks the servers of its file itself */
  readonly embedded: EmbeddedSettings | undefined;
}

/** The settings in force: a flag replaces its part of daemon.json, never adds to it. */
export function settingsInForce(daemon: DnsSettings, flags: DnsSettings): DnsSettings {
  return {
    servers: flags.servers.length > 0 ? flags.servers : daemon.servers,
    search: flags.search.length > 0 ? flags.search : daemon.search,
    options: flags.options.length > 0 ? flags.options : daemon.options,
  };
}

/** Whether any of the three parts is set. */
export function hasSettings(settings: DnsSettings): boolean {
  return settings.servers.length + settings.search.length + settings.options.length > 0;
}

/** 127/8 and ::1, in the spelling of either family. */
export function isLoopback(address: string): boolean {
  return /^(?:::ffff:)?127\.\d+\.\d+\.\d+$/i.test(address) || /^(?:0*:)+0*1$/.test(address);
}

/** dockerd's public fallback servers where no usable one is left. */
export const publicServers: { readonly ipv4: readonly string[]; readonly ipv6: readonly string[] } =
  {
    ipv4: ['8.8.8.8', '8.8.4.4'],
    ipv6: ['2001:4860:4860::8888', '2001:4860:4860::8844'],
  };
