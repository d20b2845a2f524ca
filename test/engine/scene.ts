/**
 * What the engine suites share: production's name server and homeport beside the containers, in the
 * engine's network namespace, and programs that look names up there with a resolv.conf of their own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { TestEngine } from '../support/engine.ts';
import { Homeport } from '../support/homeport.ts';

export const REGION = 'us-east-1.domain.com';
/** Production's name server, as seen from the engine's namespace. */
export const PRODUCTION = '127.0.0.9';

const UPSTREAM = fileURLToPath(new URL('../support/fake-upstream-program.ts', import.meta.url));

/** Production's name server in the engine's namespace. */
export class Production {
  /** `NAME TYPE` of all that it was asked. */
  readonly seen: string[] = [];
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** @param names what production has: name → IPv4 address */
  static async start(
    engine: TestEngine,
    names: Readonly<Record<string, string>>,
  ): Promise<Production> {
    const table = Object.entries(names).map(([name, address]) => `${name}=${address}`);
    const argv = [process.execPath, '--import', 'tsx', UPSTREAM, PRODUCTION, '53', ...table];
    const [program = '', ...args] = engine.namespaceArgv(argv);
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const production = new Production(child);
    await new Promise<void>((resolve, reject) => {
      child.once('exit', () => reject(new Error('production did not start')));
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line === 'listening') resolve();
        else production.seen.push(line);
      });
    });
    return production;
  }

  /** Names of one label that left the host, or that were guarded: there must be none. */
  leaks(guarded: readonly string[] = []): readonly string[] {
    return this.seen.filter((line) => {
      const [name = ''] = line.toLowerCase().split(' ');
      const first = name.split('.')[0] ?? '';
      return (name !== '' && !name.includes('.')) || guarded.includes(first);
    });
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill();
    await exited;
  }
}

/** homeport in the engine's namespace: on its loopback, and on the gateway of every bridge network. */
export function startBeside(
  engine: TestEngine,
  config: Readonly<Record<string, unknown>> = {},
): Promise<Homeport> {
  return Homeport.start({
    config: {
      listen: ['127.0.0.1:53', 'engine-gateways:53'],
      region: REGION,
      upstreams: [PRODUCTION],
      engines: [{ name: 'local', url: engine.url }],
      ...config,
    },
    wrap: (argv) => engine.namespaceArgv(argv),
  });
}

/** The address that a container has on a network. */
export async function addressOf(
  engine: TestEngine,
  container: string,
  network = 'bridge',
): Promise<string> {
  const { NetworkSettings } = await engine.api.getContainer(container).inspect();
  return NetworkSettings.Networks[network]?.IPAddress ?? '';
}

/** What a program printed and how it ended: lookups fail with an exit code, which is an answer. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
}

/** Runs a program to its end, whatever its exit code. */
export async function ran(argv: readonly string[]): Promise<Ran> {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.resume();
  const [code] = await once(child, 'close');
  return { code, stdout };
}

/** Runs a program in the engine's namespace with its own /etc/resolv.conf, and glibc's plain order of sources. */
export function withResolvConf(
  engine: TestEngine,
  resolvConf: string,
  argv: readonly string[],
): Promise<Ran> {
  const file = join(engine.directory, 'resolv.conf');
  const nsswitch = join(engine.directory, 'nsswitch.conf');
  writeFileSync(file, resolvConf);
  writeFileSync(nsswitch, 'hosts: files dns\n');
  const script =
    'mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/nsswitch.conf && shift 2 && exec "$@"';
  return ran(
    engine.namespaceArgv(['unshare', '--mount', 'sh', '-c', script, 'sh', file, nsswitch, ...argv]),
  );
}

/** Runs a program in a running container. */
export function inContainer(
  engine: TestEngine,
  container: string,
  ...argv: readonly string[]
): Promise<Ran> {
  return ran(['docker', '-H', engine.url, 'exec', container, ...argv]);
}

/** The addresses in a program's output, each once, in order. */
export function addressesIn({ stdout }: Ran): readonly string[] {
  return [...new Set(stdout.match(/\b\d+\.\d+\.\d+\.\d+\b/g) ?? [])];
}
