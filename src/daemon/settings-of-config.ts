/** The configuration's part for the answering side. Pure. */
import type { Config } from '../config/config.ts';
import type { ResolverSettings } from '../resolve/settings.ts';

/** What the resolver core is told of a configuration. */
export function settingsOfConfig(config: Config): ResolverSettings {
  const { searchDomains, localDomains, ttlSeconds, holdMs, networkOrder, cache } = config;
  return {
    searchDomains,
    localDomains,
    ttlSeconds,
    holdMs,
    networkOrder,
    cache,
    expected: config.expected.names,
    whenMissing: config.expected.whenMissing,
    allow: config.allow.cidrs,
    allowEngineNetworks: config.allow.engineNetworks,
  };
}
