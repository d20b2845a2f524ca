/** What a running homeport says of itself, for the parity check: what it owns and where it answers. */
import type { Config } from '../config/config.ts';
import { ControlClient } from '../control/client.ts';
import { type ServerSide, serverSide } from '../daemon/homeport-side.ts';
import { HomeportError } from '../errors.ts';

/**
 * Asks the server at the configured control socket; undefined where none answers.
 *
 * @throws what is no HomeportError, which would be a bug
 */
export async function askServer(config: Config): Promise<ServerSide | undefined> {
  const client = new ControlClient([config.control]);
  try {
    const [names, status] = await Promise.all([client.names(), client.status()]);
    return serverSide(names, status, config);
  } catch (error) {
    if (error instanceof HomeportError) return undefined;
    throw error;
  }
}
