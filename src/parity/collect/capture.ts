/** Makes a profile where it runs: the files, and what the listed servers answer for the expected names. */
import { hostname } from 'node:os';
import { canonicalAddress } from '../../dns/address.ts';
import { parseResolvConf } from '../../resolv-conf/resolv-conf.ts';
import type { AddressType } from '../answer.ts';
import { answerProduction } from '../compare/production.ts';
import { simulate, situationOf } from '../compare/simulate.ts';
import { parseStub, simulatorOf } from '../compare/stub-name.ts';
import { daemonSettings } from '../engine/daemon-json.ts';
import { hasSettings } from '../engine/settings.ts';
import type { AnswerText, Profile } from '../profile/profile.ts';
import { createStub } from '../stubs/registry.ts';
import type { Problem, Surroundings } from '../surroundings.ts';
import { type Ask, writtenAnswer } from './ask.ts';
import { type FileTree, readText } from './file-tree.ts';
import { detectLibc } from './libc.ts';
import { collectSurroundings } from './surroundings.ts';

/** A label that nobody has; with an address under a search domain, that domain has a wildcard. */
export const CANARY = 'homeport-no-such-name';

/** Each round asks what the simulated stubs asked in vain; three cover search, as-is and their repeats. */
const MAX_ROUNDS = 4;

/** What to capture. */
export interface CaptureOptions {
  readonly tree: FileTree;
  /** names that an application uses; lower case */
  readonly names: readonly string[];
  readonly stubs: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly now: Date;
  /** undefined: files only, nobody is asked */
  readonly ask: Ask | undefined;
}

/** Captures a profile. Never rejects; what could not be read is told, and missing in the profile. */
export async function captureProfile(
  options: CaptureOptions,
): Promise<{ readonly profile: Profile; readonly problems: readonly Problem[] }> {
  const { tree, names, ask } = options;
  const { surroundings, problems } = await collectSurroundings(tree, {
    label: '',
    hostname: hostname(),
    environment: options.environment,
  });
  const daemonJson = await readText(tree, '/etc/docker/daemon.json');
  const daemon = daemonJson.kind === 'text' ? daemonSettings(daemonJson.text) : undefined;
  const files: Profile = {
    source: 'this machine',
    capturedAt: options.now.toISOString(),
    surroundings,
    libc: await detectLibc(tree),
    daemon: daemon !== undefined && hasSettings(daemon) ? daemon : undefined,
    answers: undefined,
    canary: undefined,
  };
  if (ask === undefined || names.length === 0) return { profile: files, problems };
  const answers = await answersFor(surroundings, names, options.stubs, ask);
  const silent = Object.entries(answers)
    .filter(([, recorded]) => Object.values(recorded).every(isSilent))
    .map(([server]) => ({ thing: `nameserver ${server}`, why: 'answered nothing' }));
  return { profile: { ...files, answers, canary: CANARY }, problems: [...problems, ...silent] };
}

async function answersFor(
  surroundings: Surroundings,
  names: readonly string[],
  stubs: readonly string[],
  ask: Ask,
): Promise<Readonly<Record<string, Readonly<Record<string, AnswerText>>>>> {
  const conf = parseResolvConf(surroundings.resolvConf.text ?? '');
  const listed = conf.nameservers.map(({ address }) => canonicalAddress(address));
  const servers = [...new Set(listed.length > 0 ? listed : ['127.0.0.1'])];
  const search = conf.search.map(({ domain }) => domain.toLowerCase().replace(/\.$/, ''));
  const answers: Record<string, Record<string, AnswerText>> = {};
  for (const server of servers) answers[server] = {};
  const askAll = async (questions: ReadonlySet<string>): Promise<void> => {
    await Promise.all(
      servers.flatMap((server) =>
        [...questions].map(async (question) => {
          const recorded = answers[server];
          if (recorded === undefined || question in recorded) return;
          const [name = '', type = 'A'] = question.split(' ');
          recorded[question] = writtenAnswer(await ask(server, name, type === 'A' ? 'A' : 'AAAA'));
        }),
      ),
    );
  };
  // What every stub may ask, and the canary; then what the stubs asked beyond that.
  let questions = new Set(
    [...names, CANARY].flatMap((name) =>
      [
        ...(name === CANARY ? [] : [name]),
        ...search.filter((domain) => domain !== '').map((domain) => `${name}.${domain}`),
      ].flatMap((full) => [`${full} A`, `${full} AAAA`]),
    ),
  );
  for (let round = 0; round < MAX_ROUNDS && questions.size > 0; round++) {
    await askAll(questions);
    questions = askedInVain(surroundings, names, stubs, answers, search);
  }
  return answers;
}

/** The questions of the simulated stubs that have no recorded answer yet. */
function askedInVain(
  surroundings: Surroundings,
  names: readonly string[],
  stubs: readonly string[],
  answers: Readonly<Record<string, Readonly<Record<string, AnswerText>>>>,
  search: readonly string[],
): Set<string> {
  const missing = new Set<string>();
  const profile: Profile = {
    ...{ source: '', capturedAt: undefined, surroundings, libc: undefined, daemon: undefined },
    ...{ answers, canary: CANARY },
  };
  const context = { profile, expected: new Set(names), search };
  for (const stub of stubs) {
    const parsed = parseStub(stub);
    const simulator = parsed && simulatorOf(parsed);
    if (simulator === undefined) continue;
    const resolve = createStub(simulator, situationOf(surroundings, undefined));
    for (const name of names) {
      const answer = (server: string, asked: string, type: AddressType) => {
        const known = answerProduction({ name: asked, type }, context, canonicalAddress(server));
        if (known.kind === 'unknown') missing.add(`${asked.toLowerCase()} ${type}`);
        return { answer: known, delaySeconds: 0 };
      };
      simulate(resolve, name, answer, () => ({ kind: 'production', title: name }));
    }
  }
  return missing;
}

function isSilent(answer: AnswerText): boolean {
  return answer === 'TIMEOUT' || answer === 'CLOSED';
}
