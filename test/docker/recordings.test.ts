import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { factsOfInspect, fingerprint, listEntry } from '../../src/docker/container-facts.ts';
import { parseEvent } from '../../src/docker/engine-event.ts';
import { EngineModel, type EngineReply } from '../../src/docker/engine-model.ts';
import { isObject, objectAt, textAt } from '../../src/docker/shape.ts';
import { KeptOwners } from '../support/engine/kept-owners.ts';
import { type Recorded, recording, recordings } from '../support/engine/recording.ts';

describe('every recorded engine', () => {
  for (const name of recordings()) {
    it(`${name}: events alone lead to the addresses that the list shows after each operation`, () => {
      const replay = new Replay(recording(name));
      for (const { told, listed } of replay.run()) assert.deepEqual(told, listed);
    });
  }

  it('describes a container alike in list and inspect, so that a list finds what changed', () => {
    const differing: string[] = [];
    let compared = 0;
    for (const name of recordings()) {
      const inspected = new Map<string, string>();
      for (const line of recording(name)) {
        if (line.kind === 'op' || line.kind === 'event') inspected.clear();
        if (line.kind === 'inspect' && line.status === 200) {
          const facts = factsOfInspect(line.body);
          inspected.set(facts.id, fingerprint(facts));
        }
        for (const body of line.kind === 'list' && Array.isArray(line.body) ? line.body : []) {
          const entry = listEntry(body);
          const own = inspected.get(entry?.id ?? '');
          if (entry === undefined || own === undefined) continue;
          compared++;
          if (own !== entry.fingerprint) differing.push(`${name}: ${own} / ${entry.fingerprint}`);
        }
      }
    }
    assert.ok(compared > 150, `only ${compared} were compared`);
    assert.deepEqual(differing, []);
  });
});

type Table = Record<string, readonly string[]>;

/** Feeds a recording's events to a model and answers its requests with the replies recorded next. */
class Replay {
  readonly #lines: readonly Recorded[];
  readonly #sink = new KeptOwners();
  readonly #model: EngineModel;
  #at = 0;

  constructor(lines: readonly Recorded[]) {
    this.#lines = lines;
    this.#model = new EngineModel({
      engine: 'local',
      answer: { kind: 'container' },
      interfaces: () => ({}),
      sink: this.#sink,
    });
  }

  /** At each recorded list: what the sink was told, and what the list shows. */
  *run(): Generator<{ readonly told: Table; readonly listed: Table }> {
    this.#model.sync(0, () => undefined);
    for (const [at, line] of this.#lines.entries()) {
      this.#at = at;
      if (line.kind === 'event') {
        const event = parseEvent(JSON.stringify(line.event));
        assert.ok(event !== undefined);
        this.#model.event(event, line.t);
      }
      this.#answer(line.t);
      if (line.kind !== 'list' || !Array.isArray(line.body)) continue;
      yield { told: this.#told(), listed: listedAddresses(line.body) };
    }
  }

  #answer(nowMs: number): void {
    for (let requests = this.#model.take(nowMs); requests.length > 0; ) {
      for (const request of requests) {
        switch (request.kind) {
          case 'inspect':
            this.#model.inspected(request.id, request.order, this.#inspect(request.id), nowMs);
            break;
          case 'list':
            this.#model.listed(
              this.#nextList()
                .map(listEntry)
                .filter((entry) => entry !== undefined),
              nowMs,
            );
            break;
          case 'networks':
            this.#model.networksListed(this.#networks());
            break;
          case 'network':
            this.#model.networkInspected(request.id, { kind: 'silent' });
            break;
        }
      }
      while (this.#model.hasNews && this.#model.flush());
      requests = this.#model.take(nowMs);
    }
    while (this.#model.hasNews && this.#model.flush());
  }

  /** The container as it is recorded next, or at this very list; gone where the next list lacks it. */
  #inspect(id: string): EngineReply {
    const list = this.#nextListAt();
    const entry = this.#nextList().find((body) => textAt(body, 'Id') === id);
    if (entry === undefined) return { kind: 'gone' };
    const from = this.#lines[this.#at]?.kind === 'list' ? this.#previousListAt() : this.#at;
    const inspected = this.#lines
      .slice(from, list + 1)
      .filter((line) => line.kind === 'inspect' && line.status === 200)
      .filter((line) => textAt(line.body, 'Id') === id)
      .at(-1);
    return { kind: 'known', body: inspected?.body ?? inspectFromList(entry) };
  }

  #nextListAt(): number {
    const next = this.#lines.findIndex((line, at) => at >= this.#at && line.kind === 'list');
    return next === -1 ? this.#lines.length : next;
  }

  #previousListAt(): number {
    return this.#lines.slice(0, this.#at).findLastIndex((line) => line.kind === 'list') + 1;
  }

  #nextList(): readonly unknown[] {
    const body = this.#lines[this.#nextListAt()]?.body;
    return Array.isArray(body) ? body : [];
  }

  #networks(): readonly unknown[] {
    return this.#lines.filter((line) => line.kind === 'network').map((line) => line.body);
  }

  #told(): Table {
    const owners = [...this.#sink.owners.values()].filter((owner) => owner.asksFrom.length > 0);
    return Object.fromEntries(
      owners
        .map((owner) => [owner.title, owner.addresses.map((at) => at.address).sort()] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  }
}

/** Where no inspect was recorded, what the list says of it in the shape of an inspect. */
function inspectFromList(entry: unknown): unknown {
  const state = textAt(entry, 'State');
  const [name = ''] = isObject(entry) && Array.isArray(entry.Names) ? entry.Names : [];
  return {
    Id: textAt(entry, 'Id'),
    Name: name,
    State: {
      Running: state === 'running' || state === 'paused' || state === 'restarting',
      Paused: state === 'paused',
      Restarting: state === 'restarting',
    },
    HostConfig: objectAt(entry, 'HostConfig'),
    Config: { Labels: objectAt(entry, 'Labels') },
    NetworkSettings: objectAt(entry, 'NetworkSettings'),
  };
}

/** Running containers of a list with addresses of their own. */
function listedAddresses(bodies: readonly unknown[]): Table {
  const running = bodies.filter((body) => /^(running|paused)$/.test(textAt(body, 'State')));
  const entries = running.map((body) => {
    const networks = Object.values(objectAt(objectAt(body, 'NetworkSettings'), 'Networks'));
    const addresses = networks
      .flatMap((at) => [textAt(at, 'IPAddress'), textAt(at, 'GlobalIPv6Address')])
      .filter((address) => address !== '');
    const names = isObject(body) && Array.isArray(body.Names) ? body.Names : [];
    const name = names.find((text) => !text.slice(1).includes('/'))?.slice(1) ?? '';
    return [name, addresses.sort()] as const;
  });
  return Object.fromEntries(
    entries.filter(([, addresses]) => addresses.length > 0).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
