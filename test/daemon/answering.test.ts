import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Answering } from '../../src/daemon/answering.ts';
import { SETTINGS } from './support/settings.ts';

const TRANSPORTS =
  process.platform === 'linux' ? (['batch', 'dgram'] as const) : (['dgram'] as const);

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

    it('that ends at its start leaves nobody waiting for it, then or later', async () => {
      const settings = { ...SETTINGS, allow: ['nonsense'] };
      const died: string[] = [];
      const nothing = () => undefined;
      const thread = new Answering(
        { transport, settings, isShared: false },
        {
          refresh: async () => undefined,
          askStream: nothing,
          told: nothing,
          died: (reason) => died.push(reason),
        },
      );
      const anywhere = { address: '127.0.0.1', port: 0 };
      await assert.rejects(thread.listen(anywhere), { code: 'BIND_FAILED' });
      await assert.rejects(thread.listen(anywhere), { code: 'BIND_FAILED' });
      await assert.rejects(thread.report(), { code: 'BIND_FAILED' });
      await thread.close();
      assert.equal(died.length, 1);
    });
  });
}
