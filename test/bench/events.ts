/** From an event of a real engine to the first answer that knows of it: homeport, and dnsmasq fed by an event script, as CI hosts do it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { on } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startEngine, type TestEngine } from '../support/engine.ts';
import type { MeasureOptions } from './measure.ts';
import { freePort, ServerProcess } from './process.ts';
import { REGION } from './subjects.ts';

export interface EventResult {
  readonly subject: string;
  readonly containers: number;
  /** From the engine's own time stamp of the start event to the arrival of the first right answer. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Not known within the patience. */
  readonly missed: number;
}

const PATIENCE_MS = 5_000;
const BETWEEN_MS = 30;

/** The usual script: each start is inspected, appended to a hosts file, and dnsmasq told to read it. */
const SCRIPT = `
set -u
docker events --filter event=start --format '{{.ID}}' | while read -r id; do
  docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}} {{slice .Name 1}}.${REGION}' "$id" >> "$HOSTS"
  kill -HUP "$SERVER"
done`;

export async function measureEvents(
  containers: number,
  main: string,
  options: MeasureOptions,
): Promise<EventResult[]> {
  const directory = join(options.directory, 'events');
  mkdirSync(directory, { recursive: true });
  const engine = await startEngine({ name: 'bench' });
  try {
    await engine.importBusybox();
    const homeport = await startHomeport(engine, directory, main);
    const { server: dnsmasq, stop } = await startScripted(engine, directory);
    try {
      return [
        await follow('homeport', engine, homeport, containers),
        await follow('dnsmasq and a script', engine, dnsmasq, containers),
      ];
    } finally {
      await homeport.stop();
      await stop();
    }
  } finally {
    await engine.stop();
  }
}

async function startHomeport(
  engine: TestEngine,
  directory: string,
  main: string,
): Promise<ServerProcess> {
  const port = await freePort();
  const file = join(directory, 'homeport.yaml');
  const lines = [
    `listen: ['127.0.0.1:${port}']`,
    `region: ${REGION}`,
    "upstreams: ['127.0.0.1:9']",
    `engines: [{ name: local, url: '${engine.url}' }]`,
    'allow: [loopback]',
    'records: { probe: 10.0.0.1 }',
    `control: ${join(directory, 'control.sock')}`,
    `state: ${directory}`,
    'log: { level: warn }',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const server = new ServerProcess(process.execPath, [main, 'serve', '--config', file], port);
  await server.answers(`probe.${REGION}`);
  // Connected to the engine too: from then on it knows what happens.
  await delay(2_000);
  return server;
}

async function startScripted(
  engine: TestEngine,
  directory: string,
): Promise<{ readonly server: ServerProcess; stop(): Promise<void> }> {
  const port = await freePort();
  const hosts = join(directory, 'hosts');
  writeFileSync(hosts, `10.0.0.1 probe.${REGION}\n`);
  const args = [
    ...['--keep-in-foreground', '--conf-file=/dev/null', '--pid-file=', `--port=${port}`],
    ...['--listen-address=127.0.0.1', '--bind-interfaces', '--no-resolv', '--no-hosts'],
    ...[`--addn-hosts=${hosts}`, '--user=root'],
  ];
  const server = new ServerProcess('dnsmasq', args, port);
  await server.answers(`probe.${REGION}`);
  const script = spawn('bash', ['-c', SCRIPT], {
    stdio: 'ignore',
    detached: true,
    env: {
      ...process.env,
      DOCKER_HOST: engine.url,
      HOSTS: hosts,
      SERVER: String(server.pid),
    },
  });
  await delay(1_000);
  const stop = async (): Promise<void> => {
    // The group: the shell and the docker command that it reads from.
    if (script.pid !== undefined) process.kill(-script.pid, 'SIGKILL');
    await server.stop();
  };
  return { server, stop };
}

/** Starts containers one after the other, asking for each from before its start on. */
async function follow(
  subject: string,
  engine: TestEngine,
  server: ServerProcess,
  containers: number,
): Promise<EventResult> {
  const startedMs = new Map<string, number>();
  const stream = await engine.api.getEvents({ filters: { event: ['start'] } });
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const event: { Actor: { ID: string }; timeNano: number } = JSON.parse(line);
      startedMs.set(event.Actor.ID, event.timeNano / 1e6);
    }
  });
  const asker = await Asker.start(server.port);
  const took: number[] = [];
  let missed = 0;
  const label = subject.slice(0, 2);
  for (let i = 0; i < containers; i++) {
    const name = `ev-${label}-${i}`;
    const container = await engine.api.createContainer({ name, Image: 'bb' });
    const known = asker.firstAnswer(`${name}.${REGION}`);
    await container.start();
    const atMs = await known;
    // An answer may be there before its event is: the network tells homeport the address while the container starts.
    const eventMs = await timeOf(container.id, startedMs);
    if (atMs === undefined || eventMs === undefined) missed++;
    else took.push(Math.max(0, atMs - eventMs));
    await container.remove({ force: true });
    await delay(BETWEEN_MS);
  }
  asker.stop();
  if ('destroy' in stream && typeof stream.destroy === 'function') stream.destroy();
  took.sort((a, b) => a - b);
  const at = (share: number): number => took[Math.floor(share * (took.length - 1))] ?? Number.NaN;
  return { subject, containers, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), missed };
}

/** The process `asker.ts`. */
class Asker {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string[]>;

  private constructor(child: ChildProcess, lines: AsyncIterator<string[]>) {
    this.#child = child;
    this.#lines = lines;
  }

  static async start(port: number): Promise<Asker> {
    const program = fileURLToPath(new URL('./asker.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', program, String(port)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = on(createInterface({ input: child.stdout }), 'line', { close: ['close'] });
    await lines.next();
    return new Asker(child, lines);
  }

  /** When the first answer with an address arrived, ms since the epoch with fractions. */
  async firstAnswer(name: string): Promise<number | undefined> {
    this.#child.stdin?.write(`${name}\n`);
    const atMs = Number((await this.#lines.next()).value?.[0]);
    return Number.isNaN(atMs) ? undefined : atMs;
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}

async function timeOf(
  id: string,
  startedMs: ReadonlyMap<string, number>,
): Promise<number | undefined> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!startedMs.has(id) && Date.now() < deadline) await delay(5);
  return startedMs.get(id);
}
