/** The client of the control socket, for commands. */
import { type IncomingMessage, request } from 'node:http';
import { codeOf, HomeportError, messageOf } from '../errors.ts';
import type {
  ControlEvent,
  ExplainReport,
  LeaseOutcome,
  LeasesReport,
  LeaseWords,
  NamesReport,
  ReloadReport,
  StatusReport,
} from './reports.ts';

const REPLY_TIMEOUT_MS = 10_000;
/** Ten thousand names with ten groups each fit. */
const MAX_REPLY_BYTES = 256 << 20;
const MAX_EVENT_BYTES = 1 << 20;
/** Of the server's own codes those that a command tells apart. */
const TOLD_CODES = ['LEASE_UNKNOWN', 'STATE_UNWRITABLE'] as const;

/** What a command asks of the server. Every method throws CONTROL_UNAVAILABLE where none answers. */
export class ControlClient {
  readonly #paths: readonly string[];
  #path: string | undefined;

  /** @param paths sockets to try, in order; the first on which somebody answers is kept */
  constructor(paths: readonly string[]) {
    this.#paths = paths;
  }

  /** Any route's JSON, for what has no method here. @throws CONTROL_REPLY_INVALID with the server's words */
  async get(target: string): Promise<unknown> {
    return await this.#json('GET', target);
  }

  // The server is of the same version or newer, and fields are only ever added: so its JSON is taken at its word.
  async names(): Promise<NamesReport> {
    return (await this.#json('GET', '/v1/names')) as NamesReport;
  }

  async status(): Promise<StatusReport> {
    return (await this.#json('GET', '/v1/status')) as StatusReport;
  }

  async explain(
    name: string,
    options: { from?: string; type?: string } = {},
  ): Promise<ExplainReport> {
    const query = new URLSearchParams({ name, ...options });
    return (await this.#json('GET', `/v1/explain?${query}`)) as ExplainReport;
  }

  async reload(): Promise<ReloadReport> {
    return (await this.#json('POST', '/v1/reload')) as ReloadReport;
  }

  async leases(): Promise<LeasesReport> {
    return (await this.#json('GET', '/v1/leases')) as LeasesReport;
  }

  /** @throws HomeportError STATE_UNWRITABLE where the server cannot keep it, and nothing has changed */
  async addLease(words: LeaseWords): Promise<LeaseOutcome & { kind: 'added' }> {
    const body = JSON.stringify(words);
    return (await this.#json('POST', '/v1/leases', body)) as LeaseOutcome & { kind: 'added' };
  }

  /** @throws HomeportError LEASE_UNKNOWN, STATE_UNWRITABLE */
  async removeLease(name: string): Promise<LeaseOutcome & { kind: 'removed' }> {
    const target = `/v1/leases?${new URLSearchParams({ name })}`;
    return (await this.#json('DELETE', target)) as LeaseOutcome & { kind: 'removed' };
  }

  /** Events from now on, until the signal or the server ends them; the latter throws CONTROL_UNAVAILABLE. */
  async events(signal: AbortSignal): Promise<AsyncGenerator<ControlEvent>> {
    // Events may be long in coming; that they will come is said at once.
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), REPLY_TIMEOUT_MS);
    const either = AbortSignal.any([signal, patience.signal]);
    try {
      return this.#eventsOf(await this.#send('GET', '/v1/events', either), signal);
    } finally {
      clearTimeout(timer);
    }
  }

  async *#eventsOf(response: IncomingMessage, signal: AbortSignal): AsyncGenerator<ControlEvent> {
    let rest = '';
    response.setEncoding('utf8');
    try {
      for await (const chunk of response) {
        rest += String(chunk);
        const lines = rest.split('\n');
        rest = lines.pop() ?? '';
        if (rest.length > MAX_EVENT_BYTES) throw invalid('an event is too long');
        for (const line of lines) if (line !== '') yield parseJson(line) as ControlEvent;
      }
    } catch (error) {
      if (signal.aborted) return;
      throw error instanceof HomeportError ? error : unavailable(this.#path ?? '', error);
    }
    if (!signal.aborted) throw unavailable(this.#path ?? '', { code: 'ECONNRESET' });
  }

  async #json(method: string, target: string, body = ''): Promise<unknown> {
    const signal = AbortSignal.timeout(REPLY_TIMEOUT_MS);
    const response = await this.#send(method, target, signal, body);
    const text = await this.#textOf(response);
    const answer = parseJson(text);
    // 422: a reload that was refused is an answer.
    if (response.statusCode === 200 || response.statusCode === 422) return answer;
    throw refusal(answer) ?? invalid(`status ${response.statusCode} for ${target}`);
  }

  async #textOf(response: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of response) {
        const buffer = Buffer.from(chunk as Uint8Array);
        bytes += buffer.length;
        if (bytes > MAX_REPLY_BYTES) throw invalid('the reply is too long');
        chunks.push(buffer);
      }
    } catch (error) {
      throw error instanceof HomeportError ? error : unavailable(this.#path ?? '', error);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  /** Sends a request to the first socket that answers. */
  async #send(
    method: string,
    target: string,
    signal: AbortSignal,
    body = '',
  ): Promise<IncomingMessage> {
    if (this.#path !== undefined) return await sendTo(this.#path, { method, target, body }, signal);
    const failures: HomeportError[] = [];
    for (const path of this.#paths) {
      try {
        const response = await sendTo(path, { method, target, body }, signal);
        this.#path = path;
        return response;
      } catch (error) {
        if (!(error instanceof HomeportError)) throw error;
        failures.push(error);
      }
    }
    // A socket that is there and does not answer says more than one that is missing.
    const [first] = failures;
    const telling = failures.find(({ cause }) => codeOf(cause) !== 'ENOENT') ?? first;
    throw telling ?? new HomeportError('CONTROL_UNAVAILABLE', 'no control socket to ask');
  }
}

interface Sent {
  readonly method: string;
  readonly target: string;
  readonly body: string;
}

function sendTo(
  path: string,
  { method, target, body }: Sent,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: path, method, path: target, signal, agent: false });
    sent.once('response', resolve);
    sent.once('error', (error) => reject(unavailable(path, error)));
    sent.end(body);
  });
}

function unavailable(path: string, cause: unknown): HomeportError {
  return new HomeportError('CONTROL_UNAVAILABLE', `${reasonOf(path, cause)}`, { cause });
}

function reasonOf(path: string, cause: unknown): string {
  switch (codeOf(cause)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return `no server: there is no control socket ${path}; start one with \`homeport serve\`, or name its socket with --control`;
    case 'ECONNREFUSED':
      return `no server: nobody answers on ${path} any more; start one with \`homeport serve\``;
    case 'EACCES':
    case 'EPERM':
      return `this user may not use ${path}; join the socket's group, or use sudo`;
    case 'ENOTSOCK':
      return `${path} is no socket; name the server's control socket with --control`;
    case 'ECONNRESET':
    case 'EPIPE':
      return `the server on ${path} went away; ask again once it is up`;
  }
  const isTimeout =
    cause instanceof Error && (cause.name === 'TimeoutError' || cause.name === 'AbortError');
  return isTimeout
    ? `the server on ${path} does not answer within ${REPLY_TIMEOUT_MS / 1000} s; its log may say why`
    : `the server on ${path} cannot be asked: ${messageOf(cause)}; check its log`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new HomeportError(
      'CONTROL_REPLY_INVALID',
      'what answers on the control socket is no homeport',
      {
        cause: error,
      },
    );
  }
}

/** What the server says is wrong. */
function refusal(answer: unknown): HomeportError | undefined {
  if (typeof answer !== 'object' || answer === null || !('error' in answer)) return undefined;
  const { error } = answer;
  if (typeof error !== 'object' || error === null || !('message' in error)) return undefined;
  const code = TOLD_CODES.find((known) => known === codeOf(error)) ?? 'CONTROL_REPLY_INVALID';
  return new HomeportError(code, String(error.message));
}

function invalid(message: string): HomeportError {
  return new HomeportError('CONTROL_REPLY_INVALID', message);
}
