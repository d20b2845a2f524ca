/**
 * Inside a network and mount namespace of its own: a stand-in for homeport on 127.53.0.1, production's
 * server on 127.0.0.2, and the command beside them. Prints what the command printed, and its exit code.
 *
 * Arguments: DIRECTORY, and the answer of the stand-in for `db`.
 */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fakeServer } from './collect/fake-server.ts';

const REGION = 'us-east-1.domain.com';
const [, , directory = '', answer = ''] = process.argv;

const production = join(directory, 'production.yaml');
writeFileSync(
  production,
  `homeport-profile: 1
resolv.conf: |
  search ${REGION}
  nameserver 127.0.0.2
answers:
  127.0.0.2:
    db.${REGION} A: 10.1.1.1
    db.${REGION} AAAA: NODATA
`,
);
const config = join(directory, 'homeport.yaml');
writeFileSync(
  config,
  `listen: ["127.53.0.1:53"]
region: ${REGION}
control: ${join(directory, 'no.sock')}
engines: []
records: { db: 172.18.0.5 }
expected: { names: [db] }
parity: { production: production.yaml, stubs: [glibc, musl] }
`,
);

const homeport = await fakeServer(
  {
    'db A': answer,
    [`db.${REGION} A`]: answer,
    'db AAAA': 'NOERROR',
    [`db.${REGION} AAAA`]: 'NOERROR',
  },
  '127.53.0.1',
  53,
);
const theirs = await fakeServer({ [`db.${REGION} A`]: '10.1.1.1' }, '127.0.0.2', 53);
const program = fileURLToPath(new URL('program.ts', import.meta.url));
const argv = ['--import', 'tsx', program, 'parity', '--config', config, '--live', '--json'];
execFile(process.execPath, argv, (error, stdout, stderr) => {
  const exitCode = error === null ? 0 : error.code;
  process.stdout.write(JSON.stringify({ exitCode, report: stdout, stderr }));
  homeport.close();
  theirs.close();
});
