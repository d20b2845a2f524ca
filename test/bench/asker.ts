/**
 * Asks for a name until it has an address: `asker.ts PORT`, a name a line in, a line out for each with the time of the
 * first answer (ms since the epoch, with fractions) or `never`. A process of its own, so that who drives the engine
 * does not delay what is measured.
 */
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';
import { queryFor } from './process.ts';

const PATIENCE_MS = 5_000;
/** A query that is not answered by then is sent again. */
const REPEAT_MS = 500;
const PAUSE_MS = 1;

const port = Number(process.argv[2]);
const socket = createSocket('udp4');
let query: Buffer = queryFor('none');
let deadlineMs = 0;
let timer: NodeJS.Timeout | undefined;

function ask(): void {
  clearTimeout(timer);
  if (Date.now() > deadlineMs) {
    console.log('never');
    return;
  }
  // Replies to earlier queries have an ID of their own.
  query.writeUInt16BE((query.readUInt16BE(0) + 1) & 0xffff, 0);
  socket.send(query);
  timer = setTimeout(ask, REPEAT_MS);
}

socket.on('message', (reply) => {
  const atMs = performance.timeOrigin + performance.now();
  if (deadlineMs === 0 || reply.readUInt16BE(0) !== query.readUInt16BE(0)) return;
  clearTimeout(timer);
  const hasAddress = ((reply[3] ?? 0) & 15) === 0 && (reply[7] ?? 0) > 0;
  if (!hasAddress) {
    timer = setTimeout(ask, PAUSE_MS);
    return;
  }
  deadlineMs = 0;
  console.log(String(atMs));
});
// Nobody listens for a moment, or no more.
socket.on('error', () => undefined);
createInterface({ input: process.stdin }).on('line', (name) => {
  query = queryFor(name);
  deadlineMs = Date.now() + PATIENCE_MS;
  ask();
});
socket.connect(port, '127.0.0.1', () => console.log('ready'));
