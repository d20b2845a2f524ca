/** What is compared with production: this host, a running container, a file. Plain data. */
import type { ContainerNetwork } from './collect/container-files.ts';
import type { Libc } from './collect/libc.ts';
import type { DnsSettings, NetworkKind } from './engine/settings.ts';
import type { Surroundings } from './surroundings.ts';

/** One side of a comparison, this side. */
export interface Target {
  readonly kind: 'host' | 'container' | 'file';
  /** stable over runs: `host`, `container web`, the path of a file */
  readonly title: string;
  readonly surroundings: Surroundings;
  /** what its programs resolve with; undefined where all configured stubs are to be tried */
  readonly libc: Libc | undefined;
  readonly container?: ContainerFacts;
}

/** What the engine says of a container, as far as it decides look-ups. */
export interface ContainerFacts {
  readonly id: string;
  readonly engineVersion: string;
  readonly network: NetworkKind | 'none' | 'shared';
  readonly networks: readonly ContainerNetwork[];
  readonly flags: DnsSettings;
  /** RFC 3339 */
  readonly startedAt: string;
  /** a runtime that keeps addresses on its own account */
  readonly runtime: 'jvm' | undefined;
  /** the other containers that 127.0.0.11 answers for, by name and network */
  readonly neighbours: readonly Neighbour[];
}

/** A name that Docker's embedded resolver answers itself. */
export interface Neighbour {
  readonly container: string;
  /** lower case, with or without dots, as it would be asked; no trailing dot */
  readonly name: string;
  readonly address: string;
  readonly network: string;
}
