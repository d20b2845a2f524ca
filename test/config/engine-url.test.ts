import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseEngineUrl } from '../../src/config/engine-url.ts';

describe('an engine url', () => {
  const cases = [
    { url: 'unix:///var/run/docker.sock', want: { kind: 'unix', path: '/var/run/docker.sock' } },
    { url: 'tcp://10.0.0.5:2376', want: { kind: 'tcp', host: '10.0.0.5', port: 2376 } },
    { url: 'tcp://10.0.0.5', want: { kind: 'tcp', host: '10.0.0.5', port: 2375 } },
    { url: 'tcp://10.0.0.5', usesTls: true, want: { kind: 'tcp', host: '10.0.0.5', port: 2376 } },
    { url: 'tcp://proxy:80', want: { kind: 'tcp', host: 'proxy', port: 80 } },
    { url: 'tcp://[fd00::5]:2375', want: { kind: 'tcp', host: 'fd00::5', port: 2375 } },
    {
      url: 'ssh://ci@build-7',
      want: { kind: 'ssh', host: 'build-7', port: null, user: 'ci', path: null },
    },
    {
      url: 'ssh://build-7:2222/run/d.sock',
      want: { kind: 'ssh', host: 'build-7', port: 2222, user: null, path: '/run/d.sock' },
    },
  ];
  for (const { url, usesTls = false, want } of cases) {
    it(`${url} ${usesTls ? 'with certificates ' : ''}is read`, () => {
      assert.deepEqual(parseEngineUrl(url, usesTls), { value: want });
    });
  }

  const refused = [
    { url: '', message: 'is no engine URL' },
    { url: '/var/run/docker.sock', message: 'is no engine URL' },
    { url: 'unix://docker.sock', message: 'has no absolute path' },
    { url: 'http://proxy:80/engine', message: 'has the scheme http' },
    { url: 'tcp://proxy/engine', message: 'has more than a host and a port' },
    { url: 'fd://x', message: 'has the scheme fd, which homeport does not speak' },
    { url: 'ssh://-oProxyCommand=evil', message: 'has no valid host' },
    { url: 'ssh://-l@build-7', message: 'has no valid host' },
  ];
  for (const { url, message } of refused) {
    it(`${url || '(empty)'} is refused with the reason and the way out`, () => {
      const read = parseEngineUrl(url, false);
      assert.ok('fault' in read);
      assert.equal(read.fault.message, message);
      assert.match(read.fault.wayOut, /^write /);
    });
  }
});
