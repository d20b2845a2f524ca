/**
 * Connections to an engine through `ssh HOST docker system dial-stdio`, as the docker command makes
 * them: the user's ssh_config, keys and known_hosts count. (docker-modem's own ssh makes a new
 * connection for each request and does not check the host's key.)
 */
import { spawn } from 'node:child_process';
import { Agent } from 'node:http';
import { Duplex } from 'node:stream';
import type { EngineAddress } from './engine-address.ts';

type SshAddress = Extract<EngineAddress, { kind: 'ssh' }>;

/** sshd allows ten sessions at once by default; one is the event stream's. */
const MAX_CONNECTIONS = 6;
const CONNECT_TIMEOUT_SECONDS = 10;
/** Two unanswered in a row end a connection that has died. */
const ALIVE_INTERVAL_SECONDS = 5;

/** The words of the command that carries a connection. */
export function sshArgv(address: SshAddress): string[] {
  const { host, port, user, path } = address;
  const options = [
    'BatchMode=yes', // nobody is there to type a password
    `ConnectTimeout=${CONNECT_TIMEOUT_SECONDS}`,
    `ServerAliveInterval=${ALIVE_INTERVAL_SECONDS}`,
    'ServerAliveCountMax=2',
  ];
  return [
    'ssh',
    ...options.flatMap((option) => ['-o', option]),
    ...(user === null ? [] : ['-l', user]),
    ...(port === null ? [] : ['-p', String(port)]),
    '-T',
    '--',
    host,
    'docker',
    ...(path === null ? [] : ['--host', `unix://${path}`]),
    'system',
    'dial-stdio',
  ];
}

/** An agent whose connections are ssh processes. `destroy()` ends those that are idle. */
export function sshAgent(address: SshAddress): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS });
  return Object.assign(agent, { createConnection: () => new SshConnection(address) });
}

/** One ssh process as the socket that node:http wants. */
class SshConnection extends Duplex {
  readonly #child: ReturnType<typeof spawnSsh>;
  #complaint = '';

  constructor(address: SshAddress) {
    super();
    const child = spawnSsh(sshArgv(address));
    this.#child = child;
    child.stdout.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) child.stdout.pause();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-400);
    });
    child.stdin.on('error', () => undefined); // its end is told by 'close'
    child.on('error', (error) => this.destroy(error));
    child.on('close', (code) => {
      const why = this.#complaint.trim().split('\n').pop() || `ssh ended with ${code}`;
      if (code === 0) this.push(null);
      else this.destroy(new Error(why));
    });
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    // A failed write means that ssh has ended, and why is what it said on its standard error.
    this.#child.stdin.write(chunk, () => done());
  }

  override _final(done: () => void): void {
    this.#child.stdin.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#child.kill();
    done(error);
  }

  // What node:http calls on a socket and a process has no use for.
  setKeepAlive(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  ref(): this {
    this.#child.ref();
    return this;
  }

  unref(): this {
    this.#child.unref();
    return this;
  }
}

function spawnSsh(argv: readonly string[]) {
  const [program = 'ssh', ...args] = argv;
  return spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
}
