/** Where an engine is reached: what the configuration's `url` and `tls` come to. */

/** Certificates as PEM text. */
export interface EngineTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export type EngineAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | {
      readonly kind: 'tcp';
      readonly host: string;
      readonly port: number;
      readonly tls: EngineTls | null;
    }
  | {
      readonly kind: 'ssh';
      /** As `ssh` takes it: a host name or an alias of ssh_config(5). */
      readonly host: string;
      readonly port: number | null;
      readonly user: string | null;
      /** The engine's socket on that host where it is not the default one. */
      readonly path: string | null;
    };
