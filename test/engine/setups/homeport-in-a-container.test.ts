/** homeport as a container, with docker.sock and behind a read-only proxy. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { fileURLToPath } from 'node:url';
import { buildExecutable } from '../../../config/package/executable.ts';
import { PRODUCTION, REGION } from '../scene.ts';
import { itDoesWhatThePageSays } from './support/page.ts';
import { EXAMPLES, Setup, unavailable } from './support/setup.ts';

const FOLDER = fileURLToPath(new URL('../../../config/docker', import.meta.url));
const NAMES = ['redis', 'web'];

describe('homeport as a container', {
  skip: unavailable('docker-compose', 'haproxy') ?? false,
}, () => {
  let setup: Setup;
  let building: string;

  before(async () => {
    building = mkdtempSync(join(tmpdir(), 'homeport-image-'));
    const config = join(building, 'homeport.yaml');
    const page = readFileSync(join(FOLDER, 'homeport.yaml'), 'utf8');
    writeFileSync(config, page.replace('10.0.0.2', PRODUCTION));
    const executable = await buildExecutable(building);
    setup = await Setup.start({
      name: 'homeport-in-a-container',
      folder: FOLDER,
      env: { HOMEPORT_CONFIG: config },
      production: Object.fromEntries(NAMES.map((name) => [`${name}.${REGION}`, '10.66.6.6'])),
      withoutServer: true,
    });
    await setup.mountSocket();
    await setup.sh(`LIBRARIES_OF=${executable} sh ${EXAMPLES}/image.sh base setpriv`);
    await setup.sh(`sh ${EXAMPLES}/image.sh haproxy:lts haproxy`);
    await setup.sh(
      `tar -c Dockerfile entrypoint.sh -C ${building} homeport | docker build -q --build-arg BASE=base -t homeport -`,
    );
  });
  after(async () => {
    rmSync(building, { recursive: true, force: true });
    assert.deepEqual(setup?.production.leaks(NAMES), []);
    await setup?.stop();
  });

  itDoesWhatThePageSays(FOLDER, () => setup);
});
