/** Cookies as a real dig sees them, over both transports and TCP. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { answer, FakeUpstream } from '../support/fake-upstream.ts';
import { Homeport } from '../support/homeport.ts';

const run = promisify(execFile);
const TRANSPORTS = process.platform === 'linux' ? ['batch', 'dgram'] : ['dgram'];
const skip = spawnSync('dig', ['-v']).error === undefined ? false : 'dig is not installed';

for (const transport of TRANSPORTS) {
  describe(`dig +cookie over ${transport}`, { skip }, () => {
    let upstream: FakeUpstream;
    let server: Homeport;

    before(async () => {
      upstream = await FakeUpstream.start();
      upstream.answers({ 'www.example.com': answer('www.example.com. 60 IN A 10.9.8.7') });
      server = await Homeport.start({
        config: {
          transport,
          threads: transport === 'batch' ? 2 : 1,
          upstreams: [`127.0.0.1:${upstream.port}`],
          records: { 'web.internal': '10.0.0.5' },
          expected: { names: ['missing'] },
        },
      });
    });
    after(async () => {
      await server?.stop();
      await upstream?.stop();
    });

    const asked = [
      { name: 'an owned name', ask: ['web.internal'], status: 'NOERROR' },
      { name: 'an owned name over TCP', ask: ['web.internal', '+tcp'], status: 'NOERROR' },
      { name: 'a forwarded name', ask: ['www.example.com'], status: 'NOERROR' },
      { name: 'a kept name over TCP', ask: ['www.example.com', '+tcp'], status: 'NOERROR' },
      { name: 'a missing name', ask: ['missing'], status: 'NXDOMAIN' },
    ];
    for (const { name, ask, status } of asked) {
      it(`finds ours good for ${name}`, async () => {
        const to = ['@127.0.0.1', '-p', String(server.port), '+tries=1', '+time=5'];
        const { stdout } = await run('dig', [...to, '+cookie=2464c4abcf10c957', ...ask]);
        assert.match(stdout, new RegExp(`status: ${status},`));
        assert.match(stdout, /; COOKIE: 2464c4abcf10c957010000[0-9a-f]{26} \(good\)/);
      });
    }
  });
}
