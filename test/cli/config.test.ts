import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { homeport } from '../support/terminal.ts';

describe('homeport config', () => {
  let folder = '';
  let file = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'homeport-cli-config-'));
    file = join(folder, 'h.yaml');
  });
  after(() => rmSync(folder, { recursive: true }));

  it('check says what a right file comes to', async () => {
    writeFileSync(
      file,
      'region: a.example\nengines: []\nupstreams: ["[fd00::2]:54"]\ncontrol: c.sock\n',
    );
    assert.deepEqual(await homeport(['config', 'check', file]), {
      exitCode: 0,
      err: '',
      out: `ok ${file}
  listen     127.0.0.1:5300
  search     a.example
  upstreams  [fd00::2]:54
  engines    none
  records    0
  expected   none
  control    ${join(folder, 'c.sock')}
`,
    });
  });

  it('check takes the file of HOMEPORT_CONFIG', async () => {
    writeFileSync(file, 'ttl: 5\n');
    const { exitCode } = await homeport(['config', 'check'], { env: { HOMEPORT_CONFIG: file } });
    assert.equal(exitCode, 0);
  });

  it('check tells every error, and how many', async () => {
    writeFileSync(file, 'tll: 5\nhold_ms: x\n');
    assert.deepEqual(await homeport(['config', 'check', file]), {
      exitCode: 78,
      out: '',
      err: `${file}:1:1: tll: unknown key — did you mean ttl?
${file}:2:10: hold_ms: is not a whole number of milliseconds from 0 to 5000 ("x") — write 250
2 errors
`,
    });
  });

  it('check tells what is seldom meant, and is content', async () => {
    writeFileSync(file, 'allow: [0.0.0.0/0]\n');
    const { exitCode, err } = await homeport(['config', 'check', file]);
    assert.equal(exitCode, 0);
    assert.match(err, /:1:9: warning: allow\[0\]: lets everybody ask/);
  });

  it('check --json is for programs', async () => {
    writeFileSync(file, 'tll: 5\n');
    const { exitCode, out } = await homeport(['config', 'check', file, '--json']);
    assert.equal(exitCode, 78);
    assert.deepEqual(JSON.parse(out), {
      file,
      problems: [
        {
          where: `${file}:1:1`,
          path: 'tll',
          message: 'unknown key',
          wayOut: 'did you mean ttl?',
          value: null,
        },
      ],
      warnings: [],
    });
  });

  it('schema describes every key', async () => {
    const { exitCode, out } = await homeport(['config', 'schema']);
    assert.equal(exitCode, 0);
    const schema = JSON.parse(out) as { properties: Record<string, { description?: string }> };
    for (const [key, { description }] of Object.entries(schema.properties)) {
      assert.ok(description !== undefined && description.length > 10, `${key} has no description`);
    }
  });
});
