/** Everything that a parity check goes by. Plain data: the same inputs give the same report. */
import type { Owner } from './answer.ts';
import type { Severity } from './findings/finding.ts';
import type { LiveResult } from './findings/live.ts';
import type { Profile } from './profile/profile.ts';
import type { Problem } from './surroundings.ts';
import type { Target } from './target.ts';

/** A name that homeport answers, and with whose addresses. */
export interface OwnedName {
  /** lower case, without search domain and trailing dot */
  readonly name: string;
  readonly owner: Owner;
  readonly addresses: readonly { readonly address: string; readonly network: string | null }[];
}

/** homeport as it runs, or would run, on this host. */
export interface HomeportSide {
  /** the addresses on whose port 53 it answers; empty where it does not run */
  readonly addresses: readonly string[];
  /** undefined where it could not be asked and the engine neither */
  readonly owned: readonly OwnedName[] | undefined;
  /** whether the server itself told; else its names and addresses follow from containers and configuration */
  readonly isRunning: boolean;
  readonly whenMissing: 'refuse' | 'forward';
  /** seconds, for owned names */
  readonly ttlSeconds: number;
  /** whom it forwards to */
  readonly upstreams: readonly string[];
}

/** What else of this host plays a part; undefined where it was not looked at. */
export interface HostFacts {
  /** /etc/resolv.conf's neighbours of systemd-resolved */
  readonly resolved:
    | {
        /** /run/systemd/resolve/resolv.conf */
        readonly uplinks: string | undefined;
        /** resolved.conf and its drop-ins, one after the other */
        readonly settings: string;
      }
    | undefined;
  /** nscd or unscd keeps host names */
  readonly nscd: 'caches-hosts' | 'runs' | 'absent' | undefined;
  readonly daemonJson: { readonly path: string; readonly text: string } | undefined;
}

/** A difference that somebody has taken on. */
export interface AcceptedDifference {
  readonly id: string;
  readonly name?: string;
  readonly target?: string;
  readonly reason: string;
  /** a day, `2026-12-31`; from the next day on the difference counts again */
  readonly until: string;
}

/** What `checkParity` compares. */
export interface ParityInputs {
  /** bare names that production runs, lower case */
  readonly expected: readonly string[];
  /** where an expected name was found, for the report */
  readonly expectedFrom?: Readonly<Record<string, readonly string[]>>;
  readonly region: string | undefined;
  /** production's search domains as configured, the region first */
  readonly search: readonly string[];
  readonly domains: readonly string[];
  readonly stubs: readonly string[];
  /** stub by container name or target title, where files do not tell */
  readonly stubOverrides: Readonly<Record<string, string>>;
  /** the longest that one look-up may take when no server answers; undefined: not judged */
  readonly budgetSeconds: number | undefined;
  readonly accept: readonly AcceptedDifference[];
  readonly failOn: Severity;
  readonly now: Date;
  readonly production: Profile;
  readonly homeport: HomeportSide;
  readonly host: HostFacts;
  readonly targets: readonly Target[];
  /** what the collectors could not read */
  readonly problems: readonly Problem[];
  /** what really made look-ups gave; undefined without `--live` */
  readonly live?: readonly LiveResult[];
}
