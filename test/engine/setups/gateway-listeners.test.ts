/** Listening at the gateways of bridge networks: opened and closed with them, and replies from the address asked. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse, stringify } from 'yaml';
import { engineAvailable } from '../../support/engine.ts';
import { REGION } from '../scene.ts';
import { itDoesWhatThePageSays } from './support/page.ts';
import { EXAMPLES, Setup } from './support/setup.ts';

const NAME = 'gateway-listeners';
const CREATE_CI =
  'docker network create --subnet 172.30.2.0/24 -o com.docker.network.bridge.name=br-ci ci';
/** Times that a network is made and removed without a rest. */
const REMAKES = 5;

describe('listening where containers can reach it', { skip: engineAvailable() ?? false }, () => {
  let setup: Setup;

  before(async () => {
    setup = await Setup.start({ name: NAME, production: { [`redis.${REGION}`]: '10.66.6.6' } });
  });
  after(async () => {
    assert.deepEqual(setup?.production.leaks(['redis', 'asker']), []);
    await setup?.stop();
  });

  itDoesWhatThePageSays(join(EXAMPLES, NAME), () => setup);

  /** What the container on the network `shop` is told at that address. */
  const told = async (gateway: string, ...words: readonly string[]): Promise<string> => {
    const line = `docker exec asker dig @${gateway} +short +tries=1 +time=1 ${words.join(' ')} redis`;
    return (await setup.shell(line)).stdout.trim();
  };
  const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
    const deadline = performance.now() + 20_000;
    while (!(await holds())) assert.ok(performance.now() < deadline, what);
  };

  it('answers the first container of a network at once, each time that the network is made anew', async () => {
    const web = '--network ci --network-alias web -v /usr:/usr:ro homeport-example';
    const dig = 'dig @172.30.2.1 +short +tries=1 +time=2';
    for (let i = 0; i < REMAKES; i++) {
      await setup.sh(`docker network rm ci && ${CREATE_CI}`);
      const found = await setup.sh(`docker run --rm ${web} sh -c '${dig} web; ${dig} +tcp web'`);
      assert.match(found, /^(172\.30\.2\.\d+)\n\1$/);
    }
  });

  it('has one socket for each address and protocol, however often the networks came and went', async () => {
    const sockets = await setup.sh("ss -Hlnut 'sport = :53' | awk '{ print $1, $5 }' | sort");
    const addresses = ['127.0.0.1', '172.17.0.1', '172.30.1.1', '172.30.2.1'];
    const wanted = ['tcp', 'udp'].flatMap((protocol) =>
      addresses.map((address) => `${protocol} ${address}:53`),
    );
    assert.deepEqual(
      sockets.split('\n').filter((line) => !line.includes('127.0.0.9')),
      wanted,
    );
  });

  it('follows a new configuration: named interfaces, and one that appears later', async () => {
    const page: unknown = parse(readFileSync(join(EXAMPLES, NAME, 'docker0.yaml'), 'utf8'));
    await setup.sh('docker network rm ci');
    await setup.server.configure((text) => stringify({ ...parse(text), ...Object(page) }));
    await until('an end at shop’s gateway', async () =>
      (await told('172.30.1.1')).includes('refused'),
    );
    const redis = await setup.addressOf('redis', 'shop');
    assert.equal(await told('172.17.0.1'), redis, 'docker0 stays');
    await setup.sh(CREATE_CI);
    await until('br-ci over UDP', async () => (await told('172.30.2.1')) === redis);
    assert.equal(await told('172.30.2.1', '+tcp'), redis);
    await setup.sh('docker network rm ci');
    await setup.server.waitFor(
      ({ msg, address }) => msg === 'stopped listening' && address === '172.30.2.1',
    );
  });
});
