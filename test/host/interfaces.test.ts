import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { describe, it } from 'node:test';
import { hostInterfaces, withQuietInterfaces } from '../../src/host/interfaces.ts';

/** Of a host with docker0 and two more bridges, 172.30.1.1 and br-ci 172.30.2.1, none with a container (Linux 6.18). */
const tables = {
  fibTrie: fixture('quiet-bridges.fib_trie'),
  route: fixture('quiet-bridges.route'),
  isLittleEndian: true,
};
const LISTED = { lo: [{ address: '127.0.0.1' }, { address: '::1' }] };

function fixture(name: string): string {
  return readFileSync(new URL(`../fixtures/interfaces/${name}`, import.meta.url), 'utf8');
}

function shown(interfaces: ReturnType<typeof hostInterfaces>): string[] {
  return Object.entries(interfaces).map(
    ([name, own]) => `${name} ${own.map(({ address }) => address).join()}`,
  );
}

describe('the interfaces of a host', () => {
  it('include bridges that have no container yet', () => {
    assert.deepEqual(shown(withQuietInterfaces(LISTED, tables)), [
      'lo 127.0.0.1,::1',
      'docker0 172.17.0.1',
      'br-1665c448162a 172.30.1.1',
      'br-ci 172.30.2.1',
    ]);
  });

  it('have no address twice', () => {
    const listed = { ...LISTED, docker0: [{ address: '172.17.0.1' }, { address: 'fd00::1' }] };
    assert.deepEqual(shown(withQuietInterfaces(listed, tables)).slice(0, 2), [
      'lo 127.0.0.1,::1',
      'docker0 172.17.0.1,fd00::1',
    ]);
  });

  it('are those with the narrowest subnet, not those of a route through a gateway', () => {
    const route = [
      'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT',
      'eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0',
      'eth0\t000011AC\t0100000A\t0003\t0\t0\t0\t0000FFFF\t0\t0\t0',
      'wide\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0',
      'narrow\t000011AC\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
    ].join('\n');
    const found = withQuietInterfaces(LISTED, { ...tables, route });
    assert.deepEqual(shown(found), ['lo 127.0.0.1,::1', 'narrow 172.17.0.1']);
  });

  it('are Node’s where there is no routing table to read', () => {
    const none = { fibTrie: '', route: '', isLittleEndian: true };
    assert.deepEqual(withQuietInterfaces(LISTED, none), LISTED);
  });

  it('are here at least those that Node lists', () => {
    const found = hostInterfaces();
    for (const [name, own] of Object.entries(networkInterfaces())) {
      const addresses = (found[name] ?? []).map(({ address }) => address);
      for (const { address } of own ?? []) assert.ok(addresses.includes(address));
    }
  });
});
