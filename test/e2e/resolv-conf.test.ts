/** Upstreams from resolv.conf: watched however it is written, never ourselves; and loops that lead back to us. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ask, askBytes } from '../support/ask.ts';
import { answer, FakeUpstream } from '../support/fake-upstream.ts';
import { Homeport, type LogLine } from '../support/homeport.ts';
import { query, show } from '../support/message.ts';
import { statusOf } from './status.ts';

/** resolv.conf knows no ports, so these tests need 53 on addresses that nobody uses. */
const ONE = '127.53.77.1';
const TWO = '127.53.77.2';
const OURSELVES = '127.53.77.3';

async function whyNot(): Promise<string | false> {
  const socket = createSocket('udp4');
  try {
    socket.bind(53, ONE);
    await once(socket, 'listening');
    return false;
  } catch (error) {
    return `port 53 cannot be had: ${error}`;
  } finally {
    socket.close();
  }
}

describe('upstreams from resolv.conf', { skip: await whyNot() }, () => {
  let one: FakeUpstream;
  let two: FakeUpstream;
  let server: Homeport;
  let folder: string;
  let file: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'homeport-resolv-'));
    file = join(folder, 'resolv.conf');
    one = await FakeUpstream.start({ address: ONE, port: 53 });
    two = await FakeUpstream.start({ address: TWO, port: 53 });
    one.otherwise((asked) => answer(`${asked.name}. 60 IN A 10.0.0.1`)(asked));
    two.otherwise((asked) => answer(`${asked.name}. 60 IN A 10.0.0.2`)(asked));
    writeFileSync(file, `nameserver ${OURSELVES}\nnameserver ${ONE}\n`);
    server = await Homeport.start({
      config: { listen: [`${OURSELVES}:53`], upstreams: [], resolv_conf: file },
    });
  });
  after(async () => {
    await server?.stop();
    await one?.stop();
    await two?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const upstreams = async () => (await statusOf(server)).upstreams.map(({ server: at }) => at);
  /** The address that an unused name gets now. */
  let count = 0;
  const fresh = async () => {
    const reply = await ask(53, `n${count++}.example`, 'A', { address: OURSELVES });
    return reply.answers.at(-1)?.split(' ').at(-1) ?? reply.rcode;
  };
  /** Resolves when the list of upstreams is that; the log says when it changes. */
  async function chosen(...servers: readonly string[]): Promise<void> {
    const want = JSON.stringify(servers.map((address) => `${address}:53`));
    const isWanted = (line: LogLine) => JSON.stringify(line.servers) === want;
    const deadline = performance.now() + 10_000;
    while (JSON.stringify(await upstreams()) !== want) {
      assert.ok(performance.now() < deadline, `${await upstreams()} instead of ${want}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (servers.length > 0) await server.waitFor(isWanted);
  }

  it('are never ourselves, and that is said', async () => {
    assert.deepEqual(await upstreams(), [`${ONE}:53`]);
    await server.waitFor(({ left_out }) => JSON.stringify(left_out) === `["${OURSELVES}:53"]`);
    assert.equal(await fresh(), '10.0.0.1');
  });

  it('follow a file that is written in place', async () => {
    writeFileSync(file, `nameserver ${TWO}\n`);
    await chosen(TWO);
    assert.equal(await fresh(), '10.0.0.2');
  });

  it('follow a file that is renamed over it', async () => {
    for (const address of [ONE, TWO, ONE]) {
      writeFileSync(`${file}.new`, `# by another hand\nnameserver ${address}\noptions edns0\n`);
      renameSync(`${file}.new`, file);
      await chosen(address);
    }
    assert.equal(await fresh(), '10.0.0.1');
  });

  it('are said to be missing when the file is removed, and follow it when it is back', async () => {
    unlinkSync(file);
    await chosen();
    await server.waitFor(({ reason }) => reason === 'there is no such file');
    assert.equal(await fresh(), 'SERVFAIL');
    writeFileSync(file, `nameserver ${TWO}\n`);
    await chosen(TWO);
  });

  it('follow a symbolic link to another folder, whose target is renamed over and swapped', async () => {
    const other = join(folder, 'run');
    mkdirSync(other);
    const target = join(other, 'resolv.conf');
    writeFileSync(target, `nameserver ${ONE}\n`);
    unlinkSync(file);
    symlinkSync(target, file);
    await chosen(ONE);
    writeFileSync(`${target}.new`, `nameserver ${TWO}\n`);
    renameSync(`${target}.new`, target);
    await chosen(TWO);
    writeFileSync(`${target}.new`, `nameserver ${ONE}\n`);
    renameSync(`${target}.new`, target);
    await chosen(ONE);
    const second = join(other, 'second');
    writeFileSync(second, `nameserver ${TWO}\n`);
    symlinkSync(second, `${file}.new`);
    renameSync(`${file}.new`, file);
    await chosen(TWO);
    unlinkSync(file);
    writeFileSync(file, `nameserver ${ONE}\n`);
    await chosen(ONE);
  });

  it('are none where the file names only ourselves', async () => {
    writeFileSync(file, `nameserver ${OURSELVES}\n`);
    await chosen();
    assert.equal(await fresh(), 'SERVFAIL');
    writeFileSync(file, `nameserver ${ONE}\n`);
    await chosen(ONE);
  });

  it('leave a loop through somebody else after one round', async () => {
    // An upstream that forwards to us, as a resolver does that was pointed at homeport.
    two.seen.length = 0;
    two.otherwise(async ({ bytes }) => [
      await askBytes(53, bytes, { address: OURSELVES, timeoutMs: 8_000 }),
    ]);
    writeFileSync(file, `nameserver ${TWO}\n`);
    await chosen(TWO);
    const plain = query('round.example', 'A', { edns: 1232 });
    const withSubnet = query('round.example', 'A', {
      edns: 1232,
      options: Buffer.from('00080007000118000a0000', 'hex'),
    });
    const replies = await Promise.all(
      [plain, withSubnet].map((bytes) =>
        askBytes(53, bytes, { address: OURSELVES, timeoutMs: 8_000 }),
      ),
    );
    assert.deepEqual(
      replies.map((bytes) => show(bytes).rcode),
      ['SERVFAIL', 'SERVFAIL'],
    );
    assert.ok(two.seen.length <= 8, `${two.seen.length} rounds`);
  });
});
