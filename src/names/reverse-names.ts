/** Addresses → the names that PTR gives for them, kept up to date owner by owner. */
import type { OwnedAddress, Owner, OwnerId } from './owner.ts';
import { SOURCES } from './owner.ts';
import { compareText } from './precedence.ts';
import { isSame } from './same.ts';
import type { ZoneDelta } from './zone-delta.ts';

/** An address that an owner has. */
export interface ReverseEntry {
  readonly address: string;
  /** Bare, strongest first. */
  readonly names: readonly string[];
  /** The one that it belongs to; others may share its network. */
  readonly owner: Owner;
}

export class ReverseNames {
  readonly #holders = new Map<string, Map<OwnerId, Owner>>();
  readonly #names = new Map<string, readonly string[]>();
  readonly #touched = new Set<string>();

  add(owner: Owner): void {
    for (const address of namedAddresses(owner)) {
      const holders = this.#holders.get(address) ?? new Map<OwnerId, Owner>();
      this.#holders.set(address, holders.set(owner.id, owner));
      this.#touched.add(address);
    }
  }

  remove(owner: Owner): void {
    for (const address of namedAddresses(owner)) {
      const holders = this.#holders.get(address);
      holders?.delete(owner.id);
      if (holders?.size === 0) this.#holders.delete(address);
      this.#touched.add(address);
    }
  }

  /** What has changed since the last call. */
  takeChanges(): ZoneDelta['reverse'] {
    const changes: { address: string; names: readonly string[] }[] = [];
    for (const address of this.#touched) {
      const holders = this.#holders.get(address);
      const names = holders === undefined ? [] : namesOf(address, [...holders.values()]);
      if (isSame(names, this.#names.get(address) ?? [])) continue;
      if (names.length > 0) this.#names.set(address, names);
      else this.#names.delete(address);
      changes.push({ address, names });
    }
    this.#touched.clear();
    return changes;
  }

  /** Who has an address now, and the names that PTR gives for it; undefined where nobody has it. */
  of(address: string): ReverseEntry | undefined {
    const names = this.#names.get(address);
    const [owner] = inHolderOrder(address, [...(this.#holders.get(address)?.values() ?? [])]);
    return names === undefined || owner === undefined ? undefined : { address, names, owner };
  }

  all(): ZoneDelta['reverse'] {
    return [...this.#names].map(([address, names]) => ({ address, names }));
  }
}

/**
 * The addresses that say something about who has them. Not those of a host that stands for its containers
 * (`answer: host`): they are the host's, and its name is for its own DNS to tell.
 */
function namedAddresses(owner: Owner): readonly string[] {
  return owner.addresses
    .filter(({ network }) => network !== null || isOperators(owner))
    .map(({ address }) => address);
}

function isOperators({ kind }: Owner): boolean {
  return kind === 'static' || kind === 'lease';
}

/** Each name once: those of the owner that the address belongs to, then those of who shares it. */
function namesOf(address: string, holders: readonly Owner[]): readonly string[] {
  const inOrder = inHolderOrder(address, holders);
  return [...new Set(inOrder.flatMap((owner) => namesAt(address, owner)))];
}

function inHolderOrder(address: string, holders: readonly Owner[]): readonly Owner[] {
  return holders.length <= 1 ? holders : [...holders].sort(holderOrder(address));
}

/**
 * Who asks from an address has it; a sharer uses it. Of several (an address that was given away before
 * its last container was seen to leave) the newest has it now.
 */
function holderOrder(address: string): (a: Owner, b: Owner) => number {
  const isIts = (owner: Owner) => owner.asksFrom.some((from) => from.address === address);
  return (a, b) =>
    Number(isOperators(a)) - Number(isOperators(b)) ||
    Number(isIts(b)) - Number(isIts(a)) ||
    b.startedAtMs - a.startedAtMs ||
    compareText(a.id, b.id);
}

/** The container's name first, then the stronger sources first, by alphabet within one source. */
function namesAt(address: string, owner: Owner): readonly string[] {
  const places = owner.addresses.filter((owned) => owned.address === address);
  return owner.claims
    .filter(({ name, source, networks }) => {
      // `web.project-7` is another word for `web`, and no name outside of the region.
      if (name.startsWith('*.') || (source === 'service' && name.includes('.'))) return false;
      return networks === null || places.some((place) => isAmong(place, networks));
    })
    .sort((a, b) => placeOf(a.source) - placeOf(b.source) || compareText(a.name, b.name))
    .map(({ name }) => name);
}

function isAmong({ network }: OwnedAddress, networks: readonly string[]): boolean {
  return network === null || networks.includes(network);
}

function placeOf(source: (typeof SOURCES)[number]): number {
  return source === 'name' ? -1 : SOURCES.indexOf(source);
}
