/** What the main side and the answering side say to each other: plain data, so that a thread may lie between. */
import type { SealedDelta } from '../names/sealed-delta.ts';
import type { AnsweredQuery } from '../resolve/ports.ts';
import type { ResolverCounters } from '../resolve/resolver.ts';
import type {
  EngineStanding,
  ResolverSettings,
  UpstreamGroup,
  UpstreamServer,
} from '../resolve/settings.ts';

/** From the main side. Messages are applied in order, and before the next query is answered. */
export type ToAnswering =
  | {
      readonly kind: 'configure';
      readonly settings: ResolverSettings;
      readonly logsQueries: boolean;
    }
  | { readonly kind: 'upstreams'; readonly groups: readonly UpstreamGroup[] }
  | { readonly kind: 'engines'; readonly standings: readonly EngineStanding[] }
  | { readonly kind: 'delta'; readonly delta: SealedDelta }
  | { readonly kind: 'touch'; readonly token: number; readonly names: readonly string[] }
  | { readonly kind: 'settle'; readonly token: number }
  | { readonly kind: 'suspect'; readonly names: readonly string[]; readonly untilMs: number }
  | { readonly kind: 'refreshed'; readonly sequence: number }
  | {
      readonly kind: 'streamReply';
      readonly token: number;
      readonly bytes: Uint8Array | null;
      readonly reason: string;
    }
  | { readonly kind: 'tcpQuery'; readonly query: TcpQuery }
  | { readonly kind: 'listen'; readonly request: number; readonly target: ListenTarget }
  | { readonly kind: 'unlisten'; readonly address: string; readonly port: number }
  | { readonly kind: 'report'; readonly request: number }
  | { readonly kind: 'stop' };

export type ListenTarget =
  | { readonly address: string; readonly port: number }
  | { readonly fd: number };

/** A query that came over TCP, which the main side carries. */
export interface TcpQuery {
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly addressKey: number | string;
  readonly address: string;
  readonly localAddress: string | null;
}

/** From the answering side. */
export type FromAnswering =
  | { readonly kind: 'refresh'; readonly sequence: number }
  | {
      readonly kind: 'askStream';
      readonly token: number;
      readonly server: UpstreamServer;
      readonly message: Uint8Array;
    }
  /** null: this query gets no answer. */
  | { readonly kind: 'tcpReply'; readonly id: number; readonly bytes: Uint8Array | null }
  | { readonly kind: 'leaked'; readonly name: string; readonly client: string }
  | {
      readonly kind: 'refused';
      readonly name: string;
      readonly client: string;
      readonly reason: string;
    }
  | { readonly kind: 'answered'; readonly line: AnsweredQuery }
  | { readonly kind: 'failed'; readonly message: string; readonly stack: string }
  | {
      readonly kind: 'upstreamChanged';
      readonly server: UpstreamServer;
      readonly isUp: boolean;
      readonly reason: string;
    }
  /** The answer to `listen`: where it is bound, or why not. */
  | {
      readonly kind: 'listening';
      readonly request: number;
      readonly address: string;
      readonly port: number;
      readonly problem: string | null;
    }
  | { readonly kind: 'report'; readonly request: number; readonly report: AnsweringReport }
  | { readonly kind: 'stopped' };

/** What the answering side says of itself. */
export interface AnsweringReport {
  readonly transport: 'batch' | 'dgram';
  readonly counters: ResolverCounters;
  readonly pending: number;
  readonly held: number;
  readonly names: number;
}
