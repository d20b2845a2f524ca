/** Ten Compose projects with the same service names at once. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { REGION } from '../scene.ts';
import { itDoesWhatThePageSays } from './support/page.ts';
import { EXAMPLES, Setup, unavailable } from './support/setup.ts';

const NAME = 'parallel-builds';
const NAMES = ['web', 'redis'];

describe('parallel builds', { skip: unavailable('docker-compose') ?? false }, () => {
  let setup: Setup;

  before(async () => {
    setup = await Setup.start({
      name: NAME,
      production: Object.fromEntries(NAMES.map((name) => [`${name}.${REGION}`, '10.66.6.6'])),
    });
  });
  after(async () => {
    assert.deepEqual(setup?.production.leaks(NAMES), []);
    await setup?.stop();
  });

  itDoesWhatThePageSays(join(EXAMPLES, NAME), () => setup);
});
