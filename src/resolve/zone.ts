/** The names that we answer for, found from the bytes of a question; and what each client is told of them. */
import {
  addressBytes,
  addressOfReverseName,
  addressText,
  contains,
  parseSubnet,
  type Subnet,
} from '../dns/address.ts';
import { textOfWire, tryParseName } from '../dns/name.ts';
import { decideName } from '../names/decide.ts';
import { pairsOf, Sealed, type SealedDelta } from '../names/sealed-delta.ts';
import { Clients } from '../names/view.ts';
import type { DecisionSettings, NameEntry, View, ZoneNetwork } from '../names/zone-delta.ts';
import { type Compiled, compile } from '../wire/compiled.ts';
import { isSameLabels, keyOfText, NameIndex } from '../wire/name-index.ts';
import { HEADER_BYTES, type QueryReader } from '../wire/query.ts';
import { NameAnswers } from './name-answers.ts';
import type { ClientRef } from './ports.ts';
import type { EngineStanding, ResolverSettings } from './settings.ts';

/** A name that means something here: owned, departed or expected. */
export class KnownName {
  readonly name: string;
  isExpected = false;
  sealed: Sealed<NameEntry> | null = null;
  /** Answers of the host view, made at the first question. */
  hostAnswers: NameAnswers | undefined;
  /** Answers of other views, by the view's key. */
  viewAnswers: Map<string, NameAnswers> | undefined;
  /** The world that those answers were made in. */
  epoch = 0;

  constructor(name: string) {
    this.name = name;
  }

  get entry(): NameEntry | null {
    return this.sealed === null ? null : this.sealed.open();
  }
}

/** Where a question's name stands. One object, filled anew by each `find`. */
export interface Match {
  known: KnownName | undefined;
  /** The suffix that was taken off the name as asked. */
  suffix: 'none' | 'search' | 'local';
  /** The name proper: where its first label begins, and where its last one ends. */
  start: number;
  end: number;
  /** The same as indices of the question's labels: [firstLabel, endLabel). */
  firstLabel: number;
  endLabel: number;
}

/** What a client may see, memoised by its address. */
export interface ClientStanding {
  readonly view: View;
  readonly viewKey: string;
  readonly isAllowed: boolean;
  /** Never the same for two standings. */
  readonly number: number;
}

interface Suffix {
  readonly key: Uint8Array;
  readonly labelCount: number;
  readonly kind: 'search' | 'local';
}

const MAX_REMEMBERED_CLIENTS = 20_000;
const MAX_VIEWS_PER_NAME = 1_000;

/** Mutable only through `apply`, `configure` and `setEngines`; a query sees one state from start to end. */
export class Zone {
  readonly #names = new NameIndex<KnownName>();
  /** Wildcards by what follows their `*` label. */
  readonly #wildcards = new NameIndex<KnownName>();
  /** By address, not by its reverse name: thousands of addresses come at once, and few are asked for. */
  readonly #reverse = new Map<string, string>();
  readonly #clients = new Clients();
  readonly #standings = new Map<number | string, ClientStanding>();
  /** One standing for all clients that are told the same: replies are kept by it. */
  readonly #standingsByView = new Map<string, ClientStanding>();
  #nextStanding = 1;
  #lastKey: number | string = 0;
  #lastStanding: ClientStanding | undefined;
  readonly #staleEngines = new Map<string, string>();
  #settings: ResolverSettings;
  #decision: DecisionSettings;
  #suffixes: readonly Suffix[] = [];
  #expected: ReadonlySet<string> = new Set();
  #allow: readonly Subnet[] = [];
  #engineSubnets: readonly Subnet[] = [];
  #epoch = 0;
  readonly #match: Match = {
    known: undefined,
    suffix: 'none',
    start: HEADER_BYTES,
    end: HEADER_BYTES,
    firstLabel: 0,
    endLabel: 0,
  };

  constructor(settings: ResolverSettings) {
    this.#settings = settings;
    this.#decision = { networkOrder: [], ttlSeconds: 0, networks: new Map() };
    this.configure(settings);
  }

  /** How many names are known: owned, departed or expected. */
  get size(): number {
    return this.#names.size + this.#wildcards.size;
  }

  configure(settings: ResolverSettings): void {
    this.#settings = settings;
    this.#suffixes = [
      ...settings.searchDomains.map((domain) => suffixOf(domain, 'search')),
      ...settings.localDomains.map((domain) => suffixOf(domain, 'local')),
    ];
    this.#allow = settings.allow.map(parseSubnet);
    const expected = new Set(settings.expected);
    for (const name of this.#expected)
      if (!expected.has(name)) this.#put(name, this.#sealedOf(name), false);
    for (const name of expected) this.#put(name, this.#sealedOf(name), true);
    this.#expected = expected;
    this.#decision = this.#decisionWith(this.#decision.networks);
    this.#newEpoch();
  }

  /** Applies one change as a whole. */
  apply(delta: SealedDelta): void {
    for (const [name, text] of pairsOf(delta.entries)) {
      this.#put(name, new Sealed<NameEntry>(text), this.#expected.has(name));
    }
    for (const name of delta.forgotten) this.#put(name, null, this.#expected.has(name));
    for (const [address, names] of pairsOf(delta.reverse)) {
      if (names === '') this.#reverse.delete(address);
      else this.#reverse.set(address, names);
    }
    if (delta.networks !== null) this.#setNetworks(delta.networks);
    const hasClients = delta.clients.length > 0 || delta.leftClients.length > 0;
    if (hasClients || delta.networks !== null) {
      this.#clients.apply(delta);
      this.#forgetStandings();
    }
  }

  setEngines(standings: readonly EngineStanding[]): void {
    this.#staleEngines.clear();
    for (const { engine, stale } of standings)
      if (stale !== null) this.#staleEngines.set(engine, stale);
    this.#newEpoch();
  }

  /**
   * Finds what a question is about: the name as asked, then with search and local domains taken
   * off (also twice: glibc asks `NAME.region.region`), then what a wildcard covers.
   *
   * @param firstLabel labels in front of it belong to a service, not to the name (`_27017._tcp`)
   * @returns one object that the next call overwrites
   */
  find(bytes: Uint8Array, query: QueryReader, firstLabel = 0): Match {
    const match = this.#match;
    match.firstLabel = firstLabel;
    match.start =
      firstLabel === 0 ? HEADER_BYTES : (query.labelOffsets[firstLabel] ?? HEADER_BYTES);
    match.end = query.nameEnd;
    match.endLabel = query.labelCount;
    match.suffix = 'none';
    match.known = this.#findMatch(bytes, match);
    while (match.known === undefined && this.#stripSuffix(bytes, query)) {
      match.known = this.#findMatch(bytes, match);
    }
    if (match.known === undefined && this.#wildcards.size > 0) {
      match.known =
        this.#findWildcard(bytes, query, query.nameEnd, query.labelCount) ??
        this.#findWildcard(bytes, query, match.end, match.endLabel);
    }
    return match;
  }

  /** What is known of the name as it stands in the match. */
  #findMatch(
    bytes: Uint8Array,
    { start, end, firstLabel, endLabel }: Match,
  ): KnownName | undefined {
    if (!this.#names.hasLabelCount(endLabel - firstLabel)) return undefined;
    return this.#names.find(bytes, start, end);
  }

  #stripSuffix(bytes: Uint8Array, query: QueryReader): boolean {
    const match = this.#match;
    for (const suffix of this.#suffixes) {
      const endLabel = match.endLabel - suffix.labelCount;
      if (endLabel <= match.firstLabel) continue;
      const end = query.labelOffsets[endLabel] ?? HEADER_BYTES;
      if (!isSameLabels(bytes, end, match.end, suffix.key)) continue;
      match.end = end;
      match.endLabel = endLabel;
      if (match.suffix === 'none') match.suffix = suffix.kind;
      return true;
    }
    return false;
  }

  /** The wildcard at the closest name that exists; a nearer name without one hides it (RFC 4592 §3.3.1). */
  #findWildcard(
    bytes: Uint8Array,
    query: QueryReader,
    end: number,
    endLabel: number,
  ): KnownName | undefined {
    for (let label = this.#match.firstLabel + 1; label < endLabel; label++) {
      const start = query.labelOffsets[label] ?? HEADER_BYTES;
      const wildcard = this.#wildcards.find(bytes, start, end);
      if (wildcard !== undefined) return wildcard;
      if (this.#names.find(bytes, start, end)?.sealed != null) return undefined;
    }
    return undefined;
  }

  /** The view of a client and whether it may ask at all. */
  standingOf(client: ClientRef): ClientStanding {
    // Queries come in runs: one client asks for A and AAAA, and a batch is of a few.
    if (client.addressKey === this.#lastKey && this.#lastStanding !== undefined) {
      return this.#lastStanding;
    }
    const known = this.#standings.get(client.addressKey);
    if (known !== undefined && known.view.kind !== 'remote') {
      this.#lastKey = client.addressKey;
      this.#lastStanding = known;
      return known;
    }
    const local = client.localAddressText();
    const key = known === undefined ? client.addressKey : `${client.addressKey} at ${local}`;
    const remembered = this.#standings.get(key);
    if (remembered !== undefined) return remembered;
    const standing = this.#makeStanding(client.addressText(), local);
    if (this.#standings.size >= MAX_REMEMBERED_CLIENTS) this.#forgetStandings();
    // A remote client also reaches the host at other addresses: the first entry only says that it is remote.
    this.#standings.set(client.addressKey, standing);
    if (standing.view.kind === 'remote') {
      this.#standings.set(`${client.addressKey} at ${local}`, standing);
    }
    return standing;
  }

  #makeStanding(address: string, localAddress: string | null): ClientStanding {
    const view = this.#clients.viewOf(address, localAddress);
    const bytes = addressBytes(address);
    const isInside = (subnet: Subnet) => bytes !== undefined && contains(subnet, bytes);
    // Who asks from the very address that it asks is this host too, and `loopback` speaks of that.
    const isThisHost = address === localAddress && this.#allow.some(isLoopback);
    const isAllowed =
      isThisHost ||
      this.#allow.some(isInside) ||
      (this.#settings.allowEngineNetworks && this.#engineSubnets.some(isInside));
    const key = viewKey(view);
    const shared = this.#standingsByView.get(`${isAllowed} ${key}`);
    if (shared !== undefined) return shared;
    const standing = { view, viewKey: key, isAllowed, number: this.#nextStanding++ };
    this.#standingsByView.set(`${isAllowed} ${key}`, standing);
    return standing;
  }

  /** What this client is told of a name with an entry; made once for each view. */
  answersFor(known: KnownName, entry: NameEntry, standing: ClientStanding): NameAnswers {
    if (known.epoch !== this.#epoch) this.#forgetAnswers(known);
    const isHost = standing.view.kind === 'host';
    const made = isHost ? known.hostAnswers : known.viewAnswers?.get(standing.viewKey);
    if (made !== undefined) return made;
    const answers = this.#makeAnswers(entry, standing.view);
    if (isHost) {
      known.hostAnswers = answers;
    } else {
      known.viewAnswers ??= new Map();
      if (known.viewAnswers.size >= MAX_VIEWS_PER_NAME) known.viewAnswers.clear();
      known.viewAnswers.set(standing.viewKey, answers);
    }
    return answers;
  }

  #makeAnswers(entry: NameEntry, view: View): NameAnswers {
    const decision = decideName(entry, view, this.#decision);
    const engine = 'group' in decision ? decision.group.engine : '';
    return new NameAnswers(
      decision,
      this.#settings.ttlSeconds,
      this.#staleEngines.get(engine) ?? null,
    );
  }

  /**
   * The answer to a PTR question: names of an address that an owner has (RFC 1035 §3.5).
   *
   * @returns `null` for another address of the engines' own subnets (it exists nowhere else);
   *   undefined for a name that is not ours
   */
  reverseOf(bytes: Uint8Array): Compiled | null | undefined {
    const name = tryParseName(textOfWire(bytes, HEADER_BYTES));
    const address = name === undefined ? undefined : addressOfReverseName(name);
    if (address === undefined) return undefined;
    const names = this.#reverse.get(addressText(address));
    if (names === undefined) {
      return this.#engineSubnets.some((subnet) => contains(subnet, address)) ? null : undefined;
    }
    const region = this.#settings.searchDomains[0];
    return compile({
      records: names
        .split(' ')
        .map((target) => ({ type: 'PTR', target: inRegion(target, region) })),
      ttlSeconds: this.#settings.ttlSeconds,
    });
  }

  /** What is there already is changed in place: thousands come at once, and what lives long is dear to collect. */
  #put(name: string, sealed: Sealed<NameEntry> | null, isExpected: boolean): void {
    const index = name.startsWith('*.') ? this.#wildcards : this.#names;
    const key = keyOfText(name.startsWith('*.') ? name.slice(2) : name);
    if (sealed === null && !isExpected) {
      index.deleteKey(key);
      return;
    }
    let known = index.find(key, 0, key.length);
    if (known === undefined) {
      known = new KnownName(name);
      index.setKey(key, known);
    }
    known.sealed = sealed;
    known.isExpected = isExpected;
    this.#forgetAnswers(known);
  }

  #forgetAnswers(known: KnownName): void {
    known.epoch = this.#epoch;
    known.hostAnswers = undefined;
    known.viewAnswers = undefined;
  }

  #sealedOf(name: string): Sealed<NameEntry> | null {
    return this.#names.get(name)?.sealed ?? null;
  }

  #setNetworks(networks: readonly ZoneNetwork[]): void {
    this.#decision = this.#decisionWith(new Map(networks.map((network) => [network.key, network])));
    const local = networks.filter((network) => network.tellsWhoAsks);
    this.#engineSubnets = local.flatMap((network) => network.subnets.map(parseSubnet));
    this.#newEpoch();
  }

  #decisionWith(networks: DecisionSettings['networks']): DecisionSettings {
    const { networkOrder, ttlSeconds } = this.#settings;
    return { networkOrder, ttlSeconds, networks };
  }

  #forgetStandings(): void {
    this.#standings.clear();
    this.#standingsByView.clear();
    this.#lastStanding = undefined;
  }

  /** Makes every remembered answer and standing void. */
  #newEpoch(): void {
    this.#epoch++;
    this.#forgetStandings();
  }
}

function suffixOf(domain: string, kind: Suffix['kind']): Suffix {
  return { key: keyOfText(domain), labelCount: domain.split('.').length, kind };
}

function inRegion(name: string, region: string | undefined): string {
  return region === undefined || name.includes('.') ? name : `${name}.${region}`;
}

/** One key for views that are told the same. */
function viewKey(view: View): string {
  switch (view.kind) {
    case 'host':
      return 'host';
    case 'remote':
      return `remote ${view.localAddress}`;
    case 'container':
      // The title too: it stands in the text for a client that shares no network.
      return `${view.engine} ${view.project} ${view.title} ${view.networks.join(',')}`;
  }
}

const LOOPBACK = Uint8Array.of(127, 0, 0, 1);

function isLoopback(subnet: Subnet): boolean {
  return contains(subnet, LOOPBACK);
}
