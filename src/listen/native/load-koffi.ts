/** Finds koffi. In a file of its own, since a single executable has no packages beside it and finds it otherwise. */
import { createRequire } from 'node:module';

type Koffi = typeof import('koffi');

/** Required, not imported: a missing native module must be an outcome, not a failure to start. */
export function loadKoffi(): Koffi {
  const loaded: Koffi = createRequire(import.meta.url)('koffi');
  return loaded;
}
