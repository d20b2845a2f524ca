/** Reloads under steady load: by file and by SIGHUP, good and bad; not one query is lost or answered by half a configuration. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ask, askTcp } from '../support/ask.ts';
import { answer, FakeUpstream } from '../support/fake-upstream.ts';
import { Homeport } from '../support/homeport.ts';
import { query, show } from '../support/message.ts';
import { statusOf } from './status.ts';
import { TcpClient } from './tcp-client.ts';

const TRANSPORTS = process.platform === 'linux' ? ['batch', 'dgram'] : ['dgram'];

/** Asks without a pause until told to stop, over UDP and TCP, and keeps every answer that is not as it must be. */
class SteadyLoad {
  asked = 0;
  readonly wrong: string[] = [];
  #isStopping = false;
  readonly #running: Promise<unknown>;

  constructor(port: number) {
    const udp = ['same', 'moving', 'forwarded.example'].map((name) => this.#overUdp(port, name));
    this.#running = Promise.all([...udp, this.#overTcp(port)]);
  }

  async #overUdp(port: number, name: string): Promise<void> {
    while (!this.#isStopping) {
      try {
        this.#judge(name, (await ask(port, name, 'A', { timeoutMs: 3_000 })).answers);
      } catch (error) {
        this.wrong.push(`${name}: ${error}`);
      }
      await delay(1);
    }
  }

  /** One connection throughout: a reload does not close it. */
  async #overTcp(port: number): Promise<void> {
    const client = await TcpClient.connect(port);
    for (let count = 1; !this.#isStopping; count++) {
      client.ask(query('same', 'A', { id: count & 0xffff }));
      const reply = (await client.came(count)).at(-1);
      this.#judge('same', show(reply ?? Buffer.alloc(0)).answers);
      await delay(2);
    }
    client.close();
  }

  #judge(name: string, answers: readonly string[]): void {
    this.asked++;
    const wants: Readonly<Record<string, RegExp>> = {
      same: /^same\. 0 IN A 10\.0\.0\.1$/,
      moving: /^moving\. 0 IN A 10\.0\.1\.\d+$/,
      'forwarded.example': /^forwarded\.example\. 0 IN A 10\.0\.0\.9$/,
    };
    if (answers.length !== 1 || wants[name]?.test(answers[0] ?? '') !== true)
      this.wrong.push(`${name}: ${answers.join() || 'no answer'}`);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }
}

for (const transport of TRANSPORTS) {
  describe(`reloading over ${transport}`, () => {
    let upstream: FakeUpstream;
    let server: Homeport;
    let round = 1;

    before(async () => {
      upstream = await FakeUpstream.start();
      upstream.otherwise(answer('forwarded.example. 0 IN A 10.0.0.9'));
      server = await Homeport.start({
        config: {
          transport,
          upstreams: [upstream.url],
          records: { same: '10.0.0.1', moving: '10.0.1.1' },
        },
      });
    });
    after(async () => {
      assert.equal(await server?.stop(), 0);
      await upstream?.stop();
    });

    const move = (text: string) => text.replace(/10\.0\.1\.\d+/, `10.0.1.${++round}`);
    const lines = (msg: string) => server.lines.filter((line) => line.msg === msg).length;
    /** Resolves when that was said once more than before. */
    const saidAgain = (msg: string, before: number) =>
      server.waitFor((line) => line.msg === msg && lines(msg) > before);
    const moved = async () => (await ask(server.port, 'moving')).answers[0];

    it('loses no query and mixes no answers, by file and by SIGHUP, good and bad', async () => {
      const load = new SteadyLoad(server.port);
      for (let i = 0; i < 4; i++) {
        let before = lines('configuration reloaded');
        await server.configure(move);
        await saidAgain('configuration reloaded', before);
        assert.equal(await moved(), `moving. 0 IN A 10.0.1.${round}`);

        before = lines('configuration reloaded');
        server.child.kill('SIGHUP');
        await saidAgain('configuration reloaded', before);

        before = lines('the configuration is wrong; the old one serves on');
        await server.configure((text) => `${text}\nttl: many\n`);
        await saidAgain('the configuration is wrong; the old one serves on', before);
        before = lines('configuration reloaded');
        await server.configure((text) => text.replace('\nttl: many\n', ''));
        await saidAgain('configuration reloaded', before);
      }
      await load.stop();
      assert.deepEqual(load.wrong, []);
      assert.ok(load.asked > 200, `${load.asked} queries`);
    });

    it('says in its status what is wrong with a file that was not taken over, until it is mended', async () => {
      const good = '10.0.1.';
      await server.configure((text) => text.replace(good, '10.0.300.'));
      await server.waitFor(
        ({ msg, problems }) =>
          String(msg).startsWith('the configuration is wrong') &&
          /10\.0\.300\./.test(String(problems)),
      );
      const [problem = ''] = (await statusOf(server)).configProblems;
      assert.ok(problem.startsWith(`${server.file}:`), problem);
      assert.match(problem, /10\.0\.300\.\d+/);
      const printed = await server.run('status');
      assert.match(printed.stdout, /not taken over: .*10\.0\.300\./);
      assert.equal(await moved(), `moving. 0 IN A 10.0.1.${round}`);
      const before = lines('configuration reloaded');
      // Renamed over, as editors and configuration management do.
      await server.configure((text) => {
        writeFileSync(`${server.file}.new`, text.replace('10.0.300.', good));
        return text;
      });
      renameSync(`${server.file}.new`, server.file);
      await saidAgain('configuration reloaded', before);
      assert.deepEqual((await statusOf(server)).configProblems, []);
    });

    it('listens on an address more, and no longer, as the file says', async () => {
      const before = lines('configuration reloaded');
      const other = await freePort();
      const { port } = server;
      await server.configure((text) =>
        text.replace('127.0.0.1:0', `127.0.0.1:0\n  - 127.0.0.1:${other}`),
      );
      await saidAgain('configuration reloaded', before);
      assert.deepEqual((await ask(other, 'same')).answers, ['same. 0 IN A 10.0.0.1']);
      assert.equal((await askTcp(other, [query('same', 'A')])).length, 1);
      await server.configure((text) => text.replace(`\n  - 127.0.0.1:${other}`, ''));
      await saidAgain('configuration reloaded', before + 1);
      await assert.rejects(ask(other, 'same', 'A', { timeoutMs: 200 }));
      assert.deepEqual((await ask(port, 'same')).answers, ['same. 0 IN A 10.0.0.1']);
    });

    it('takes nothing of a file whose address is in use', async () => {
      const holder = await FakeUpstream.start();
      await server.configure((text) =>
        text
          .replace('127.0.0.1:0', `127.0.0.1:0\n  - ${holder.url}`)
          .replace(/10\.0\.1\.\d+/, '10.9.9.9'),
      );
      const line = await server.waitFor(
        ({ msg, problems }) =>
          String(msg).startsWith('the configuration is wrong') && /in use/.test(String(problems)),
      );
      assert.match(
        String(line.problems),
        new RegExp(`cannot bind .*${holder.url}: address in use`),
      );
      assert.equal(await moved(), `moving. 0 IN A 10.0.1.${round}`);
      await holder.stop();
    });
  });
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}
