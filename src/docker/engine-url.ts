/** Where an engine listens, from its URL. Pure. */
import { HomeportError } from '../errors.ts';

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
      /** A path that a proxy puts before every request's; '' for none. */
      readonly prefix: string;
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

/** Docker's own ports without and with TLS. */
const PLAIN_PORT = 2375;
const TLS_PORT = 2376;
const FORMS = 'write unix:///path, tcp://host:port or ssh://user@host';

/**
 * The address behind `unix:///var/run/docker.sock`, `tcp://10.0.0.5:2376` or `ssh://user@host`.
 *
 * @param tls for `tcp:` and `https:`; null for a plain connection
 * @throws HomeportError CONFIG_INVALID that says what is wrong and how to write it
 */
export function parseEngineUrl(text: string, tls: EngineTls | null = null): EngineAddress {
  const refuse = (why: string): never => {
    throw new HomeportError('CONFIG_INVALID', `engine url "${text}" ${why}; ${FORMS}`);
  };
  if (text.startsWith('unix://')) {
    const path = text.slice('unix://'.length);
    return path.startsWith('/') ? { kind: 'unix', path } : refuse('has no absolute path');
  }
  if (!URL.canParse(text)) return refuse('is no URL');
  const url = new URL(text);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (host === '') return refuse('has no host');
  const port = url.port === '' ? null : Number(url.port);
  const path = url.pathname === '/' ? '' : url.pathname;
  switch (url.protocol) {
    case 'tcp:':
    case 'http:':
    case 'https:': {
      const secure = url.protocol === 'https:' ? (tls ?? {}) : tls;
      const usual = secure === null ? PLAIN_PORT : TLS_PORT;
      // URL drops the ports that are usual for http and https.
      const dropped = /^https?:\/\/[^/]*:(?:80|443)(?:\/|$)/.test(text)
        ? url.protocol === 'https:'
          ? 443
          : 80
        : usual;
      return { kind: 'tcp', host, port: port ?? dropped, prefix: path, tls: secure };
    }
    case 'ssh:':
      // A leading hyphen would be read as an option by ssh.
      if (host.startsWith('-')) return refuse('has a host that begins with a hyphen');
      return {
        kind: 'ssh',
        host,
        port,
        user: decodeURIComponent(url.username) || null,
        path: path || null,
      };
    default:
      return refuse(`has the scheme ${url.protocol}`);
  }
}
