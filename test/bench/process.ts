/** Child processes of the benchmark: started, waited for until they answer, their CPU time read, and ended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** `/proc/PID/stat` counts in these (sysconf(_SC_CLK_TCK), 100 on every Linux that Node runs on). */
const TICK_US = 10_000;
const START_PATIENCE_MS = 60_000;
const STOP_PATIENCE_MS = 3_000;
const PROBE_EVERY_MS = 50;

/** A server under measurement. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly port: number;
  #errors = '';

  constructor(
    command: string,
    args: readonly string[],
    port: number,
    environment: Record<string, string> = {},
  ) {
    this.port = port;
    this.#child = spawn(command, args, {
      stdio: ['ignore', process.env.FLAGS ? 'inherit' : 'ignore', 'inherit'],
      env: { ...process.env, ...environment },
    });
    this.#child.stderr?.on('data', (chunk) => {
      this.#errors = `${this.#errors}${chunk}`.slice(-2_000);
    });
    this.#child.on('error', (error) => {
      this.#errors += String(error);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves once a query for `name` is answered NOERROR with a record. */
  async answers(name: string): Promise<void> {
    const deadline = Date.now() + START_PATIENCE_MS;
    while (Date.now() < deadline) {
      if (this.#child.exitCode !== null || this.pid === 0) break;
      if (await isAnswered(this.port, name)) return;
      await delay(PROBE_EVERY_MS);
    }
    await this.stop();
    throw new Error(`${this.#child.spawnfile} does not answer ${name}: ${this.#errors.trim()}`);
  }

  /** User and system time of all its threads since its start, in microseconds. */
  cpuUs(): number {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'latin1');
    // The command's name may hold blanks; what follows its closing bracket does not. utime and stime are fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_US;
  }

  /** Resident memory in MB. */
  residentMb(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'latin1');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  }

  async stop(): Promise<void> {
    if (this.pid === 0 || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), STOP_PATIENCE_MS);
    await exited;
    clearTimeout(late);
  }
}

/** A query for A of `name`, with ID 1. */
export function queryFor(name: string): Buffer {
  const labels = name
    .split('.')
    .flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]);
  return Buffer.concat([
    Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    ...labels,
    Buffer.from([0, 0, 1, 0, 1]),
  ]);
}

/**
 * Asks once.
 *
 * @returns the address of the last record of a NOERROR reply, if one came within half a second;
 *   undefined at once where nobody listens
 */
export async function addressOf(port: number, name: string): Promise<string | undefined> {
  const socket = createSocket('udp4');
  try {
    // A socket without a peer would not be told that the port is closed, and wait in vain.
    socket.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const reply = once(socket, 'message', { signal: AbortSignal.timeout(500) });
    socket.send(queryFor(name));
    const [message]: Buffer[] = await reply;
    const isAnswered =
      message !== undefined && ((message[3] ?? 0) & 15) === 0 && (message[7] ?? 0) > 0;
    return isAnswered ? message.subarray(-4).join('.') : undefined;
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}

/** Asks once. @returns whether a reply with a record came */
export async function isAnswered(port: number, name: string): Promise<boolean> {
  return (await addressOf(port, name)) !== undefined;
}

/** A UDP port that is free now, and its TCP twin as far as one can tell. */
export async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}
