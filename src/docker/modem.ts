/**
 * Carries dockerode's requests to the engine, in the place of docker-modem. That one takes its
 * address, certificates and timeout from the environment where options leave them open, formats each
 * request's whole options for a debug line nobody reads (0.1 ms; with an agent of one's own, 60 ms),
 * and reads replies of any size. Streams come through node:http; calls with a short reply, which are many,
 * through connections that cost a tenth of that.
 */
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { connect, isIP } from 'node:net';
import { stringify } from 'node:querystring';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { codeOf, HomeportError } from '../errors.ts';
import { CallConnections } from './call-connections.ts';
import type { EngineAddress } from './engine-address.ts';
import type { Reply } from './reply-reader.ts';
import { isObject } from './shape.ts';
import { sshAgent } from './ssh-agent.ts';

/** What dockerode hands over; POST bodies are not among it, for homeport changes nothing. */
export interface Dial {
  readonly path: string;
  readonly method: 'GET';
  /** The query, and `Limits`: dockerode hands over its caller's options as they are. */
  readonly options?: unknown;
  /** The response itself is the answer, as it comes in. */
  readonly isStream?: boolean;
  /** The text of the reply is the answer, which is no JSON. */
  readonly isText?: boolean;
  readonly statusCodes: Readonly<Record<number, unknown>>;
}

/** Goes among the options of a call. (An AbortSignal for each of 10,000 calls costs more than its JSON.) */
export interface Limits {
  /** The reply must be there within that time. */
  readonly timeoutMs: number;
  /** Of a stream: it must be over by then as well; otherwise only begun. */
  readonly isBrief?: boolean;
  /** Others may go before it on its connection. */
  readonly isOneOfMany?: boolean;
}

const LIMITS: ReadonlySet<string> = new Set<keyof Limits>(['timeoutMs', 'isBrief', 'isOneOfMany']);
/** More than the inspect of any container and the networks of any host. */
const MAX_REPLY_BYTES = 64 * 1024 * 1024;
/** For calls that name no limit of their own. */
const DEFAULT_TIMEOUT_MS = 5000;
/** Idle connections that are kept; a burst of inspects opens more for a moment. */
const MAX_FREE_CONNECTIONS = 40;

/** A reply whose status is not one that the request allows. */
export class StatusError extends Error {
  readonly statusCode: number;

  constructor(statusCode: number, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

type Done = (error: Error | null, answer: unknown) => void;

export class Modem {
  /** dockerode puts the promise library here. */
  Promise: PromiseConstructor = Promise;
  readonly #connection: RequestOptions;
  readonly #request: typeof httpRequest;
  readonly #agent: HttpAgent;
  /** null: there are few connections, which node:http shares among all requests. */
  readonly #calls: CallConnections | null;
  readonly #underWay = new Set<ClientRequest>();

  /** @param keepsConnections whether connections are used again, or each request has one of its own */
  constructor(address: EngineAddress, keepsConnections = true) {
    const { connection, agent, request } = connectionTo(address, keepsConnections);
    this.#connection = { ...connection, agent };
    this.#agent = agent;
    this.#request = request;
    this.#calls =
      address.kind === 'ssh'
        ? null
        : new CallConnections(() => openSocket(address), keepsConnections);
  }

  /** Sends a request of dockerode's and calls `done` once: with the parsed body, or the response for a stream. */
  dial(dial: Dial, done: Done): void {
    const path = pathOf(dial);
    if (this.#calls === null || dial.isStream === true) {
      this.#send(dial, path, true, once(done));
      return;
    }
    const { timeoutMs, isOneOfMany } = limitsOf(dial);
    const take = (error: Error | null, reply: Reply | null): void => {
      if (reply === null) done(error, null);
      else conclude(dial, reply.status, reply.body.toString(), done);
    };
    this.#calls.get(path, timeoutMs, take, isOneOfMany);
  }

  /** Ends every request and stream under way; later ones open new connections. */
  close(): void {
    this.#calls?.close();
    for (const request of this.#underWay) request.destroy(new Error('the connection was given up'));
    this.#agent.destroy();
  }

  #send(dial: Dial, path: string, mayRepeat: boolean, done: Done): void {
    const limits = limitsOf(dial);
    const request = this.#request({ ...this.#connection, path, method: dial.method });
    const timer = setTimeout(() => request.destroy(late(limits)), limits.timeoutMs);
    this.#underWay.add(request);
    request.on('response', (response) => {
      if (dial.isStream === true && limits.isBrief !== true) clearTimeout(timer);
      receive(dial, response, done);
    });
    request.on('error', (error) => {
      // The engine may close an idle connection at the moment in which it is used again.
      const isStale = request.reusedSocket && isReset(error);
      if (isStale && mayRepeat) this.#send(dial, path, false, done);
      else done(error, null);
    });
    request.on('close', () => {
      clearTimeout(timer);
      this.#underWay.delete(request);
    });
    request.end();
  }
}

function receive(dial: Dial, response: IncomingMessage, done: Done): void {
  const status = response.statusCode ?? 0;
  if (dial.isStream === true && dial.statusCodes[status] === true) {
    done(null, response);
    return;
  }
  readAll(response, (error, text) => {
    if (error !== null) done(error, null);
    else conclude(dial, status, text, done);
  });
}

/** What a whole reply comes to. */
function conclude(dial: Dial, status: number, text: string, done: Done): void {
  if (dial.statusCodes[status] === true) {
    if (dial.isText === true) done(null, text);
    else parse(text, done);
  } else done(new StatusError(status, `the engine answered ${status}: ${reasonIn(text)}`), null);
}

function readAll(
  response: IncomingMessage,
  done: (error: Error | null, text: string) => void,
): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= MAX_REPLY_BYTES) chunks.push(chunk);
    else response.destroy(invalid(`a reply has more than ${MAX_REPLY_BYTES} bytes`));
  });
  response.on('error', (error) => done(error, ''));
  // 'end' without a whole reply does not come, and 'close' comes in any case.
  response.on('close', () => {
    if (!response.complete) done(invalid('a reply ended early'), '');
  });
  response.on('end', () => done(null, Buffer.concat(chunks).toString()));
}

function parse(text: string, done: Done): void {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    done(invalid('a reply is not JSON', error), null);
    return;
  }
  done(null, body);
}

/** The engine's own message; newer engines answer some errors in plain text. */
function reasonIn(text: string): string {
  try {
    const body: unknown = JSON.parse(text);
    if (isObject(body) && typeof body.message === 'string') return body.message;
  } catch {
    // plain text it is
  }
  return text.trim().slice(0, 200) || 'no reason given';
}

function pathOf(dial: Dial): string {
  const options = isObject(dial.options) ? dial.options : {};
  const query: Record<string, string> = {};
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined || LIMITS.has(key)) continue;
    query[key] = typeof value === 'object' ? JSON.stringify(value) : String(value);
  }
  const path = dial.path.replace(/\?$/, '');
  return Object.keys(query).length === 0 ? path : `${path}?${stringify(query)}`;
}

function limitsOf(dial: Dial): Required<Limits> {
  const options = isObject(dial.options) ? dial.options : {};
  const { timeoutMs, isBrief, isOneOfMany } = options;
  return {
    timeoutMs: typeof timeoutMs === 'number' ? timeoutMs : DEFAULT_TIMEOUT_MS,
    isBrief: isBrief === true,
    isOneOfMany: isOneOfMany === true,
  };
}

function late({ timeoutMs }: Limits): HomeportError {
  return new HomeportError(
    'DOCKER_UNAVAILABLE',
    `the engine did not answer within ${timeoutMs} ms`,
  );
}

function isReset(error: Error): boolean {
  return codeOf(error) === 'ECONNRESET' || codeOf(error) === 'EPIPE';
}

function openSocket(address: Exclude<EngineAddress, { kind: 'ssh' }>): Duplex {
  if (address.kind === 'unix') return connect(address.path);
  const { host, port, tls } = address;
  if (tls === null) return connect({ host, port, noDelay: true });
  // A name for the certificate to be chosen by is never an address (RFC 6066 §3).
  return connectTls({ ...tls, host, port, ...(isIP(host) === 0 ? { servername: host } : {}) });
}

function connectionTo(
  address: EngineAddress,
  keepsConnections: boolean,
): {
  readonly connection: RequestOptions;
  readonly agent: HttpAgent;
  readonly request: typeof httpRequest;
} {
  const kept = { keepAlive: keepsConnections, maxFreeSockets: MAX_FREE_CONNECTIONS };
  switch (address.kind) {
    case 'unix':
      return {
        connection: { socketPath: address.path, host: 'docker' },
        agent: new HttpAgent(kept),
        request: httpRequest,
      };
    case 'tcp': {
      const connection = { host: address.host, port: address.port };
      if (address.tls === null) {
        return { connection, agent: new HttpAgent(kept), request: httpRequest };
      }
      const agent = new HttpsAgent({ ...kept, ...address.tls });
      return { connection, agent, request: httpsRequest };
    }
    case 'ssh':
      return { connection: { host: 'docker' }, agent: sshAgent(address), request: httpRequest };
  }
}

function invalid(message: string, cause?: unknown): HomeportError {
  return new HomeportError('DOCKER_REPLY_INVALID', message, { cause });
}

function once(done: Done): Done {
  let isDone = false;
  return (error, answer) => {
    if (!isDone) done(error, answer);
    isDone = true;
  };
}
