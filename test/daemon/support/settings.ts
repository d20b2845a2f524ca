import type { ResolverSettings } from '../../../src/resolve/settings.ts';

/** Of a server that knows and forwards nothing. */
export const SETTINGS: ResolverSettings = {
  searchDomains: [],
  localDomains: [],
  ttlSeconds: 0,
  holdMs: 250,
  networkOrder: [],
  expected: [],
  whenMissing: 'refuse',
  allow: [],
  allowEngineNetworks: false,
  cache: { size: 0, maxTtlSeconds: 0, negativeMaxTtlSeconds: 0, serveStaleSeconds: 0 },
};
