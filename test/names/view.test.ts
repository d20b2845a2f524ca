import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sealDelta } from '../../src/names/sealed-delta.ts';
import { Clients } from '../../src/names/view.ts';
import { change, network, overlay, owner, table } from './builders.ts';

const LIST = [
  network('front', 1, { project: 'p', gateways: ['172.18.1.1', 'fd01::1'] }),
  network('back', 2),
  overlay('mesh', 3),
  network('lan', 4, {
    driver: 'macvlan',
    subnets: ['192.168.1.0/24'],
    gateways: [],
    isHostReachable: false,
  }),
  network('nested', 5, { key: 'far/nested', engine: 'far', tellsWhoAsks: false }),
];

function known(list: readonly ReturnType<typeof network>[] = LIST): Clients {
  const names = table();
  const clients = new Clients();
  const owners = [
    owner('agent', { project: 'p', addresses: ['172.18.1.2@front', '172.18.2.2@back'] }),
    owner('onlan', { addresses: ['192.168.1.50@lan'] }),
    owner('inner', { engine: 'far', addresses: ['172.18.5.2@nested'], asksFrom: [] }),
  ];
  for (const engine of ['local', 'far']) {
    const networks = { engine, list: list.filter((at) => at.engine === engine) };
    clients.apply(sealDelta(names.apply(change({ networks, upserts: owners }), 0)));
  }
  return clients;
}

describe('the view of a client', () => {
  const host = { kind: 'host' };
  const remote = { kind: 'remote', localAddress: '10.0.0.1' };
  const cases: readonly { name: string; from: string; at?: string | null; want: unknown }[] = [
    { name: 'is the host’s from 127.0.0.1', from: '127.0.0.1', want: host },
    { name: 'is the host’s from all of 127.0.0.0/8', from: '127.53.0.1', want: host },
    { name: 'is the host’s from ::1', from: '::1', want: host },
    { name: 'is the host’s from a gateway address of its own', from: '172.18.1.1', want: host },
    { name: 'is the host’s from an IPv6 gateway address', from: 'fd01::1', want: host },
    {
      name: 'is the host’s from the very address that was asked',
      from: '192.168.1.9',
      at: '192.168.1.9',
      want: host,
    },
    {
      name: 'is the container’s from its address, with its networks and the host’s addresses there',
      from: '172.18.2.2',
      want: {
        kind: 'container',
        title: 'agent',
        engine: 'local',
        project: 'p',
        networks: ['local/back', 'local/front'],
        gateways: ['172.18.2.1', '172.18.1.1', 'fd01::1'],
      },
    },
    {
      name: 'is the container’s on a macvlan too',
      from: '192.168.1.50',
      want: {
        kind: 'container',
        title: 'onlan',
        engine: 'local',
        project: null,
        networks: ['local/lan'],
        gateways: [],
      },
    },
    {
      name: 'is that of the network and its project for an unknown address on it',
      from: '172.18.1.77',
      want: {
        kind: 'container',
        title: null,
        engine: 'local',
        project: 'p',
        networks: ['local/front'],
        gateways: ['172.18.1.1', 'fd01::1'],
      },
    },
    { name: 'is remote from the LAN', from: '10.9.9.9', want: remote },
    {
      name: 'is remote from the LAN that a macvlan shares',
      from: '192.168.1.77',
      want: remote,
    },
    { name: 'is remote from an overlay’s subnet', from: '172.18.3.7', want: remote },
    { name: 'is remote from a network that does not tell', from: '172.18.5.2', want: remote },
    {
      name: 'is remote without the asked address where that is not known',
      from: '10.9.9.9',
      at: null,
      want: { kind: 'remote', localAddress: null },
    },
    { name: 'is remote for what is no address', from: 'nonsense', want: remote },
  ];
  for (const { name, from, at = '10.0.0.1', want } of cases) {
    it(name, () => assert.deepEqual(known().viewOf(from, at), want));
  }

  it('is that of the smaller one of two subnets that hold the address', () => {
    const wide = network('wide', 9, { subnets: ['172.18.0.0/16'], gateways: [] });
    const view = known([wide, ...LIST]).viewOf('172.18.2.77', null);
    assert.ok(view.kind === 'container');
    assert.deepEqual(view.networks, ['local/back']);
  });

  it('is remote where two subnets hold the address alike: a view needs certainty', () => {
    const twin = network('twin', 2, { key: 'far/twin', engine: 'far' });
    assert.equal(known([...LIST, twin]).viewOf('172.18.2.77', null).kind, 'remote');
  });
});

describe('the generation of views', () => {
  it('rises with clients and networks, and with nothing else', () => {
    const names = table();
    const clients = new Clients();
    const networks = { engine: 'local', list: LIST };
    const web = owner('web', { addresses: ['172.18.1.2@front'] });
    const generations = [
      change({ networks }),
      change({ upserts: [web] }),
      change({ upserts: [{ ...web, condition: 'paused' }] }),
      change({ removals: [web.id] }),
      change({}),
    ].map((step) => {
      clients.apply(sealDelta(names.apply(step, 0)));
      return clients.generation;
    });
    assert.deepEqual(generations, [1, 2, 2, 3, 3]);
  });

  it('forgets a container that left', () => {
    const names = table();
    const clients = new Clients();
    const web = owner('web', { addresses: ['172.18.1.2@front'] });
    const networks = { engine: 'local', list: LIST };
    clients.apply(sealDelta(names.apply(change({ networks, upserts: [web] }), 0)));
    clients.apply(sealDelta(names.apply(change({ removals: [web.id] }), 0)));
    const view = clients.viewOf('172.18.1.2', null);
    assert.equal(view.kind === 'container' && view.title, null);
  });
});
