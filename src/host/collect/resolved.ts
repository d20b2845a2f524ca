/** What systemd-resolved does at the moment, as `resolvectl` prints it. */
import type { Machine } from '../machine.ts';
import type { ResolvedLink, ResolvedSituation } from '../situation.ts';

/** null: it is not installed. */
export async function collectResolved(machine: Machine): Promise<ResolvedSituation | null> {
  const active = await machine.run(['systemctl', 'is-active', 'systemd-resolved.service']);
  if (active.stdout.trim() !== 'active') {
    const known = await machine.run(['systemctl', 'cat', 'systemd-resolved.service']);
    return known.code === 0 ? { ...silent, isActive: false } : null;
  }
  const ask = async (verb: string): Promise<string> =>
    (await machine.run(['resolvectl', verb])).stdout;
  const servers = parseLinkLines(await ask('dns'));
  const domains = parseLinkLines(await ask('domain'));
  const links = [...new Set([...servers.keys(), ...domains.keys()])].filter((name) => name !== '');
  return {
    isActive: true,
    globalServers: servers.get('') ?? [],
    links: links.map(
      (name): ResolvedLink => ({
        name,
        servers: servers.get(name) ?? [],
        domains: domains.get(name) ?? [],
      }),
    ),
    dnssec: parseLinkLines(await ask('dnssec')).get('')?.[0] ?? 'no',
    dnsOverTls: parseLinkLines(await ask('dnsovertls')).get('')?.[0] ?? 'no',
  };
}

const silent: Omit<ResolvedSituation, 'isActive'> = {
  globalServers: [],
  links: [],
  dnssec: 'no',
  dnsOverTls: 'no',
};

/**
 * Parses `Global: WORDS` and `Link 2 (up0): WORDS`; what is too long for a line goes on in the next, indented.
 *
 * @returns words by the name of the link, '' for the global scope
 */
export function parseLinkLines(output: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  let words: string[] | undefined;
  for (const line of output.split('\n')) {
    const [, link, rest] = /^(?:Global|Link \d+ \((.+?)\)):(.*)$/.exec(line) ?? [];
    if (rest !== undefined) {
      words = [];
      found.set(link ?? '', words);
    }
    words?.push(...(rest ?? line).split(/\s+/).filter((word) => word !== ''));
  }
  return found;
}
