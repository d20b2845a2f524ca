/** Events as lines of JSON, one reader at a time: who does not read loses events, never our memory. */
import type { ServerResponse } from 'node:http';
import type { ControlEvent } from './reports.ts';

/** What may wait for one reader. */
const MAX_WAITING_BYTES = 1 << 20;
/** A line now and then tells both sides that the other lives. */
const HEARTBEAT_MS = 15_000;

/**
 * Writes events until the reader goes.
 *
 * @param subscribe as in `ControlSource`
 */
export function streamEvents(
  response: ServerResponse,
  subscribe: (listener: (event: ControlEvent) => void) => () => void,
): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
  response.flushHeaders();
  let hasLost = false;
  const write = (event: ControlEvent): void => {
    if (response.writableLength > MAX_WAITING_BYTES) hasLost = true;
    if (hasLost) return;
    response.write(`${JSON.stringify(event)}\n`);
  };
  const end = subscribe(write);
  // An empty line is no event.
  const heartbeat = setInterval(() => {
    if (response.writableLength === 0) response.write('\n');
  }, HEARTBEAT_MS);
  response.on('drain', () => {
    if (!hasLost) return;
    hasLost = false;
    write({ kind: 'lost' });
  });
  response.once('close', () => {
    clearInterval(heartbeat);
    end();
  });
}
