/** The whole decision on a name for one view, as `/v1/explain` gives it. Fields may be added, never renamed. */
import type { Source } from './owner.ts';
import type { Criterion } from './precedence.ts';
import type { Group, NameDecision, View } from './zone-delta.ts';

export interface Explanation {
  readonly name: string;
  readonly client: ExplainedClient;
  readonly decision: ExplainedDecision;
  /** Everyone who claims the name, in the order in which this client comes to them. */
  readonly groups: readonly ExplainedGroup[];
  readonly collision: boolean;
  /** Projects that owned the name and whose clients are given nobody else's. */
  readonly formerProjects: readonly string[];
  /** Nobody owns it any more: who did, and until when it is treated as expected (ISO 8601). */
  readonly departed: { readonly owner: string | null; readonly until: string } | null;
  /** The command that makes the name reachable for this client; null: none is needed, or none is enough. */
  readonly remedy: string | null;
  /** All of it in words, one step a line. */
  readonly steps: readonly string[];
}

export interface ExplainedClient {
  readonly kind: View['kind'];
  /** The container; null: it is none, or not known. */
  readonly container: string | null;
  readonly engine: string | null;
  readonly project: string | null;
  /** By name. */
  readonly networks: readonly string[];
  /** The address at which it reaches the host, where that differs from client to client. */
  readonly localAddress: string | null;
}

export interface ExplainedDecision {
  readonly kind: NameDecision['kind'];
  readonly owner: string | null;
  readonly addresses: readonly string[];
  readonly ttlSeconds: number | null;
  /** The name that an alias stands for. */
  readonly target: string | null;
  /** Why there is no address, or what the answer warns of. */
  readonly reason: string | null;
}

export interface ExplainedGroup {
  readonly owner: string;
  readonly kind: Group['kind'];
  readonly engine: string;
  readonly project: string | null;
  readonly source: Source;
  readonly ready: boolean;
  readonly startedAt: string;
  /** By name. */
  readonly networks: readonly string[];
  readonly answers: boolean;
  /** Whom it waits behind, and why; null: it comes first. */
  readonly behind: {
    readonly owner: string;
    readonly criterion: Criterion;
    readonly because: string;
  } | null;
  readonly members: readonly ExplainedMember[];
}

export interface ExplainedMember {
  readonly owner: string;
  readonly condition: string;
  /** Why it is not in the answer although its group is; null: it is, or its group is not. */
  readonly leftOut: string | null;
  readonly addresses: readonly ExplainedAddress[];
}

export interface ExplainedAddress {
  readonly address: string;
  readonly network: string | null;
  /** It is in the answer. */
  readonly given: boolean;
  readonly why: string;
}
