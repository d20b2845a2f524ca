/**
 * The host's addresses by interface. Node's own list leaves out an interface without a carrier (libuv asks for
 * IFF_RUNNING), and so every bridge whose containers do not run yet: docker0 after boot, a network just made.
 */
import { readFileSync } from 'node:fs';
import { endianness, networkInterfaces } from 'node:os';

/** Addresses by interface, as `os.networkInterfaces` gives them. */
export type HostInterfaces = Readonly<Record<string, readonly { readonly address: string }[]>>;

/**
 * The interfaces of this network namespace that are up, with or without a carrier. IPv6 of one without is left
 * out: its address is tentative until there is a carrier, and cannot be bound. Never throws.
 */
export function hostInterfaces(): HostInterfaces {
  const listed = networkInterfaces();
  const found: Record<string, readonly { readonly address: string }[]> = {};
  for (const [name, addresses] of Object.entries(listed)) found[name] = addresses ?? [];
  return withQuietInterfaces(found, {
    fibTrie: procText('/proc/net/fib_trie'),
    route: procText('/proc/net/route'),
    isLittleEndian: endianness() === 'LE',
  });
}

/** The kernel's tables: IPv4 addresses without their interfaces, and the subnets of interfaces. */
export interface RoutingTables {
  /** /proc/net/fib_trie */
  readonly fibTrie: string;
  /** /proc/net/route, whose addresses are numbers in the machine's byte order. */
  readonly route: string;
  readonly isLittleEndian: boolean;
}

/** Adds the local IPv4 addresses that no listed interface has, each to the interface whose subnet it is in. Pure. */
export function withQuietInterfaces(listed: HostInterfaces, tables: RoutingTables): HostInterfaces {
  const known = new Set(Object.values(listed).flatMap((own) => own.map(({ address }) => address)));
  const subnets = subnetsOf(tables);
  const all: Record<string, readonly { readonly address: string }[]> = { ...listed };
  for (const address of localAddressesIn(tables.fibTrie)) {
    if (known.has(address)) continue;
    const number = numberOf(address);
    const subnet = subnets.find(({ base, mask }) => (number & mask) >>> 0 === base);
    if (subnet !== undefined) {
      all[subnet.interface] = [...(all[subnet.interface] ?? []), { address }];
    }
  }
  return all;
}

/** Leaves of the trie are `|-- ADDRESS`, followed by a line for each route to it. */
function localAddressesIn(fibTrie: string): ReadonlySet<string> {
  const addresses = new Set<string>();
  for (const leaf of fibTrie.split('|-- ').slice(1)) {
    const address = /^\d+\.\d+\.\d+\.\d+/.exec(leaf)?.[0];
    if (address !== undefined && leaf.includes('/32 host LOCAL')) addresses.add(address);
  }
  return addresses;
}

interface Subnet {
  readonly interface: string;
  readonly base: number;
  readonly mask: number;
}

/** The subnets that interfaces are on, the narrowest first. */
function subnetsOf({ route, isLittleEndian }: RoutingTables): readonly Subnet[] {
  const numberIn = (hex: string): number => {
    const bytes = Buffer.from(hex.padStart(8, '0'), 'hex');
    return isLittleEndian ? bytes.readUInt32LE() : bytes.readUInt32BE();
  };
  return route
    .split('\n')
    .slice(1)
    .map((line) => line.split(/\s+/))
    .filter(([, , gateway, , , , , mask]) => gateway === '00000000' && mask !== '00000000')
    .flatMap(([name, base, , , , , , mask]) =>
      name === undefined || base === undefined || mask === undefined
        ? []
        : [{ interface: name, base: numberIn(base), mask: numberIn(mask) }],
    )
    .sort((a, b) => b.mask - a.mask);
}

function numberOf(address: string): number {
  return Buffer.from(address.split('.').map(Number)).readUInt32BE();
}

/** '' where there is no such file: elsewhere than on Linux. */
function procText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
