/** The recorder's DNS server: `"NAME TYPE": value` with wildcards, values for one server first. */
import type { AnswerRecord, DnsOracle, OracleAnswer, OracleQuery, Rcode } from '../stubs/stub.ts';

/** A zone's value, taken apart. */
interface ZoneValue {
  readonly kind: 'reply' | 'timeout' | 'closed';
  readonly rcode: Rcode;
  readonly data: readonly string[];
  readonly cname: string | undefined;
  readonly isRecursionAvailable: boolean;
  readonly isAuthoritative: boolean;
  readonly isTruncated: boolean;
  readonly delayMs: number;
}

interface ZoneKey {
  readonly server: string | undefined;
  readonly name: string;
  readonly type: string;
}

const rcodes: ReadonlySet<string> = new Set([
  'NXDOMAIN',
  'SERVFAIL',
  'REFUSED',
  'NOTIMP',
  'FORMERR',
]);
/** A name's chain of aliases is followed this far. */
const maxChain = 8;

/** Makes the oracle of one recorded zone. Never throws. */
export function zoneOracle(zone: Readonly<Record<string, unknown>>): DnsOracle {
  const values = new Map<string, ZoneValue>();
  const owners = new Set<string>();
  for (const [key, value] of Object.entries(zone)) {
    const parsed = parseKey(key);
    values.set(keyOf(parsed), parseValue(value));
    owners.add(ownerKey(parsed.server, parsed.name));
  }
  return (query) => answer(query, values, owners);
}

/** `NAME TYPE`, `@SERVER NAME TYPE`, `@SERVER *`, or `*` alone. */
function parseKey(key: string): ZoneKey {
  const words = key.split(' ');
  const server = words[0]?.startsWith('@') ? words.shift()?.slice(1) : undefined;
  const [name = '*', type = '*'] = words;
  return { server, name: name.toLowerCase(), type };
}

function keyOf({ server, name, type }: ZoneKey): string {
  return `${server ?? ''} ${name} ${type}`;
}

function parseValue(value: unknown): ZoneValue {
  const words = (Array.isArray(value) ? value : [value]).map(String);
  const has = (word: string): boolean => words.includes(word);
  const delay = words.find((word) => word.startsWith('DELAY:'));
  const rcode = words.find((word) => rcodes.has(word));
  const kind = has('TIMEOUT') ? 'timeout' : has('CLOSED') ? 'closed' : 'reply';
  return {
    kind,
    rcode: isRcode(rcode) ? rcode : 'NOERROR',
    cname: words.find((word) => word.startsWith('CNAME '))?.slice('CNAME '.length),
    data: words.filter((word) => isData(word)),
    isRecursionAvailable: !has('noRA'),
    isAuthoritative: has('AA'),
    isTruncated: has('TC'),
    delayMs: delay === undefined ? 0 : Math.round(Number(delay.slice('DELAY:'.length)) * 1000),
  };
}

function isRcode(word: string | undefined): word is Rcode {
  return word !== undefined && rcodes.has(word);
}

function isData(word: string): boolean {
  const marks = ['NODATA', 'TIMEOUT', 'CLOSED', 'noRA', 'AA', 'TC'];
  return (
    !rcodes.has(word) &&
    !marks.includes(word) &&
    !word.startsWith('DELAY:') &&
    !word.startsWith('CNAME ')
  );
}

function answer(
  query: OracleQuery,
  values: ReadonlyMap<string, ZoneValue>,
  owners: ReadonlySet<string>,
): OracleAnswer {
  if (!isListening(query.server)) return { kind: 'closed' };
  const answers: AnswerRecord[] = [];
  let name = query.name.toLowerCase();
  let value = find(query.server, name, query.type, values, owners);
  const first = value;
  for (let links = 0; value.cname !== undefined && links < maxChain; links++) {
    answers.push({ name, type: 'CNAME', data: value.cname });
    name = value.cname.toLowerCase();
    value = find(query.server, name, query.type, values, owners);
  }
  if (first.kind !== 'reply') return { kind: first.kind };
  const isCut = first.isTruncated && query.transport === 'udp';
  const records = value.data.map((data) => ({ name, type: query.type, data }));
  return {
    kind: 'reply',
    rcode: value.rcode,
    answers: isCut ? [] : [...answers, ...records],
    isAuthoritative: first.isAuthoritative,
    isRecursionAvailable: first.isRecursionAvailable,
    isTruncated: isCut,
    delayMs: first.delayMs,
  };
}

/** The recorder listens on 127.0.0.0/24 and ::1; any other address refuses or has no route. */
function isListening(server: string): boolean {
  return server.startsWith('127.0.0.') || server === '::1';
}

function ownerKey(server: string | undefined, name: string): string {
  return `${server ?? ''} ${name}`;
}

const nodata = parseValue('NODATA');
const nxdomain = parseValue('NXDOMAIN');

function find(
  server: string,
  name: string,
  type: string,
  values: ReadonlyMap<string, ZoneValue>,
  owners: ReadonlySet<string>,
): ZoneValue {
  for (const from of [server, undefined]) {
    for (const [ownName, ownType] of [
      [name, type],
      [name, '*'],
      ['*', type],
      ['*', '*'],
    ] as const) {
      const value = values.get(keyOf({ server: from, name: ownName, type: ownType }));
      if (value !== undefined) return value;
    }
    if (owners.has(ownerKey(from, name))) return nodata;
  }
  return nxdomain;
}
