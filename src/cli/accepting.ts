/** Whether TCP ports accept connections, tried now. */
import { connect } from 'node:net';
import { codeOf, messageOf } from '../errors.ts';
import { addressWithPort } from './address-text.ts';

/** On one host or network an answer takes microseconds; who drops connections never answers. */
const CONNECT_TIMEOUT_MS = 1_000;

/**
 * Connects to every address in turn: of replicas each is asked by somebody. IPv6 counts where there is
 * no IPv4. Never rejects.
 *
 * @returns null: all accept; else why the first that does not accept does not
 */
export async function refusalOf(
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<string | null> {
  const ipv4 = addresses.filter((address) => !address.includes(':'));
  for (const address of ipv4.length > 0 ? ipv4 : addresses) {
    const why = await tryToConnect(address, port, signal);
    if (why !== null) return `${addressWithPort(address, port)} ${why}`;
  }
  return null;
}

function tryToConnect(host: string, port: number, signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (why: string | null): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      socket.destroy();
      resolve(why);
    };
    const stop = (): void => end('was not waited for');
    const timer = setTimeout(() => end('does not answer'), CONNECT_TIMEOUT_MS);
    signal.addEventListener('abort', stop);
    socket.once('connect', () => end(null));
    socket.once('error', (error) => end(reasonOf(error)));
    if (signal.aborted) stop();
  });
}

function reasonOf(error: Error): string {
  switch (codeOf(error)) {
    case 'ECONNREFUSED':
      return 'refuses connections';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'is not reached from here';
    default:
      return `cannot be connected: ${messageOf(error)}`;
  }
}
