/**
 * A change of the zone as it crosses to the answering threads: as text, in pairs of key and content. A thread takes
 * strings over at a sixth of what objects cost, between two queries, and reads only what somebody asks for.
 */
import type { Client, NameEntry, ZoneDelta } from './zone-delta.ts';

export interface SealedDelta extends Pick<ZoneDelta, 'forgotten' | 'leftClients' | 'networks'> {
  /** Names and their entries: `web`, `{"name":"web",…}`, … */
  readonly entries: readonly string[];
  /** Addresses and who asks from there: `172.17.0.2`, `{"address":…}`, … */
  readonly clients: readonly string[];
  /** Addresses and the names that PTR gives for them, with blanks between; '' forgets the address. */
  readonly reverse: readonly string[];
}

export function sealDelta(delta: ZoneDelta): SealedDelta {
  const { forgotten, leftClients, networks } = delta;
  return {
    entries: delta.entries.flatMap((entry) => [entry.name, JSON.stringify(entry)]),
    forgotten,
    clients: delta.clients.flatMap((client) => [client.address, JSON.stringify(client)]),
    leftClients,
    networks,
    reverse: delta.reverse.flatMap(({ address, names }) => [address, names.join(' ')]),
  };
}

/** Goes through the pairs of a list. */
export function* pairsOf(list: readonly string[]): Iterable<readonly [key: string, text: string]> {
  for (let i = 0; i + 1 < list.length; i += 2) yield [list[i] ?? '', list[i + 1] ?? ''];
}

/** What came as text, read when it is first needed. */
export class Sealed<T extends NameEntry | Client> {
  #content: T | string;

  constructor(text: string) {
    this.#content = text;
  }

  open(): T {
    if (typeof this.#content === 'string') this.#content = JSON.parse(this.#content) as T;
    return this.#content;
  }
}
