/** Single steps of the model that generated sequences meet too seldom to be held by them. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { listEntry } from '../../src/docker/container-facts.ts';
import { parseEvent } from '../../src/docker/engine-event.ts';
import { EngineModel, type EngineRequest } from '../../src/docker/engine-model.ts';
import type { AnswerMode } from '../../src/docker/owner-of-container.ts';
import {
  eventLine,
  inspectBody,
  listBody,
  type MadeContainer,
  networkBody,
} from '../support/engine/bodies.ts';
import { KeptOwners } from '../support/engine/kept-owners.ts';

const ID = 'a'.repeat(64);
const NETWORK = { id: 'n'.repeat(64), name: 'n1', subnet: '172.20.0.0/16' };
const WEB: MadeContainer = {
  id: ID,
  name: 'web',
  endpoints: [{ network: 'n1', networkId: NETWORK.id, endpointId: 'e1', ipv4: '172.20.0.2' }],
};
const STOPPED: MadeContainer = { id: ID, name: 'web', state: 'exited', networkMode: 'n1' };

describe('the model', () => {
  let sink: KeptOwners;
  let model: EngineModel;
  let nowMs: number;
  let open: EngineRequest[];

  beforeEach(() => {
    sink = new KeptOwners();
    nowMs = 0;
    open = [];
    model = modelWith({ kind: 'container' });
  });

  const modelWith = (answer: AnswerMode) =>
    new EngineModel({ engine: 'local', answer, interfaces: () => ({}), sink, random: () => 1 });

  function turn(): void {
    open.push(...model.take(nowMs));
    while (model.hasNews && model.flush());
  }

  function event(
    action: string,
    attributes: Record<string, string> = {},
    type = 'container',
    id = ID,
  ): void {
    const parsed = parseEvent(eventLine(type, action, id, attributes, nowMs));
    assert.ok(parsed !== undefined);
    model.event(parsed, nowMs);
    turn();
  }

  /** Takes the oldest open request of that kind, which must be there. */
  function taken(kind: EngineRequest['kind'], id = ID): EngineRequest {
    const at = open.findIndex(
      (request) => request.kind === kind && (!('id' in request) || request.id === id),
    );
    const [request] = at === -1 ? [] : open.splice(at, 1);
    assert.ok(request !== undefined, `no ${kind} is asked for`);
    return request;
  }

  function describes(made: MadeContainer): void {
    const request = taken('inspect', made.id);
    assert.ok(request.kind === 'inspect');
    model.inspected(made.id, request.order, { kind: 'known', body: inspectBody(made) }, nowMs);
    turn();
  }

  function attached(ipv4: string): void {
    taken('network', NETWORK.id);
    const body = networkBody({ ...NETWORK, attached: { [ID]: { ipv4 } } });
    model.networkInspected(NETWORK.id, { kind: 'known', body });
    turn();
  }

  const addresses = (): string[] =>
    [...sink.owners.values()].flatMap((owner) => owner.addresses.map((at) => at.address));
  const conditions = (): string[] => [...sink.owners.values()].map((owner) => owner.condition);
  const connect = () => event('connect', { container: ID }, 'network', NETWORK.id);

  /** The container is known as this, and nothing is under way. */
  function known(made: MadeContainer): void {
    event('create', { name: made.name });
    describes(made);
  }

  it('tells a starting container’s address before its inspect comes back, as starting', () => {
    known(STOPPED);
    connect();
    assert.equal(sink.isWaiting('web', nowMs), true);
    attached('172.20.0.7');
    assert.deepEqual([addresses(), conditions()], [['172.20.0.7'], ['starting']]);
    assert.equal(sink.isWaiting('web', nowMs), false, 'nobody waits for the inspect that blocks');
    event('start', { name: 'web' });
    assert.equal(sink.isWaiting('web', nowMs), true);
    describes(WEB);
    describes(WEB);
    assert.deepEqual([addresses(), conditions()], [['172.20.0.2'], ['ready']]);
    assert.equal(sink.isWaiting('web', nowMs), false);
  });

  it('tells the address of a new container before its first inspect comes back, by the names in its event', () => {
    event('create', { name: 'web', image: 'bb', 'homeport.names': 'shop' });
    connect();
    assert.equal(sink.isWaiting('web', nowMs), true);
    assert.deepEqual(addresses(), []);
    attached('172.20.0.7');
    const names = [...sink.owners.values()].flatMap(({ claims }) => claims.map(({ name }) => name));
    assert.deepEqual(names.sort(), ['shop', 'web']);
    assert.deepEqual([addresses(), conditions()], [['172.20.0.7'], ['starting']]);
    assert.deepEqual([...sink.touches], [], 'nobody waits for the inspect that blocks');
    event('start', { name: 'web' });
    describes(WEB);
    describes(WEB);
    assert.deepEqual([addresses(), conditions()], [['172.20.0.2'], ['ready']]);
  });

  it('tells nothing by the event of a creation alone, nor what an inspect has said before', () => {
    event('create', { name: 'web' });
    turn();
    assert.deepEqual([...sink.owners.values()], []);
    describes(WEB);
    event('create', { name: 'other' });
    assert.deepEqual(addresses(), ['172.20.0.2']);
    taken('inspect');
    model.inspected(ID, Number.MAX_SAFE_INTEGER, { kind: 'gone' }, nowMs);
    turn();
    assert.deepEqual([addresses(), [...sink.touches]], [[], []]);
  });

  it('lets the names of a new container wait for its inspect where its host’s published ports are the answer', () => {
    model = modelWith({ kind: 'host', address: '192.0.2.1' });
    event('create', { name: 'web' });
    connect();
    attached('172.20.0.7');
    assert.deepEqual([...sink.owners.values()], []);
    assert.equal(sink.isWaiting('web', nowMs), true);
  });

  it('lets the names of a new task wait for its inspect, as its swarm says what its service has', () => {
    event('create', {
      name: 'web.1.q3x',
      'com.docker.swarm.task.id': 'q3x',
      'com.docker.swarm.service.name': 'web',
    });
    connect();
    attached('172.20.0.7');
    assert.deepEqual(addresses(), []);
    assert.equal(sink.isWaiting('web', nowMs), true);
  });

  it('tells the address of a run that began while the death before it has not been inspected', () => {
    known(WEB);
    event('die', { name: 'web' });
    connect();
    assert.equal(sink.isWaiting('web', nowMs), true);
    assert.deepEqual(addresses(), [], 'the run before is over');
    attached('172.20.0.8');
    assert.deepEqual([addresses(), conditions()], [['172.20.0.8'], ['starting']]);
    assert.deepEqual([...sink.touches], []);
    nowMs = 100;
    turn();
    assert.deepEqual(addresses(), ['172.20.0.8']);
  });

  it('takes back what a network said where the start fails', () => {
    known(STOPPED);
    connect();
    attached('172.20.0.7');
    event('disconnect', { container: ID }, 'network', NETWORK.id);
    assert.deepEqual(addresses(), []);
  });

  it('does not let a network’s late word replace that of an inspect', () => {
    known(STOPPED);
    connect();
    describes(WEB);
    attached('172.20.0.99');
    assert.deepEqual(addresses(), ['172.20.0.2']);
  });

  it('keeps a network’s word where an inspect comes back that began before it', () => {
    known(STOPPED);
    event('update', { name: 'web' });
    connect();
    attached('172.20.0.7');
    describes(STOPPED);
    assert.deepEqual(addresses(), ['172.20.0.7']);
    describes(STOPPED);
    assert.deepEqual(addresses(), []);
  });

  it('believes a death after 100 ms without an inspect, and the next run’s address', () => {
    known(WEB);
    event('die', { name: 'web' });
    nowMs = 99;
    turn();
    assert.deepEqual(addresses(), ['172.20.0.2']);
    assert.equal(model.nextMs, 100);
    nowMs = 100;
    turn();
    assert.deepEqual(addresses(), []);
    connect();
    attached('172.20.0.8');
    assert.deepEqual([addresses(), conditions()], [['172.20.0.8'], ['starting']]);
    assert.equal(model.nextMs, Number.POSITIVE_INFINITY);
  });

  it('does not believe a death of which an inspect since says otherwise', () => {
    known(WEB);
    event('die', { name: 'web' });
    describes(WEB);
    nowMs = 1000;
    turn();
    assert.deepEqual(addresses(), ['172.20.0.2']);
  });

  it('suspects a container that was sent a signal for two seconds, and looks at it in a refresh', () => {
    known(WEB);
    event('kill', { signal: '15' });
    assert.equal(sink.isWaiting('web', nowMs), true);
    model.refresh(() => undefined);
    turn();
    taken('list');
    model.listed(
      [WEB]
        .map(listBody)
        .map(listEntry)
        .filter((entry) => entry !== undefined),
      nowMs,
    );
    turn();
    describes(STOPPED);
    assert.deepEqual(addresses(), []);
    assert.equal(sink.isWaiting('web', 2001), false);
  });

  it('makes the names of those who share a network wait with it', () => {
    known(WEB);
    const sharer = {
      id: 'b'.repeat(64),
      name: 'tests',
      networkMode: `container:${ID}`,
      startedAtMs: 5,
    };
    event('create', { name: 'tests' }, 'container', sharer.id);
    describes(sharer);
    assert.deepEqual(addresses(), ['172.20.0.2', '172.20.0.2']);
    event('die', { name: 'web' });
    assert.equal(sink.isWaiting('tests', nowMs), true);
    describes(STOPPED);
    assert.deepEqual(addresses(), []);
    assert.equal(sink.isWaiting('tests', nowMs), false);
  });

  it('does not take a list that failed for an empty one', () => {
    known(WEB);
    let isDone = false;
    model.refresh(() => {
      isDone = true;
    });
    turn();
    taken('list');
    model.listed(null, nowMs);
    turn();
    assert.deepEqual([isDone, addresses()], [true, ['172.20.0.2']]);
    assert.deepEqual(
      open.filter(({ kind }) => kind === 'inspect'),
      [],
    );
  });

  it('asks for the list of networks where a container is on one that it does not know', () => {
    known(WEB);
    taken('networks');
    model.networksListed([]);
    known({ ...WEB, endpoints: [{ network: 'new', networkId: 'x', ipv4: '10.0.0.2' }] });
    taken('networks');
    model.networksListed([networkBody({ id: 'x', name: 'new', subnet: '10.0.0.0/24' })]);
    turn();
    assert.deepEqual(
      sink.changes.at(-1)?.networks?.list.map(({ key }) => key),
      ['local/x'],
    );
  });

  it('finds Podman’s networks by name, and their keys again once they are listed', () => {
    known({ ...WEB, endpoints: [{ network: 'n1', networkId: 'n1', ipv4: '172.20.0.2' }] });
    taken('networks');
    model.networksListed([networkBody(NETWORK)]);
    turn();
    const [owner] = [...sink.owners.values()];
    assert.equal(owner?.addresses[0]?.network, `local/${NETWORK.id}`);
  });

  it('tells the Compose projects that have a container, running or not', () => {
    const labels = { 'com.docker.compose.project': 'shop' };
    known({ ...STOPPED, labels });
    const projects = () => sink.changes.findLast((change) => change.projects)?.projects?.list;
    assert.deepEqual(projects(), ['shop']);
    event('destroy', { name: 'web' });
    const request = taken('inspect');
    assert.ok(request.kind === 'inspect');
    model.inspected(ID, request.order, { kind: 'gone' }, nowMs);
    turn();
    assert.deepEqual(projects(), []);
  });

  it('tells a run that ended unseen, with its names and its project, once for each run', () => {
    const labels = {
      'com.docker.compose.project': 'shop',
      'com.docker.compose.service': 'db',
      'homeport.names': 'pg',
    };
    const ended = () => sink.changes.flatMap((change) => change.ended ?? []);
    known({ ...STOPPED, labels });
    assert.deepEqual(ended(), [], 'no run of it has ended');
    const first = { ...STOPPED, labels, finishedAtMs: 5_000 };
    known(first);
    known(first);
    const want = { title: 'web', engine: 'local', project: 'shop', endedAtMs: 5_000 };
    assert.deepEqual(ended(), [{ ...want, names: ['pg', 'web', 'db', 'db.shop'] }]);
    known({ ...first, finishedAtMs: 9_000 });
    assert.equal(ended().at(-1)?.endedAtMs, 9_000);
  });

  it('tells no end of a run that is ignored, nor of one that it saw running', () => {
    known({ ...STOPPED, finishedAtMs: 5_000, labels: { 'homeport.ignore': 'true' } });
    known(WEB);
    known({ ...STOPPED, finishedAtMs: 6_000 });
    assert.deepEqual(
      sink.changes.flatMap((change) => change.ended ?? []),
      [],
    );
    assert.deepEqual(addresses(), []);
  });

  describe('a name that a rename took away', () => {
    const HEIR: MadeContainer = { ...WEB, id: 'b'.repeat(64), name: 'web-2' };

    beforeEach(() => {
      known(WEB);
      event('create', { name: 'web-2' }, 'container', HEIR.id);
      describes(HEIR);
      event('rename', { name: 'web-1', oldName: '/web' });
      describes({ ...WEB, name: 'web-1' });
    });

    it('waits for the container that is renamed to it, and no longer', () => {
      assert.equal(sink.isWaiting('web', nowMs), true);
      assert.equal(sink.isWaiting('web-1', nowMs), false);
      nowMs += 50;
      event('rename', { name: 'web', oldName: '/web-2' }, 'container', HEIR.id);
      assert.equal(sink.isWaiting('web', nowMs), true);
      describes({ ...HEIR, name: 'web' });
      assert.equal(sink.isWaiting('web', nowMs), false);
      assert.equal(sink.isWaiting('web-2', nowMs), true);
    });

    it('waits a moment, where nobody comes', () => {
      assert.equal(model.nextMs, nowMs + 200);
      nowMs += 199;
      turn();
      assert.equal(sink.isWaiting('web', nowMs), true);
      nowMs += 1;
      turn();
      assert.equal(sink.isWaiting('web', nowMs), false);
      assert.equal(sink.touches.size, 0);
    });

    it('waits no longer than the connection lasts', () => {
      model.disconnected();
      turn();
      assert.equal(sink.touches.size, 0);
    });
  });

  it('lets everybody go when the connection is lost, and keeps what is known', () => {
    known(WEB);
    event('update', { name: 'web' });
    let isDone = false;
    model.refresh(() => {
      isDone = true;
    });
    turn();
    model.disconnected();
    turn();
    assert.deepEqual([isDone, sink.touches.size, addresses()], [true, 0, ['172.20.0.2']]);
  });
});
