import assert from 'node:assert/strict';
import { it } from 'node:test';
import { checkReading } from '../../src/config/load.ts';
import { ownersOfRecords } from '../../src/config/records.ts';

it('makes an owner of each static record, in the order of the file', () => {
  const text = `records:
  "*.Env.dev.internal": [10.0.0.7, "FD00::7", 10.0.0.7]
  cache: { cname: Redis., ttl: 5 }
  db: { addresses: [10.0.0.8], srv: { _MongoDB._tcp: 27017 }, txt: [rs0] }
`;
  const result = checkReading({ text }, 'h.yaml', { env: {} });
  assert.ok('config' in result);
  const owners = ownersOfRecords(result.config);
  assert.deepEqual(
    owners.map(({ id, claims, addresses, cname, ttlSeconds, ports, texts }) => ({
      id,
      names: claims.map(({ name, source }) => `${name} ${source}`),
      addresses: addresses.map(({ address }) => address),
      cname,
      ttlSeconds,
      ports,
      texts,
    })),
    [
      {
        id: 'static/*.env.dev.internal',
        names: ['*.env.dev.internal record'],
        addresses: ['10.0.0.7', 'fd00::7'],
        cname: null,
        ttlSeconds: null,
        ports: [],
        texts: [],
      },
      {
        id: 'static/cache',
        names: ['cache record'],
        addresses: [],
        cname: 'redis',
        ttlSeconds: 5,
        ports: [],
        texts: [],
      },
      {
        id: 'static/db',
        names: ['db record'],
        addresses: ['10.0.0.8'],
        cname: null,
        ttlSeconds: null,
        ports: [{ service: '_mongodb._tcp', port: 27_017 }],
        texts: ['rs0'],
      },
    ],
  );
  assert.ok(owners.every(({ kind, condition }) => kind === 'static' && condition === 'ready'));
});
