/** Addresses with ports as the configuration writes them: where homeport listens, and whom it asks. */
import { addressBytes, addressText, parseSubnet } from '../dns/address.ts';
import { faulty, type Parsed, parsed } from './problem.ts';

/** Where homeport listens. */
export type ListenTarget =
  | { readonly kind: 'address'; readonly address: string; readonly port: number }
  /** All addresses of a network interface, also when it appears later. */
  | { readonly kind: 'interface'; readonly interface: string; readonly port: number }
  /** The gateway address of every bridge network, as networks come and go. */
  | { readonly kind: 'engineGateways'; readonly port: number };

/** A server that queries are forwarded to. */
export interface UpstreamAddress {
  /** Canonical text. */
  readonly address: string;
  readonly port: number;
  /** The name that its certificate must carry: DNS over TLS; null: plain UDP and TCP. */
  readonly tlsName: string | null;
}

const DNS_PORT = 53;
/** RFC 7858 §3.1. */
const TLS_PORT = 853;
const MAX_PORT = 65_535;
export const ENGINE_GATEWAYS = 'engine-gateways';

/** `127.0.0.1:5300`, `[::1]:5300`, `docker0:53`, `engine-gateways:53`. Port 0: any free one. */
export function parseListen(text: string): Parsed<ListenTarget> {
  const split = splitPort(text);
  if ('fault' in split) return split;
  const { host, port } = split.value;
  if (port === null) return withoutPort(host);
  if (host === '' || host === '*') {
    return faulty('has no address', `write 0.0.0.0:${port} and "[::]:${port}" for all of them`);
  }
  if (host === ENGINE_GATEWAYS) return parsed({ kind: 'engineGateways', port });
  const bytes = addressBytes(host);
  if (bytes !== undefined) {
    if (isMulticast(bytes))
      return faulty('is a multicast address', 'write an address of this host');
    return parsed({ kind: 'address', address: addressText(bytes), port });
  }
  if (host.includes('%')) {
    return faulty(
      'has a scope',
      `write the interface instead: ${host.split('%')[1] ?? ''}:${port}`,
    );
  }
  if (/^[\d.]+$/.test(host) || host.includes(':')) {
    return faulty('has no valid address', `write one like 127.0.0.1:${port}`);
  }
  if (host === 'localhost')
    return faulty('is neither address nor interface', `write 127.0.0.1:${port}`);
  // IFNAMSIZ is 16 with its final NUL; the kernel refuses slashes, colons and blanks.
  if (!/^[A-Za-z0-9_.@-]{1,15}$/.test(host)) {
    return faulty(
      'is neither address:port nor interface:port',
      'write one like 127.0.0.1:5300 or docker0:53',
    );
  }
  return parsed({ kind: 'interface', interface: host, port });
}

function withoutPort(host: string): Parsed<never> {
  const example = host.includes(':') ? `"[${host}]:5300"` : `${host || '127.0.0.1'}:5300`;
  if (/^\d+$/.test(host)) return faulty('has no address', `write 127.0.0.1:${host}`);
  return faulty('has no port', `write ${example}`);
}

/** `10.0.0.2`, `10.0.0.2:5353`, `[fd00::2]:53`, `tls://10.0.0.2#dns.example.com`. */
export function parseUpstream(text: string): Parsed<UpstreamAddress> {
  const [, scheme, rest = text] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(text) ?? [];
  if (scheme !== undefined && scheme.toLowerCase() !== 'tls') {
    return faulty(
      `has the scheme ${scheme}`,
      'write address[:port], or tls://address#name for DNS over TLS',
    );
  }
  const hash = rest.indexOf('#');
  const place = hash < 0 ? rest : rest.slice(0, hash);
  const name = hash < 0 ? null : rest.slice(hash + 1);
  const server = parseServer(place, scheme === undefined ? DNS_PORT : TLS_PORT);
  if ('fault' in server) return server;
  if (scheme === undefined) {
    return name === null
      ? parsed({ ...server.value, tlsName: null })
      : faulty('names a certificate but is not DNS over TLS', `write tls://${rest}`);
  }
  if (name === null || !/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(name)) {
    return faulty(
      'does not say whose certificate to expect',
      `write tls://${place}#dns.example.com`,
    );
  }
  return parsed({ ...server.value, tlsName: name.toLowerCase() });
}

function parseServer(text: string, defaultPort: number): Parsed<Omit<UpstreamAddress, 'tlsName'>> {
  const split = splitPort(text);
  if ('fault' in split) return split;
  const { host, port } = split.value;
  const bytes = addressBytes(host);
  if (bytes === undefined) {
    return /^[\d.]*$/.test(host) || host.includes(':')
      ? faulty('has no valid address', 'write one like 10.0.0.2 or fd00::2')
      : faulty('is a name, and a name would need a resolver first', 'write its address');
  }
  if (isMulticast(bytes) || bytes.every((byte) => byte === 0)) {
    return faulty('is not the address of one server', 'write one like 10.0.0.2');
  }
  if (port === 0) return faulty('has port 0', `write ${host}:${defaultPort}`);
  return parsed({ address: addressText(bytes), port: port ?? defaultPort });
}

/** Splits `host:port`, `[v6]:port`, a bare host, or a bare IPv6 address. */
function splitPort(text: string): Parsed<{ readonly host: string; readonly port: number | null }> {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed === null && text.includes('[')) {
    return faulty('has brackets that do not hold an IPv6 address', 'write one like [fd00::2]:53');
  }
  const isBareIPv6 = bracketed === null && text.split(':').length > 2;
  const [, host, digits] =
    bracketed ?? (isBareIPv6 ? null : /^([^:]*)(?::(.*))?$/.exec(text)) ?? [];
  if (host === undefined) return parsed({ host: text, port: null });
  if (digits === undefined) return parsed({ host, port: null });
  if (/^\d{1,5}$/.test(digits) && Number(digits) <= MAX_PORT) {
    return parsed({ host, port: Number(digits) });
  }
  const shownHost = bracketed === null ? host : `[${host}]`;
  return faulty(
    `has "${digits.slice(0, 20)}" for a port`,
    `write a number up to 65535: ${shownHost}:53`,
  );
}

/** An address, in canonical text. */
export function parseAddress(text: string): Parsed<string> {
  const bytes = addressBytes(text);
  if (bytes === undefined) return faulty('is no address', 'write one like 10.0.0.5 or fd00::7');
  if (isMulticast(bytes) || bytes.every((byte) => byte === 0)) {
    return faulty('is not the address of one host', 'write one like 10.0.0.5 or fd00::7');
  }
  return parsed(addressText(bytes));
}

/** A CIDR or an address, in canonical text. */
export function parseCidr(text: string): Parsed<string> {
  try {
    const { bytes, prefixLength } = parseSubnet(text);
    const base = bytes.map(
      (byte, i) => byte & (0xff << Math.max(0, 8 - Math.max(0, prefixLength - i * 8))),
    );
    if (!bytes.every((byte, i) => byte === base[i])) {
      return faulty(
        'has bits set behind its prefix',
        `write ${addressText(base)}/${prefixLength} for the network, ${addressText(bytes)} for the one address`,
      );
    }
    return parsed(`${addressText(bytes)}/${prefixLength}`);
  } catch {
    return faulty('is no address or CIDR', 'write one like 172.17.0.0/16 or fd00::/8');
  }
}

function isMulticast(bytes: Uint8Array): boolean {
  const first = bytes[0] ?? 0;
  return bytes.length === 4 ? first >= 224 : first === 0xff;
}
