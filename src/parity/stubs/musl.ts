/**
 * musl (src/network/lookup_name.c and res_msend.c): the hosts file, then DNS with a search that ends at
 * the first thing but NXDOMAIN; every query to all servers at once. nsswitch.conf is never read.
 */
import type { HostsFile } from '../../resolv-conf/hosts-file.ts';
import { readAsMusl } from '../../resolv-conf/readings/musl.ts';
import type { Reading } from '../../resolv-conf/readings/reading.ts';
import { byDestination } from './destination-order.ts';
import { sendToAll } from './musl-send.ts';
import { canBeAsked, dotsIn, isRooted, literalAddress, toBytes, withoutRoot } from './names.ts';
import {
  addressesIn,
  BeyondMeasured,
  type Ending,
  type Family,
  type Lookup,
  type Outcome,
  type Situation,
  type StubResolver,
} from './stub.ts';
import { Wire } from './wire.ts';

export type MuslVersion = '1.2.3' | '1.2.5';

const maxNameLength = 254;

interface Context {
  readonly version: MuslVersion;
  readonly situation: Situation;
  readonly reading: Reading;
  readonly wire: Wire;
  /** the canonical name that the last lookup found: the end of its CNAMEs */
  canonicalName: string;
}

/** Creates musl's resolver for a situation; of resolv.conf and the hosts file only. */
export function createMusl(situation: Situation, version: MuslVersion): StubResolver {
  const reading = readAsMusl(situation.resolvConf);
  return (lookup, oracle): Outcome => {
    const wire = new Wire(oracle);
    const ending = end({ version, situation, reading, wire, canonicalName: '' }, lookup);
    return { ...ending, queries: wire.queries, elapsedMs: wire.nowMs };
  };
}

function end(context: Context, lookup: Lookup): Ending {
  switch (lookup.api) {
    case undefined:
    case 'getaddrinfo':
    case 'lookup':
      return lookUp(context, lookup.name, lookup.family);
    case 'gethostbyname':
      return gethostbyname(context, lookup.name, 'inet');
    case 'gethostbyname2':
      return gethostbyname(context, lookup.name, lookup.family);
    case 'res_search':
    case 'res_query':
      return resQuery(context, lookup);
    default:
      throw new BeyondMeasured(`musl has no entry point '${lookup.api}' here`);
  }
}

function lookUp(context: Context, name: string, family: Family): Ending {
  const { situation, version } = context;
  if (name.length === 0 || Buffer.byteLength(name) > maxNameLength) return failed('EAI_NONAME');
  const literal = literalAddress(name);
  if (literal !== undefined) {
    if (family !== 'unspec' && family !== literal.family) return failed(noData(version));
    return { kind: 'found', addresses: [literal.address], owner: name, source: 'literal' };
  }
  const inHosts = lookInHosts(situation.hosts, name, family);
  if (inHosts === 'other family') return failed(noData(version));
  const ending: Ending =
    inHosts.length > 0
      ? { kind: 'found', addresses: inHosts, owner: name, source: 'files' }
      : lookInDns(context, toBytes(name), family);
  if (ending.kind !== 'found') return ending;
  return { ...ending, addresses: byDestination(ending.addresses, situation) };
}

/** 1.2.4 told EAI_NODATA from EAI_NONAME. */
function noData(version: MuslVersion): string {
  return version === '1.2.3' ? 'EAI_NONAME' : 'EAI_NODATA';
}

/** All lines with the name in exactly this spelling; lines of the other family only end the lookup. */
function lookInHosts(
  hosts: HostsFile,
  name: string,
  family: Family,
): readonly string[] | 'other family' {
  const addresses: string[] = [];
  let isOtherFamily = false;
  for (const entry of hosts.entries) {
    if (!entry.names.includes(name)) continue;
    const literal = literalAddress(entry.address);
    if (literal === undefined) continue;
    if (family === 'unspec' || family === literal.family) addresses.push(literal.address);
    else isOtherFamily = true;
  }
  return addresses.length === 0 && isOtherFamily ? 'other family' : addresses;
}

/** name_from_dns_search: candidates while the answer is "does not exist", then the name as it is. */
function lookInDns(context: Context, name: string, family: Family): Ending {
  const plain = withoutRoot(name);
  if (plain === '' || isRooted(plain)) return failed('EAI_NONAME');
  const isSearched = dotsIn(name) < context.reading.ndots.value && !isRooted(name);
  if (isSearched) {
    for (const { domain } of context.reading.search) {
      const ending = askName(context, `${plain}.${toBytes(domain)}`, family);
      if (ending !== 'does not exist') return ending;
    }
  }
  const ending = askName(context, plain, family);
  return ending === 'does not exist' ? failed('EAI_NONAME') : ending;
}

function askName(context: Context, candidate: string, family: Family): Ending | 'does not exist' {
  const { version, reading, wire } = context;
  const name = withoutRoot(candidate);
  // 1.2.3 writes a second final dot as a label length that no server can read
  const isMalformed = version === '1.2.3' && isRooted(name) && canBeAsked(withoutRoot(name));
  if (!isMalformed && !canBeAsked(name)) {
    return version === '1.2.3' ? failed('EAI_NONAME') : 'does not exist';
  }
  const types = { unspec: ['A', 'AAAA'], inet: ['A'], inet6: ['AAAA'] }[family];
  const replies = sendToAll(
    wire,
    reading,
    types.map((type) => ({ name, type })),
    { isMalformed, hasTcp: version !== '1.2.3' },
  );
  if (replies === 'division by zero') return failed('CRASH signal 8');
  for (const reply of replies) {
    if (reply === undefined || reply.rcode === 'SERVFAIL') return failed('EAI_AGAIN');
    if (reply.rcode === 'NXDOMAIN') return 'does not exist';
    if (reply.rcode !== 'NOERROR') return failed('EAI_FAIL');
  }
  const addresses = replies.flatMap((reply, index) =>
    reply === undefined ? [] : addressesIn(reply, types[index] ?? ''),
  );
  if (addresses.length === 0) return failed(noData(version));
  const aliases = replies.flatMap((reply) =>
    reply === undefined ? [] : addressesIn(reply, 'CNAME'),
  );
  context.canonicalName = aliases.at(-1) ?? name;
  return { kind: 'found', addresses, owner: name, source: 'dns' };
}

/** gethostbyname begins with this buffer, and looks the name up again with a doubled one until all fits. */
const firstBufferSize = 127;
const pointerSize = 8;
/** struct hostent */
const hostentSize = 32;

function gethostbyname(context: Context, name: string, family: Family): Ending {
  for (let size = firstBufferSize; ; size = 2 * size + 1) {
    const ending = lookUp(context, name, family);
    if (ending.kind !== 'found') return failed(herrnoOf(ending.error));
    if (sizeNeeded(context, ending, name, family) <= size - hostentSize) return ending;
  }
}

/** gethostbyname2_r.c: pointers and addresses, each list with its end, and both names. */
function sizeNeeded(
  { canonicalName }: Context,
  { addresses, source }: Ending & { readonly kind: 'found' },
  name: string,
  family: Family,
): number {
  const addressSize = family === 'inet6' ? 16 : 4;
  const canonical = source === 'dns' ? canonicalName : name;
  return (
    4 * pointerSize +
    (addresses.length + 1) * (pointerSize + addressSize) +
    Buffer.byteLength(name) +
    1 +
    Buffer.byteLength(canonical) +
    1
  );
}

function herrnoOf(error: string): string {
  switch (error) {
    case 'EAI_NONAME':
      return 'HOST_NOT_FOUND';
    case 'EAI_NODATA':
      return 'NO_DATA';
    case 'EAI_AGAIN':
      return 'TRY_AGAIN';
    case 'EAI_FAIL':
      return 'NO_RECOVERY';
    default:
      return error;
  }
}

/** res_search is res_query here: one name, no search; its queries carry the AD bit. */
function resQuery({ reading, wire, version }: Context, { name, family }: Lookup): Ending {
  if (family === 'unspec') throw new BeyondMeasured('res_query without a type');
  const type = family === 'inet' ? 'A' : 'AAAA';
  const asked = withoutRoot(toBytes(name));
  if (!canBeAsked(asked)) return failed('NO_RECOVERY');
  const replies = sendToAll(wire, reading, [{ name: asked, type }], {
    ad: true,
    hasTcp: version !== '1.2.3',
  });
  if (replies === 'division by zero') return failed('CRASH signal 8');
  const [reply] = replies;
  if (reply === undefined) return failed('TRY_AGAIN');
  if (reply.rcode === 'NXDOMAIN') return failed('HOST_NOT_FOUND');
  const addresses = addressesIn(reply, type);
  if (addresses.length === 0) return failed('NO_DATA');
  return { kind: 'found', addresses, owner: asked, source: 'dns' };
}

function failed(error: string): Ending {
  return { kind: 'failed', error };
}
