/** What a watch needs to know of an engine, from its URL. */
import assert from 'node:assert/strict';
import { parseEngineUrl } from '../../../src/config/engine-url.ts';
import type { EngineTls } from '../../../src/docker/engine-address.ts';
import type { EngineWatchOptions } from '../../../src/docker/engine-watch.ts';

/** The URL and the address behind it. */
export function engineAt(
  url: string,
  tls: EngineTls | null = null,
): Pick<EngineWatchOptions, 'url' | 'at'> {
  const read = parseEngineUrl(url, tls !== null);
  assert.ok('value' in read, url);
  const { value } = read;
  return { url, at: value.kind === 'tcp' ? { ...value, tls } : value };
}
