/** The script that switches the host, with a systemctl that says what a test wants and keeps what it is told. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { FALLBACK_LOCK } from '../../src/host/addresses.ts';
import { fallbackScript } from '../../src/host/plan/fallback-script.ts';

const SYSTEMCTL = `#!/bin/sh
here=\${0%/*}
if [ "$1" = show ]; then cat "$here/$4 \${2#--property=}"; else echo "systemctl $*" >>"$here/told"; fi
`;
const SYSTEMD_RUN = `#!/bin/sh
echo "systemd-run $*" >>"\${0%/*}/told"
`;
const LATER = /^systemd-run .*--unit=homeport-again --on-active=30 --on-unit-inactive=30 .* again$/;

describe('the fallback script', { skip: process.platform !== 'linux' }, () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'homeport-fallback-'));
    for (const [name, text] of Object.entries({ systemctl: SYSTEMCTL, 'systemd-run': SYSTEMD_RUN }))
      writeFileSync(join(folder, name), text, { mode: 0o755 });
    const script = fallbackScript({ resolvConf: null, resolved: null })
      .replace(/^PATH=/m, `PATH=${folder}:`)
      .replaceAll(FALLBACK_LOCK, join(folder, 'lock'));
    writeFileSync(join(folder, 'fallback'), script);
  });
  after(() => rmSync(folder, { recursive: true }));

  /** What systemd is told where homeport's two units stand so. */
  function told(direction: 'on' | 'again', service: string, socket: string): readonly string[] {
    const file = join(folder, 'told');
    rmSync(file, { force: true });
    const [active = '', sub = 'dead'] = service.split('/');
    writeFileSync(join(folder, 'homeport.service ActiveState'), active);
    writeFileSync(join(folder, 'homeport.service SubState'), sub);
    writeFileSync(join(folder, 'homeport.socket ActiveState'), socket);
    execFileSync('sh', [join(folder, 'fallback'), direction]);
    return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  }

  for (const [service, socket] of [
    // Systemd still tries: the failure after which it gives up tells nobody who is at work already.
    ['activating/auto-restart', 'active'],
    ['failed', 'active'],
    ['failed', 'failed'],
    ['inactive', 'failed'],
  ] as const) {
    it(`looks again later where the service is ${service} and its socket ${socket}`, () => {
      const said = told('on', service, socket);
      assert.equal(said.length, 1);
      assert.match(said[0] ?? '', LATER);
    });
  }

  for (const [service, socket] of [
    ['active/running', 'active'],
    ['inactive', 'inactive'],
    ['inactive', 'active'],
    ['failed', 'inactive'],
  ] as const) {
    it(`leaves it at that where the service is ${service} and its socket ${socket}`, () => {
      assert.deepEqual(told('on', service, socket), []);
    });
  }

  it('starts what systemd has given up, and goes on looking', () => {
    assert.deepEqual(told('again', 'failed', 'active'), [
      'systemctl reset-failed homeport.service homeport.socket',
      'systemctl start --no-block homeport.socket homeport.service',
    ]);
  });

  it('goes on looking while systemd tries', () => {
    assert.deepEqual(told('again', 'activating/auto-restart', 'active'), []);
  });

  for (const [service, socket] of [
    ['active/running', 'active'],
    ['inactive', 'inactive'],
    ['failed', 'inactive'],
  ] as const) {
    it(`looks no more where the service is ${service} and its socket ${socket}`, () => {
      assert.deepEqual(told('again', service, socket), ['systemctl stop homeport-again.timer']);
    });
  }
});
