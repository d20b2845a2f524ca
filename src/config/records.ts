/** Static records as owners, so that they are answered like everything else. */
import type { Owner } from '../names/owner.ts';
import type { Config, StaticRecord } from './config.ts';

/** The owners that the configuration's records are. Their order is the file's. */
export function ownersOfRecords(config: Pick<Config, 'records'>): readonly Owner[] {
  return config.records.map(ownerOfRecord);
}

function ownerOfRecord(record: StaticRecord): Owner {
  const id = `static/${record.name}`;
  return {
    id,
    kind: 'static',
    title: record.name,
    engine: '',
    project: null,
    group: id,
    condition: 'ready',
    startedAtMs: 0,
    claims: [{ name: record.name, source: 'record', networks: null }],
    addresses: record.addresses.map((address) => ({ address, network: null })),
    isOnHost: false,
    preferredNetwork: null,
    trouble: null,
    ttlSeconds: record.ttlSeconds,
    ports: record.ports,
    texts: record.texts,
    cname: record.cname,
    asksFrom: [],
  };
}
