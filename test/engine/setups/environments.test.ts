/** Names that appear and go: a wildcard to a proxy, a container's label over it, leases over both or under. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { itDoesWhatThePageSays } from './support/page.ts';
import { EXAMPLES, Setup, unavailable } from './support/setup.ts';

const NAME = 'environments';

describe('environments on demand', { skip: unavailable('docker-compose') ?? false }, () => {
  let setup: Setup;

  before(async () => {
    setup = await Setup.start({ name: NAME });
  });
  after(async () => {
    // Production has no environments, and is not asked for any.
    assert.deepEqual(setup?.production.leaks(['shop', 'demoapi', 'mobile']), []);
    await setup?.stop();
  });

  itDoesWhatThePageSays(join(EXAMPLES, NAME), () => setup);

  it('a container that comes while its name is leased takes it over at once', async () => {
    await setup.sh('homeport lease add late.env.dev.internal 10.0.0.9 --for 1h');
    assert.deepEqual(await setup.lookUp('late.env.dev.internal'), ['10.0.0.9']);
    await setup.sh(
      'docker run -d --name late -l homeport.names=late.env.dev.internal homeport-example answer 80 late-itself',
    );
    assert.deepEqual(await setup.lookUp('late.env.dev.internal'), [await setup.addressOf('late')]);
    assert.equal(await setup.connect('late.env.dev.internal', 80), 'late-itself');
  });
});
