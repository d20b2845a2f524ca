import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { EngineWatch, type EngineWatchOptions } from '../../src/docker/engine-watch.ts';
import { silentLogger } from '../../src/log.ts';
import { engineAt } from '../support/engine/at.ts';
import { FakeEngine } from '../support/engine/fake.ts';
import { AwaitedOwners } from '../support/engine/kept-owners.ts';

const CONTAINER = {
  id: 'c'.repeat(64),
  name: 'web',
  endpoints: [{ network: 'n1', networkId: 'n'.repeat(64), endpointId: 'e', ipv4: '172.20.0.2' }],
};

/** Carries what comes in on a socket to the fake engine. */
function carryTo(path: string): (client: Socket) => void {
  return (client) => {
    const engine = connect(path);
    client.pipe(engine).pipe(client);
    for (const socket of [client, engine]) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        engine.destroy();
      });
    }
  };
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port; // a TCP server has one
}

describe('an engine is watched', () => {
  let fake: FakeEngine;
  let folder: string;
  const servers: Server[] = [];
  const path = process.env.PATH;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hp-transports-'));
    fake = new FakeEngine();
    fake.containers.set(CONTAINER.id, CONTAINER);
    await fake.listen();
  });

  after(async () => {
    process.env.PATH = path;
    for (const server of servers) server.close();
    await fake.close();
    rmSync(folder, { recursive: true });
  });

  /** Sees what runs, then hears of an event, then ends. */
  async function works(options: Pick<EngineWatchOptions, 'url' | 'at'>): Promise<void> {
    const sink = new AwaitedOwners();
    const watch = new EngineWatch({ name: 'local', sink, log: silentLogger(), ...options });
    watch.start();
    try {
      await sink.until('connected', () => watch.state.kind === 'connected');
      assert.deepEqual(sink.addressesOf('web'), ['172.20.0.2']);
      fake.put({ ...CONTAINER, name: 'renamed' }, 'rename');
      await sink.until('renamed', () => sink.addressesOf('renamed').length > 0);
    } finally {
      await watch.close();
      fake.containers.set(CONTAINER.id, CONTAINER);
    }
  }

  /** Why it does not connect. */
  async function fails(options: Pick<EngineWatchOptions, 'url' | 'at'>): Promise<string> {
    const sink = new AwaitedOwners();
    const watch = new EngineWatch({ name: 'local', sink, log: silentLogger(), ...options });
    watch.start();
    const reason = () => (watch.state.kind === 'waiting' ? watch.state.reason : null);
    await sink.until('a reason', () => reason() !== null);
    await watch.close();
    return reason() ?? '';
  }

  it('over tcp', async () => {
    const server = createServer(carryTo(fake.socket));
    servers.push(server);
    await works(engineAt(`tcp://127.0.0.1:${await listening(server)}`));
  });

  it('over tcp with TLS and certificates on both sides, and not without', async () => {
    const file = (name: string) => join(folder, name);
    const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=test',
      '-keyout',
      file('key'),
      '-out',
      file('cert'),
      '-addext',
      'subjectAltName=IP:127.0.0.1',
    );
    const [key, cert] = [readFileSync(file('key'), 'utf8'), readFileSync(file('cert'), 'utf8')];
    const server = createTlsServer(
      { key, cert, ca: cert, requestCert: true },
      carryTo(fake.socket),
    );
    server.on('tlsClientError', () => undefined);
    servers.push(server);
    const url = `tcp://127.0.0.1:${await listening(server)}`;
    await works(engineAt(url, { ca: cert, key, cert }));
    assert.match(await fails(engineAt(url, { ca: cert })), /certificate|closed the connection/);
    assert.match(await fails(engineAt(url, { key, cert })), /self-signed|self signed/);
  });

  it('over ssh, as the docker command does', async () => {
    // In the place of ssh: a program that carries its standard streams to the engine.
    const script = `#!${process.execPath}
      const { connect } = require('node:net');
      if (process.argv.slice(-6).join(' ') !== '-T -- build-7 docker system dial-stdio') process.exit(2);
      const engine = connect(${JSON.stringify(fake.socket)});
      process.stdin.pipe(engine).pipe(process.stdout);
      engine.on('close', () => process.exit(0));
    `;
    writeFileSync(join(folder, 'ssh'), script, { mode: 0o755 });
    process.env.PATH = `${folder}:${path}`;
    await works(engineAt('ssh://build-7'));
  });

  it('not where ssh fails, and the reason is what ssh said', async () => {
    writeFileSync(
      join(folder, 'ssh'),
      '#!/bin/sh\necho "Host key verification failed." >&2; exit 255\n',
      { mode: 0o755 },
    );
    process.env.PATH = `${folder}:${path}`;
    assert.equal(await fails(engineAt('ssh://build-7')), 'Host key verification failed.');
  });

  it('not over what speaks no HTTP', async () => {
    const server = createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    servers.push(server);
    const reason = await fails(engineAt(`tcp://127.0.0.1:${await listening(server)}`));
    assert.equal(reason, 'what answers there speaks no HTTP');
  });

  it('not where something else answers', async () => {
    fake.fault(/version/, { kind: 'body', body: '{"name":"nginx"}' });
    assert.equal(await fails(engineAt(fake.url)), 'what answers there is no Docker engine');
    fake.fault(/version/, null);
  });
});
