/** The control server: HTTP and JSON over a unix socket. What it says comes from a `ControlSource`. */
import { chmod } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { HomeportError, messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import { streamEvents } from './event-stream.ts';
import type { ControlSource } from './reports.ts';
import { failure, type Reply, route } from './routes.ts';
import { prepareSocketFile } from './socket-file.ts';

const SOCKET_MODE = 0o660;
/** Takes away all that 0660 does not have. */
const SOCKET_UMASK = 0o117;
/** Commands come one at a time; beyond that somebody opens connections for nothing. */
const MAX_CONNECTIONS = 64;
const MAX_BODY_BYTES = 64 << 10;
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
/** A client that takes nothing of what was written for so long is gone. */
const STALLED_MS = 30_000;

export interface ControlServer {
  readonly path: string;
  /** Ends all connections, streams too, and removes the socket. */
  close(): Promise<void>;
}

/**
 * Starts the control server.
 *
 * @param path absolute; its directory is made where it is missing
 * @throws HomeportError BIND_FAILED
 */
export async function startControlServer(
  path: string,
  source: ControlSource,
  log: Logger,
): Promise<ControlServer> {
  await prepareSocketFile(path);
  const server = createServer(
    {
      maxHeaderSize: 16 << 10,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
    },
    (request, response) => {
      serve(request, response, source, log).catch((error: unknown) => {
        log.error({ err: error, url: request.url }, 'control request failed');
        response.destroy();
      });
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(STALLED_MS, (socket) => socket.destroy());
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
  });
  await listen(server, path);
  await chmod(path, SOCKET_MODE);
  return {
    path,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Binds with the final mode from the first moment on. */
function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const message = `cannot use ${path} as control socket: ${messageOf(error)}; set control: to another path`;
      reject(new HomeportError('BIND_FAILED', message, { cause: error }));
    });
    const umask = process.umask(SOCKET_UMASK);
    try {
      server.listen(path, () => resolve());
    } finally {
      process.umask(umask);
    }
  });
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  source: ControlSource,
  log: Logger,
): Promise<void> {
  // Node gives an error to nobody when a client goes while it is written to.
  response.on('error', () => undefined);
  const body = await takeBody(request);
  if (body.kind === 'gone') return;
  if (body.kind === 'tooLarge') {
    write(response, failure(413, 'TOO_LARGE', `a body has at most ${MAX_BODY_BYTES} bytes`));
    return;
  }
  const reply = await replyTo(request, body.text, source, log);
  if (response.destroyed) return;
  if (reply.kind === 'json') {
    write(response, reply);
    return;
  }
  // A stream may be silent for long; its heartbeats find a reader that is gone.
  streamEvents(response, (listener) => source.subscribe(listener));
}

async function replyTo(
  request: IncomingMessage,
  body: string,
  source: ControlSource,
  log: Logger,
): Promise<Reply> {
  try {
    return await route(request.method ?? 'GET', request.url ?? '/', body, source);
  } catch (error) {
    log.error({ err: error, url: request.url }, 'control request failed');
    return failure(
      500,
      'INTERNAL',
      `homeport failed on this: ${messageOf(error)}; its log has more`,
    );
  }
}

type Body =
  | { readonly kind: 'taken'; readonly text: string }
  | { readonly kind: 'tooLarge' }
  | { readonly kind: 'gone' };

function takeBody(request: IncomingMessage): Promise<Body> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MAX_BODY_BYTES) {
        chunks.push(chunk);
        return;
      }
      request.pause();
      resolve({ kind: 'tooLarge' });
    });
    request.once('end', () =>
      resolve({ kind: 'taken', text: Buffer.concat(chunks).toString('utf8') }),
    );
    request.once('error', () => resolve({ kind: 'gone' }));
    request.once('close', () => resolve({ kind: 'gone' }));
  });
}

function write(response: ServerResponse, reply: Reply & { kind: 'json' }): void {
  const body = `${JSON.stringify(reply.body)}\n`;
  response.writeHead(reply.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...(reply.allow === undefined ? {} : { allow: reply.allow }),
    // The rest of a body that is too large is not read.
    ...(reply.status === 413 ? { connection: 'close' } : {}),
  });
  response.end(body);
}
