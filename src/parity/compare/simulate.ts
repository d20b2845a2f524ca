/** Runs a stub simulator against answers that know their owners, and says whom a program finds. */
import { parseHosts } from '../../resolv-conf/hosts-file.ts';
import { parseNsswitch } from '../../resolv-conf/nsswitch.ts';
import { parseResolvConf } from '../../resolv-conf/resolv-conf.ts';
import { type AddressType, type Answer, answerText, type Owner } from '../answer.ts';
import type { OracleAnswer, Situation, StubResolver } from '../stubs/stub.ts';
import type { Surroundings } from '../surroundings.ts';
import type { AskedQuestion, Lookup, LookupResult } from './comparison.ts';

/** A server's answer and how long it takes. */
export interface TimedAnswer {
  readonly answer: Answer;
  readonly delaySeconds: number;
}

/** Stands for all servers that a stub can reach from where it runs. */
export type Answers = (server: string, name: string, type: AddressType) => TimedAnswer;

/** The simulators' view of what was collected. */
export function situationOf(on: Surroundings, resolvedConf: string | undefined): Situation {
  const files: Record<string, string> = {};
  if (on.hostConf.text !== undefined) files['/etc/host.conf'] = on.hostConf.text;
  const aliases = on.environment.HOSTALIASES;
  if (aliases !== undefined && on.aliases?.text !== undefined) files[aliases] = on.aliases.text;
  const { text } = on.resolvConf;
  return {
    resolvConf: text === undefined ? undefined : parseResolvConf(text),
    nsswitch: parseNsswitch(on.nsswitch.text),
    hosts: parseHosts(on.hosts.text),
    hostname: on.hostname,
    env: on.environment,
    files,
    nssModules: new Set(on.nssModules),
    ...(resolvedConf === undefined ? {} : { resolvedConf }),
    isReachable: () => true,
    configured: { inet: true, inet6: true },
  };
}

/**
 * One look-up of a name, both families, as getaddrinfo makes it. Never throws.
 *
 * @param ownerOfEntry whose address a hosts entry holds
 */
export function simulate(
  resolve: StubResolver,
  name: string,
  answers: Answers,
  ownerOfEntry: (address: string) => Owner,
): Lookup {
  const questions: AskedQuestion[] = [];
  const owners = new Map<string, Owner>();
  let unknown: string | undefined;
  const outcome = resolve({ name, family: 'unspec' }, (query) => {
    const { server, name: asked, type } = query;
    const timed = isAddressType(type) ? answers(server, asked, type) : otherType;
    const { answer } = timed;
    questions.push({ server, name: asked, type, answer: answerText(answer) });
    if (answer.kind === 'unknown') unknown ??= answer.why;
    if (answer.kind === 'addresses') {
      for (const address of answer.addresses) owners.set(address, answer.owner);
    }
    return oracleAnswer(timed, asked, type);
  });
  const seconds = outcome.elapsedMs / 1000;
  if (outcome.kind === 'unknown') {
    return { questions, result: { kind: 'unknown', why: outcome.reason }, seconds };
  }
  if (unknown !== undefined)
    return { questions, result: { kind: 'unknown', why: unknown }, seconds };
  if (outcome.kind === 'failed') {
    return { questions, result: { kind: 'failed', error: outcome.error }, seconds };
  }
  const { addresses } = outcome;
  const [first = ''] = addresses;
  const owner = owners.get(first);
  const result: LookupResult =
    owner === undefined
      ? { kind: 'found', addresses, owner: ownerOfEntry(first), source: 'files' }
      : { kind: 'found', addresses, owner, source: 'dns' };
  return { questions, result, seconds };
}

const otherType: TimedAnswer = { answer: { kind: 'rcode', rcode: 'NXDOMAIN' }, delaySeconds: 0 };

/** An answer as the simulators take it; an unknown one goes on as a denial and is remembered. */
export function oracleAnswer(
  { answer, delaySeconds }: TimedAnswer,
  name: string,
  type: string,
): OracleAnswer {
  if (answer.kind === 'silent') return { kind: 'timeout' };
  if (answer.kind === 'closed') return { kind: 'closed' };
  const flags = answer.kind === 'unknown' ? undefined : answer.flags;
  return {
    kind: 'reply',
    rcode:
      answer.kind === 'rcode' ? answer.rcode : answer.kind === 'unknown' ? 'NXDOMAIN' : 'NOERROR',
    answers:
      answer.kind === 'addresses' ? answer.addresses.map((data) => ({ name, type, data })) : [],
    isAuthoritative: flags?.aa ?? false,
    isRecursionAvailable: flags?.ra ?? true,
    isTruncated: flags?.tc ?? false,
    delayMs: delaySeconds * 1000,
  };
}

function isAddressType(type: string): type is AddressType {
  return type === 'A' || type === 'AAAA';
}
