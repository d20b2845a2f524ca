/** What an install changes on a host, as data: files, and commands that make them count. Nothing here touches a host. */

/** How a file that somebody edited since can be taken back without losing the edit. */
export type FileFormat =
  | 'resolv.conf'
  /** Lines in any order. */
  | 'lines'
  | 'json'
  /** Of no use without homeport: it goes, edited or not, and a copy of the edit is kept. */
  | 'own'
  /** Written once for the operator, whose it is as soon as it was edited. */
  | 'given';

export interface FileToWrite {
  /** Absolute. A symlink there is replaced itself, never followed. */
  readonly path: string;
  readonly text: string;
  readonly mode: number;
  readonly format: FileFormat;
  /** First line of every text that homeport's own scripts put there later on; such a text is ours too. */
  readonly ownMark?: string;
  /** What the file held when the text was made of it, null: nothing; an install refuses to overwrite anything else. */
  readonly madeFrom?: string | null;
  /** Texts that homeport puts there for a moment; found after an interruption, they are ours too. */
  readonly alsoOurs?: readonly string[];
}

export interface FolderToMake {
  readonly path: string;
  readonly mode: number;
}

/** Something to do once files are in place, or before they go. */
export type Action =
  | {
      readonly kind: 'run';
      readonly argv: readonly string[];
      /** The install goes on where it fails. */
      readonly mayFail?: boolean;
    }
  /** Until a DNS server answers there, at most so long. */
  | { readonly kind: 'await-answer'; readonly address: string; readonly timeoutMs: number }
  | { readonly kind: 'restart-engine'; readonly direction: 'install' | 'uninstall' };

export type ChangeId =
  | 'state'
  | 'config'
  | 'units'
  | 'network-manager'
  | 'dhclient'
  | 'openresolv'
  | 'resolved'
  | 'resolv-conf'
  | 'engine'
  | 'nscd';

/**
 * One step of an install. Done: folders, files, `activate`. Undone, the other way about:
 * `deactivate`, files, folders, `settle`.
 */
export interface Change {
  readonly id: ChangeId;
  /** One sentence for people: what and why. */
  readonly why: string;
  /** Made where they are missing, in this order; taken away again where they are empty. */
  readonly folders: readonly FolderToMake[];
  readonly files: readonly FileToWrite[];
  readonly activate: readonly Action[];
  readonly deactivate: readonly Action[];
  readonly settle: readonly Action[];
}

/** Why an install must not begin, and what mends it. */
export interface Refusal {
  readonly reason: string;
  readonly wayOut: string;
}

export interface Plan {
  /** In the order in which they are done. */
  readonly changes: readonly Change[];
  /** Empty: the install may begin. */
  readonly refusals: readonly Refusal[];
  /** What somebody should know, though nothing is done about it. */
  readonly notes: readonly string[];
  /** What an engine restart means for running containers; null: the engine is not restarted. */
  readonly engineRestart: EngineRestart | null;
}

export interface EngineRestart {
  readonly unit: string;
  /** Running containers keep running through it. */
  readonly keepsContainers: boolean;
  /** Go down with the engine; those with a restart policy come back. */
  readonly goDown: readonly { readonly name: string; readonly comesBack: boolean }[];
  /** On the default bridge: they ask their old servers until they are restarted themselves. */
  readonly keepOldDns: readonly string[];
}

/** homeport's unit files as they are shipped, by name. */
export type UnitTexts = Readonly<Record<UnitName, string>>;
export type UnitName = (typeof UNIT_NAMES)[number];
/** The shipped units, files of `systemd/`. */
export const UNIT_NAMES = [
  'homeport.service',
  'homeport.socket',
  'homeport-fallback.service',
  'homeport-flush.path',
  'homeport-flush.service',
] as const;

/** What of homeport's configuration decides about the host. */
export interface HostSettings {
  /** Absolute path of homeport's configuration. */
  readonly configFile: string;
  /** null: it exists; else the text that the install writes there. */
  readonly configText: string | null;
  readonly searchDomains: readonly string[];
  /** Given to the server as a flag, since the configuration has none; null: it has, or there is none. */
  readonly regionFlag: string | null;
  /** The configuration names upstreams for every name, so the host's own are not needed. */
  readonly hasUpstreams: boolean;
  /** Those of them that a resolv.conf can name: addresses with port 53, without TLS. */
  readonly upstreamAddresses: readonly string[];
  /** Change nscd's configuration too, so that it keeps no host names. */
  readonly stopsNscdHosts: boolean;
}
