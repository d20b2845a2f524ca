/** homeport as systemd's service: what it notifies, and what systemd thinks of the units. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  accessSync,
  constants,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { NotifySocket } from '../../src/listen/native/notify-socket.ts';
import { ask } from '../support/ask.ts';
import { Homeport } from '../support/homeport.ts';

const UNITS = fileURLToPath(new URL('../../systemd/', import.meta.url));
const RECEIVER = fileURLToPath(new URL('./datagram-receiver.c', import.meta.url));
const WATCHDOG_MS = 300;
/** The unit's exposure as systemd counts it, in tenths: 0 is a fortress, 100 a tent. */
const MAX_EXPOSURE = 15;

/** Why a test cannot run here; where CI demands everything it runs, and fails. */
function lacking(...programs: readonly string[]): string | false {
  if (process.env.HOMEPORT_REQUIRE_ENGINE === '1') return false;
  const folders = (process.env.PATH ?? '').split(delimiter);
  const missing = programs.filter((program) =>
    folders.every((folder) => {
      try {
        accessSync(join(folder, program), constants.X_OK);
        return false;
      } catch {
        return true;
      }
    }),
  );
  return missing.length > 0 && `there is no ${missing.join(', ')} here`;
}

/** Stands where systemd listens. */
class Receiver {
  readonly messages: { readonly text: string; readonly atMs: number }[] = [];
  readonly child: ChildProcess;
  #wake: () => void = () => undefined;

  private constructor(child: ChildProcess) {
    this.child = child;
    if (child.stdout === null) throw new Error('no pipe');
    createInterface({ input: child.stdout }).on('line', (text) => {
      this.messages.push({ text, atMs: performance.now() });
      this.#wake();
    });
  }

  static async start(program: string, path: string): Promise<Receiver> {
    const child = spawn(program, [path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const receiver = new Receiver(child);
    await receiver.next('listening');
    return receiver;
  }

  /** The first message, from that many on, that begins so. */
  async next(start: string, from = 0): Promise<{ readonly text: string; readonly atMs: number }> {
    const signal = AbortSignal.timeout(15_000);
    for (;;) {
      const found = this.messages.slice(from).find(({ text }) => text.startsWith(start));
      if (found !== undefined) return found;
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve;
        signal.onabort = () => reject(new Error(`${start} did not come`));
      });
    }
  }

  async stop(): Promise<void> {
    this.child.kill();
    await once(this.child, 'exit');
  }
}

describe('the notify socket of systemd', { skip: lacking('cc') }, () => {
  let folder: string;
  let program: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'homeport-notify-'));
    program = join(folder, 'receiver');
    execFileSync('cc', ['-o', program, RECEIVER]);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('hears READY once queries are answered, WATCHDOG in time, and STOPPING', async () => {
    const path = join(folder, 'notify');
    const receiver = await Receiver.start(program, path);
    const server = await Homeport.start({
      config: { records: { web: '10.0.0.1' } },
      env: { NOTIFY_SOCKET: path, WATCHDOG_USEC: String(WATCHDOG_MS * 1000) },
    });
    const ready = await receiver.next('READY=1');
    assert.deepEqual((await ask(server.port, 'web')).answers, ['web. 0 IN A 10.0.0.1']);
    assert.match(ready.text, /^READY=1\|STATUS=answering on 127\.0\.0\.1:\d+$/);
    const beats: number[] = [];
    for (let from = 0; beats.length < 8; from = receiver.messages.length) {
      beats.push((await receiver.next('WATCHDOG=1', from)).atMs);
    }
    const gaps = beats.slice(1).map((atMs, i) => atMs - (beats[i] ?? 0));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    assert.ok(mean < WATCHDOG_MS, `${mean} ms between two`);
    assert.equal(await server.stop(), 0);
    await receiver.next('STOPPING=1');
    await receiver.stop();
  });

  it('may be in the abstract namespace, or gone', async () => {
    const path = `@homeport-test-${process.pid}`;
    const receiver = await Receiver.start(program, path);
    const socket = new NotifySocket(path);
    assert.equal(socket.send('READY=1\nSTATUS=hello'), undefined);
    assert.equal((await receiver.next('READY=1')).text, 'READY=1|STATUS=hello');
    await receiver.stop();
    assert.match(socket.send('WATCHDOG=1') ?? '', /ECONNREFUSED/);
    socket.close();
  });
});

describe('the units', { skip: lacking('systemd-analyze') }, () => {
  let folder: string;
  const path = (unit: string) => join(folder, unit);
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'homeport-units-'));
    cpSync(UNITS, folder, { recursive: true });
    // The package's program is not installed here; everything else in the units is as shipped.
    const service = readFileSync(path('homeport.service'), 'utf8');
    assert.match(service, /^ExecStart=\/usr\/bin\/homeport /m);
    writeFileSync(
      path('homeport.service'),
      service.replaceAll('/usr/bin/homeport', process.execPath),
    );
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const analyze = (...args: readonly string[]): string => {
    const environment = { ...process.env, SYSTEMD_COLORS: '0', SYSTEMD_EMOJI: '0' };
    const { status, stdout, stderr } = runToEnd('systemd-analyze', args, environment);
    assert.equal(status, 0, `${stdout}${stderr}`);
    return `${stdout}${stderr}`;
  };

  it('are without a fault', () => {
    const units = readdirSync(folder).map(path);
    assert.equal(analyze('verify', '--man=no', ...units), '');
  });

  it('leave the service little to harm', () => {
    const text = analyze(
      'security',
      '--offline=true',
      `--threshold=${MAX_EXPOSURE}`,
      path('homeport.service'),
    );
    assert.match(text, /Overall exposure level for homeport\.service: 1\.\d OK/);
  });
});

function runToEnd(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): { status: number | null; stdout: string; stderr: string } {
  const options = { env, encoding: 'utf8' } as const;
  const { status, stdout, stderr } = spawnSync(program, args, options);
  return { status, stdout, stderr };
}
