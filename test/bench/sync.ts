/** A host with many containers: how long until the last name is known, what a resync does to who asks meanwhile, and what idling costs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ask, type LatencyResult } from './load.ts';
import { type Figure, type MeasureOptions, medianOf } from './measure.ts';
import { addressOf, freePort, ServerProcess } from './process.ts';
import { REGION } from './subjects.ts';

export interface SyncResult {
  readonly containers: number;
  /** From the start of the process to the answer for the last container, ms. */
  readonly firstSyncMs: Figure;
  /** Local latency at a steady light load, idle and while everything is resynced. */
  readonly idleP99Us: Figure;
  readonly resyncP99Us: Figure;
  /** How long resyncs took, to the last changed address, ms. */
  readonly resyncMs: Figure;
  /** Queries without a reply while everything was resynced. */
  readonly lost: number;
  readonly residentMb: number;
}

export interface IdleResult {
  readonly containers: number;
  /** Share of a core while nothing happens, percent. */
  readonly cpuPercent: number;
  readonly residentMb: number;
}

const ENGINE = fileURLToPath(new URL('./many-containers.ts', import.meta.url));
/** V8 gives back what a start used up within a minute; that is no part of idling. */
const SETTLE_MS = 60_000;
/** The regular list of all containers, once a minute, is. */
const IDLE_MS = 65_000;
/** Between two queries of the light load: some thousand a second. */
const GAP_US = 200;
const PATIENCE_MS = 60_000;

/** What a server costs that nobody asks, on a host where nothing happens. */
export async function measureIdle(
  containers: number,
  main: string,
  options: MeasureOptions,
): Promise<IdleResult> {
  return withEngine(containers, options, async ({ socket, directory, last }) => {
    const server = await start(socket, directory, main);
    try {
      await isKnown(server.port, last, (address) => address !== undefined);
      await delay(SETTLE_MS);
      const before = server.cpuUs();
      await delay(IDLE_MS);
      const cpuPercent = (server.cpuUs() - before) / (IDLE_MS * 10);
      return { containers, cpuPercent, residentMb: server.residentMb() };
    } finally {
      await server.stop();
    }
  });
}

export async function measureSync(
  containers: number,
  main: string,
  program: string,
  options: MeasureOptions,
): Promise<SyncResult> {
  return withEngine(containers, options, async ({ engine, socket, directory, last }) => {
    const firstSyncs: number[] = [];
    let server: ServerProcess | undefined;
    for (let round = 0; round < options.rounds; round++) {
      await server?.stop();
      const startedAtMs = performance.now();
      server = await start(socket, directory, main);
      await isKnown(server.port, last, (address) => address !== undefined);
      firstSyncs.push(performance.now() - startedAtMs);
    }
    if (server === undefined) throw new Error('no rounds');
    try {
      const residentMb = server.residentMb();
      const names = namesFile(directory, containers);
      const rounds = await resyncs(engine, server, last, names, program, options);
      return { containers, firstSyncMs: medianOf(firstSyncs), ...rounds, residentMb };
    } finally {
      await server.stop();
    }
  });
}

interface EngineAt {
  readonly engine: ChildProcess;
  readonly socket: string;
  readonly directory: string;
  /** The last container's name. */
  readonly last: string;
}

async function withEngine<T>(
  containers: number,
  options: MeasureOptions,
  act: (at: EngineAt) => Promise<T>,
): Promise<T> {
  const directory = join(options.directory, `engine-${containers}`);
  mkdirSync(directory, { recursive: true });
  const socket = join(directory, 'docker.sock');
  const engine = spawn(process.execPath, ['--import', 'tsx', ENGINE, socket, String(containers)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    if (engine.stdout !== null) await once(engine.stdout, 'data');
    return await act({ engine, socket, directory, last: `box-${containers - 1}.${REGION}` });
  } finally {
    engine.kill('SIGKILL');
  }
}

async function start(socket: string, directory: string, main: string): Promise<ServerProcess> {
  const port = await freePort();
  const file = join(directory, 'homeport.yaml');
  const lines = [
    `listen: ['127.0.0.1:${port}']`,
    `region: ${REGION}`,
    "upstreams: ['127.0.0.1:9']",
    `engines: [{ name: many, url: 'unix://${socket}' }]`,
    'allow: [loopback]',
    `control: ${join(directory, 'control.sock')}`,
    `state: ${directory}`,
    'log: { level: warn }',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return new ServerProcess(process.execPath, [main, 'serve', '--config', file], port);
}

function namesFile(directory: string, containers: number): string {
  const path = join(directory, 'boxes');
  const step = 7919 % containers || 1;
  const lines = Array.from(
    { length: containers },
    (_, i) => `box-${(i * step) % containers}.${REGION}\n`,
  );
  writeFileSync(path, lines.join(''));
  return path;
}

async function resyncs(
  engine: ChildProcess,
  server: ServerProcess,
  last: string,
  names: string,
  program: string,
  options: MeasureOptions,
): Promise<Pick<SyncResult, 'idleP99Us' | 'resyncP99Us' | 'resyncMs' | 'lost'>> {
  const idle: LatencyResult[] = [];
  const busy: LatencyResult[] = [];
  const tookMs: number[] = [];
  for (let round = 0; round < options.rounds; round++) {
    options.say(`  resync ${round + 1} of ${options.rounds}`);
    const { port } = server;
    const asked = { program, port, names, outstanding: 1, seconds: 2, gapUs: GAP_US };
    idle.push(await ask(asked));
    const before = await addressOf(port, last);
    const startedAtMs = performance.now();
    engine.kill('SIGUSR1');
    // The load runs as long as a resync takes, roughly: what is measured is the time in which it is under way.
    const [result] = await Promise.all([
      ask({ ...asked, seconds: 2 }),
      isKnown(port, last, (address) => address !== undefined && address !== before).then(() => {
        tookMs.push(performance.now() - startedAtMs);
      }),
    ]);
    busy.push(result);
    await delay(2_000);
  }
  return {
    idleP99Us: medianOf(idle.map(({ p99 }) => p99)),
    resyncP99Us: medianOf(busy.map(({ p99 }) => p99)),
    resyncMs: medianOf(tookMs),
    lost: busy.reduce((sum, { lost }) => sum + lost, 0),
  };
}

/** Resolves once the name's address is as wanted. */
async function isKnown(
  port: number,
  name: string,
  isWanted: (address: string | undefined) => boolean,
): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!isWanted(await addressOf(port, name))) {
    if (Date.now() > deadline) throw new Error(`${name} is not known after ${PATIENCE_MS} ms`);
    await delay(5);
  }
}
