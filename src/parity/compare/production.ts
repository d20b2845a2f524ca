/** What production's servers answer: from the profile, or assumed where the profile has no answers. Pure. */
import {
  type AddressQuestion,
  type Answer,
  ASSUMED_ADDRESS,
  type FailureRcode,
  type ReplyFlags,
} from '../answer.ts';
import type { AnswerText, Profile } from '../profile/profile.ts';

const RCODES: ReadonlySet<string> = new Set<FailureRcode>([
  'NXDOMAIN',
  'SERVFAIL',
  'REFUSED',
  'NOTIMP',
  'FORMERR',
]);
/** Production's side of the comparison. */
export interface ProductionContext {
  readonly profile: Profile;
  readonly expected: ReadonlySet<string>;
  readonly search: readonly string[];
}

/** Whether the profile says what production's servers answer. */
export function hasAnswers(profile: Profile): boolean {
  return profile.answers !== undefined;
}

/**
 * What one of production's servers answers.
 *
 * Without recorded answers it is assumed that each expected name exists in the region, with an IPv4
 * address, and that nothing else exists: what `expected` says.
 *
 * @param server its address; undefined for any of them, as homeport's forwarding asks
 */
export function answerProduction(
  question: AddressQuestion,
  context: ProductionContext,
  server?: string,
): Answer {
  const name = question.name.toLowerCase().replace(/\.$/, '');
  const { answers, canary } = context.profile;
  if (answers === undefined) return assumed(name, question, context);
  const servers = server === undefined ? Object.keys(answers) : [server];
  for (const address of servers) {
    const recorded = answers[address];
    if (recorded === undefined) continue;
    const text = recorded[`${name} ${question.type}`];
    if (text !== undefined) return parseAnswer(text, serviceOf(name, context));
    const wildcard = wildcardAnswer(name, question, recorded, canary);
    if (wildcard !== undefined) return wildcard;
  }
  if (server !== undefined && answers[server] === undefined && Object.keys(answers).length > 0) {
    return { kind: 'unknown', why: `production's profile has no answers of ${server}` };
  }
  return {
    kind: 'unknown',
    why: `production's profile has no answer for ${name} ${question.type}`,
  };
}

/**
 * Reads a recorded answer.
 *
 * @param title the service that the name stands for
 */
export function parseAnswer(text: AnswerText, title: string): Answer {
  const words = (typeof text === 'string' ? [text] : text).filter(
    (word) => !/^(?:TTL|SIZE|DELAY):/.test(word),
  );
  const flags: ReplyFlags = {
    aa: words.includes('AA'),
    ra: !words.includes('noRA'),
    tc: words.includes('TC'),
  };
  const rcode = words.find((word): word is FailureRcode => RCODES.has(word));
  if (rcode !== undefined) return { kind: 'rcode', rcode, flags };
  if (words.includes('TIMEOUT')) return { kind: 'silent' };
  if (words.includes('CLOSED')) return { kind: 'closed' };
  const addresses = words.filter((word) => /^[0-9a-f:.]+$/i.test(word) && /[:.]/.test(word));
  if (addresses.length === 0) return { kind: 'nodata', flags };
  return { kind: 'addresses', addresses, owner: { kind: 'production', title }, flags };
}

/** A wildcard record answers for every name under its domain that has no record of its own. */
function wildcardAnswer(
  name: string,
  question: AddressQuestion,
  recorded: Readonly<Record<string, AnswerText>>,
  canary: string | undefined,
): Answer | undefined {
  const dot = name.indexOf('.');
  if (canary === undefined || dot < 0) return undefined;
  const text = recorded[`${canary}${name.slice(dot)} ${question.type}`];
  if (text === undefined) return undefined;
  const answer = parseAnswer(text, `*${name.slice(dot)}`);
  return answer.kind === 'addresses'
    ? { ...answer, owner: { kind: 'wildcard', title: `*${name.slice(dot)}` } }
    : undefined;
}

function assumed(name: string, question: AddressQuestion, context: ProductionContext): Answer {
  const service = serviceOf(name, context);
  const region = context.search[0];
  if (!context.expected.has(service) || name !== `${service}.${region}`) {
    return { kind: 'rcode', rcode: 'NXDOMAIN' };
  }
  if (question.type === 'AAAA') return { kind: 'nodata' };
  return {
    kind: 'addresses',
    addresses: [ASSUMED_ADDRESS],
    owner: { kind: 'production', title: service },
  };
}

function serviceOf(name: string, { search }: ProductionContext): string {
  const suffix = search.map((domain) => `.${domain}`).find((end) => name.endsWith(end));
  return suffix === undefined ? name : name.slice(0, -suffix.length);
}
