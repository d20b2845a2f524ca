/** The DNS keys of daemon.json. */
import type { DnsSettings } from './settings.ts';

/**
 * Reads `dns`, `dns-search` and `dns-opts`. Never throws.
 *
 * @returns undefined where the text is no JSON object, or a key is no list of strings: dockerd would
 *   not have started with it
 */
export function daemonSettings(text: string | undefined): DnsSettings | undefined {
  if (text === undefined || text.trim() === '') return { servers: [], search: [], options: [] };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const servers = listOf(value, 'dns');
  const search = listOf(value, 'dns-search');
  const options = listOf(value, 'dns-opts');
  if (servers === undefined || search === undefined || options === undefined) return undefined;
  return { servers, search, options };
}

function listOf(value: object, key: string): readonly string[] | undefined {
  const list: unknown = Object.entries(value).find(([name]) => name === key)?.[1] ?? [];
  if (!Array.isArray(list) || !list.every((one) => typeof one === 'string')) return undefined;
  return list;
}
