/**
 * systemd-resolved 252 and 257: the daemon behind nss-resolve and behind the stub listener 127.0.0.53. It
 * searches its domains for one label only, never asks that label bare, and lowers its feature level.
 */
import { entriesFor } from '../../resolv-conf/hosts-file.ts';
import { inetPton } from '../../resolv-conf/inet.ts';
import { readAsResolvedInput } from '../../resolv-conf/readings/nameservers.ts';
import { spaceSeparated } from '../../resolv-conf/readings/reading.ts';
import type { NssResult } from './glibc/nss.ts';
import { canBeAsked, toBytes, withoutRoot } from './names.ts';
import {
  type AnswerRecord,
  addressesIn,
  BeyondMeasured,
  type DnsOracle,
  type Family,
  type OracleAnswer,
  type OracleQuery,
  type OracleReply,
  type Rcode,
  type SentQuery,
  type Situation,
} from './stub.ts';
import { Wire } from './wire.ts';

export type ResolvedVersion = '252' | '257';

/** The addresses of the stub listener; 127.0.0.54 is the one that only forwards. */
const listeners: readonly string[] = ['127.0.0.53'];
const ednsSize = 65508;
const lookupLimitMs = 120_000;
const retriesPerLevel = 3;
const udpWaitMs = { ms: 5000, latestMs: 5350 };
const tcpWaitMs = { ms: 10_000, latestMs: 10_350 };
const tcpTries = 2;
/** An alias of an alias is followed this far. */
const maxRedirects = 8;

/** What `[Resolve]` settles, as far as lookups depend on it. */
interface Settings {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly asksSingleLabels: boolean;
  readonly isDowngradeAllowed: boolean;
}

/** One type's answer from upstream; undefined: nothing came within the limit. */
type Upstream = OracleReply | undefined;

/** The daemon during one lookup, with the queries that it makes. */
export class ResolvedDaemon {
  readonly #version: ResolvedVersion;
  readonly #situation: Situation;
  readonly #settings: Settings;
  readonly #wire: Wire;

  constructor(version: ResolvedVersion, situation: Situation, oracle: DnsOracle) {
    this.#version = version;
    this.#situation = situation;
    this.#settings = readSettings(situation);
    this.#wire = new Wire(oracle, 'systemd-resolved');
  }

  /** What it asked its servers, in order. */
  get queries(): readonly SentQuery[] {
    return this.#wire.queries;
  }

  get nowMs(): number {
    return this.#wire.nowMs;
  }

  static isListener(server: string): boolean {
    return listeners.includes(server);
  }

  /** nss-resolve: hosts file, localhost, then search domains for one label or the name as it is. */
  lookUp(name: string, family: Family, nowMs: number): NssResult {
    this.#wire.nowMs = nowMs;
    const local = this.#answerLocally(name, family);
    if (local !== undefined) return { status: 'success', addresses: local, owner: name };
    const names = this.#candidates(name);
    if (names.length === 0) return { status: 'tryagain', herrno: 'TRY_AGAIN' };
    for (const candidate of names) {
      const asked = this.#askPair(candidate, family);
      if (asked === undefined) {
        this.#wire.nowMs = Math.max(this.#wire.nowMs, nowMs + lookupLimitMs);
        return { status: 'tryagain', herrno: 'TRY_AGAIN' };
      }
      const { replies, isAlias } = this.#followed(asked, (target) => this.#askPair(target, family));
      const addresses = replies.flatMap((reply) => addressesOf(reply));
      if (addresses.length > 0 && this.#settings.isDowngradeAllowed) {
        this.#askForSignatures(candidate, family);
        return { status: 'notfound', herrno: 'HOST_NOT_FOUND' };
      }
      if (addresses.length > 0) return { status: 'success', addresses, owner: candidate };
      // the name exists without such a record, or as an alias: that ends the search
      if (isAlias || replies.some((reply) => reply.rcode === 'NOERROR')) break;
    }
    return { status: 'notfound', herrno: 'HOST_NOT_FOUND' };
  }

  /** The stub listener: one question, no search; bare names and `.local` fail here. */
  answer(query: OracleQuery, nowMs: number): OracleAnswer {
    if (query.transport === 'tcp') throw new BeyondMeasured('systemd-resolved: its stub over TCP');
    const family: Family = query.type === 'AAAA' ? 'inet6' : 'inet';
    if (query.type !== 'A' && query.type !== 'AAAA') {
      throw new BeyondMeasured(`systemd-resolved: a ${query.type} question`);
    }
    const local = this.#answerLocally(query.name, family);
    if (local !== undefined) return localReply(query, local);
    if (isLocal(query.name)) return failure('SERVFAIL');
    if (isOneLabel(query.name) && !this.#settings.asksSingleLabels) return failure('SERVFAIL');
    if (this.#settings.isDowngradeAllowed) {
      throw new BeyondMeasured('systemd-resolved: DNSSEC behind the stub listener');
    }
    this.#wire.nowMs = nowMs;
    const asked = this.#transact(query.name, query.type);
    if (asked === undefined)
      throw new BeyondMeasured('systemd-resolved: a silent server behind it');
    const { replies, aliases } = this.#followed([asked], (target) => {
      const reply = this.#transact(target, query.type);
      return reply === undefined ? undefined : [reply];
    });
    const reply = replies[0] ?? asked;
    const answers = [...aliases, ...reply.answers];
    return { ...reply, answers, isRecursionAvailable: true, delayMs: this.#wire.nowMs - nowMs };
  }

  /** An alias whose addresses did not come along is asked for by its own name, without a search. */
  #followed(
    asked: readonly OracleReply[],
    ask: (target: string) => readonly OracleReply[] | undefined,
  ): {
    readonly replies: readonly OracleReply[];
    readonly aliases: readonly AnswerRecord[];
    readonly isAlias: boolean;
  } {
    let replies = asked;
    const aliases: AnswerRecord[] = [];
    for (let links = 0; links < maxRedirects; links++) {
      if (replies.some((reply) => addressesOf(reply).length > 0)) break;
      const found = replies.flatMap(({ answers }) =>
        answers.filter(({ type }) => type === 'CNAME'),
      );
      const target = found.at(-1)?.data;
      if (target === undefined) break;
      aliases.push(...found);
      const next = ask(target);
      if (next === undefined) throw new BeyondMeasured('systemd-resolved: a silent server');
      replies = next;
    }
    return { replies, aliases, isAlias: aliases.length > 0 };
  }

  #answerLocally(name: string, family: Family): readonly string[] | undefined {
    const plain = withoutRoot(name.toLowerCase());
    const inHosts = entriesFor(this.#situation.hosts, plain)
      .map((entry) => inetPton(entry.address))
      .filter((address) => address !== undefined);
    if (/^(.+\.)?localhost$/.test(plain)) {
      return { inet: ['127.0.0.1'], inet6: ['::1'], unspec: ['::1', '127.0.0.1'] }[family];
    }
    if (inHosts.length > 0) {
      const fitting = inHosts.filter((address) => isOfFamily(address, family));
      if (fitting.length > 0) return fitting;
      throw new BeyondMeasured('systemd-resolved: a hosts entry of the other family');
    }
    const isOwn = plain === this.#situation.hostname.toLowerCase();
    if (isOwn || plain === '_gateway' || plain === '_outbound') {
      throw new BeyondMeasured(`systemd-resolved: the synthesised name ${plain}`);
    }
    return undefined;
  }

  /** One label: with each search domain, bare only where there is none and the option says so. */
  #candidates(name: string): readonly string[] {
    const plain = withoutRoot(toBytes(name));
    if (isLocal(plain)) return [];
    if (!isOneLabel(plain)) return [plain];
    const { search, asksSingleLabels } = this.#settings;
    const isSearched = plain === name && search.length > 0;
    if (isSearched) return search.map((domain) => `${plain}.${domain}`);
    return asksSingleLabels ? [plain] : [];
  }

  /** @returns undefined where a server stays silent for the whole time */
  #askPair(name: string, family: Family): readonly OracleReply[] | undefined {
    if (!canBeAsked(name))
      throw new BeyondMeasured('systemd-resolved: a name that cannot be asked');
    const types = { unspec: ['A', 'AAAA'], inet: ['A'], inet6: ['AAAA'] }[family];
    const startMs = this.#wire.nowMs;
    let endMs = startMs;
    const replies: Upstream[] = [];
    for (const type of types) {
      this.#wire.nowMs = startMs;
      const reply = this.#transact(name, type);
      if (reply === undefined && types.length > 1) {
        throw new BeyondMeasured('systemd-resolved: a server silent to one of a pair');
      }
      replies.push(reply);
      endMs = Math.max(endMs, this.#wire.nowMs);
    }
    this.#wire.nowMs = endMs;
    const answered = replies.filter((reply) => reply !== undefined);
    return answered.length === types.length ? answered : undefined;
  }

  /** One question to the current server, to the next ones on failure. */
  #transact(name: string, type: string): Upstream {
    const { servers } = this.#settings;
    let last: Upstream;
    for (const server of servers) {
      const reply = this.#askServer(server, name, type);
      if (reply === 'closed') continue;
      if (reply === 'silent') {
        if (servers.length > 1) throw new BeyondMeasured('systemd-resolved: one of several silent');
        return undefined;
      }
      last = reply;
      if (reply.rcode === 'NOERROR' || reply.rcode === 'NXDOMAIN') return reply;
    }
    return last ?? failure('SERVFAIL');
  }

  /** SERVFAIL: once more, then without EDNS. 252 repeats NXDOMAIN without EDNS; REFUSED is final here. */
  #askServer(server: string, name: string, type: string): OracleReply | 'closed' | 'silent' {
    const first = this.#send(server, name, type, ednsSize);
    if (typeof first === 'string') {
      if (first === 'silent') this.#waitInVain(server, name, type);
      return first;
    }
    if (first.rcode === 'NOERROR' || first.rcode === 'REFUSED') return first;
    if (first.rcode === 'NXDOMAIN') {
      if (this.#version === '257') return first;
    } else if (first.rcode === 'SERVFAIL') {
      this.#send(server, name, type, ednsSize);
    } else {
      throw new BeyondMeasured(`systemd-resolved: ${first.rcode} from a server`);
    }
    return this.#send(server, name, type, null);
  }

  #send(
    server: string,
    name: string,
    type: string,
    optSize: number | null,
  ): OracleReply | 'closed' | 'silent' {
    const answer = this.#wire.send({ server, transport: 'udp', name, type }, { optSize });
    if (answer.kind === 'closed') return 'closed';
    if (answer.kind === 'timeout') return 'silent';
    this.#wire.nowMs += answer.delayMs;
    if (!answer.isTruncated) return answer;
    const again = this.#wire.send({ server, transport: 'tcp', name, type }, { optSize });
    if (again.kind !== 'reply') throw new BeyondMeasured('systemd-resolved: no answer over TCP');
    this.#wire.nowMs += again.delayMs;
    return again;
  }

  /** Three tries with EDNS, then three without and two over TCP in turn, until the limit. */
  #waitInVain(server: string, name: string, type: string): void {
    const startMs = this.#wire.nowMs;
    let atMs = startMs + udpWaitMs.ms;
    let latestMs = startMs + udpWaitMs.latestMs;
    for (let attempt = 1; latestMs - startMs < lookupLimitMs; attempt++) {
      const cycle = (attempt - retriesPerLevel) % (retriesPerLevel + tcpTries);
      const isTcp = attempt >= retriesPerLevel && cycle >= retriesPerLevel;
      const optSize = attempt < retriesPerLevel ? ednsSize : null;
      const transport = isTcp ? 'tcp' : 'udp';
      this.#wire.send({ server, transport, name, type }, { optSize, latestMs }, atMs);
      const wait = isTcp ? tcpWaitMs : udpWaitMs;
      atMs += wait.ms;
      latestMs += wait.latestMs;
    }
  }

  /** allow-downgrade on unsigned data: DS of the name and of its parents, and then the lookup fails. */
  #askForSignatures(name: string, family: Family): void {
    if (family === 'unspec') throw new BeyondMeasured('systemd-resolved: DNSSEC for both families');
    const labels = name.split('.');
    for (let index = 0; index < labels.length; index++) {
      this.#transact(labels.slice(index).join('.'), 'TYPE43');
    }
  }
}

function readSettings(situation: Situation): Settings {
  const values = new Map<string, string>();
  for (const line of (situation.resolvedConf ?? '').split('\n')) {
    const [, key, value] = /^\s*([A-Za-z]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) values.set(key.toLowerCase(), value);
  }
  for (const key of ['llmnr', 'multicastdns']) {
    if (values.get(key) !== 'no') throw new BeyondMeasured(`systemd-resolved with ${key} on`);
  }
  const dnssec = values.get('dnssec') ?? '';
  if (dnssec !== 'no' && dnssec !== 'allow-downgrade') {
    throw new BeyondMeasured(`systemd-resolved with DNSSEC=${dnssec}`);
  }
  const own = spaceSeparated(values.get('dns') ?? '');
  const input = readAsResolvedInput(situation.resolvConf);
  const servers = own.length > 0 ? own : input.nameservers.map(({ address }) => address);
  if (servers.length === 0) throw new BeyondMeasured('systemd-resolved on its fallback servers');
  // its own file is asked for domains only together with servers
  const domains =
    own.length > 0
      ? spaceSeparated(values.get('domains') ?? '')
      : input.search.map(({ domain }) => domain);
  return {
    servers,
    search: domains
      .filter((domain) => !domain.startsWith('~') && domain !== '.')
      .map((domain) => withoutRoot(domain)),
    asksSingleLabels: values.get('resolveunicastsinglelabel') === 'yes',
    isDowngradeAllowed: dnssec === 'allow-downgrade',
  };
}

function isOneLabel(name: string): boolean {
  return !withoutRoot(name).includes('.');
}

function isLocal(name: string): boolean {
  return /\.local\.?$/i.test(name);
}

function isOfFamily(address: string, family: Family): boolean {
  return family === 'unspec' || address.includes(':') === (family === 'inet6');
}

function addressesOf(reply: OracleReply): readonly string[] {
  return [...addressesIn(reply, 'A'), ...addressesIn(reply, 'AAAA')];
}

function failure(rcode: Rcode): OracleReply {
  return {
    kind: 'reply',
    rcode,
    answers: [],
    isAuthoritative: false,
    isRecursionAvailable: true,
    isTruncated: false,
    delayMs: 0,
  };
}

function localReply({ name, type }: OracleQuery, addresses: readonly string[]): OracleReply {
  return { ...failure('NOERROR'), answers: addresses.map((data) => ({ name, type, data })) };
}
