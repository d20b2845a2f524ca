/** The numbers of DNS that homeport speaks of: types, response codes, extended errors. */

/** RR types by mnemonic (IANA DNS parameters); all others are written TYPE123 (RFC 3597 §5). */
export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  DNAME: 39,
  OPT: 41,
  DS: 43,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  SVCB: 64,
  HTTPS: 65,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
  CAA: 257,
} as const;

export const CLASS_IN = 1;

/** Response codes (RFC 1035 §4.1.1, RFC 6891 §9). */
export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
  BADCOOKIE: 23,
} as const;

/** Extended DNS Error codes that homeport sends (RFC 8914 §4). */
export const EDE = {
  OTHER: 0,
  STALE_ANSWER: 3,
  BLOCKED: 15,
  PROHIBITED: 18,
  NO_REACHABLE_AUTHORITY: 22,
  STALE_NXDOMAIN_ANSWER: 19,
  NETWORK_ERROR: 23,
  NOT_READY: 14,
} as const;

const typeNames = new Map<number, string>(Object.entries(TYPE).map(([name, type]) => [type, name]));
const rcodeNames = new Map<number, string>(
  Object.entries(RCODE).map(([name, rcode]) => [rcode, name]),
);

/** `A`, `AAAA`…, or `TYPE65280` for a type without a name here. */
export function typeName(type: number): string {
  return typeNames.get(type) ?? `TYPE${type}`;
}

/** The number of a type written as `a`, `AAAA` or `TYPE28`; undefined for anything else. */
export function parseType(text: string): number | undefined {
  const upper = text.toUpperCase();
  for (const [name, type] of Object.entries(TYPE)) if (name === upper) return type;
  const number = /^TYPE(\d{1,5})$/.exec(upper)?.[1];
  return number !== undefined && Number(number) <= 0xffff ? Number(number) : undefined;
}

/** `NOERROR`, `NXDOMAIN`…, or `RCODE11` for one without a name here. */
export function rcodeName(rcode: number): string {
  return rcodeNames.get(rcode) ?? `RCODE${rcode}`;
}
