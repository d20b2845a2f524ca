import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reverseVerdict } from '../../src/daemon/explaining-reverse.ts';
import { NameTable } from '../../src/names/name-table.ts';
import { change, network, owner, record, settingsWith } from '../names/builders.ts';

const NETWORKS = [network('backend', 1), network('far', 2, { tellsWhoAsks: false })];

const table = new NameTable({ departedForMs: 0 });
table.apply(
  change({
    upserts: [
      owner('web', {
        claims: ['web name', 'www alias@backend', 'api.example label'],
        addresses: ['172.18.1.2@backend', '10.1.0.2@other'],
        project: 'shop',
        startedAtMs: 1,
      }),
      owner('sidecar', { addresses: ['172.18.1.2@backend'], asksFrom: [], startedAtMs: 2 }),
      owner('slow', { addresses: ['fd00::7@backend'], condition: 'starting' }),
      record('pg.dev.internal', ['10.0.0.5']),
    ],
    networks: { engine: 'local', list: NETWORKS },
  }),
  0,
);
const world = {
  settings: settingsWith(NETWORKS),
  region: 'us-east-1.domain.com',
  reverseOf: (address: string) => table.reverseOf(address),
};

describe('a reverse name', () => {
  it('is explained by the container that has the address, and what PTR gives', () => {
    assert.deepEqual(reverseVerdict('2.1.18.172.in-addr.arpa', 'PTR', world), {
      kind: 'owned',
      owner: 'web',
      ready: true,
      ownerKind: 'container',
      engine: 'local',
      project: 'shop',
      source: 'name',
      addresses: [{ address: '172.18.1.2', network: 'backend' }],
      cname: null,
      ttlSeconds: 0,
      note: 'PTR: web.us-east-1.domain.com, api.example, www.us-east-1.domain.com, sidecar.us-east-1.domain.com',
    });
  });

  const cases = [
    {
      name: 'of an owned address has nothing but PTR',
      ask: ['2.1.18.172.in-addr.arpa', 'A'],
      want: /^owned no data: this name has PTR alone, web\.us-east-1/,
    },
    {
      name: 'of an IPv6 address, by a container that is starting',
      ask: [`7.${'0.'.repeat(27)}0.0.d.f.ip6.arpa`, 'PTR'],
      want: /^owned PTR: slow\.us-east-1\.domain\.com$/,
    },
    {
      name: 'of a record',
      ask: ['5.0.0.10.in-addr.arpa', 'ANY'],
      want: /^owned PTR: pg\.dev\.internal$/,
    },
    {
      name: 'of another address of an engine’s network exists nowhere',
      ask: ['9.1.18.172.in-addr.arpa', 'PTR'],
      want: /^nonexistent no container has 172\.18\.1\.9/,
    },
    {
      name: 'of a network that does not tell who asks is none of ours',
      ask: ['9.2.18.172.in-addr.arpa', 'PTR'],
      want: undefined,
    },
    {
      name: 'of a foreign address is none of ours',
      ask: ['8.8.8.8.in-addr.arpa', 'PTR'],
      want: undefined,
    },
    {
      name: 'of a whole zone is none of ours',
      ask: ['1.18.172.in-addr.arpa', 'PTR'],
      want: undefined,
    },
    { name: 'is no name that ends elsewhere', ask: ['web', 'PTR'], want: undefined },
  ] as const;
  for (const { name, ask, want } of cases) {
    it(name, () => {
      const verdict = reverseVerdict(ask[0], ask[1], world);
      if (want === undefined) assert.equal(verdict, undefined);
      else assert.match(wordsOf(verdict), want);
    });
  }
});

function wordsOf(verdict: ReturnType<typeof reverseVerdict>): string {
  if (verdict?.kind === 'owned') return `owned ${verdict.note}`;
  return verdict?.kind === 'nonexistent' ? `nonexistent ${verdict.reason}` : `${verdict?.kind}`;
}
