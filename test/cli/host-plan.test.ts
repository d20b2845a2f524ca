import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { hostContext } from '../../src/cli/host-context.ts';
import { planText } from '../../src/cli/host-plan.ts';
import { processTerminal } from '../../src/cli/terminal.ts';
import { homeport } from '../support/terminal.ts';

const skip =
  process.platform !== 'linux' || existsSync('/var/lib/homeport-host') ? 'not a bare host' : false;

describe('homeport host plan', { skip }, () => {
  const plan = (...flags: string[]) =>
    homeport(['host', 'plan', '--region', 'r.example', ...flags]);

  it('shows what the host’s files become, and of its own long files what they are for', async () => {
    const { out } = await plan();
    assert.match(out, /^ {2}\+HOMEPORT_OPTIONS=--listen /m);
    assert.match(
      out,
      /^ {2}\+\+\+ \/var\/lib\/homeport-host\/fallback\n {2}\+# Switches what this host asks: .*\n {2}\d{2,3} lines, homeport's own; --full prints them$/m,
    );
    assert.doesNotMatch(out, /try_again\(\)/);
  });

  it('shows a file that there is already as a diff, however long', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'homeport-plan-'));
    const file = join(folder, 'homeport.service');
    const context = await hostContext({ region: 'r.example' });
    const units = context.plan.changes.find(({ id }) => id === 'units');
    const unit = units?.files.find(({ path }) => path.endsWith('/homeport.service'));
    assert.ok(units !== undefined && unit !== undefined);
    writeFileSync(file, unit.text.replace('Type=notify', 'Type=simple'));
    const plan = { ...context.plan, changes: [{ ...units, files: [{ ...unit, path: file }] }] };
    try {
      const text = planText({ ...context, plan }, processTerminal(), false);
      assert.match(text, /^ {2}-Type=simple\n {2}\+Type=notify$/m);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('shows every line on request', async () => {
    const { out } = await plan('--full');
    assert.match(out, /^ {2}\+try_again\(\) \{$/m);
    assert.doesNotMatch(out, /--full prints them/);
  });
});
