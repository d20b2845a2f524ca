/**
 * `npm run bench`: what an answer costs, side by side with other name servers, on the loopback alone.
 * Prints tables, and writes `results.json`, `cost.svg` and `latency.svg`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { engineAvailable } from '../support/engine.ts';
import { type EventResult, measureEvents } from './events.ts';
import {
  type CostResult,
  type LatencyFigures,
  measureCost,
  measureLatency,
  NameFiles,
  startAll,
  stopAll,
} from './measure.ts';
import { compileNative } from './native.ts';
import { barPlot } from './plot.ts';
import { freePort, ServerProcess } from './process.ts';
import { costTable, eventTable, latencyTable, syncTable, targetTable } from './report.ts';
import {
  dnsmasq,
  floor,
  homeport,
  knotResolver,
  localName,
  MAIN,
  pdnsRecursor,
  REGION,
  type Subject,
  transportEcho,
  unbound,
} from './subjects.ts';
import { type IdleResult, measureIdle, measureSync, type SyncResult } from './sync.ts';
import { targets } from './targets.ts';

const USAGE = `usage: npm run bench -- [options]
  --rounds N       rounds of each measurement; the median counts (default 5)
  --seconds S      of each round (default 2)
  --sizes LIST     numbers of owned names (default 100,1000,10000)
  --only LIST      of: local, cached, uncached, latency, sync, events (default all)
  --containers N   of the resync (default 10000)
  --out DIR        where results.json and the plots go (default dist/bench)
  --main FILE      the homeport to measure (default dist/main.js)`;

/** Everything that was measured; written as JSON. */
export interface Results {
  readonly host: {
    readonly cpu: string;
    readonly cores: number;
    readonly kernel: string;
    readonly node: string;
  };
  readonly versions: Readonly<Record<string, string>>;
  readonly local: Readonly<Record<number, readonly CostResult[]>>;
  readonly cached: readonly CostResult[];
  readonly uncached: readonly CostResult[];
  readonly latency: Readonly<Record<string, readonly LatencyFigures[]>>;
  readonly sync: SyncResult | undefined;
  readonly idle: IdleResult | undefined;
  readonly events: readonly EventResult[];
}

/** Unique names a round: as many as the fastest can take in its time. */
const UNIQUE_PER_SECOND = 100_000;
const CACHED_NAMES = 1_000;
const MIDDLE_SIZE = 1_000;
const IDLE_CONTAINERS = 50;
const EVENT_CONTAINERS = 100;

const { values: given } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    sizes: { type: 'string', default: '100,1000,10000' },
    only: { type: 'string', default: 'local,cached,uncached,latency,sync,events' },
    containers: { type: 'string', default: '10000' },
    out: { type: 'string', default: 'dist/bench' },
    main: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (given.help) {
  console.log(USAGE);
  process.exit(0);
}

const directory = mkdtempSync(join(tmpdir(), 'homeport-bench-'));
const options = {
  directory,
  rounds: Number(given.rounds),
  seconds: Number(given.seconds),
  say: (line: string): void => console.error(line),
};
const main = given.main ?? MAIN;
const kinds = new Set(given.only.split(','));
const sizes = given.sizes.split(',').map(Number);
const native = compileNative(directory);
if (native === undefined)
  throw new Error('the benchmark compiles its floor and its clock: install gcc');

const all: readonly Subject[] = [
  floor(native.echo),
  transportEcho,
  homeport('batch', main),
  homeport('dgram', main),
  dnsmasq,
  unbound,
  knotResolver,
  pdnsRecursor,
];
const versions: Record<string, string> = {};
for (const subject of all) {
  const version = subject.version();
  if (version === undefined) options.say(`${subject.name} is not installed`);
  else versions[subject.name] = version;
}
const subjects = all.filter(({ name }) => versions[name] !== undefined);

const files = new NameFiles(directory);
const upstreamPort = await freePort();
const upstream = new ServerProcess(native.echo, ['127.0.0.1', String(upstreamPort)], upstreamPort);
const local: Record<number, readonly CostResult[]> = {};
const latency: Record<string, readonly LatencyFigures[]> = {};
let cached: readonly CostResult[] = [];
let uncached: readonly CostResult[] = [];
let sync: SyncResult | undefined;
let idle: IdleResult | undefined;
let events: readonly EventResult[] = [];

try {
  await upstream.answers('probe.example');
  if (['local', 'cached', 'uncached', 'latency'].some((kind) => kinds.has(kind))) {
    for (const size of sizes) await measureSize(size);
  }
  if (kinds.has('sync')) await measureHost(native.ask);
  if (kinds.has('events')) await measureEngine();
  const results: Results = {
    host: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      kernel: release(),
      node: process.version,
    },
    versions,
    local,
    cached,
    uncached,
    latency,
    sync,
    idle,
    events,
  };
  report(results);
} finally {
  await upstream.stop();
  rmSync(directory, { recursive: true, force: true });
}

/** Everything that is measured with so many owned names. */
async function measureSize(size: number): Promise<void> {
  options.say(`${size} owned names`);
  const probe = `${localName(0)}.${REGION}`;
  const running = await startAll(subjects, { localNames: size, upstreamPort }, probe, options);
  const servers = running.filter(({ subject }) => subject.isEcho !== true);
  const own = files.local(size);
  const isMiddle = size === MIDDLE_SIZE || sizes.length === 1;
  try {
    if (kinds.has('local')) {
      options.say('  local names');
      local[size] = await measureCost(running, () => own, false, options);
    }
    if (kinds.has('latency') && isMiddle) await measureLatencies('local', () => own, running);
    if (!isMiddle) return;
    const foreign = files.foreign('kept', CACHED_NAMES);
    if (kinds.has('cached')) {
      options.say('  cached forwards');
      cached = await measureCost(servers, () => foreign, false, options);
      if (kinds.has('latency')) await measureLatencies('cached', () => foreign, servers);
    }
    if (kinds.has('uncached')) {
      options.say('  uncached forwards');
      const count = Math.ceil(UNIQUE_PER_SECOND * options.seconds);
      uncached = await measureCost(
        servers,
        (round) => files.foreign(`r${round}`, count),
        true,
        options,
      );
      if (kinds.has('latency')) {
        for (const outstanding of [1, 100]) {
          const namesOf = (round: number): string =>
            files.foreign(`l${outstanding}r${round}`, count);
          await measureLatencies('uncached', namesOf, servers, [outstanding]);
        }
      }
    }
  } finally {
    await stopAll(running);
  }
}

/** A host with few containers that idles, and one with many that are all read again. */
async function measureHost(ask: string): Promise<void> {
  options.say(`${IDLE_CONTAINERS} containers, idle`);
  idle = await measureIdle(IDLE_CONTAINERS, main, options);
  options.say(`${given.containers} containers`);
  sync = await measureSync(Number(given.containers), main, ask, options);
}

async function measureEngine(): Promise<void> {
  const reason = engineAvailable();
  if (reason !== null) {
    options.say(`no events are measured: ${reason}`);
    return;
  }
  options.say(`${EVENT_CONTAINERS} containers on a real engine`);
  events = await measureEvents(EVENT_CONTAINERS, main, options);
}

async function measureLatencies(
  work: string,
  namesOf: (round: number) => string,
  running: Awaited<ReturnType<typeof startAll>>,
  outstandings: readonly number[] = [1, 100],
): Promise<void> {
  for (const outstanding of outstandings) {
    options.say(`  latency, ${work}, ${outstanding} outstanding`);
    const program = native?.ask ?? '';
    latency[`${work} ${outstanding}`] = await measureLatency(
      running,
      namesOf,
      outstanding,
      program,
      options,
    );
  }
}

function report(results: Results): void {
  mkdirSync(given.out, { recursive: true });
  writeFileSync(join(given.out, 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
  const groups = [
    ...Object.entries(results.local).map(([size, rows]) => ({
      title: `local name, ${size} owned`,
      rows,
    })),
    { title: 'cached forward', rows: results.cached },
    { title: 'uncached forward', rows: results.uncached },
  ].filter(({ rows }) => rows.length > 0);
  const bars = groups.map(({ title, rows }) => ({
    title,
    bars: rows.map(({ subject, cpuUs }) => ({ label: subject, value: cpuUs.median })),
  }));
  const cost = barPlot(
    'CPU per answered query',
    'microseconds, user + system; shorter is better',
    bars,
    60,
  );
  writeFileSync(join(given.out, 'cost.svg'), cost);
  const latencies = Object.entries(results.latency).map(([work, rows]) => ({
    title: `${work} outstanding, p50`,
    bars: rows.map(({ subject, p50Us }) => ({ label: subject, value: p50Us.median })),
  }));
  if (latencies.length > 0) {
    const plot = barPlot('Latency', 'microseconds, median; shorter is better', latencies, 2_000);
    writeFileSync(join(given.out, 'latency.svg'), plot);
  }
  const { cpu, cores, kernel, node } = results.host;
  console.log(
    `${cpu}, ${cores} cores, Linux ${kernel}, Node ${node}; medians of ${given.rounds} rounds of ${given.seconds} s\n`,
  );
  for (const { title, rows } of groups) console.log(`${costTable(title, rows)}\n`);
  for (const [work, rows] of Object.entries(results.latency)) {
    console.log(`${latencyTable(`latency, ${work} outstanding`, rows)}\n`);
  }
  if (results.sync !== undefined && results.idle !== undefined) {
    console.log(`${syncTable(results.sync, results.idle)}\n`);
  }
  if (results.events.length > 0) console.log(`${eventTable(results.events)}\n`);
  console.log(targetTable(targets(results)));
  console.log(`\nwritten: ${join(given.out, 'results.json')}, cost.svg, latency.svg`);
}
