/** The host names inside one configuration value: `host:port` lists, URLs, JDBC strings. Pure. */
import { isIP } from 'node:net';

/** A host that a value names, as written there. */
export interface HostMention {
  /** lower case, without a trailing dot */
  readonly host: string;
  readonly port: number | undefined;
}

const MAX_PORT = 65_535;
/** One label or several, of letters, digits, hyphens and underscores, with a letter somewhere. */
const HOST =
  /^(?=.*[a-z])[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*\.?$/i;
const SCHEME = /^(?:jdbc:)?[a-z][a-z0-9+.:-]*?:\/\//i;
/** A setting inside a value: of a connection string (`Server=db,1433;Database=x`) or beside a host (`ssl=true`). */
const SETTING = /^\s*([A-Za-z][\w ]*?)\s*=\s*(.*?)\s*$/s;
/** ADO.NET's, Npgsql's and libpq's keys for the server. */
const SERVER_KEY = /^(?:server|data source|addr|address|network address|host)$/i;
/** `${DB_HOST:-db}` (shell, Compose) and `${DB_HOST:db}` (Spring): the default is what runs without the variable. */
const DEFAULTED = /\$\{[^{}:]*:-?([^{}]*)\}/g;

/**
 * The hosts that a value names. Never throws.
 *
 * @param value a string as an application reads it
 * @param key the name it is configured under; a key that ends in `host` or `hosts` makes a name
 *   without a port count, too
 */
export function hostsIn(value: string, key = ''): readonly HostMention[] {
  const text = value.replaceAll(DEFAULTED, '$1').trim();
  const words = text.split(/\s+|,(?=[a-z][a-z0-9+.-]*:\/\/)/i);
  if (words.some((word) => SCHEME.test(word))) return words.flatMap((word) => urlHosts(word));
  if (/^jdbc:/i.test(text)) return jdbcHosts(text);
  const servers = serversOfSettings(text);
  if (servers.length > 0) return servers;
  // options behind the hosts (`redis:6379,ssl=false`) and ZooKeeper's root (`zk:2181/chroot`) are none
  const parts = text
    .replace(/(:\d{1,5})\/[\w./-]*$/, '$1')
    .split(/[,;\s]+/)
    .filter((part) => part !== '' && !SETTING.test(part));
  const mentions = parts.flatMap((part) => mentionOf(part) ?? []);
  // Anything else among them makes prose, not a list of hosts: "listening on web:80 now".
  if (mentions.length < parts.length) return [];
  const isHostKey = /host(?:s|name)?$/i.test(key);
  return isHostKey || mentions.every(({ port }) => port !== undefined) ? mentions : [];
}

/** The authority part may list several hosts, as MongoDB's and PostgreSQL's URLs do. */
function urlHosts(text: string): readonly HostMention[] {
  const scheme = SCHEME.exec(text);
  if (scheme === null) return [];
  const rest = text.slice(scheme[0].length);
  const authority = /^[^/?#;\s]*/.exec(rest)?.[0] ?? '';
  return authority
    .slice(authority.lastIndexOf('@') + 1)
    .split(',')
    .flatMap((part) => mentionOf(part) ?? []);
}

/** The servers of a connection string; libpq's is separated by blanks, the others' by semicolons. */
function serversOfSettings(text: string): readonly HostMention[] {
  const settings = text.includes(';') ? text.split(';') : text.split(/\s+(?=[a-z_]+=)/);
  if (settings.length < 2) return [];
  return settings.flatMap((setting) => {
    const [, key = '', value = ''] = SETTING.exec(setting) ?? [];
    if (!SERVER_KEY.test(key)) return [];
    // `tcp:db,1433`: a comma before the port
    const server = value.replace(/^tcp:/i, '').replace(/\\.*$/, '');
    const [host = '', port] = server.split(/[,:]/);
    return mentionOf(port === undefined ? host : `${host}:${port}`) ?? [];
  });
}

/** Oracle's forms without a double slash after the scheme: `jdbc:oracle:thin:@db:1521:ORCL`, `@//db:1521/x`. */
function jdbcHosts(text: string): readonly HostMention[] {
  const match = /@(?:\/\/)?([^:/@\s]+):(\d+)/.exec(text);
  return match === null
    ? []
    : [mentionOf(`${match[1]}:${match[2]}`)].filter((m) => m !== undefined);
}

function mentionOf(part: string): HostMention | undefined {
  const match = /^([^:[\]]+)(?::(\d{1,5}))?$/.exec(part);
  const host = match?.[1]?.toLowerCase();
  if (host === undefined || !HOST.test(host) || isIP(host) !== 0) return undefined;
  const port = match?.[2] === undefined ? undefined : Number(match[2]);
  if (port !== undefined && (port < 1 || port > MAX_PORT)) return undefined;
  return { host: host.replace(/\.$/, ''), port };
}
