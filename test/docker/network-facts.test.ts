import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { attachedContainers, networkFacts, networkOf } from '../../src/docker/network-facts.ts';
import type { Network } from '../../src/names/owner.ts';
import { type MadeNetwork, networkBody } from '../support/engine/bodies.ts';
import { recording } from '../support/engine/recording.ts';

const ID = '1665c448162a'.padEnd(64, '0');
const DOCKER0 = { options: { 'com.docker.network.bridge.name': 'docker0' } };

function network(made: Partial<MadeNetwork>, hints: readonly string[] = []): Network | undefined {
  const facts = networkFacts(networkBody({ id: 'i', name: 'n', subnet: '172.17.0.0/16', ...made }));
  const interfaces = {
    docker0: [{ address: '172.17.0.1' }, { address: 'fe80::1' }],
    'br-1665c448162a': [{ address: '172.17.3.1' }],
    eth0: [{ address: '172.17.9.9' }],
  };
  return facts && networkOf(facts, { engine: 'local', tellsWhoAsks: true, interfaces, hints });
}

describe('a network', () => {
  const gateways = [
    { name: 'is its own', made: { gateway: '172.17.0.254' }, want: ['172.17.0.254'] },
    { name: 'is that of its interface (docker0 names none)', made: DOCKER0, want: ['172.17.0.1'] },
    {
      name: 'is that of the bridge that Docker named after it',
      made: { id: ID },
      want: ['172.17.3.1'],
    },
    { name: 'is none of a bridge’s where it has none', made: { id: ID, driver: 'x' }, want: [] },
    {
      name: 'is what a container says of it',
      made: {},
      hints: ['172.17.0.7'],
      want: ['172.17.0.7'],
    },
    { name: 'is not what lies outside its subnet', made: {}, hints: ['10.0.0.1'], want: [] },
    {
      name: 'is some router’s on macvlan, not the host’s',
      made: { driver: 'macvlan', gateway: '172.17.0.1' },
      want: [],
    },
  ];
  for (const { name, made, hints = [], want } of gateways) {
    it(`has a gateway that ${name}`, () => assert.deepEqual(network(made, hints)?.gateways, want));
  }

  for (const [driver, isReachable] of [
    ['bridge', true],
    ['overlay', false],
    ['macvlan', false],
    ['ipvlan', false],
  ] as const) {
    it(`of the driver ${driver} is ${isReachable ? '' : 'not '}reached from the host`, () => {
      assert.equal(network({ driver })?.isHostReachable, isReachable);
    });
  }

  it('belongs to a Compose project by its label', () => {
    assert.equal(network({ labels: { 'com.docker.compose.project': 'shop' } })?.project, 'shop');
    assert.equal(network({})?.project, null);
  });

  it('leaves out subnets that are none', () => {
    assert.deepEqual(network({ subnet: 'nonsense/99' })?.subnets, []);
  });

  for (const body of [null, [], {}, { Id: 1, Name: 'n' }, { Id: 'x' }]) {
    it(`is not what ${JSON.stringify(body)} describes`, () => {
      assert.equal(networkFacts(body), undefined);
      assert.deepEqual(attachedContainers(body), []);
    });
  }

  it('shows its containers with their addresses, recorded from Swarm', () => {
    const bodies = recording('docker-20.10--swarm').filter((line) => line.kind === 'network');
    const attached = bodies.flatMap((line) => attachedContainers(line.body));
    assert.ok(
      attached.some((at) => at.ipv4 === '10.0.1.3' && at.containerId.startsWith('2fe9b622e796')),
    );
  });
});
