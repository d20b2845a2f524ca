/** The running server's parity verdict follows the containers of a real engine. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { StatusReport } from '../../src/control/reports.ts';
import { engineAvailable, startEngine, type TestEngine } from '../support/engine.ts';
import { Homeport, type LogLine } from '../support/homeport.ts';

const REGION = 'us-east-1.domain.com';
/** Stubs know no port but 53; an address that nobody else takes. */
const ADDRESS = `127.54.${1 + (process.pid % 250)}.${1 + ((process.pid >> 8) % 250)}`;
const conf = (server: string): string =>
  `search ${REGION}\nnameserver ${server}\noptions ndots:1\n`;

describe('the parity verdict beside an engine', { skip: engineAvailable() ?? false }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'homeport-parity-'));
  let engine: TestEngine;
  let server: Homeport;

  const verdict = (after: LogLine | undefined): Promise<LogLine> =>
    server.waitFor(
      (line) =>
        line.msg === 'parity verdict changed' &&
        (after === undefined || server.lines.indexOf(line) > server.lines.indexOf(after)),
      60_000,
    );

  before(async () => {
    engine = await startEngine({ name: 'parity-watch' });
    await engine.importBusybox();
    const resolvConf = join(directory, 'resolv.conf');
    const production = join(directory, 'production.resolv.conf');
    writeFileSync(resolvConf, conf(ADDRESS));
    writeFileSync(production, conf('10.0.0.2'));
    server = await Homeport.start({
      config: {
        listen: [`${ADDRESS}:53`],
        region: REGION,
        resolv_conf: resolvConf,
        engines: [{ name: 'local', url: engine.url }],
        records: { db: '172.30.0.5' },
        expected: { names: ['db'] },
        parity: { production, stubs: ['glibc', 'musl'] },
      },
    });
  });
  after(async () => {
    await server?.stop();
    await engine?.stop();
    rmSync(directory, { recursive: true });
  });

  it('differs when a container starts that asks another server, and no more when it is gone', async () => {
    const first = await verdict(undefined);
    assert.equal(first.verdict, 'parity', JSON.stringify(first));
    await engine.run('web', { args: ['--dns', '10.9.9.9'] });
    const second = await verdict(first);
    assert.equal(second.verdict, 'differs', JSON.stringify(second));
    const { stdout } = await server.run('status', '--json');
    const { parity, engines } = JSON.parse(stdout) as StatusReport;
    assert.equal(
      engines[0]?.containers,
      1,
      'those of now, not of the moment in which it connected',
    );
    assert.ok(
      parity?.findings.every(({ target }) => target === 'container web'),
      stdout,
    );
    await engine.docker('rm', '-f', 'web');
    const third = await verdict(second);
    assert.equal(third.verdict, 'parity', JSON.stringify(third));
  });
});
