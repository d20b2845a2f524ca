/** The load: dnsperf for cost, our own closed loop (native/ask.c) for latency. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What dnsperf says of one run. */
export interface LoadResult {
  readonly completed: number;
  readonly lost: number;
  readonly seconds: number;
  readonly failed: number;
}

/** dnsperf as in the measurements that the figures are compared with: 8 clients, 200 queries outstanding, one thread. */
const CLIENTS = 8;
const OUTSTANDING = 200;

/**
 * Runs dnsperf against 127.0.0.1.
 *
 * @param names a file of names for this run, one `NAME TYPE` a line
 * @param once stops when each was asked once, even before the time
 */
export async function load(options: {
  readonly port: number;
  readonly names: string;
  readonly seconds: number;
  readonly once?: boolean;
}): Promise<LoadResult> {
  const args = [
    ...['-s', '127.0.0.1', '-p', String(options.port), '-d', options.names],
    ...['-c', String(CLIENTS), '-q', String(OUTSTANDING), '-T', '1'],
    ...['-l', String(options.seconds), '-t', '2'],
    ...(options.once === true ? ['-n', '1'] : []),
  ];
  const { stdout } = await run('dnsperf', args, { maxBuffer: 1 << 24 });
  const completed = numberAfter(stdout, 'Queries completed');
  const noError = Number(/NOERROR (\d+)/.exec(stdout)?.[1] ?? 0);
  return {
    completed,
    lost: numberAfter(stdout, 'Queries lost'),
    seconds: numberAfter(stdout, 'Run time \\(s\\)'),
    failed: completed - noError,
  };
}

function numberAfter(text: string, label: string): number {
  const value = new RegExp(`${label}:\\s+([\\d.]+)`).exec(text)?.[1];
  if (value === undefined) throw new Error(`dnsperf says nothing of "${label}"`);
  return Number(value);
}

/** What `ask` prints; times in microseconds. */
export interface LatencyResult {
  readonly answered: number;
  readonly lost: number;
  /** Answered, but not with a record. */
  readonly wrong: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * Measures latency with a closed loop.
 *
 * @param program the compiled native/ask.c
 * @param gapUs pause after each reply; 0 for none
 */
export async function ask(options: {
  readonly program: string;
  readonly port: number;
  readonly names: string;
  readonly outstanding: number;
  readonly seconds: number;
  readonly gapUs?: number;
}): Promise<LatencyResult> {
  const { program, port, names, outstanding, seconds, gapUs = 0 } = options;
  const args = ['127.0.0.1', port, names, outstanding, seconds, gapUs].map(String);
  // The clock must not wait for a processor itself: what it measures is the server.
  const { stdout } = await run('nice', ['-n', '-10', program, ...args]);
  // Our own program printed it.
  return JSON.parse(stdout) as LatencyResult;
}
