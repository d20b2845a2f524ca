/** Where an engine is: unix, tcp and ssh URLs as `docker --host` takes them. */
import { isAbsolute } from 'node:path';
import { faulty, type Parsed, parsed } from './problem.ts';

/** Where an engine is reached. */
export type EngineUrl =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | {
      readonly kind: 'ssh';
      readonly host: string;
      readonly port: number | null;
      readonly user: string | null;
      /** The socket on that host; null: the one that its docker command uses. */
      readonly path: string | null;
    };

/** The engine's registered ports, without and with TLS. */
const TCP_PORT = 2375;
const TLS_PORT = 2376;
const WAYS = 'write unix:///var/run/docker.sock, tcp://ADDRESS:2376 or ssh://USER@HOST';

/**
 * Reads the URL of an engine.
 *
 * @param usesTls decides the port of a tcp URL that has none
 */
export function parseEngineUrl(text: string, usesTls: boolean): Parsed<EngineUrl> {
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(text) ?? [];
  if (scheme === undefined) {
    return faulty('is no engine URL', isAbsolute(text) ? `write unix://${text}` : WAYS);
  }
  switch (scheme.toLowerCase()) {
    case 'unix':
      return unixUrl(rest);
    case 'tcp':
      return tcpUrl(rest, usesTls);
    case 'ssh':
      return sshUrl(text);
    case 'http':
    case 'https':
      return faulty(
        `has the scheme ${scheme}`,
        `write tcp://${rest}${scheme === 'https' ? ' with tls:' : ''}`,
      );
    default:
      return faulty(`has the scheme ${scheme}, which homeport does not speak`, WAYS);
  }
}

function unixUrl(path: string): Parsed<EngineUrl> {
  return isAbsolute(path) && path.length > 1
    ? parsed({ kind: 'unix', path })
    : faulty('has no absolute path', 'write three slashes: unix:///var/run/docker.sock');
}

function tcpUrl(rest: string, usesTls: boolean): Parsed<EngineUrl> {
  const url = urlOf(`http://${rest}`);
  if (url === null || url.hostname === '') {
    return faulty('has no valid host and port', 'write one like tcp://10.81.82.100:2376');
  }
  if ((url.pathname !== '/' && url.pathname !== '') || url.search !== '' || url.username !== '') {
    return faulty('has more than a host and a port', `write tcp://${url.host}`);
  }
  // 80 is http's own, which URL leaves out.
  const written = /:(\d+)\/?$/.exec(rest)?.[1];
  const port = written === undefined ? (usesTls ? TLS_PORT : TCP_PORT) : Number(written);
  return parsed({ kind: 'tcp', host: url.hostname.replaceAll(/[[\]]/g, ''), port });
}

function sshUrl(text: string): Parsed<EngineUrl> {
  const url = urlOf(text);
  // A host that begins with a hyphen would be an option to ssh.
  if (
    url === null ||
    url.hostname === '' ||
    url.hostname.startsWith('-') ||
    url.username.startsWith('-')
  ) {
    return faulty(
      'has no valid host',
      'write one like ssh://ci@10.0.0.9 or ssh://ci@10.0.0.9:2222',
    );
  }
  if (url.password !== '') {
    return faulty(
      'has a password, which ssh would not take',
      'use a key, and write ssh://USER@HOST',
    );
  }
  if (url.search !== '' || url.hash !== '')
    return faulty('has more than user, host, port and path', WAYS);
  return parsed({
    kind: 'ssh',
    host: url.hostname.replaceAll(/[[\]]/g, ''),
    port: url.port === '' ? null : Number(url.port),
    user: url.username === '' ? null : decodeURIComponent(url.username),
    path: url.pathname === '' || url.pathname === '/' ? null : url.pathname,
  });
}

/** `URL.parse` came with Node 22. */
function urlOf(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}
