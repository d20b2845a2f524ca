/** The configuration file as it is written, once its form is right: texts, numbers, lists. Types only. */
import type { FlushableCache, TransportChoice } from './config.ts';

export interface Written {
  readonly listen?: readonly string[] | undefined;
  readonly region?: string | undefined;
  readonly search?: readonly string[] | undefined;
  readonly domains?: readonly string[] | undefined;
  readonly ttl?: number | undefined;
  readonly hold_ms?: number | undefined;
  readonly upstreams?: readonly (string | WrittenDomainUpstreams)[] | undefined;
  readonly resolv_conf?: string | undefined;
  readonly engines?: readonly WrittenEngine[] | undefined;
  readonly networks?: readonly string[] | undefined;
  readonly records?:
    | Readonly<Record<string, string | readonly string[] | WrittenRecord>>
    | undefined;
  readonly expected?: WrittenExpected | undefined;
  readonly allow?: readonly string[] | undefined;
  readonly cache?: WrittenCache | undefined;
  readonly control?: string | undefined;
  readonly state?: string | undefined;
  readonly log?:
    | {
        readonly level?: 'debug' | 'info' | 'warn' | 'error' | 'silent' | undefined;
        readonly queries?: boolean | undefined;
      }
    | undefined;
  readonly threads?: number | undefined;
  readonly transport?: TransportChoice | undefined;
  readonly flush?: readonly FlushableCache[] | undefined;
  readonly parity?: WrittenParity | undefined;
}

export interface WrittenDomainUpstreams {
  readonly domain: string;
  readonly servers: readonly string[];
}

export interface WrittenEngine {
  readonly name?: string | undefined;
  readonly url: string;
  readonly tls?:
    | {
        readonly ca?: string | undefined;
        readonly cert?: string | undefined;
        readonly key?: string | undefined;
      }
    | undefined;
  readonly answer?: 'containers' | 'host' | undefined;
  readonly address?: string | readonly string[] | undefined;
}

export interface WrittenRecord {
  readonly addresses?: readonly string[] | undefined;
  readonly cname?: string | undefined;
  readonly txt?: readonly string[] | undefined;
  readonly srv?: Readonly<Record<string, number>> | undefined;
  readonly ttl?: number | undefined;
}

export interface WrittenExpected {
  readonly names?: readonly string[] | undefined;
  readonly when_missing?: 'refuse' | 'forward' | undefined;
  readonly departed_for?: 0 | string | undefined;
}

export interface WrittenCache {
  readonly size?: number | undefined;
  readonly max_ttl?: number | undefined;
  readonly negative_max_ttl?: number | undefined;
  readonly serve_stale?: number | undefined;
}

export interface WrittenParity {
  readonly production?: string | undefined;
  readonly stubs?: readonly string[] | undefined;
  readonly accept?:
    | readonly {
        readonly id: string;
        readonly name?: string | undefined;
        readonly target?: string | undefined;
        readonly reason: string;
        readonly until: string;
      }[]
    | undefined;
  readonly budget_ms?: number | undefined;
  readonly overrides?: Readonly<Record<string, string>> | undefined;
}
