/**
 * What carries messages to and from the resolver core: the faces of both UDP transports (batched
 * system calls, `node:dgram`), and of the core as they see it. Types only.
 *
 * A round is: what arrived is read (up to 64 messages a system call), the mail from the other
 * thread is applied, the core is given one message after the other, and what it wrote goes out
 * together. So a local answer is copied once: from what the core compiled into the batch that leaves.
 */

/**
 * Who asked. Valid during the call that hands it over, and used again for the next message: `retain`
 * what must live longer. Reading it allocates nothing, but for the text of an address never seen before.
 */
export interface Client {
  /** Over TCP: no size limit but 65,535, no forged source. */
  readonly isTcp: boolean;
  /**
   * One value for one address: IPv4 as its 32 bits, signed (so it stays a small integer), IPv6 as
   * canonical text. An IPv4 client of a dual-stack socket is an IPv4 client.
   */
  readonly addressKey: number | string;
  readonly port: number;
  /** Canonical text. */
  addressText(): string;
  /** The address that was asked, canonical; null where the transport cannot tell (`node:dgram` on a wildcard). */
  localAddressText(): string | null;
  /** The same client, to be answered after this call has returned. Itself on a client that is retained. */
  retain(): Client;
  /** Optional: a retained client that is needed no more may be used again for another. */
  release(): void;
}

/** The core, as transports see it. Nothing here may throw: what is thrown stops the transport. */
export interface Core {
  /**
   * A message arrived on a listening socket; it may be anything, 0 to 65,535 bytes.
   *
   * @param bytes the message, `length` bytes and no more; valid during the call
   * @param client answered with `beginReply` and `endReply`, once or never
   */
  onQuery(bytes: Buffer, length: number, client: Client): void;
  /** A datagram from the upstream, on the socket that `sendUpstream` named. The sender is checked, nothing else is. */
  onUpstreamReply(server: number, socket: number, bytes: Buffer, length: number): void;
  /** Nobody listens there, or no route leads there (ICMP): of all that was asked on this socket, nothing may come. */
  onUpstreamError(server: number, socket: number, reason: string): void;
  /**
   * Time passed, or a round is over: called after every round and when the last wake-up is due.
   *
   * @returns ms until the core wants to be called again, Infinity for not at all
   */
  onTick(): number;
}

/** Where a transport sends what was asked of it; `id` as the core names the server. */
export interface UpstreamAddress {
  readonly id: number;
  readonly address: string;
  readonly port: number;
}

/** A socket address to listen on, or a bound datagram socket that was passed to the process (LISTEN_FDS). */
export type ListenTarget =
  | { readonly address: string; readonly port: number }
  | { readonly fd: number };

/** A listening socket. */
export interface Listening {
  /** Canonical text, as bound. */
  readonly address: string;
  readonly port: number;
  close(): void;
}

/** What happened since the start; read by the status. */
export interface TransportCounters {
  /** Messages and rounds of messages, so that their quotient is the size of a batch. */
  queries: number;
  queryBatches: number;
  replies: number;
  replyBatches: number;
  upstreamQueries: number;
  upstreamReplies: number;
  /** Replies and upstream queries that the kernel did not take: full buffer, no route, forbidden. */
  unsent: number;
}

/** Carries UDP both ways for one core, on one thread. All calls are for that thread. */
export interface Transport {
  /** `batch`: recvmmsg, sendmmsg, epoll (Linux); `dgram`: node:dgram. */
  readonly kind: 'batch' | 'dgram';
  readonly counters: Readonly<TransportCounters>;

  /**
   * A clock that nobody sets, ms: read once for each round where that saves something, since a clock
   * that is read for each query costs as much as the look-up of a name.
   */
  steady(): number;

  /**
   * Opens a listening socket; also while it runs.
   *
   * @throws HomeportError BIND_FAILED
   */
  listen(target: ListenTarget): Listening;

  /** The upstreams that will be asked: opens sockets for those that are new and closes what is gone. */
  setUpstreams(servers: readonly UpstreamAddress[]): void;

  /**
   * Serves until `stop`. The batched transport blocks its thread and resolves after that (no timers, no
   * promises run there meanwhile); `node:dgram` returns at once and resolves when it has stopped.
   *
   * @param core given every message
   * @param mail called before each round's messages are given to the core, so that what the other
   *   thread sent before they arrived is applied before they are answered; must be cheap when there is none
   */
  run(core: Core, mail: () => void): Promise<void>;

  /**
   * The core was told something outside a round (a message that an event loop brought): its `onTick` is
   * called soon. For the transport's own thread; the batched one asks after each round anyway, so call
   * it after every message whatever the transport.
   */
  wake(): void;

  /** Ends `run` after the present round; its sockets are closed. */
  stop(): void;

  /**
   * A buffer for the client's reply, from offset 0: `MAX_UDP_REPLY_BYTES`. Its content is left over from
   * other replies. Valid until the next `beginReply` or `endReply`; not ending it sends nothing.
   */
  beginReply(client: Client): Buffer;
  /** Sends what was written, with the round. The client's address is copied: it may be released at once. */
  endReply(client: Client, length: number): void;

  /** Sockets of each upstream that `sendUpstream` may name: 0 to `socketCount - 1`. */
  readonly socketCount: number;
  /**
   * The socket for the next query to that server: random for each round, the same within it, so that a
   * round's queries leave with one system call. Every socket has a source port of the kernel's
   * choice, and is replaced after a while (RFC 5452 §9.2).
   */
  pickSocket(server: number): number;
  /**
   * Sends a query, with the round; copied before this returns. What the kernel does not take is lost, as on any network.
   *
   * @param length bytes of `message` to send; default: all
   */
  sendUpstream(server: UpstreamAddress, socket: number, message: Uint8Array, length?: number): void;
}

/** The largest reply over UDP. Larger ones are truncated by the core, and asked again over TCP. */
export const MAX_UDP_REPLY_BYTES: number = 4096;
/** The largest query that is sent upstream over UDP. */
export const MAX_UDP_QUERY_BYTES: number = 4096;
