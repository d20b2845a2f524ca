/** Rounds of measurements, interleaved: each server once a round, so that a busy host is as busy for all. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ask, load } from './load.ts';
import type { ServerProcess } from './process.ts';
import { localName, REGION, type Subject, type Work } from './subjects.ts';

/** One figure with all that it was taken from. */
export interface Figure {
  readonly median: number;
  readonly all: readonly number[];
}

export interface CostResult {
  readonly subject: string;
  /** Microseconds of CPU, user and system, for each answered query. */
  readonly cpuUs: Figure;
  readonly queriesPerSecond: Figure;
  /** Over all rounds. */
  readonly lost: number;
  /** Answered, but not NOERROR. */
  readonly failed: number;
}

export interface LatencyFigures {
  readonly subject: string;
  readonly outstanding: number;
  readonly p50Us: Figure;
  readonly p99Us: Figure;
  readonly lost: number;
}

export type Say = (line: string) => void;

export interface MeasureOptions {
  readonly directory: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly say: Say;
}

/** A running server and who it is. */
export interface Running {
  readonly subject: Subject;
  readonly server: ServerProcess;
}

export function medianOf(values: readonly number[]): Figure {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor((sorted.length - 1) / 2);
  return { median: sorted[middle] ?? Number.NaN, all: values };
}

/** A server that takes less than this share of a core has finished starting: thousands of names are read for seconds. */
const QUIET_SHARE = 0.05;
const QUIET_MS = 500;
const QUIET_PATIENCE_MS = 30_000;
/** Within which each name is asked once before anything is measured. */
const WARM_UP_SECONDS = 20;

/** Resolves once the server has nothing to do any more, so that its start is not taken for the cost of its answers. */
async function becomesQuiet(server: ServerProcess): Promise<void> {
  const deadline = Date.now() + QUIET_PATIENCE_MS;
  for (;;) {
    const before = server.cpuUs();
    await delay(QUIET_MS);
    if (server.cpuUs() - before < QUIET_SHARE * QUIET_MS * 1000 || Date.now() > deadline) return;
  }
}

/** Starts every server for one kind of work; those that do not start are left out, with a line that says why. */
export async function startAll(
  subjects: readonly Subject[],
  work: Omit<Work, 'directory'>,
  probe: string,
  { directory, say }: MeasureOptions,
): Promise<Running[]> {
  const running: Running[] = [];
  for (const [i, subject] of subjects.entries()) {
    const own = join(directory, `${work.localNames}-${i}`);
    mkdirSync(own, { recursive: true });
    try {
      const server = await subject.start({ ...work, directory: own });
      await server.answers(probe);
      await becomesQuiet(server);
      running.push({ subject, server });
    } catch (error) {
      say(`  ${subject.name} is left out: ${error instanceof Error ? error.message : error}`);
    }
  }
  return running;
}

export async function stopAll(running: readonly Running[]): Promise<void> {
  for (const { server } of running) await server.stop();
}

/**
 * CPU time for each query.
 *
 * @param namesOf the file of names for a round
 * @param once each name is asked once a round at most (nothing may come from a cache)
 */
export async function measureCost(
  running: readonly Running[],
  namesOf: (round: number) => string,
  once: boolean,
  options: MeasureOptions,
): Promise<CostResult[]> {
  const taken = running.map(() => ({
    cpu: [] as number[],
    rate: [] as number[],
    lost: 0,
    failed: 0,
  }));
  // Round 0 warms up: JIT, caches, the kernel's routes.
  for (let round = 0; round <= options.rounds; round++) {
    const names = namesOf(round);
    for (const [i, { server }] of running.entries()) {
      // The first answer to a name is made then; it is the next ones that are measured.
      if (round === 0 && !once) {
        await load({ port: server.port, names, seconds: WARM_UP_SECONDS, once: true });
      }
      const before = server.cpuUs();
      const result = await load({ port: server.port, names, seconds: options.seconds, once });
      const cpuUs = (server.cpuUs() - before) / result.completed;
      const own = taken[i];
      if (round === 0 || own === undefined) continue;
      own.cpu.push(cpuUs);
      own.rate.push(result.completed / result.seconds);
      own.lost += result.lost;
      own.failed += result.failed;
    }
  }
  return running.map(({ subject }, i) => ({
    subject: subject.name,
    cpuUs: medianOf(taken[i]?.cpu ?? []),
    queriesPerSecond: medianOf(taken[i]?.rate ?? []),
    lost: taken[i]?.lost ?? 0,
    failed: taken[i]?.failed ?? 0,
  }));
}

/** Latency with so many queries outstanding. */
export async function measureLatency(
  running: readonly Running[],
  namesOf: (round: number) => string,
  outstanding: number,
  program: string,
  options: MeasureOptions,
): Promise<LatencyFigures[]> {
  const taken = running.map(() => ({ p50: [] as number[], p99: [] as number[], lost: 0 }));
  for (let round = 0; round < options.rounds; round++) {
    const names = namesOf(round);
    for (const [i, { server }] of running.entries()) {
      const { seconds } = options;
      const result = await ask({ program, port: server.port, names, outstanding, seconds });
      taken[i]?.p50.push(result.p50);
      taken[i]?.p99.push(result.p99);
      const own = taken[i];
      if (own !== undefined) own.lost += result.lost;
    }
  }
  return running.map(({ subject }, i) => ({
    subject: subject.name,
    outstanding,
    p50Us: medianOf(taken[i]?.p50 ?? []),
    p99Us: medianOf(taken[i]?.p99 ?? []),
    lost: taken[i]?.lost ?? 0,
  }));
}

/** Files of names for dnsperf and ask. */
export class NameFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The local names, in an order that no cache of a CPU foresees. */
  local(count: number): string {
    const step = 7919 % count || 1;
    return this.#write(
      `local-${count}`,
      count,
      (i) => `${localName((i * step) % count)}.${REGION}`,
    );
  }

  /** Names that only the upstream knows. */
  foreign(label: string, count: number): string {
    return this.#write(`foreign-${label}-${count}`, count, (i) => `${label}-${i}.example.net`);
  }

  #write(file: string, count: number, name: (i: number) => string): string {
    const path = join(this.#directory, file);
    const lines = Array.from({ length: count }, (_, i) => `${name(i)} A\n`);
    writeFileSync(path, lines.join(''));
    return path;
  }
}
