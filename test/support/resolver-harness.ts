/** The resolver core between simulated clients, upstreams, engine and clock: nothing happens but what a test does. */
import { addressBytes } from '../../src/dns/address.ts';
import { sealDelta } from '../../src/names/sealed-delta.ts';
import type { Group, Member, NameEntry, ZoneDelta } from '../../src/names/zone-delta.ts';
import type { ClientRef, ResolverPorts } from '../../src/resolve/ports.ts';
import { Resolver } from '../../src/resolve/resolver.ts';
import type { ResolverSettings, UpstreamServer } from '../../src/resolve/settings.ts';
import { query, type Shown, show } from './message.ts';

export const SETTINGS: ResolverSettings = {
  searchDomains: ['us-east-1.domain.com'],
  localDomains: [],
  ttlSeconds: 0,
  holdMs: 250,
  expected: [],
  whenMissing: 'refuse',
  networkOrder: [],
  allow: ['127.0.0.0/8', '::1', '0.0.0.0/0'],
  allowEngineNetworks: true,
  cache: { size: 0, maxTtlSeconds: 86400, negativeMaxTtlSeconds: 900, serveStaleSeconds: 0 },
};

export const COOKIE_SECRET: Buffer = Buffer.from('e5e973e5a6b2a43f48e7dc849e37bfcf', 'hex');

/** A query that went upstream. */
export interface Sent {
  readonly server: UpstreamServer;
  readonly socket: number;
  readonly message: Buffer;
  /** The stream's token; 0: a datagram. */
  readonly token: number;
}

export class Harness {
  nowMs = 1_000_000;
  /** How far somebody has set the clock. */
  clockStepMs = 0;
  readonly sent: Sent[] = [];
  readonly refreshes: number[] = [];
  readonly leaks: string[] = [];
  readonly failures: unknown[] = [];
  readonly upstreamChanges: string[] = [];
  readonly replies: { client: string; bytes: Buffer }[] = [];
  readonly resolver: Resolver;
  readonly settings: ResolverSettings;
  #randomState = 1;
  readonly #out = Buffer.alloc(65_535);
  #nextUpstream = 1;

  /** @param answered given a line for each query, which also makes each take the long way to its reply */
  constructor(
    settings: Partial<ResolverSettings> = {},
    answered: ResolverPorts['answered'] = null,
  ) {
    const ports: ResolverPorts = {
      now: () => this.nowMs + this.clockStepMs,
      steady: () => this.nowMs,
      random: (limit) => this.#random(limit),
      beginReply: (client) => (client.isTcp ? this.#out : this.#out.subarray(0, 4096)),
      endReply: (client, length) => {
        this.replies.push({
          client: client.addressText(),
          bytes: Buffer.from(this.#out.subarray(0, length)),
        });
      },
      pickSocket: () => this.#random(8),
      sendUpstream: (server, socket, message) => {
        this.sent.push({ server, socket, message: Buffer.from(message), token: 0 });
      },
      askStream: (token, server, message) => {
        this.sent.push({ server, socket: -1, message: Buffer.from(message), token });
      },
      refresh: (sequence) => this.refreshes.push(sequence),
      leaked: (name, client) => this.leaks.push(`${name} ${client}`),
      refused: () => undefined,
      cookieSecret: COOKIE_SECRET,
      answered,
      failed: (error) => this.failures.push(error),
      upstreamChanged: (server, isUp) =>
        this.upstreamChanges.push(`${server.address} ${isUp ? 'up' : 'down'}`),
    };
    this.settings = { ...SETTINGS, ...settings };
    this.resolver = new Resolver(this.settings, ports);
  }

  /** A linear congruential generator: the same numbers in each run. */
  #random(limit: number): number {
    this.#randomState = (Math.imul(this.#randomState, 1103515245) + 12345) >>> 0;
    return (this.#randomState >>> 8) % limit;
  }

  /** Upstreams by domain; '' is everything else. */
  upstreams(groups: Record<string, readonly string[]>): void {
    this.resolver.setUpstreams(
      Object.entries(groups).map(([domain, addresses]) => ({
        domain,
        servers: addresses.map((address) => ({
          id: this.#nextUpstream++,
          address,
          port: 53,
          tlsName: null,
        })),
      })),
    );
  }

  apply(delta: Partial<ZoneDelta>): void {
    this.resolver.apply(
      sealDelta({
        entries: [],
        forgotten: [],
        clients: [],
        leftClients: [],
        networks: null,
        reverse: [],
        ...delta,
      }),
    );
  }

  /** Owned names without networks: every client gets the addresses. */
  own(names: Record<string, readonly string[]>): void {
    this.apply({
      entries: Object.entries(names).map(([name, addresses]) => entry(name, addresses)),
    });
  }

  /** Hands a query over; its reply, if it came at once. */
  ask(
    bytes: Buffer,
    from: string | { address: string; isTcp?: boolean } = '127.0.0.1',
  ): Shown | undefined {
    const count = this.replies.length;
    const { address, isTcp } = typeof from === 'string' ? { address: from, isTcp: false } : from;
    this.resolver.onQuery(bytes, bytes.length, clientAt(address, isTcp ?? false));
    this.resolver.onTick();
    const reply = this.replies[count];
    return reply === undefined ? undefined : show(reply.bytes);
  }

  /** Asks by name and type with a plain query. */
  lookUp(name: string, type = 'A', from = '127.0.0.1'): Shown | undefined {
    return this.ask(query(name, type), from);
  }

  /** The latest reply. */
  get last(): Shown {
    const reply = this.replies.at(-1);
    if (reply === undefined) throw new Error('no reply was sent');
    return show(reply.bytes);
  }

  /** The upstream answers one of the queries it was sent. */
  answer(sent: Sent | undefined, message: Buffer): void {
    if (sent === undefined) throw new Error('nothing was sent upstream');
    if (sent.token > 0) this.resolver.onStreamReply(sent.token, message, '');
    else this.resolver.onUpstreamReply(sent.server.id, sent.socket, message, message.length);
  }

  /** Lets time pass, wake-up by wake-up. */
  pass(ms: number): void {
    const end = this.nowMs + ms;
    for (;;) {
      const next = this.resolver.onTick();
      if (this.nowMs + next > end) break;
      this.nowMs += Math.max(1, next);
    }
    this.nowMs = end;
    this.resolver.onTick();
  }
}

/** A client as a transport would present it. */
export function clientAt(address: string, isTcp = false): ClientRef {
  const bytes = addressBytes(address);
  const client: ClientRef = {
    isTcp,
    addressKey: bytes?.length === 4 ? Buffer.from(bytes).readInt32BE(0) : address,
    addressText: () => address,
    localAddressText: () => '127.0.0.1',
    retain: () => client,
    release: () => undefined,
  };
  return client;
}

/** An entry of one static owner, whose addresses every client reaches. */
export function entry(
  name: string,
  addresses: readonly string[],
  more: Partial<Member> = {},
): NameEntry {
  const member: Member = {
    id: `static/${name}`,
    title: name,
    project: null,
    condition: 'ready',
    startedAtMs: 0,
    addresses: addresses.map((address) => ({ address, network: null })),
    isOnHost: false,
    preferredNetwork: null,
    trouble: null,
    ttlSeconds: null,
    ports: [],
    texts: [],
    cname: null,
    ...more,
  };
  const group: Group = {
    key: member.id,
    kind: 'static',
    engine: '',
    project: null,
    source: 'record',
    isReady: true,
    startedAtMs: 0,
    members: [member],
  };
  return { name, groups: [group], formerProjects: [], departedUntilMs: null, departedOwner: null };
}
