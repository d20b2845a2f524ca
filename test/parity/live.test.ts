import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Report, reportSchema } from '../../src/parity/report/report.ts';

const SCENE = fileURLToPath(new URL('live-scene.ts', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'homeport-live-'));
after(() => rmSync(directory, { recursive: true }));
const isRoot = process.getuid?.() === 0;

/** Runs the command in namespaces whose getaddrinfo asks the stand-in, which answers `db` so. */
async function live(answer: string): Promise<Report> {
  const resolvConf = join(directory, 'resolv.conf');
  writeFileSync(resolvConf, 'search us-east-1.domain.com\nnameserver 127.53.0.1\n');
  const script = 'ip link set lo up && mount --bind "$1" /etc/resolv.conf && shift && exec "$@"';
  const argv = ['--net', '--mount', 'sh', '-c', script, 'sh', resolvConf];
  const node = [process.execPath, '--import', 'tsx', SCENE, directory, answer];
  const text = await new Promise<string>((resolve, reject) => {
    execFile('unshare', [...argv, ...node], (error, stdout) => {
      if (error !== null) reject(error);
      else resolve(stdout);
    });
  });
  const ran = JSON.parse(text);
  assert.ok(ran.exitCode === 0 || ran.exitCode === 1, ran.stderr);
  return reportSchema.parse(JSON.parse(ran.report));
}

describe('homeport parity --live', { skip: !isRoot && 'namespaces need root' }, () => {
  it('finds that getaddrinfo, homeport and production agree with the simulation', async () => {
    const report = await live('172.18.0.5');
    assert.deepEqual(
      report.live?.map(({ through, real, verdict }) => `${through} ${real} ${verdict}`),
      [
        'homeport 127.53.0.1 172.18.0.5 agrees',
        'production 127.0.0.2 10.1.1.1 agrees',
        'getaddrinfo 172.18.0.5 agrees',
      ],
    );
    assert.ok(!report.findings.some(({ id }) => id.startsWith('live-')));
  });

  it('finds that what answers is not what was simulated', async () => {
    const report = await live('10.6.6.6');
    const disagreeing = report.findings.filter(({ id }) => id === 'live-disagrees');
    assert.deepEqual(
      disagreeing.map(({ message }) => message),
      [
        'db through homeport 127.53.0.1: 10.6.6.6, simulated 172.18.0.5',
        'db through getaddrinfo: 10.6.6.6, simulated 172.18.0.5',
      ],
    );
  });

  it("finds production's own address", async () => {
    const report = await live('10.1.1.1');
    assert.equal(report.findings.filter(({ id }) => id === 'live-leak').length, 2);
    assert.equal(report.exitCode, 1);
  });
});
