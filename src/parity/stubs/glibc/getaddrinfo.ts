/** glibc's entry points: getaddrinfo and gethostbyname over the NSS chain, res_search, res_query, getent. */
import { nssAction } from '../../../resolv-conf/nsswitch.ts';
import { readAsGlibc } from '../../../resolv-conf/readings/glibc.ts';
import { byDestination } from '../destination-order.ts';
import { literalAddress, toBytes, withoutRoot } from '../names.ts';
import {
  addressesIn,
  BeyondMeasured,
  type DnsOracle,
  type Ending,
  type Family,
  type Lookup,
  type Outcome,
  type Situation,
  type StubResolver,
} from '../stub.ts';
import type { ResolvedVersion } from '../systemd-resolved.ts';
import { askSource, type NssResult } from './nss.ts';
import { GlibcProcess, type GlibcSetup } from './process.ts';
import { askedForAaaa, type HErrno, query, search } from './search.ts';

/** glibc 2.36 and 2.41: no measured difference. Reads the situation once. */
export function createGlibc(situation: Situation, resolved: ResolvedVersion): StubResolver {
  const setup = { situation, resolved, reading: readAsGlibc(situation.resolvConf, situation) };
  return (lookup, oracle) => withRotation(setup, lookup, oracle);
}

/** With `rotate` the first server is drawn by lot for each process, so there are as many outcomes as servers. */
function withRotation(setup: GlibcSetup, lookup: Lookup, oracle: DnsOracle): Outcome {
  const { flags, nameservers } = setup.reading;
  const servers = flags.has('rotate') ? nameservers.length : 1;
  const [outcome, ...alternatives] = Array.from({ length: servers }, (_, first) =>
    runGlibc(new GlibcProcess(setup, oracle, first), lookup),
  );
  if (outcome === undefined) throw new BeyondMeasured('no nameserver at all');
  return alternatives.length === 0 ? outcome : { ...outcome, alternatives };
}

/** Runs one lookup in a process that is set up already; used by stubs that build on glibc. */
export function runGlibc(process: GlibcProcess, lookup: Lookup): Outcome {
  const ending = end(process, lookup);
  return { ...ending, queries: process.queries(), elapsedMs: process.wire.nowMs };
}

function end(process: GlibcProcess, lookup: Lookup): Ending {
  switch (lookup.api) {
    case undefined:
    case 'getaddrinfo':
    case 'lookup':
      return getaddrinfo(process, lookup.name, lookup.family, isAddrConfig(lookup));
    case 'gethostbyname':
      return gethostbyname(process, lookup.name, 'inet');
    case 'gethostbyname2':
      return gethostbyname(process, lookup.name, lookup.family);
    case 'res_search':
    case 'res_query':
      return resQuery(process, lookup);
    case 'hosts':
      return getentHosts(process, lookup.name);
    case 'ahosts':
      return asExit(getaddrinfo(process, lookup.name, 'unspec', true));
    case 'ahostsv4':
      return asExit(getaddrinfo(process, lookup.name, 'inet', true));
    case 'ahostsv6':
      return asExit(getaddrinfo(process, lookup.name, 'inet6', true));
    default:
      throw new BeyondMeasured(`glibc has no entry point '${lookup.api}' here`);
  }
}

function isAddrConfig(lookup: Lookup): boolean {
  return lookup.flags?.includes('addrconfig') ?? false;
}

function getaddrinfo(
  process: GlibcProcess,
  name: string,
  wanted: Family,
  isConfiguredOnly: boolean,
): Ending {
  const family = isConfiguredOnly ? configuredFamily(process.situation, wanted) : wanted;
  if (family === undefined) return failed('EAI_NONAME');
  const literal = literalAddress(name);
  if (literal !== undefined) {
    if (family !== 'unspec' && family !== literal.family) return failed('EAI_ADDRFAMILY');
    return { kind: 'found', addresses: [literal.address], owner: name, source: 'literal' };
  }
  const { result, source } = walkSources(process, name, family);
  if (result.status !== 'success') {
    return failed(family === 'inet' ? eaiOfInet(result) : eaiOf(result.herrno));
  }
  const addresses = byDestination(result.addresses, process.situation);
  return { kind: 'found', addresses, owner: result.owner, source };
}

/** AI_ADDRCONFIG: a single family needs an address that is not loopback; both are cut to the one there is. */
function configuredFamily(situation: Situation, wanted: Family): Family | undefined {
  const { inet, inet6 } = situation.configured;
  if (wanted === 'inet') return inet ? 'inet' : undefined;
  if (wanted === 'inet6') return inet6 ? 'inet6' : undefined;
  if (inet === inet6) return 'unspec';
  return inet ? 'inet' : 'inet6';
}

function gethostbyname(process: GlibcProcess, name: string, family: Family): Ending {
  const literal = literalAddress(name);
  if (literal !== undefined && literal.family === family) {
    return { kind: 'found', addresses: [literal.address], owner: name, source: 'literal' };
  }
  const { result, source } = walkSources(process, name, family);
  if (result.status !== 'success') return failed(result.herrno);
  return { kind: 'found', addresses: result.addresses, owner: result.owner, source };
}

/** `getent hosts`: every AAAA of the search list before any A. */
function getentHosts(process: GlibcProcess, name: string): Ending {
  const ipv6 = gethostbyname(process, name, 'inet6');
  return ipv6.kind === 'found' ? ipv6 : asExit(gethostbyname(process, name, 'inet'));
}

function asExit(ending: Ending): Ending {
  return ending.kind === 'found' ? ending : failed('exit 2');
}

function resQuery(process: GlibcProcess, { name, family, api }: Lookup): Ending {
  if (family === 'unspec') throw new BeyondMeasured('res_query without a type');
  const type = family === 'inet' ? 'A' : 'AAAA';
  const asked = type === 'AAAA' && process.reading.flags.has('no-aaaa') ? askedForAaaa : type;
  const bytes = toBytes(name);
  const found =
    api === 'res_search'
      ? search(process.sender, process.reading, bytes, [asked])
      : query(process.sender, withoutRoot(bytes), [asked]);
  if (found.kind === 'miss') return failed(found.herrno);
  const addresses = found.replies.flatMap((reply) => addressesIn(reply, type));
  return { kind: 'found', addresses, owner: found.name, source: 'dns' };
}

function walkSources(
  process: GlibcProcess,
  name: string,
  family: Family,
): { readonly result: NssResult; readonly source: string } {
  let result: NssResult = { status: 'unavail', herrno: 'HOST_NOT_FOUND' };
  let asked = '';
  for (const source of process.situation.nsswitch.hosts) {
    result = askSource(process, source.source, name, family);
    asked = source.source;
    const action = nssAction(source, result.status);
    if (action === 'return') break;
    if (action === 'merge') throw new BeyondMeasured('the action merge for hosts');
    if (result.status === 'success') {
      throw new BeyondMeasured('going on after success in nsswitch.conf');
    }
  }
  return { result, source: asked };
}

/** IPv4 alone goes through gethostbyname2_r, which makes other errors of the same status. */
function eaiOfInet({ status, herrno }: Exclude<NssResult, { status: 'success' }>): string {
  if (status === 'notfound') return herrno === 'NO_DATA' ? 'EAI_NODATA' : 'EAI_NONAME';
  return herrno === 'TRY_AGAIN' ? 'EAI_AGAIN' : 'EAI_NODATA';
}

function eaiOf(herrno: HErrno): string {
  switch (herrno) {
    case 'TRY_AGAIN':
      return 'EAI_AGAIN';
    case 'NO_DATA':
      return 'EAI_NODATA';
    default:
      return 'EAI_NONAME';
  }
}

function failed(error: string): Ending {
  return { kind: 'failed', error };
}
