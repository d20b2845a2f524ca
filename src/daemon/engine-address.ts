/** From an engine of the configuration to the address that the engine room connects to. */
import { readFile } from 'node:fs/promises';
import type { EngineConfig } from '../config/config.ts';
import type { EngineAddress, EngineTls } from '../docker/engine-address.ts';
import { HomeportError, messageOf } from '../errors.ts';

/**
 * The address with its certificates, read now: a missing file is a fault of the configuration.
 *
 * @throws HomeportError CONFIG_UNREADABLE
 */
export async function engineAddress({ url, tls }: EngineConfig): Promise<EngineAddress> {
  if (url.kind !== 'tcp') return url;
  return { ...url, tls: tls === null ? null : await certificates(tls) };
}

async function certificates(tls: NonNullable<EngineConfig['tls']>): Promise<EngineTls> {
  const [ca, cert, key] = await Promise.all([readPem(tls.ca), readPem(tls.cert), readPem(tls.key)]);
  return {
    ...(ca === null ? {} : { ca }),
    ...(cert === null ? {} : { cert }),
    ...(key === null ? {} : { key }),
  };
}

async function readPem(path: string | null): Promise<string | null> {
  if (path === null) return null;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const reason = messageOf(error);
    throw new HomeportError('CONFIG_UNREADABLE', `cannot read the certificate ${path}: ${reason}`, {
      cause: error,
    });
  }
}
