/** Which upstreams are used: those of the configuration, else those of resolv.conf, never ourselves. Pure. */
import { canonicalAddress } from '../dns/address.ts';
import type { ResolvConf } from '../resolv-conf/resolv-conf.ts';
import type { UpstreamGroup, UpstreamServer } from '../resolve/settings.ts';

/** An upstream without its number. */
export type UpstreamAddress = Omit<UpstreamServer, 'id'>;

/** The configuration's part. */
export interface ConfiguredUpstreams {
  /** For every name; empty: resolv.conf's. */
  readonly servers: readonly UpstreamAddress[];
  readonly byDomain: readonly {
    readonly domain: string;
    readonly servers: readonly UpstreamAddress[];
  }[];
}

/** What came of it. */
export interface UpstreamChoice {
  readonly groups: readonly UpstreamGroup[];
  /** Servers that are left out because they are ourselves: forwarding to them would be a loop. */
  readonly ourselves: readonly string[];
}

const DNS_PORT = 53;

/** Numbers servers: the same number for the same server as long as the process lives, never one for two. */
export class UpstreamNumbers {
  readonly #numbers = new Map<string, number>();

  of(server: UpstreamAddress): number {
    const key = `${server.address} ${server.port} ${server.tlsName ?? ''}`;
    const number = this.#numbers.get(key) ?? this.#numbers.size + 1;
    this.#numbers.set(key, number);
    return number;
  }
}

/**
 * Chooses the upstreams.
 *
 * @param resolvConf the parsed file, or null where there is none or it is not needed
 * @param isOurs whether homeport itself listens there
 */
export function chooseUpstreams(
  configured: ConfiguredUpstreams,
  resolvConf: ResolvConf | null,
  isOurs: (address: string, port: number) => boolean,
  numbers: UpstreamNumbers,
): UpstreamChoice {
  const ourselves = new Set<string>();
  const usable = (servers: readonly UpstreamAddress[]): UpstreamServer[] => {
    const seen = new Set<number>();
    return servers.flatMap((server) => {
      if (isOurs(server.address, server.port)) {
        ourselves.add(`${server.address}:${server.port}`);
        return [];
      }
      const id = numbers.of(server);
      if (seen.has(id)) return [];
      seen.add(id);
      return [{ ...server, id }];
    });
  };
  const everywhere = configured.servers.length > 0 ? configured.servers : serversOf(resolvConf);
  const groups = [
    { domain: '', servers: usable(everywhere) },
    ...configured.byDomain.map(({ domain, servers }) => ({ domain, servers: usable(servers) })),
  ];
  return { groups, ourselves: [...ourselves] };
}

function serversOf(resolvConf: ResolvConf | null): UpstreamAddress[] {
  return (resolvConf?.nameservers ?? []).map(({ address }) => ({
    address: canonicalAddress(address),
    port: DNS_PORT,
    tlsName: null,
  }));
}

/** systemd-resolved's own listeners: they ask us, so we ask the servers that resolved was given (resolved.conf(5)). */
const RESOLVED_STUBS: readonly string[] = ['127.0.0.53', '127.0.0.54'];

/** Whether a resolv.conf names systemd-resolved's stub alone. */
export function isResolvedStub(resolvConf: ResolvConf): boolean {
  const { nameservers } = resolvConf;
  return (
    nameservers.length > 0 && nameservers.every(({ address }) => RESOLVED_STUBS.includes(address))
  );
}
