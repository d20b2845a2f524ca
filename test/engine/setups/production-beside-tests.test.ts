/** A complete set with production's names on a network of its own, beside servers on the host's ports. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { REGION } from '../scene.ts';
import { itDoesWhatThePageSays } from './support/page.ts';
import { EXAMPLES, has, Setup, unavailable } from './support/setup.ts';

const NAME = 'production-beside-tests';
const MEMBERS = [1, 2, 3].map((n) => `mongodb-cluster-a-node-${n}`);
const GUARDED = [...MEMBERS, 'redis'];
const MUSL_SOURCE = fileURLToPath(new URL('../musl-lookup.c', import.meta.url));
const NO_MUSL = has('musl-gcc') ? false : 'there is no musl-gcc here (package musl-tools)';

describe('a production-like set beside a unit-test set', {
  skip: unavailable('docker-compose') ?? false,
}, () => {
  let setup: Setup;

  before(async () => {
    setup = await Setup.start({
      name: NAME,
      production: Object.fromEntries(GUARDED.map((name) => [`${name}.${REGION}`, '10.66.6.6'])),
    });
  });
  after(async () => {
    assert.deepEqual(setup?.production.leaks([...GUARDED, 'application', 'unit-mongodb']), []);
    await setup?.stop();
  });

  itDoesWhatThePageSays(join(EXAMPLES, NAME), () => setup);

  it('gives musl what it gives glibc, on each kind of network', { skip: NO_MUSL }, async () => {
    const { directory } = setup.engine;
    const program = join(directory, 'musl-lookup');
    execFileSync('musl-gcc', ['-static', '-o', program, MUSL_SOURCE]);
    const [member = ''] = MEMBERS;
    const asks = [
      { network: 'backend', name: member, want: await setup.addressOf(member, 'backend') },
      {
        network: 'backend',
        name: `${member}.${REGION}`,
        want: await setup.addressOf(member, 'backend'),
      },
      { network: 'bridge', name: member, want: await setup.addressOf(member) },
      { network: 'bridge', name: `${member}.${REGION}`, want: await setup.addressOf(member) },
      { network: 'bridge', name: 'unit-redis', want: '172.17.0.1' },
      { network: 'host', name: member, want: await setup.addressOf(member, 'backend') },
      { network: 'host', name: 'unit-redis', want: '127.0.0.1' },
    ];
    for (const { network, name, want } of asks) {
      const client = `docker run --rm --network ${network} -v ${directory}:/programs:ro homeport-example`;
      assert.equal(await setup.sh(`${client} /programs/musl-lookup ${name}`), want, network);
    }
  });
});
