/** The build agent is a container that shares the host's engine: its databases are siblings, reached by plain name. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { engineAvailable } from '../../support/engine.ts';
import { REGION } from '../scene.ts';
import { itDoesWhatThePageSays } from './support/page.ts';
import { EXAMPLES, Setup } from './support/setup.ts';

const NAME = 'agent-in-a-container';
const NAMES = ['mongodb-cluster-a-node-1', 'redis'];

describe('an agent in a container', { skip: engineAvailable() ?? false }, () => {
  let setup: Setup;

  before(async () => {
    setup = await Setup.start({
      name: NAME,
      production: Object.fromEntries(NAMES.map((name) => [`${name}.${REGION}`, '10.66.6.6'])),
    });
    await setup.mountSocket();
  });
  after(async () => {
    assert.deepEqual(setup?.production.leaks(NAMES), []);
    await setup?.stop();
  });

  itDoesWhatThePageSays(join(EXAMPLES, NAME), () => setup);
});
