/** Everything about a host that decides how homeport can become its resolver. Types only: plain data, kept in the manifest. */

/** Who writes /etc/resolv.conf, as far as the host tells. */
export type ResolvConfWriter =
  | 'systemd-resolved'
  | 'networkmanager'
  | 'resolvconf'
  | 'openresolv'
  | 'dhclient'
  | 'nobody'
  /** A comment in the file names a program that homeport does not know. */
  | 'unknown';

export interface ResolvConfSituation {
  readonly kind: 'file' | 'link' | 'missing' | 'other';
  /** Targets of the symlinks in turn, as written; empty for a regular file. */
  readonly chain: readonly string[];
  /** Where the chain ends, absolute; null where that does not exist. */
  readonly target: string | null;
  /** null: unreadable or missing. */
  readonly text: string | null;
  /** The line that names a writer, for the report. */
  readonly header: string | null;
  readonly isImmutable: boolean;
  readonly isMountPoint: boolean;
}

/** systemd-resolved as `resolvectl` tells it. */
export interface ResolvedSituation {
  readonly isActive: boolean;
  /** Servers of no link, from resolved.conf. */
  readonly globalServers: readonly string[];
  readonly links: readonly ResolvedLink[];
  /** As it prints them for the global scope: `no`, `yes`, `allow-downgrade`, `opportunistic`. */
  readonly dnssec: string;
  readonly dnsOverTls: string;
}

export interface ResolvedLink {
  readonly name: string;
  readonly servers: readonly string[];
  /** As resolved prints them: `corp.example` is searched and routed, `~corp.example` routed. */
  readonly domains: readonly string[];
}

export interface NetworkManagerSituation {
  /** `default`, `systemd-resolved`, `dnsmasq`, `none`… */
  readonly mode: string;
  /** `symlink`, `file`, `resolvconf`, `unmanaged`, `immutable`… */
  readonly rcManager: string;
}

/** Who holds port 53 at an address. */
export interface PortHolder {
  readonly protocol: 'udp' | 'tcp';
  readonly address: string;
  /** null: the process is not ours to see. */
  readonly pid: number | null;
  readonly program: string | null;
  readonly unit: string | null;
}

export interface EngineSituation {
  /** Of dockerd's configuration; it may not exist. */
  readonly file: string;
  readonly fileKind: 'file' | 'link' | 'missing' | 'other';
  /** null: there is none, or it cannot be read. */
  readonly text: string | null;
  readonly isActive: boolean;
  /** The unit that runs it: docker.service; null: started by hand. */
  readonly unit: string | null;
  /** `dns`-like settings that are flags of dockerd, as written: dockerd does not start with them in both places. */
  readonly dnsFlags: readonly string[];
  readonly hasLiveRestore: boolean;
  readonly isSwarm: boolean;
  readonly running: readonly RunningContainer[];
}

export interface RunningContainer {
  readonly name: string;
  /** It comes back by itself after its engine restarts. */
  readonly restarts: boolean;
  readonly isOnDefaultBridge: boolean;
  /** It has DNS servers of its own (`--dns`), which no host setting changes. */
  readonly ownDns: readonly string[];
}

/** The units as the package has installed them. */
export interface UnitsSituation {
  /** The folder that has homeport.service; null: no package installed it. */
  readonly packagedIn: string | null;
  /** The words that start homeport: `/usr/bin/homeport`, or node and the script. */
  readonly program: readonly string[];
}

export interface Situation {
  readonly isRoot: boolean;
  /** The version of systemd; null where it is not process 1. */
  readonly systemd: number | null;
  readonly hostName: string;
  readonly isEtcReadOnly: boolean;
  readonly resolvConf: ResolvConfSituation;
  /** The `hosts:` sources of nsswitch.conf in order. */
  readonly nsswitch: readonly string[];
  readonly resolved: ResolvedSituation | null;
  /** null: not running. */
  readonly networkManager: NetworkManagerSituation | null;
  /** Debian's package: /lib/resolvconf/list-records. */
  readonly hasResolvconf: boolean;
  /** openresolv, with the text of /etc/resolvconf.conf where there is one. */
  readonly openresolv: { readonly conf: string | null } | null;
  /** A running dhclient, or a lease that one left. */
  readonly hasDhclient: boolean;
  readonly hasCloudInit: boolean;
  /** The nameservers in the file that each of these keeps for itself; null: there is no such file. */
  readonly recordedServers: {
    readonly resolved: readonly string[] | null;
    readonly networkManager: readonly string[] | null;
    readonly resolvconf: readonly string[] | null;
  };
  readonly port53: readonly PortHolder[];
  readonly units: UnitsSituation;
  readonly engine: EngineSituation | null;
  /** systemd does not start a service with a group that does not exist. */
  readonly hasDockerGroup: boolean;
  /** null: not running. */
  readonly nscd: { readonly cachesHosts: boolean; readonly conf: string } | null;
  /** `enforcing`, `permissive`, or null without SELinux. */
  readonly selinux: 'enforcing' | 'permissive' | null;
  readonly hasAppArmor: boolean;
}
