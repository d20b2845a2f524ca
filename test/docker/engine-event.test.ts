import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseEvent } from '../../src/docker/engine-event.ts';
import { eventLine } from '../support/engine/bodies.ts';

/** What an event means, without its time and key. */
function meaning(type: string, action: string, attributes: Record<string, string> = {}): unknown {
  const event = parseEvent(eventLine(type, action, 'id1', attributes, 5));
  if (event === undefined) return undefined;
  const { key, atMs, ...rest } = event;
  assert.equal(atMs, 5);
  assert.ok(key.length > 0);
  return rest;
}

describe('an event', () => {
  const cases: readonly {
    readonly name: string;
    readonly is: readonly [string, string, Record<string, string>];
    readonly want: unknown;
  }[] = [
    {
      name: 'start',
      is: ['container', 'start', { name: 'web' }],
      want: { kind: 'container', id: 'id1', names: ['web'] },
    },
    {
      name: 'death',
      is: ['container', 'die', { name: 'web' }],
      want: { kind: 'die', id: 'id1', names: ['web'] },
    },
    {
      name: 'death in Podman’s word',
      is: ['container', 'died', {}],
      want: { kind: 'die', id: 'id1', names: [] },
    },
    {
      name: 'rename, with both names',
      is: ['container', 'rename', { name: 'new', oldName: '/old' }],
      want: { kind: 'rename', id: 'id1', names: ['new', 'old'], from: 'old', to: 'new' },
    },
    {
      name: 'creation, with the names in its labels',
      is: [
        'container',
        'create',
        {
          name: 'p-db-1',
          'com.docker.compose.project': 'p',
          'com.docker.compose.service': 'db',
          'homeport.names': 'x y',
        },
      ],
      want: {
        kind: 'create',
        id: 'id1',
        names: ['p-db-1', 'x', 'y', 'db', 'db.p'],
        name: 'p-db-1',
        labels: {
          'com.docker.compose.project': 'p',
          'com.docker.compose.service': 'db',
          'homeport.names': 'x y',
        },
      },
    },
    {
      name: 'signal',
      is: ['container', 'kill', { name: 'web', signal: '15' }],
      want: { kind: 'kill', id: 'id1' },
    },
    {
      name: 'health change',
      is: ['container', 'health_status: healthy', {}],
      want: { kind: 'container', id: 'id1', names: [] },
    },
    {
      name: 'probe',
      is: ['container', 'exec_create: sh -c true', { name: 'web' }],
      want: { kind: 'other' },
    },
    {
      name: 'connect',
      is: ['network', 'connect', { container: 'c1' }],
      want: { kind: 'connect', id: 'c1', network: 'id1' },
    },
    {
      name: 'disconnect',
      is: ['network', 'disconnect', { container: 'c1' }],
      want: { kind: 'disconnect', id: 'c1', network: 'id1' },
    },
    {
      name: 'connect as Podman says it',
      is: ['network', 'connect', { name: 'web' }],
      want: { kind: 'container', id: 'id1', names: [] },
    },
    { name: 'new network', is: ['network', 'create', {}], want: { kind: 'networks' } },
    { name: 'Swarm’s removed network', is: ['network', 'remove', {}], want: { kind: 'networks' } },
    {
      name: 'Swarm service',
      is: ['service', 'update', { name: 'Web' }],
      want: { kind: 'swarm', service: 'id1', names: ['web'] },
    },
    {
      name: 'Swarm node',
      is: ['node', 'update', { name: 'node-1', 'availability.new': 'drain' }],
      want: { kind: 'swarm', service: '', names: [] },
    },
    { name: 'pulled image', is: ['image', 'pull', {}], want: { kind: 'other' } },
  ];
  for (const { name, is, want } of cases) {
    it(`is read: ${name}`, () => assert.deepEqual(meaning(...is), want));
  }

  for (const line of [
    '',
    '{',
    'null',
    '[]',
    '7',
    '{"Type":"container"}',
    '{"Type":1,"Action":2}',
  ]) {
    it(`is not: ${line || '(empty)'}`, () => assert.equal(parseEvent(line), undefined));
  }
});
