import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
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

  it('shows every line on request', async () => {
    const { out } = await plan('--full');
    assert.match(out, /^ {2}\+try_again\(\) \{$/m);
    assert.doesNotMatch(out, /--full prints them/);
  });
});
