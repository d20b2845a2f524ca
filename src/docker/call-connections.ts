/** Connections that carry calls with short replies: one call at a time each, kept for the next one. */
import type { Duplex } from 'node:stream';
import { HomeportError } from '../errors.ts';
import { CallQueue, type QueuedCall } from './call-queue.ts';
import { type Reply, ReplyReader } from './reply-reader.ts';

/** Idle connections that are kept; a burst of inspects opens more for a moment. */
const MAX_FREE = 40;
/** Queues for calls of which there are many, and how many wait in each. */
const QUEUES = 4;
const QUEUE_LENGTH = 8;
/** What may stand in a request line (RFC 9112 §3.2.1). */
const PATH = /^\/[\x21-\x7e]*$/;

/** Called once, with the whole reply or the reason why there is none. */
export type CallDone = (error: Error | null, reply: Reply | null) => void;

interface Call {
  readonly path: string;
  readonly timeoutMs: number;
  readonly done: CallDone;
}

type QueuedGet = Call & QueuedCall;

export class CallConnections {
  readonly #open: () => Duplex;
  readonly #keeps: boolean;
  readonly #stallMs: number | undefined;
  readonly #free = new Set<CallConnection>();
  readonly #all = new Set<CallConnection>();
  readonly #queues = new Set<CallQueue<QueuedGet>>();

  /**
   * @param open begins a new connection
   * @param keeps whether calls share connections, or each has one of its own
   * @param stallMs how long a queue waits for its next reply; left out: as is right for an engine
   */
  constructor(open: () => Duplex, keeps: boolean, stallMs?: number) {
    this.#open = open;
    this.#stallMs = stallMs;
    this.#keeps = keeps;
  }

  /**
   * Sends `GET path`.
   *
   * @param timeoutMs the whole reply must be there by then
   * @param isOneOfMany others may go before it on its connection
   */
  get(path: string, timeoutMs: number, done: CallDone, isOneOfMany = false): void {
    if (!PATH.test(path)) {
      process.nextTick(done, invalid(`${JSON.stringify(path)} is no path of the engine's`), null);
      return;
    }
    const call = { path, timeoutMs, done };
    if (!(isOneOfMany && this.#keeps && this.#enqueue(call))) this.#send(call);
  }

  #send(call: Call): void {
    const [free] = this.#free;
    if (free !== undefined) this.#free.delete(free);
    (free ?? this.#connect()).send(call);
  }

  /** Puts a call at the end of the shortest queue; false where all are full. */
  #enqueue(call: Call): boolean {
    let queue = this.#queues.size < QUEUES ? this.#openQueue() : undefined;
    for (const one of this.#queues) if (one.length < (queue?.length ?? QUEUE_LENGTH)) queue = one;
    queue?.add({ ...call, answer: (reply) => call.done(null, reply) });
    return queue !== undefined;
  }

  #openQueue(): CallQueue<QueuedGet> {
    const over = (unanswered: readonly QueuedGet[]): void => {
      this.#queues.delete(queue);
      for (const call of unanswered) this.#send(call);
    };
    const queue: CallQueue<QueuedGet> = new CallQueue(this.#open(), over, this.#stallMs);
    this.#queues.add(queue);
    return queue;
  }

  /** Ends every connection and call under way; later calls open new ones. */
  close(): void {
    // Their calls go to connections, which then end with them.
    for (const queue of this.#queues) queue.end();
    for (const connection of this.#all) connection.giveUp(new Error('the connection was given up'));
  }

  #connect(): CallConnection {
    const connection: CallConnection = new CallConnection(this.#open(), {
      isFree: () => {
        if (this.#keeps && this.#free.size < MAX_FREE) this.#free.add(connection);
        else connection.giveUp(null);
      },
      isOver: () => {
        this.#all.delete(connection);
        this.#free.delete(connection);
      },
      repeat: (call) => this.#connect().send(call),
    });
    this.#all.add(connection);
    return connection;
  }
}

/** What a connection tells the one who keeps it. */
interface Keeper {
  isFree(): void;
  isOver(): void;
  /** The call is to be sent again, on a new connection. */
  repeat(call: Call): void;
}

class CallConnection {
  readonly #socket: Duplex;
  readonly #keeper: Keeper;
  readonly #reader = new ReplyReader();
  #call: Call | null = null;
  #timer: NodeJS.Timeout | undefined;
  #hasServed = false;
  #isOver = false;

  constructor(socket: Duplex, keeper: Keeper) {
    this.#socket = socket;
    this.#keeper = keeper;
    socket.on('data', (piece: Buffer) => this.#receive(piece));
    socket.on('end', () => this.#ended());
    socket.on('error', (error) => this.#lost(error));
    socket.on('close', () => this.#lost(closed()));
  }

  send(call: Call): void {
    this.#call = call;
    this.#timer = setTimeout(() => this.giveUp(late(call)), call.timeoutMs);
    this.#socket.write(`GET ${call.path} HTTP/1.1\r\nHost: docker\r\n\r\n`, 'latin1');
  }

  /** Ends it; the call that it carries has failed for that reason. */
  giveUp(error: Error | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#socket.destroy();
    this.#keeper.isOver();
    this.#takeCall()?.done(error ?? closed(), null);
  }

  #receive(piece: Buffer): void {
    if (this.#isOver) return;
    let reply: Reply | null;
    try {
      reply = this.#reader.add(piece);
    } catch (error) {
      this.giveUp(error instanceof Error ? error : invalid(String(error)));
      return;
    }
    // What comes without having been asked for is no reply.
    if (this.#call === null) this.giveUp(null);
    else if (reply !== null) this.#answer(reply);
  }

  #ended(): void {
    const reply = this.#reader.end();
    if (reply === null) this.#lost(closed());
    else this.#answer(reply);
  }

  #answer(reply: Reply): void {
    const call = this.#takeCall();
    this.#hasServed = true;
    if (reply.isLast || this.#reader.isUnderWay) this.giveUp(null);
    else this.#keeper.isFree();
    call?.done(null, reply);
  }

  /** The engine may close an idle connection at the moment in which it is used again. */
  #lost(error: Error): void {
    if (this.#isOver) return;
    const isBegun = this.#reader.isUnderWay;
    const call = this.#hasServed && !isBegun ? this.#takeCall() : null;
    this.giveUp(isBegun ? invalid('a reply ended early') : error);
    if (call !== null) this.#keeper.repeat(call);
  }

  #takeCall(): Call | null {
    const call = this.#call;
    this.#call = null;
    clearTimeout(this.#timer);
    return call;
  }
}

function closed(): HomeportError {
  return new HomeportError('DOCKER_UNAVAILABLE', 'the engine closed the connection');
}

function late({ timeoutMs }: Call): HomeportError {
  return new HomeportError(
    'DOCKER_UNAVAILABLE',
    `the engine did not answer within ${timeoutMs} ms`,
  );
}

function invalid(message: string): HomeportError {
  return new HomeportError('DOCKER_REPLY_INVALID', message);
}
