/** A manager's engine as the model sees it: events, reads, and containers that know before the swarm does. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { beforeEach, describe, it } from 'node:test';
import { listEntry } from '../../../src/docker/container-facts.ts';
import { parseEvent } from '../../../src/docker/engine-event.ts';
import { EngineModel, type EngineRequest } from '../../../src/docker/engine-model.ts';
import type { SwarmBodies } from '../../../src/docker/swarm/swarm-facts.ts';
import {
  eventLine,
  inspectBody,
  listBody,
  type MadeContainer,
} from '../../support/engine/bodies.ts';
import { KeptOwners } from '../../support/engine/kept-owners.ts';

const FIXTURE = new URL('../../fixtures/swarm/two-nodes.json', import.meta.url);
const recorded = JSON.parse(readFileSync(FIXTURE, 'utf8'));
const VIP = '7rwyac0jw2u9goal8vd13gkqe';

/** The containers of the tasks that run on the manager. */
const LOCAL: readonly MadeContainer[] = recorded.tasks.flatMap((task: Task) => {
  const id = task.Status.ContainerStatus?.ContainerID ?? '';
  if (task.NodeID !== recorded.nodeId || id === '') return [];
  const name = recorded.services.find((at: Service) => at.ID === task.ServiceID).Spec.Name;
  const labels = {
    'com.docker.swarm.service.name': name,
    'com.docker.swarm.task.id': task.ID,
  };
  return [{ id, name: `${name}.${task.Slot ?? 0}.${task.ID}`, labels, endpoints: [] }];
});

interface Service {
  readonly ID: string;
  readonly Spec: { readonly Name: string };
}

interface Task {
  readonly ID: string;
  readonly NodeID?: string;
  readonly ServiceID: string;
  readonly Slot?: number;
  readonly Status: { readonly ContainerStatus?: { readonly ContainerID?: string } };
}

describe('the model of a manager’s engine', () => {
  let sink: KeptOwners;
  let model: EngineModel;
  let nowMs: number;
  let open: EngineRequest[];
  let dead: Set<string>;

  beforeEach(() => {
    sink = new KeptOwners();
    nowMs = 0;
    open = [];
    dead = new Set();
    const interfaces = () => ({});
    model = new EngineModel({ engine: 'local', answer: { kind: 'container' }, interfaces, sink });
    model.sync(Number.POSITIVE_INFINITY, () => undefined);
    model.readSwarm();
    answerAll();
  });

  function turn(): void {
    open.push(...model.take(nowMs));
    while (model.hasNews && model.flush());
  }

  /** Answers every request that is open and those that follow, swarm reads by these bodies. */
  function answerAll(swarm: SwarmBodies | 'gone' | 'silent' = recorded): void {
    for (turn(); open.length > 0; turn()) answer(open.shift() as EngineRequest, swarm);
  }

  function answer(request: EngineRequest, swarm: SwarmBodies | 'gone' | 'silent'): void {
    switch (request.kind) {
      case 'networks':
        model.networksListed(recorded.networks);
        break;
      case 'network':
        model.networkInspected(request.id, { kind: 'silent' });
        break;
      case 'list': {
        const bodies = LOCAL.filter(({ id }) => !dead.has(id)).map(listBody);
        model.listed(
          bodies.map(listEntry).filter((entry) => entry !== undefined),
          nowMs,
        );
        break;
      }
      case 'inspect': {
        const made = LOCAL.find(({ id }) => id === request.id);
        const state = dead.has(request.id) ? { state: 'exited' as const } : {};
        const body = made && inspectBody({ ...made, ...state });
        const reply =
          body === undefined ? { kind: 'gone' as const } : { kind: 'known' as const, body };
        model.inspected(request.id, request.order, reply, nowMs);
        break;
      }
      case 'swarm':
        model.swarmRead(swarm, nowMs);
        break;
    }
  }

  function event(type: string, action: string, id: string, attributes = {}): void {
    const parsed = parseEvent(eventLine(type, action, id, attributes, nowMs));
    assert.ok(parsed !== undefined);
    model.event(parsed, nowMs);
    turn();
  }

  const titles = (name: string): readonly string[] =>
    [...sink.owners.values()]
      .filter(({ claims }) => claims.some((claim) => claim.name === name))
      .map(({ title }) => title)
      .sort();

  it('tells services and tasks, and no names of the tasks’ containers', () => {
    assert.deepEqual(titles('vip'), ['vip']);
    assert.deepEqual(titles('tasks.vip'), ['vip.1', 'vip.2']);
    assert.deepEqual(titles('each'), ['each.m1', 'each.w1']);
    const odd = [...sink.owners.values()].flatMap(({ claims }) => claims.map(({ name }) => name));
    assert.deepEqual(
      odd.filter((name) => /^vip\.\d\.\w/.test(name)),
      [],
    );
  });

  it('lets queries wait after a service event until the swarm has been read', () => {
    nowMs = 10;
    event('service', 'update', VIP, { name: 'vip' });
    for (const name of ['vip', 'shop.internal', 'tasks.vip']) {
      assert.equal(sink.isWaiting(name, nowMs), true, name);
    }
    assert.equal(sink.isWaiting('each', nowMs), false);
    answerAll();
    assert.equal(sink.isWaiting('vip', nowMs), false);
  });

  it('drops a task whose container died here, although the swarm still calls it running', () => {
    const container = LOCAL.find(({ name }) => name.startsWith('vip.2'));
    assert.ok(container !== undefined);
    nowMs = 10;
    event('container', 'die', container.id, container.labels);
    assert.equal(sink.isWaiting('tasks.vip', nowMs), true);
    dead.add(container.id);
    answerAll();
    assert.equal(sink.isWaiting('tasks.vip', nowMs), false);
    assert.deepEqual(titles('tasks.vip'), ['vip.1']);
  });

  it('reads again by itself while a service converges, and tells what has changed', () => {
    const tasks = recorded.tasks.filter((task: Task) => task.ServiceID !== VIP);
    nowMs = model.nextMs;
    assert.ok(nowMs <= 4000, String(nowMs));
    answerAll({ ...recorded, tasks });
    assert.deepEqual(titles('tasks.vip'), []);
    assert.match(
      [...sink.owners.values()].find(({ title }) => title === 'vip')?.trouble ?? '',
      /no running task/,
    );
  });

  it('keeps what it knew where the swarm cannot be read, and forgets it where there is none', () => {
    const before = sink.owners.size;
    nowMs = 10;
    event('node', 'update', 'n');
    answerAll('silent');
    assert.equal(sink.owners.size, before);
    assert.equal(sink.touches.size, 0);
    event('node', 'update', 'n');
    answerAll('gone');
    assert.deepEqual(titles('vip'), []);
    assert.equal(
      [...sink.owners.values()].some(({ kind }) => kind === 'service'),
      false,
    );
  });
});
