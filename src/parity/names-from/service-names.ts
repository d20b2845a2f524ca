/** From mentions of hosts to the service names that an application needs. Pure. */
import type { Mention } from './mentions.ts';

/** A service name and everywhere that it is used. */
export interface ServiceName {
  /** one label */
  readonly name: string;
  readonly mentions: readonly Mention[];
}

/** What an application's configuration uses. */
export interface UsedNames {
  /** bare names, and names in a search domain with that domain taken off; sorted */
  readonly services: readonly ServiceName[];
  /** names of several labels outside the search domains: not for this host to run; sorted */
  readonly others: readonly ServiceName[];
}

/**
 * Sorts mentions into services and names of elsewhere. Never throws.
 *
 * @param search production's search domains, without trailing dots
 */
export function serviceNames(mentions: readonly Mention[], search: readonly string[]): UsedNames {
  const services = new Map<string, Mention[]>();
  const others = new Map<string, Mention[]>();
  const suffixes = search.map((domain) => `.${domain.toLowerCase().replace(/\.$/, '')}`);
  for (const mention of mentions) {
    const suffix = suffixes.find((candidate) => mention.host.endsWith(candidate));
    const name = suffix === undefined ? mention.host : mention.host.slice(0, -suffix.length);
    const group = name.includes('.') ? others : services;
    group.set(name, [...(group.get(name) ?? []), mention]);
  }
  return { services: sorted(services), others: sorted(others) };
}

function sorted(names: ReadonlyMap<string, readonly Mention[]>): readonly ServiceName[] {
  return [...names]
    .map(([name, mentions]) => ({ name, mentions }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
