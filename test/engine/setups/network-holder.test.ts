/** Containers that join another's network: their names follow the holder, and end with it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { REGION } from '../scene.ts';
import { itDoesWhatThePageSays } from './support/page.ts';
import { EXAMPLES, Setup, unavailable } from './support/setup.ts';

const NAME = 'network-holder';
const NAMES = ['networkholder', 'application', 'test-suite'];

describe('the network holder', { skip: unavailable('docker-compose') ?? false }, () => {
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
