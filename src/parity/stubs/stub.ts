/**
 * What all stub simulators share: the situation a program runs in, the lookup it makes, the oracle that
 * stands for the DNS servers, and the outcome. Pure types and small readers of replies.
 */
import type { HostsFile } from '../../resolv-conf/hosts-file.ts';
import type { Nsswitch } from '../../resolv-conf/nsswitch.ts';
import type { ResolvConf } from '../../resolv-conf/resolv-conf.ts';

export type Family = 'unspec' | 'inet' | 'inet6';
export type Transport = 'udp' | 'tcp';
export type Rcode = 'NOERROR' | 'FORMERR' | 'SERVFAIL' | 'NXDOMAIN' | 'NOTIMP' | 'REFUSED';

/** Everything outside the program that decides what its stub asks. */
export interface Situation {
  /** undefined: the file is missing */
  readonly resolvConf: ResolvConf | undefined;
  readonly nsswitch: Nsswitch;
  readonly hosts: HostsFile;
  readonly hostname: string;
  readonly env: Readonly<Record<string, string>>;
  /** other files by path: /etc/host.conf, the one HOSTALIASES names */
  readonly files: Readonly<Record<string, string>>;
  /** NSS modules present besides `files` and `dns`, which are part of libc */
  readonly nssModules: ReadonlySet<string>;
  /** what the mDNS daemon's socket replies; undefined: it does not run */
  readonly avahi?: string;
  /** systemd-resolved's configuration (`[Resolve]`); undefined: it does not run */
  readonly resolvedConf?: string;
  /** whether the host has a route to the address; decides the order of IPv4 and IPv6 results */
  readonly isReachable: (address: string) => boolean;
  /** the source address of packets to a reachable address; undefined: one that suits it */
  readonly sourceOf?: (address: string) => string;
  /** families of which the host has an address other than loopback (AI_ADDRCONFIG) */
  readonly configured: { readonly inet: boolean; readonly inet6: boolean };
}

/** One lookup of a program. */
export interface Lookup {
  /** as typed */
  readonly name: string;
  readonly family: Family;
  /** the stub's entry point; undefined: its usual one */
  readonly api?: string;
  /** `addrconfig` for getaddrinfo, `+search` for dig */
  readonly flags?: readonly string[];
}

/** A question on its way to a server; names as bytes (one character each), no final dot. */
export interface OracleQuery {
  readonly server: string;
  readonly transport: Transport;
  readonly name: string;
  readonly type: string;
}

/** One record of an answer section, in presentation form, names without a final dot. */
export interface AnswerRecord {
  readonly name: string;
  readonly type: string;
  readonly data: string;
}

export interface OracleReply {
  readonly kind: 'reply';
  readonly rcode: Rcode;
  readonly answers: readonly AnswerRecord[];
  readonly isAuthoritative: boolean;
  readonly isRecursionAvailable: boolean;
  readonly isTruncated: boolean;
  readonly delayMs: number;
}

/** `timeout`: nothing ever comes back. `closed`: the port refuses (ICMP, or RST for TCP). */
export type OracleAnswer = OracleReply | { readonly kind: 'timeout' } | { readonly kind: 'closed' };

/** Stands for the DNS servers: the same question always gets the same answer. Never throws. */
export type DnsOracle = (query: OracleQuery) => OracleAnswer;

/** A query as it left, in the order of leaving. */
export interface SentQuery extends OracleQuery {
  /** who sent it: the program's own stub, or systemd-resolved on its behalf */
  readonly by: 'stub' | 'systemd-resolved';
  /** milliseconds since the lookup began */
  readonly atMs: number;
  /** where jitter or a race decides: the latest moment, `atMs` being the earliest; order and server may differ */
  readonly latestMs?: number;
  /** the OPT record's UDP size, null without EDNS */
  readonly optSize: number | null;
  readonly ad: boolean;
  /** false: no server could read it (refused port, malformed message) */
  readonly hasArrived: boolean;
}

interface Made {
  readonly queries: readonly SentQuery[];
  readonly elapsedMs: number;
  /** where jitter adds up: the longest it may take; `elapsedMs` is the shortest */
  readonly longestMs?: number;
  /** other outcomes that are as likely, because the stub draws lots (`rotate`) */
  readonly alternatives?: readonly Outcome[];
}

export interface Found extends Made {
  readonly kind: 'found';
  readonly addresses: readonly string[];
  /** the owner that was found: the name that was asked, or the literal or hosts entry */
  readonly owner: string;
  /** the NSS source or the like that had it */
  readonly source: string;
}

export interface Failed extends Made {
  readonly kind: 'failed';
  /** what the program gets, as its resolver spells it: `EAI_NONAME`, `no such host`, `exit 1` */
  readonly error: string;
}

/** Beyond what was measured: the simulator does not guess. */
export interface Unknown extends Made {
  readonly kind: 'unknown';
  readonly reason: string;
}

export type Outcome = Found | Failed | Unknown;

/** What a lookup ends with, before its queries and time are attached. */
export type Ending =
  | Pick<Found, 'kind' | 'addresses' | 'owner' | 'source'>
  | Pick<Failed, 'kind' | 'error'>;

/** A stub with a situation already read: cheap to ask many times. Never throws. */
export type StubResolver = (lookup: Lookup, oracle: DnsOracle) => Outcome;

/** Thrown inside a simulator where the measured rules end; `createStub` turns it into `unknown`. */
export class BeyondMeasured extends Error {}

/** The addresses of one type in a reply, CNAMEs followed as servers order them. */
export function addressesIn(reply: OracleReply, type: string): readonly string[] {
  return reply.answers.filter((record) => record.type === type).map((record) => record.data);
}

/** NOERROR without any answer, from a server that is neither authoritative nor recursive. */
export function isLame(reply: OracleReply): boolean {
  return (
    reply.rcode === 'NOERROR' &&
    reply.answers.length === 0 &&
    !reply.isAuthoritative &&
    !reply.isRecursionAvailable
  );
}
