import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseEngineUrl } from '../../src/docker/engine-url.ts';
import { sshArgv } from '../../src/docker/ssh-agent.ts';

const TLS = { ca: 'CA', cert: 'CERT', key: 'KEY' };

describe('an engine url', () => {
  const cases = [
    { url: 'unix:///var/run/docker.sock', want: { kind: 'unix', path: '/var/run/docker.sock' } },
    {
      url: 'tcp://10.0.0.5:2376',
      tls: TLS,
      want: { kind: 'tcp', host: '10.0.0.5', port: 2376, prefix: '', tls: TLS },
    },
    {
      url: 'tcp://10.0.0.5',
      want: { kind: 'tcp', host: '10.0.0.5', port: 2375, prefix: '', tls: null },
    },
    {
      url: 'tcp://10.0.0.5',
      tls: TLS,
      want: { kind: 'tcp', host: '10.0.0.5', port: 2376, prefix: '', tls: TLS },
    },
    {
      url: 'tcp://[fd00::5]:2375',
      want: { kind: 'tcp', host: 'fd00::5', port: 2375, prefix: '', tls: null },
    },
    {
      url: 'http://proxy:80/engine',
      want: { kind: 'tcp', host: 'proxy', port: 80, prefix: '/engine', tls: null },
    },
    { url: 'https://proxy', want: { kind: 'tcp', host: 'proxy', port: 2376, prefix: '', tls: {} } },
    {
      url: 'https://proxy:443',
      want: { kind: 'tcp', host: 'proxy', port: 443, prefix: '', tls: {} },
    },
    {
      url: 'ssh://ci@build-7',
      want: { kind: 'ssh', host: 'build-7', port: null, user: 'ci', path: null },
    },
    {
      url: 'ssh://build-7:2222/run/d.sock',
      want: { kind: 'ssh', host: 'build-7', port: 2222, user: null, path: '/run/d.sock' },
    },
  ] as const;
  for (const at of cases) {
    it(`${at.url} ${'tls' in at ? 'with certificates ' : ''}is read`, () => {
      assert.deepEqual(parseEngineUrl(at.url, 'tls' in at ? at.tls : null), at.want);
    });
  }

  const refused = [
    { url: '', why: 'is no URL' },
    { url: '/var/run/docker.sock', why: 'is no URL' },
    { url: 'unix://docker.sock', why: 'has no absolute path' },
    { url: 'npipe:////./pipe/docker_engine', why: 'has no host' },
    { url: 'fd://x', why: 'has the scheme fd:' },
    { url: 'ssh://-oProxyCommand=evil', why: 'has a host that begins with a hyphen' },
  ] as const;
  for (const { url, why } of refused) {
    it(`${url || '(empty)'} is refused with the reason and the way out`, () => {
      assert.throws(() => parseEngineUrl(url), {
        code: 'CONFIG_INVALID',
        message: `engine url "${url}" ${why}; write unix:///path, tcp://host:port or ssh://user@host`,
      });
    });
  }

  it('becomes a command of ssh that never asks and ends its options before the host', () => {
    const argv = sshArgv({ kind: 'ssh', host: 'build-7', port: 2222, user: 'ci', path: '/d.sock' });
    assert.equal(
      argv.join(' '),
      'ssh -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=5 -o ServerAliveCountMax=2 -l ci -p 2222 -T -- build-7 docker --host unix:///d.sock system dial-stdio',
    );
  });
});
