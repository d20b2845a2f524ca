/**
 * dockerd 20.10: a container's resolv.conf is the host's text with lines cut out, unless a flag or
 * daemon.json makes it a new file (moby v20.10 libnetwork sandbox_dns_unix.go, resolvconf.go).
 */
import {
  type ContainerDns,
  type ContainerDnsRequest,
  type DnsSettings,
  type EmbeddedUpstream,
  hasSettings,
  publicServers,
} from './settings.ts';

const EMBEDDED_RESOLVER = '127.0.0.11';

// Go's \s, and its $ and ^ in multi-line mode, know \n alone where JavaScript's also know \r, NEL and
// the Unicode separators: hence the spelled-out classes and look-arounds.
const BLANK = '[\\t\\n\\f\\r ]';
const OCTET = '(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)';
const IPV4 = `(?:${OCTET}\\.){3}${OCTET}`;
const IPV6 = '(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?:%\\w+)?';
const LOOPBACK = '(?:127\\.(?:[0-9]{1,3}\\.){2}[0-9]{1,3}|::1(?=\\n|$))';
const loopbackLine = new RegExp(`(?<=^|\\n)nameserver${BLANK}+${LOOPBACK}${BLANK}*`, 'g');
const ipv6Line = new RegExp(`(?<=^|\\n)nameserver${BLANK}+${IPV6}${BLANK}*`, 'g');
const nameserverLine = new RegExp(`^${BLANK}*nameserver${BLANK}*(${IPV4}|${IPV6})${BLANK}*$`);

/** A container's file and the upstreams remembered for its embedded resolver, before it joins a network. */
export interface CreatedFile {
  readonly text: string;
  readonly upstreams: readonly EmbeddedUpstream[];
}

/**
 * The file that a container starts with, by dockerd 20.10. Pure; never throws.
 *
 * @param origin the host's file that counts for this network; undefined where it is missing
 * @param settings flags and daemon.json, already merged
 */
export function containerDns2010(
  origin: string | undefined,
  settings: DnsSettings,
  request: Pick<ContainerDnsRequest, 'network' | 'ipv6'>,
): ContainerDns {
  const created = createdFile(origin ?? '', settings, request.network);
  if (request.network === 'host') return { text: created.text, embedded: undefined };
  const text = joinedFile(created.text, settings, request.ipv6);
  if (request.network === 'default-bridge') return { text, embedded: undefined };
  return withEmbeddedResolver({ ...created, text });
}

/**
 * What connecting a running container to a user-defined network makes of its file: 20.10 goes on
 * from the container's own file and from the upstreams that it remembered when the container started.
 */
export function connectedDns2010(
  current: ContainerDns,
  origin: string | undefined,
  settings: DnsSettings,
  ipv6: boolean,
): ContainerDns {
  if (current.embedded !== undefined) return current;
  const { upstreams } = createdFile(origin ?? '', settings, 'default-bridge');
  return withEmbeddedResolver({ text: joinedFile(current.text, settings, ipv6), upstreams });
}

/** The addresses of the `nameserver` lines that dockerd 20.10 understands; `#` cuts a line, blanks may lead. */
export function nameservers2010(text: string, family?: 'ipv4' | 'ipv6'): readonly string[] {
  return linesWithoutComments(text).flatMap((line) => {
    const address = nameserverLine.exec(line)?.[1];
    if (address === undefined) return [];
    const found = address.includes(':') ? 'ipv6' : 'ipv4';
    return family === undefined || family === found ? [address] : [];
  });
}

function createdFile(origin: string, settings: DnsSettings, network: string): CreatedFile {
  if (hasSettings(settings)) {
    const text = builtFile({
      servers: orElse(settings.servers, () => nameservers2010(origin)),
      search: orElse(settings.search, () => lastList(origin, 'search')),
      options: orElse(settings.options, () => lastList(origin, 'options')),
    });
    // Any of the three parts turns the loopback handling off: every upstream is asked from the
    // container's namespace, where the host's 127.0.0.1 is nobody.
    return { text, upstreams: upstreamsOf(text, { hostLoopback: false }) };
  }
  if (network === 'host') return { text: origin, upstreams: [] };
  return {
    text: filtered(origin, true),
    upstreams: upstreamsOf(origin, { hostLoopback: true }),
  };
}

/** Joining a network says whether it has IPv6; a file made from flags is left alone. */
function joinedFile(text: string, settings: DnsSettings, ipv6: boolean): string {
  return hasSettings(settings) ? text : filtered(text, ipv6);
}

function withEmbeddedResolver({ text, upstreams }: CreatedFile): ContainerDns {
  const options = lastList(text, 'options');
  const ndots = options.find((option) => option.includes('ndots'));
  // An ndots that is no number from 0 up stops the rebuild: the file stays without 127.0.0.11, and
  // the names of other containers are not found.
  if (ndots !== undefined && !isNdots(ndots)) return { text, embedded: undefined };
  return {
    text: builtFile({
      servers: [EMBEDDED_RESOLVER, ...nameservers2010(text, 'ipv6')],
      search: lastList(text, 'search'),
      options: ndots === undefined ? [...options, 'ndots:0'] : options,
    }),
    embedded: {
      upstreams: orElse(upstreams, () => upstreamsOf(text, { hostLoopback: false })),
      ndotsSet: ndots !== undefined,
    },
  };
}

function upstreamsOf(
  text: string,
  { hostLoopback }: { readonly hostLoopback: boolean },
): readonly EmbeddedUpstream[] {
  return nameservers2010(text, 'ipv4').map((address) => ({
    address,
    from: hostLoopback && address.startsWith('127.') ? 'host' : 'container',
  }));
}

/** Cuts out what a container cannot reach, and appends public servers where none is left. */
function filtered(text: string, ipv6: boolean): string {
  const reachable = text.replaceAll(loopbackLine, '');
  const kept = ipv6 ? reachable : reachable.replaceAll(ipv6Line, '');
  if (nameservers2010(kept).length > 0) return kept;
  const servers = ipv6 ? [...publicServers.ipv4, ...publicServers.ipv6] : publicServers.ipv4;
  return `${kept}\n${servers.map((server) => `nameserver ${server}`).join('\n')}`;
}

function builtFile({ servers, search, options }: DnsSettings): string {
  const lines = servers.map((server) => `nameserver ${server}`);
  const searchText = search.join(' ');
  if (search.length > 0 && searchText.trim() !== '.') lines.unshift(`search ${searchText}`);
  const optionsText = options.join(' ');
  if (optionsText.trim() !== '') lines.push(`options ${optionsText}`);
  return lines.map((line) => `${line}\n`).join('');
}

/** The words of the last line of that keyword; an earlier line is lost, and so is `domain`. */
function lastList(text: string, keyword: 'search' | 'options'): readonly string[] {
  const line = linesWithoutComments(text)
    .map((candidate) => candidate.replace(/^[\t\n\f\r ]+/, ''))
    .findLast((candidate) => candidate.startsWith(keyword));
  if (line === undefined) return [];
  return line
    .slice(keyword.length)
    .split(/[\t\n\f\r ]+/)
    .filter((word) => word !== '');
}

function linesWithoutComments(text: string): readonly string[] {
  return text.split('\n').map((line) => {
    const mark = line.indexOf('#');
    return mark < 0 ? line : line.slice(0, mark);
  });
}

function isNdots(option: string): boolean {
  const [, value, ...rest] = option.split(':');
  return value !== undefined && rest.length === 0 && /^\+?\d+$/.test(value);
}

function orElse<T>(list: readonly T[], fallback: () => readonly T[]): readonly T[] {
  return list.length > 0 ? list : fallback();
}
