/** The NSS modules that glibc's getaddrinfo walks through: each takes a name and a family and returns a status. */
import { isMultiOn } from '../../../resolv-conf/host-aliases.ts';
import { entriesFor } from '../../../resolv-conf/hosts-file.ts';
import { inetPton } from '../../../resolv-conf/inet.ts';
import type { NssStatus } from '../../../resolv-conf/nsswitch.ts';
import { dotsIn } from '../names.ts';
import { addressesIn, BeyondMeasured, type Family } from '../stub.ts';
import type { GlibcProcess } from './process.ts';
import { askedForAaaa, type HErrno, query, search } from './search.ts';

/** What a module says; `herrno` is what the caller's error is made of. */
export type NssResult =
  | {
      readonly status: 'success';
      readonly addresses: readonly string[];
      readonly owner: string;
    }
  | { readonly status: Exclude<NssStatus, 'success'>; readonly herrno: HErrno };

type Module = (process: GlibcProcess, name: string, family: Family) => NssResult;

const notFound: NssResult = { status: 'notfound', herrno: 'HOST_NOT_FOUND' };
const unavailable: NssResult = { status: 'unavail', herrno: 'HOST_NOT_FOUND' };

const modules: Readonly<Record<string, Module>> = {
  files: lookInFiles,
  dns: lookInDns,
  myhostname: lookInMyhostname,
  mdns4_minimal: lookInMdns4Minimal,
  resolve: lookInResolve,
};

/** Asks one source of the `hosts:` line. A module whose file is missing is `unavail`. */
export function askSource(
  process: GlibcProcess,
  source: string,
  name: string,
  family: Family,
): NssResult {
  const isBuiltIn = source === 'files' || source === 'dns';
  if (!isBuiltIn && !process.situation.nssModules.has(source)) return unavailable;
  const module = Object.hasOwn(modules, source) ? modules[source] : undefined;
  if (module === undefined) throw new BeyondMeasured(`the NSS module ${source} is not modelled`);
  return module(process, name, family);
}

/** nss_files: the first line that fits, all of them with `multi on` in host.conf. */
function lookInFiles({ situation }: GlibcProcess, name: string, family: Family): NssResult {
  const addresses = entriesFor(situation.hosts, name)
    .map((entry) => addressFor(entry.address, family))
    .filter((address) => address !== undefined);
  const [first] = addresses;
  if (first === undefined) return notFound;
  const isMulti = isMultiOn(situation.files['/etc/host.conf']);
  return { status: 'success', addresses: isMulti ? addresses : [first], owner: name };
}

/** A hosts address in a family: `::1` and mapped addresses serve IPv4 as well, IPv4 never serves inet6. */
function addressFor(text: string, family: Family): string | undefined {
  const address = inetPton(text);
  if (address === undefined || family === 'unspec') return address;
  const isIpv6 = address.includes(':');
  if (family === 'inet6') return isIpv6 ? address : undefined;
  if (!isIpv6) return address;
  if (address === '::1') return '127.0.0.1';
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
}

/** nss_dns: A and AAAA of the search list; with no-aaaa never AAAA. */
function lookInDns(process: GlibcProcess, name: string, family: Family): NssResult {
  if (!isHostName(name)) return notFound;
  const isWithoutAaaa = process.reading.flags.has('no-aaaa');
  const types = typesFor(family, isWithoutAaaa);
  const asked = (dotsIn(name) === 0 ? process.hostAlias(name) : undefined) ?? name;
  const sender = process.sender;
  const found = search(sender, process.reading, asked, types);
  if (found.kind === 'miss') {
    const isUnavailable = found.errno === 'ECONNREFUSED' || found.errno === 'ETIMEDOUT';
    return { status: isUnavailable ? 'unavail' : 'notfound', herrno: found.herrno };
  }
  // records of an owner that is no host name are dropped, and with them the whole answer
  if (!isHostName(found.name)) return notFound;
  const addresses = found.replies.flatMap((reply) => [
    ...addressesIn(reply, 'A'),
    ...addressesIn(reply, 'AAAA'),
  ]);
  if (addresses.length > 0) return { status: 'success', addresses, owner: found.name };
  // a CNAME without an address counts as an answer, so the search has ended
  return family === 'unspec' ? notFound : { status: 'tryagain', herrno: 'NO_RECOVERY' };
}

function typesFor(family: Family, isWithoutAaaa: boolean): readonly string[] {
  if (family === 'inet') return ['A'];
  if (family === 'inet6') return [isWithoutAaaa ? askedForAaaa : 'AAAA'];
  return isWithoutAaaa ? ['A'] : ['A', 'AAAA'];
}

/** res_hnok: letters, digits, hyphens, underscores; no hyphen first, no empty label. */
function isHostName(name: string): boolean {
  return /^(?!-)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?$/.test(name);
}

/** nss-myhostname on a host without other addresses: the own name and localhost are answered here. */
function lookInMyhostname({ situation }: GlibcProcess, name: string, family: Family): NssResult {
  const own = situation.hostname.toLowerCase();
  const asked = name.toLowerCase();
  const isLocalhost = /^(.+\.)?localhost(\.localdomain)?\.?$/.test(asked);
  if (!isLocalhost && asked !== own) return notFound;
  if (!isLocalhost && (situation.configured.inet || situation.configured.inet6)) {
    throw new BeyondMeasured('nss-myhostname on a host with other addresses');
  }
  const ipv4 = isLocalhost ? '127.0.0.1' : '127.0.0.2';
  const addresses = { inet: [ipv4], inet6: ['::1'], unspec: ['::1', ipv4] }[family];
  return { status: 'success', addresses, owner: name };
}

/** mdns4_minimal: names of two labels under `.local`, unless DNS has a SOA for `local`. */
function lookInMdns4Minimal(process: GlibcProcess, name: string, family: Family): NssResult {
  if (family === 'inet6') return unavailable;
  if (!/^[^.]+\.local\.?$/i.test(name)) return unavailable;
  const soa = query(process.sender, 'local', ['SOA']);
  if (soa.kind === 'hit') return unavailable;
  const { avahi } = process.situation;
  if (avahi === undefined) return unavailable;
  const found = /^\+ \S+ \S+ \S+ (\S+)/.exec(avahi)?.[1];
  return found === undefined ? notFound : { status: 'success', addresses: [found], owner: name };
}

/** nss-resolve hands the name to the daemon; without one the source is unavailable. */
function lookInResolve(process: GlibcProcess, name: string, family: Family): NssResult {
  const { daemon, wire } = process;
  if (daemon === undefined) return unavailable;
  const result = daemon.lookUp(name, family, wire.nowMs);
  wire.nowMs = Math.max(wire.nowMs, daemon.nowMs);
  return result;
}
