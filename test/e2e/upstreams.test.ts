/** Several upstreams: failover, memory of who is down, recovery, domains of their own, refusals, lies, TLS, loops. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ask, askTcp } from '../support/ask.ts';
import { makeCertificate } from '../support/certificate.ts';
import {
  afterForgery,
  answer,
  closing,
  cutOverUdp,
  denial,
  FakeUpstream,
  inTurn,
  type Script,
  silence,
} from '../support/fake-upstream.ts';
import { Homeport } from '../support/homeport.ts';
import { query } from '../support/message.ts';
import { statusOf } from './status.ts';

const REGION = 'us-east-1.domain.com';
const TLS_NAME = 'dns.example.com';

/** Answers every A with this address, at its own name. */
const always =
  (address: string): Script =>
  (asked) =>
    answer(`${asked.name}. 0 IN A ${address}`)(asked);

const addressIn = (answers: readonly string[]) => answers.at(-1)?.split(' ').at(-1);

describe('several upstreams', () => {
  let first: FakeUpstream;
  let second: FakeUpstream;
  let corporate: FakeUpstream;
  let secret: FakeUpstream;
  let server: Homeport;
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'homeport-upstreams-'));
    const certificate = makeCertificate(TLS_NAME);
    writeFileSync(join(folder, 'ca.pem'), certificate.cert);
    [first, second, corporate, secret] = await Promise.all([
      FakeUpstream.start(),
      FakeUpstream.start(),
      FakeUpstream.start({ address: '127.0.0.2' }),
      FakeUpstream.start({ tls: certificate }),
    ]);
    first.otherwise(always('10.0.0.1'));
    second.otherwise(always('10.0.0.2'));
    corporate.otherwise(always('10.0.0.3'));
    secret.otherwise(always('10.0.0.4'));
    server = await Homeport.start({
      config: {
        region: REGION,
        cache: { size: 0 },
        upstreams: [
          first.url,
          second.url,
          { domain: 'corp.example.com', servers: [corporate.url] },
          { domain: 'deep.corp.example.com', servers: [second.url] },
          { domain: 'secret.example', servers: [`tls://${secret.url}#${TLS_NAME}`] },
          { domain: 'wrong.example', servers: [`tls://${secret.url}#other.example.com`] },
        ],
      },
      // Node's own way to trust one more authority.
      env: { NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') },
    });
  });
  after(async () => {
    for (const upstream of [first, second, corporate, secret]) {
      assert.deepEqual(upstream?.bareNames, []);
      await upstream?.stop();
    }
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const asked = async (name: string) => addressIn((await ask(server.port, name)).answers);

  const domains = [
    { name: 'www.example.com', address: '10.0.0.1' },
    { name: 'git.corp.example.com', address: '10.0.0.3' },
    { name: 'CORP.example.com', address: '10.0.0.3' },
    { name: 'x.deep.corp.example.com', address: '10.0.0.2' },
    { name: 'notcorp.example.com', address: '10.0.0.1' },
    { name: 'a.secret.example', address: '10.0.0.4' },
  ];
  for (const { name, address } of domains) {
    it(`asks the servers of the longest domain for ${name}`, async () => {
      assert.equal(await asked(name), address);
    });
  }

  it('keeps one TLS connection for many questions', async () => {
    const before = secret.connections;
    await Promise.all(Array.from({ length: 20 }, (_, i) => asked(`n${i}.secret.example`)));
    assert.ok(secret.connections - before <= 1, `${secret.connections - before} connections`);
    assert.ok(secret.seen.every(({ via }) => via === 'tls'));
  });

  it('survives that a TLS server closes its connections', async () => {
    secret.cutConnections();
    assert.equal(await asked('after.secret.example'), '10.0.0.4');
  });

  it('does not send a word to a TLS server with another name', async () => {
    const before = secret.seen.length;
    const reply = await ask(server.port, 'a.wrong.example', 'A', { edns: 1232 });
    assert.equal(reply.rcode, 'SERVFAIL');
    assert.match(reply.errors.join(), /^22 .*(altnames|Hostname)/);
    assert.equal(secret.seen.length, before);
  });

  it('asks the next one where the first refuses or fails', async () => {
    for (const rcode of [2, 5]) {
      first.answers({ 'refused.example': denial(rcode, null) });
      assert.equal(await asked('refused.example'), '10.0.0.2');
    }
  });

  it('believes a denial, and asks nobody else', async () => {
    first.answers({ 'denied.example': denial(3) });
    assert.equal((await ask(server.port, 'denied.example')).rcode, 'NXDOMAIN');
    assert.equal(second.countOf('denied.example'), 0);
  });

  it('does not believe replies with another ID or question, and waits for the right one', async () => {
    const spoilers: readonly ((reply: Buffer) => Buffer)[] = [
      (reply) => {
        reply.writeUInt16BE(reply.readUInt16BE(0) ^ 1, 0);
        return reply;
      },
      (reply) => {
        reply.write('lied', 13, 'latin1');
        return reply;
      },
      (reply) => {
        // No reply at all, but a query.
        reply.writeUInt8(reply.readUInt8(2) & 0x7f, 2);
        return reply;
      },
      () => Buffer.from('rubbish'),
    ];
    for (const [i, spoil] of spoilers.entries()) {
      const name = `true${i}.example`;
      first.answers({ [name]: afterForgery((reply) => spoil(reply), always('10.0.0.1')) });
      assert.equal(await asked(name), '10.0.0.1');
    }
  });

  it('asks the next one where TCP is cut off after a truncated reply', async () => {
    first.answers({ 'cut.example': cutOverUdp(closing) });
    assert.equal(await asked('cut.example'), '10.0.0.2');
  });

  it('asks again where a datagram is lost', async () => {
    first.answers({ 'lost.example': inTurn(silence, always('10.0.0.1')) });
    second.answers({ 'lost.example': silence });
    assert.equal(await asked('lost.example'), '10.0.0.1');
  });

  it('waits for a dead server once or twice, not for ever, and says that it is down', async () => {
    const address = `127.0.0.1:${first.port}`;
    await first.stop();
    // ICMP tells at once.
    const began = performance.now();
    for (let i = 0; i < 5; i++) assert.equal(await asked(`n${i}.dead.example`), '10.0.0.2');
    assert.ok(performance.now() - began < 1_000);
    await server.waitFor(({ msg, upstream }) => msg === 'upstream is down' && upstream === address);
    const { upstreams } = await statusOf(server);
    assert.deepEqual(
      upstreams.filter(({ isUp }) => !isUp).map(({ server: text }) => text),
      [address, `tls://${secret.url}#other.example.com`],
    );
  });

  it('notices that it is back without making anybody wait for it', async () => {
    const { port } = first;
    first = await FakeUpstream.start({ port });
    first.otherwise(always('10.0.0.1'));
    const deadline = performance.now() + 10_000;
    while ((await asked('back.example')) !== '10.0.0.1') {
      assert.ok(performance.now() < deadline, 'it was never asked again');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await server.waitFor(({ msg }) => msg === 'upstream is up');
  });

  it('answers SERVFAIL with what each one did before a stub gives up, and others meanwhile', async () => {
    corporate.otherwise(silence);
    const began = performance.now();
    const options = { edns: 1232, timeoutMs: 6_000 };
    const [reply, overTcp] = await Promise.all([
      ask(server.port, 'void.corp.example.com', 'A', options),
      askTcp(
        server.port,
        [query('stuck.corp.example.com', 'A', { id: 1 }), query('quick.example', 'A', { id: 2 })],
        options,
      ),
    ]);
    assert.ok(performance.now() - began < 5_000);
    assert.equal(reply.rcode, 'SERVFAIL');
    assert.match(reply.errors.join(), /^22 127\.0\.0\.2:\d+: no answer in time/);
    const order = overTcp.map((bytes) => bytes.readUInt16BE(0));
    assert.deepEqual(order, [2, 1]);
  });
});
