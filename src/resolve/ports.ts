/** What the resolver core needs from its surroundings. Transports and the daemon implement it. */
import type { UpstreamServer } from './settings.ts';

/** Who asked. Valid during the call that hands it over; `retain` what must live longer. */
export interface ClientRef {
  /** Over TCP: no size limit but 65,535, no forged source. */
  readonly isTcp: boolean;
  /** One value for one address: IPv4 as its 32 bits, signed; IPv6 as canonical text. */
  readonly addressKey: number | string;
  /** Canonical text. */
  addressText(): string;
  /** The address that was asked, canonical; null where the transport cannot tell. */
  localAddressText(): string | null;
  /** The same client, to be answered after this call has returned. */
  retain(): ClientRef;
  /** A retained client that was answered, or never will be. */
  release(): void;
}

/** Everything that comes out of the core. */
export interface ResolverPorts {
  /** Milliseconds since the epoch: only to compare with times that others give as such. The clock may be set. */
  now(): number;
  /** Milliseconds of a clock that nobody sets: for all waiting and ageing. */
  steady(): number;
  /** An integer in [0, limit), unpredictable (RFC 5452 §9.2). */
  random(limit: number): number;
  /** A buffer for this client's reply, at least 65,535 bytes over TCP and 4,096 over UDP; `endReply` sends it. */
  beginReply(client: ClientRef): Uint8Array;
  endReply(client: ClientRef, length: number): void;
  /** The socket for the next query to that server; which one nobody outside can tell. */
  pickSocket(server: number): number;
  /** Sends a query over UDP; the ID is already in it. Copied before this returns. */
  sendUpstream(server: UpstreamServer, socket: number, message: Uint8Array): void;
  /** Asks over TCP, or TLS where the server has a `tlsName`; `onStreamReply` with the same token follows. */
  askStream(token: number, server: UpstreamServer, message: Uint8Array): void;
  /** Asks for a look at the engines; `onRefreshed` with the same number follows. */
  refresh(sequence: number): void;
  /** An expected or departed name goes to production, because the configuration says so. */
  leaked(name: string, client: string): void;
  /** An expected or departed name was refused. */
  refused(name: string, client: string, reason: string): void;
  /** Makes cookies (RFC 9018): 16 random bytes, the same for all who answer at the same addresses. */
  readonly cookieSecret: Uint8Array;
  /** One line per query where `log.queries` is on; else null. */
  readonly answered: ((line: AnsweredQuery) => void) | null;
  /** Something was thrown while one query was served; it got SERVFAIL. */
  failed(error: unknown): void;
  /** An upstream is down, or up again. */
  upstreamChanged(server: UpstreamServer, isUp: boolean, reason: string): void;
}

/** Where a reply came from. */
export type ReplySource = 'owned' | 'upstream' | 'cache' | 'guard' | 'local' | 'error';

/** What a query log line says. */
export interface AnsweredQuery {
  readonly client: string;
  readonly qname: string;
  readonly qtype: number;
  readonly rcode: number;
  readonly from: ReplySource;
  readonly ms: number;
}
