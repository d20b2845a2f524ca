import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const TRANSPORTS = process.platform === 'linux' ? ['batch', 'dgram'] : ['dgram'];

const PROGRAM = fileURLToPath(new URL('support/serve-then-fail.ts', import.meta.url));

for (const transport of TRANSPORTS) {
  describe(`the answering thread over ${transport}`, () => {
    it('ends with a process that ends in an error, so that whoever watches it can start another', async () => {
      const argv = ['--import', 'tsx', PROGRAM, transport];
      const child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
      let stderr = '';
      child.stderr.on('data', (chunk) => {
        stderr += chunk;
      });
      const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
      const [code, signal] = await once(child, 'exit');
      clearTimeout(timer);
      assert.deepEqual([code, signal], [1, null], stderr);
      assert.match(stderr, /a bug/);
    });
  });
}
