import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';

const TRANSPORTS = process.platform === 'linux' ? ['batch', 'dgram'] : ['dgram'];

/** Serves, then meets a bug on the main thread. */
const program = (transport: string) => `
  const { Answering } = await import('./src/daemon/answering.ts');
  const settings = {
    searchDomains: [], localDomains: [], ttlSeconds: 0, holdMs: 250, networkOrder: [], expected: [],
    whenMissing: 'refuse', allow: [], allowEngineNetworks: false,
    cache: { size: 0, maxTtlSeconds: 0, negativeMaxTtlSeconds: 0, serveStaleSeconds: 0 },
  };
  const nothing = () => undefined;
  const duties = { refresh: async () => {}, askStream: nothing, told: nothing, died: nothing };
  const thread = new Answering({ transport: '${transport}', settings, isShared: false }, duties);
  // A server has more to wait for than this thread; newer Node would end before it has answered.
  setInterval(nothing, 1000);
  await thread.listen({ address: '127.0.0.1', port: 0 });
  setImmediate(() => { throw new Error('a bug'); });
`;

/** Newer Node hands a program of `-e` on to its threads, which then do not start as this one does. */
const SKIPPED =
  Number(process.versions.node.split('.')[0]) > 20 &&
  'a thread of a program given by -e does not start';

for (const transport of TRANSPORTS) {
  describe(`the answering thread over ${transport}`, { skip: SKIPPED }, () => {
    it('ends with a process that ends in an error, so that whoever watches it can start another', async () => {
      const argv = ['--import', 'tsx', '--input-type=module', '-e', program(transport)];
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
