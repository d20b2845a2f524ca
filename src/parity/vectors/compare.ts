/** Whether a simulated outcome is the recorded one: queries, result, and the wire as far as rules reach. */
import type { Outcome, SentQuery } from '../stubs/stub.ts';
import type { RecordedResult, RecordedWire, StubCase } from './stub-case.ts';

/** Times are recorded in steps of half a second, so they may be off by half a step; and a busy recorder is late. */
const stepMs = 500;
const toleranceMs = 300;

/** How late a whole program may be: starting it, a busy recorder. JVMs and Python take longest. */
const slackMs = 1000;
const slowStarters: readonly string[] = ['java', 'dnspython'];
const slowSlackMs = 3500;

/** @returns what differs, one line, or undefined where nothing does */
export function compare(recorded: StubCase, outcomes: readonly Outcome[]): string | undefined {
  const queries = outcomes.flatMap((outcome) => arrived(recorded, outcome));
  const result =
    differenceOfResults(recorded.results, outcomes.map(resultOf)) ??
    differenceOfQueries(recorded, queries);
  return result ?? differenceOfWire(recorded, queries) ?? differenceOfTime(recorded, outcomes);
}

/** What the recording server saw: of systemd-resolved its own queries, of others the stub's. */
function arrived(recorded: StubCase, outcome: Outcome): readonly SentQuery[] {
  const by = recorded.resolver.startsWith('systemd-resolved') ? 'systemd-resolved' : 'stub';
  return outcome.queries.filter((query) => query.hasArrived && query.by === by);
}

function resultOf(outcome: Outcome): RecordedResult {
  switch (outcome.kind) {
    case 'found':
      return outcome.addresses;
    case 'failed':
      return outcome.error;
    case 'unknown':
      return `unknown: ${outcome.reason}`;
  }
}

function differenceOfResults(
  recorded: readonly RecordedResult[],
  simulated: readonly RecordedResult[],
): string | undefined {
  const want = JSON.stringify(recorded);
  const have = JSON.stringify(simulated);
  return want === have ? undefined : `result: recorded ${want}, simulated ${have}`;
}

function differenceOfQueries(
  recorded: StubCase,
  queries: readonly SentQuery[],
): string | undefined {
  const isAnyOrder = !recorded.isExact || queries.some((query) => query.latestMs !== undefined);
  const want = recorded.queries.map(([name, type]) => `${name}/${type}`);
  const have = queries.map((query) => `${query.name}/${query.type}`);
  const wantText = (isAnyOrder ? byRun(want) : want).join(' ');
  const haveText = (isAnyOrder ? byRun(have) : have).join(' ');
  if (wantText === haveText) return undefined;
  return `queries: recorded [${wantText}], simulated [${haveText}]`;
}

/** Sorts the types within each run of one name: A and AAAA may come in any order. */
function byRun(entries: readonly string[]): readonly string[] {
  const runs: { name: string; entries: string[] }[] = [];
  for (const entry of entries) {
    const name = entry.slice(0, entry.lastIndexOf('/'));
    const last = runs.at(-1);
    if (last !== undefined && last.name === name) last.entries.push(entry);
    else runs.push({ name, entries: [entry] });
  }
  return runs.flatMap((run) => run.entries.sort());
}

function differenceOfWire(recorded: StubCase, queries: readonly SentQuery[]): string | undefined {
  const wire = recorded.wire;
  if (wire === undefined) return undefined;
  if (wire.length !== queries.length) {
    return `wire: recorded ${wire.length} queries, simulated ${queries.length}`;
  }
  const isJittered = queries.some((query) => query.latestMs !== undefined);
  if (isJittered) return differenceOfJittered(recorded, wire, queries);
  const startMs = queries[0]?.atMs ?? 0;
  const want = recorded.queries.map((query, index) => timed(query, wire[index]));
  const have = queries.map((query) => ({
    text: markText(query.name, query.type, query),
    ms: query.atMs - startMs,
  }));
  if (!recorded.isExact) for (const entries of [want, have]) entries.sort(byTextAndTime);
  const isSame = want.every((entry, index) => {
    const other = have[index];
    return entry.text === other?.text && Math.abs(entry.ms - other.ms) <= toleranceMs;
  });
  if (isSame) return undefined;
  return `wire: recorded [${want.map(show).join(' ')}], simulated [${have.map(show).join(' ')}]`;
}

interface TimedQuery {
  readonly text: string;
  readonly ms: number;
}

function timed(query: readonly [string, string], entry: RecordedWire | undefined): TimedQuery {
  const [server, transport, seconds, optSize, ad] = entry ?? ['?', 'udp', -1, null, 0];
  const marks = { server, transport, optSize, ad: ad === 1 };
  return { text: markText(query[0], query[1], marks), ms: seconds * 1000 };
}

function markText(
  name: string,
  type: string,
  marks: { server: string; transport: string; optSize: number | null; ad: boolean },
): string {
  const { server, transport, optSize, ad } = marks;
  return `${name}/${type}@${server}/${transport}/${optSize ?? '-'}${ad ? '/ad' : ''}`;
}

function byTextAndTime(one: TimedQuery, other: TimedQuery): number {
  if (one.text === other.text) return one.ms - other.ms;
  return one.text < other.text ? -1 : 1;
}

function show({ text, ms }: TimedQuery): string {
  return `${text}+${ms / 1000}`;
}

/** With jitter, the n-th query of a type must lie in its window; which server got it is drawn by lot. */
function differenceOfJittered(
  recorded: StubCase,
  wire: readonly RecordedWire[],
  queries: readonly SentQuery[],
): string | undefined {
  const servers = new Set(queries.map((query) => query.server));
  const rest = [...queries];
  for (const [index, [name, type]] of recorded.queries.entries()) {
    const entry = wire[index];
    const at = rest.findIndex((query) => query.name === name && query.type === type);
    const query = at < 0 ? undefined : rest.splice(at, 1)[0];
    if (entry === undefined || query === undefined) return `wire: no ${name}/${type} left`;
    const [server, transport, seconds, optSize, ad] = entry;
    const latestMs = query.latestMs ?? query.atMs;
    const isInTime = seconds * 1000 >= query.atMs - stepMs && seconds * 1000 <= latestMs + stepMs;
    const isSame =
      servers.has(server) &&
      transport === query.transport &&
      optSize === query.optSize &&
      ad === (query.ad ? 1 : 0);
    if (!isInTime || !isSame) {
      return `wire: recorded ${show(timed([name, type], entry))}, simulated ${query.atMs}-${latestMs} ms`;
    }
  }
  return undefined;
}

function differenceOfTime(recorded: StubCase, outcomes: readonly Outcome[]): string | undefined {
  if (recorded.elapsedMs === undefined) return undefined;
  const pauseMs = recorded.later?.afterMs ?? 0;
  const shortest = pauseMs + outcomes.reduce((sum, outcome) => sum + outcome.elapsedMs, 0);
  const longest =
    pauseMs + outcomes.reduce((sum, outcome) => sum + (outcome.longestMs ?? outcome.elapsedMs), 0);
  const slow = slowStarters.some((start) => recorded.resolver.startsWith(start));
  const latest = longest + stepMs / 2 + (slow ? slowSlackMs : slackMs);
  if (recorded.elapsedMs >= shortest - stepMs / 2 && recorded.elapsedMs <= latest) return undefined;
  return `elapsed: recorded ${recorded.elapsedMs} ms, simulated ${shortest}-${longest} ms`;
}
