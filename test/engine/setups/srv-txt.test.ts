/** A replica set that drivers find by SRV and TXT, on the host and inside a container. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { REGION } from '../scene.ts';
import { itDoesWhatThePageSays } from './support/page.ts';
import { EXAMPLES, Setup, unavailable } from './support/setup.ts';

const NAME = 'srv-and-txt';
const GUARDED = ['mongodb-cluster-a', ...[1, 2, 3].map((n) => `mongodb-cluster-a-node-${n}`)];

describe('a replica set by SRV and TXT', { skip: unavailable('docker-compose') ?? false }, () => {
  let setup: Setup;

  before(async () => {
    setup = await Setup.start({
      name: NAME,
      production: Object.fromEntries(GUARDED.map((name) => [`${name}.${REGION}`, '10.66.6.6'])),
    });
  });
  after(async () => {
    assert.deepEqual(setup?.production.leaks([...GUARDED, '_mongodb', '_27017', '_27018']), []);
    await setup?.stop();
  });

  itDoesWhatThePageSays(join(EXAMPLES, NAME), () => setup);
});
