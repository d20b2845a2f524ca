import assert from 'node:assert/strict';
import { it } from 'node:test';
import { sshArgv } from '../../src/docker/ssh-agent.ts';

it('the command of ssh never asks, and ends its options before the host', () => {
  const argv = sshArgv({ kind: 'ssh', host: 'build-7', port: 2222, user: 'ci', path: '/d.sock' });
  assert.equal(
    argv.join(' '),
    'ssh -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=5 -o ServerAliveCountMax=2 -l ci -p 2222 -T -- build-7 docker --host unix:///d.sock system dial-stdio',
  );
});
