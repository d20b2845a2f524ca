/** Replays what a program in a container asked and printed: a stub simulator on top of the engine's resolver. */
import { parseHosts } from '../../resolv-conf/hosts-file.ts';
import { parseNsswitch } from '../../resolv-conf/nsswitch.ts';
import { parseResolvConf } from '../../resolv-conf/resolv-conf.ts';
import type { Answer } from '../answer.ts';
import { createStub, type StubName } from '../stubs/registry.ts';
import type {
  DnsOracle,
  Family,
  OracleAnswer,
  OracleQuery,
  OracleReply,
  Outcome,
} from '../stubs/stub.ts';
import type { CaseVerdict } from '../vectors/verdict.ts';
import { zoneOracle } from '../vectors/zone-oracle.ts';
import { answerEmbedded, EMBEDDED_ADDRESS, type LocalName } from './embedded.ts';
import type { EngineCase, RecordedOutcome } from './recorded-case.ts';
import { type ContainerDns, isLoopback } from './settings.ts';
import { measuredEngine } from './version.ts';

/** Times are recorded in steps of half a second. */
const STEP_MS = 500;
const NSLOOKUP_TIMEOUT_MS = 5000;

/** The programs that the recordings ran. */
const PROGRAMS: Readonly<Record<string, StubName>> = {
  'gai-glibc-static': 'glibc-2.36',
  'gai-musl125': 'musl-1.2.5',
  'gai-musl123': 'musl-1.2.3',
  busybox: 'busybox-nslookup-1.35',
};
const NSLOOKUP_FAMILIES: Readonly<Record<string, Family>> = {
  '-type=a': 'inet',
  '-type=aaaa': 'inet6',
};

/** In the `e2e-container-…` cases a container of the asked name ran on the same network. */
const NEIGHBOUR_CASE = 'e2e-container-';
const NEIGHBOUR_ADDRESS = '172.30.0.77';
const NEIGHBOUR_NETWORK = 'semnet';

interface Command {
  readonly stub: StubName;
  readonly family: Family;
  readonly name: string;
}

/** A query on its way from the engine's resolver, or from the program itself, to the recording server. */
interface Upstream {
  readonly query: OracleQuery;
  readonly atMs: number;
}

/** Simulates the command and compares its queries and output. Never throws. */
export function replayCommand(
  { id, engine, setUp }: EngineCase,
  dns: ContainerDns,
  recorded: RecordedOutcome & { readonly kind: 'command' },
): CaseVerdict {
  const command = readCommand(recorded.command);
  if (command === undefined) {
    return { id, kind: 'unknown', detail: `no simulator for '${recorded.command.join(' ')}'` };
  }
  const servers = new Servers({
    dns,
    engine,
    isOnHost: setUp?.request.network === 'host',
    localNames: neighbours(id, command.name),
    zone: zoneOracle(recorded.zone),
  });
  const outcome = runStub(command, dns, servers);
  if (outcome.kind === 'unknown') return { id, kind: 'unknown', detail: outcome.reason };
  if (servers.unknown !== undefined) return { id, kind: 'unknown', detail: servers.unknown };
  const want = recorded.queries.map(
    ([name, type, server, seconds]) => `${name} ${type} ${server} ${seconds}`,
  );
  const have = servers.upstreamTexts(outcome);
  if (want.join() !== have.join()) {
    return {
      id,
      kind: 'differs',
      detail: `queries: recorded [${want.join(', ')}], simulated [${have.join(', ')}]`,
    };
  }
  const printed = printedBy(command, outcome, servers);
  if (printed === undefined) {
    return {
      id,
      kind: 'unknown',
      detail: 'what nslookup prints of several answers was not recorded',
    };
  }
  const output = `${printed}${clientWarning(setUp?.request.flags.servers ?? [])}`.trimEnd();
  return output === recorded.output
    ? { id, kind: 'passed' }
    : {
        id,
        kind: 'differs',
        detail: `output: recorded ${JSON.stringify(recorded.output)}, simulated ${JSON.stringify(output)}`,
      };
}

function readCommand(words: readonly string[]): Command | undefined {
  const stub = PROGRAMS[words[0] ?? ''];
  if (stub === undefined) return undefined;
  if (words[0] !== 'busybox') {
    const [, api, family, name] = words;
    const known = (['unspec', 'inet', 'inet6'] as const).find((one) => one === family);
    if (api !== 'getaddrinfo' || known === undefined || name === undefined) return undefined;
    return { stub, family: known, name };
  }
  const [, applet, ...rest] = words;
  const name = rest.at(-1);
  const option = rest.length === 2 ? NSLOOKUP_FAMILIES[rest[0] ?? ''] : 'unspec';
  if (applet !== 'nslookup' || name === undefined || option === undefined) return undefined;
  return { stub, family: option, name };
}

function runStub(command: Command, dns: ContainerDns, servers: Servers): Outcome {
  const stub = createStub(command.stub, {
    resolvConf: parseResolvConf(dns.text),
    nsswitch: parseNsswitch(undefined),
    hosts: parseHosts(undefined),
    hostname: '',
    env: {},
    files: {},
    nssModules: new Set(),
    isReachable: () => true,
    configured: { inet: true, inet6: true },
  });
  return stub(
    { name: command.name, family: command.family },
    (query) => servers.answer(query).reply,
  );
}

function neighbours(id: string, name: string): readonly LocalName[] {
  if (!id.startsWith(NEIGHBOUR_CASE)) return [];
  const container = name.toLowerCase().replace(/\..*$/, '');
  return [container, `${container}.${NEIGHBOUR_NETWORK}`].map((own) => ({
    name: own,
    address: NEIGHBOUR_ADDRESS,
    container,
  }));
}

/** What a case has beside the program. */
interface ServersContext {
  readonly dns: ContainerDns;
  readonly engine: string;
  readonly isOnHost: boolean;
  readonly localNames: readonly LocalName[];
  readonly zone: DnsOracle;
}

/** Everything that a program in the container can ask, and what the recording server sees of it. */
class Servers {
  /** the first thing that was not recorded; the outcome rests on it */
  unknown: string | undefined;
  readonly #context: ServersContext;

  constructor(context: ServersContext) {
    this.#context = context;
  }

  /** What comes back for a query of the program, and what the engine's resolver sent on for it. */
  answer(query: OracleQuery): {
    readonly reply: OracleAnswer;
    readonly upstream: readonly Upstream[];
  } {
    const { dns, engine, isOnHost, localNames } = this.#context;
    if (dns.embedded === undefined || query.server !== EMBEDDED_ADDRESS) {
      return this.#direct(query, isOnHost ? 'host' : 'container');
    }
    const replies = new Map<Answer, OracleAnswer>();
    const type = query.type === 'AAAA' ? 'AAAA' : 'A';
    const { answer, delaySeconds, forwarded } = answerEmbedded(
      { name: query.name, type },
      { engine: measuredEngine(engine), settings: dns.embedded, localNames },
      (upstream) => {
        const asked = { ...query, server: upstream.address };
        const { reply } = this.#direct(asked, upstream.from);
        const said = answerOf(reply);
        replies.set(said, reply);
        return said;
      },
    );
    if (answer.kind === 'unknown') this.unknown ??= answer.why;
    const reply = replies.get(answer) ?? replyOf(answer, query);
    return {
      reply:
        reply.kind === 'reply' ? { ...reply, delayMs: reply.delayMs + delaySeconds * 1000 } : reply,
      upstream: forwarded
        .filter(({ answer: said }) => said.kind !== 'closed')
        .map(({ upstream, atSeconds }) => ({
          query: { ...query, server: upstream.address },
          atMs: atSeconds * 1000,
        })),
    };
  }

  /** The recorder listens on the host's loopback only: a container's own has nobody. */
  #direct(
    query: OracleQuery,
    from: 'host' | 'container',
  ): { readonly reply: OracleAnswer; readonly upstream: readonly Upstream[] } {
    if (isLoopback(query.server)) {
      const reply: OracleAnswer = from === 'host' ? this.#context.zone(query) : { kind: 'closed' };
      return { reply, upstream: reply.kind === 'closed' ? [] : [{ query, atMs: 0 }] };
    }
    this.unknown ??= `whether ${query.server} can be reached was not recorded`;
    return { reply: { kind: 'timeout' }, upstream: [] };
  }

  /** All queries that reached the recording server, as the recordings write them. */
  upstreamTexts(outcome: Outcome): readonly string[] {
    const all = outcome.queries
      .flatMap((sent) =>
        this.answer(sent).upstream.map(({ query, atMs }) => ({ query, atMs: sent.atMs + atMs })),
      )
      .sort((a, b) => a.atMs - b.atMs);
    const startMs = all[0]?.atMs ?? 0;
    return all.map(({ query, atMs }) => {
      const seconds = (Math.round((atMs - startMs) / STEP_MS) * STEP_MS) / 1000;
      return `${query.name} ${query.type} ${query.server} ${seconds}`;
    });
  }
}

function answerOf(reply: OracleAnswer): Answer {
  if (reply.kind === 'timeout') return { kind: 'silent' };
  if (reply.kind === 'closed') return { kind: 'closed' };
  const flags = {
    aa: reply.isAuthoritative,
    ra: reply.isRecursionAvailable,
    tc: reply.isTruncated,
  };
  if (reply.rcode !== 'NOERROR') return { kind: 'rcode', rcode: reply.rcode, flags };
  if (reply.answers.length === 0) return { kind: 'nodata', flags };
  const addresses = reply.answers.map(({ data }) => data);
  return { kind: 'addresses', addresses, owner: { kind: 'other', title: 'zone' }, flags };
}

/** The engine's own reply: recursion available, not authoritative. */
function replyOf(answer: Answer, { name, type }: OracleQuery): OracleAnswer {
  if (answer.kind === 'silent' || answer.kind === 'unknown') return { kind: 'timeout' };
  if (answer.kind === 'closed') return { kind: 'closed' };
  return {
    kind: 'reply',
    rcode: answer.kind === 'rcode' ? answer.rcode : 'NOERROR',
    answers:
      answer.kind === 'addresses' ? answer.addresses.map((data) => ({ name, type, data })) : [],
    isAuthoritative: false,
    isRecursionAvailable: true,
    isTruncated: false,
    delayMs: 0,
  };
}

/** What the program prints; undefined where that was not recorded. */
function printedBy(command: Command, outcome: Outcome, servers: Servers): string | undefined {
  if (command.stub === 'busybox-nslookup-1.35') return printedByNslookup(outcome, servers);
  const result =
    outcome.kind === 'found'
      ? { result: outcome.addresses }
      : { error: outcome.kind === 'failed' ? outcome.error : '' };
  return `${JSON.stringify(result)}\n`;
}

function printedByNslookup(outcome: Outcome, servers: Servers): string | undefined {
  const questions = new Set(outcome.queries.map(({ name, type }) => `${name} ${type}`));
  const [first] = outcome.queries;
  if (first === undefined || questions.size !== 1) return undefined;
  const replies = outcome.queries.flatMap((sent) => {
    const { reply } = servers.answer(sent);
    const isInTime = reply.kind === 'reply' && sent.atMs + reply.delayMs <= outcome.elapsedMs;
    return isInTime ? [reply] : [];
  });
  const header = `Server:\t\t${first.server}\nAddress:\t${first.server}:53\n\n`;
  const last = replies.at(-1);
  // Any reply, be it SERVFAIL, has the server printed; only a last word ends the wait.
  const isTimedOut = outcome.elapsedMs >= NSLOOKUP_TIMEOUT_MS;
  const body =
    isTimedOut || last === undefined
      ? ';; connection timed out; no servers could be reached\n\n'
      : answerSection(first.name, last);
  return replies.length > 0 ? `${header}${body}` : body;
}

function answerSection(name: string, reply: OracleReply): string {
  if (reply.rcode !== 'NOERROR') return `** server can't find ${name}: ${reply.rcode}\n\n`;
  const title = reply.isAuthoritative ? '' : 'Non-authoritative answer:\n';
  const records = reply.answers.map(
    ({ name: owner, data }) => `Name:\t${owner}\nAddress: ${data}\n`,
  );
  return `${title}${records.join('')}\n`;
}

/** The docker client says so on its error output when a `--dns` is a loopback address. */
function clientWarning(servers: readonly string[]): string {
  const local = servers.find(isLoopback);
  return local === undefined ? '' : `WARNING: Localhost DNS (${local}) may fail in containers.\n`;
}
