/**
 * Docker's embedded resolver, 127.0.0.11: what it answers itself, and whom it asks for the rest
 * (resolver-semantics section 11; moby libnetwork/resolver.go). Pure.
 */
import type { AddressQuestion, Answer } from '../answer.ts';
import type { EmbeddedSettings, EmbeddedUpstream } from './settings.ts';
import type { MeasuredEngine } from './version.ts';

/** Where every container on a user-defined network finds it. */
export const EMBEDDED_ADDRESS = '127.0.0.11';

const MAX_UPSTREAMS = 3;
const UPSTREAM_TIMEOUT_S = 4;

/** A name that the engine answers itself. */
export interface LocalName {
  /** lower case, no trailing dot */
  readonly name: string;
  readonly address: string;
  readonly container: string;
}

/** One query that it sent on, `atSeconds` after it got the client's. */
export interface Forwarded {
  readonly upstream: EmbeddedUpstream;
  readonly atSeconds: number;
  readonly answer: Answer;
}

/** What the client gets, and when. */
export interface EmbeddedAnswer {
  readonly answer: Answer;
  readonly delaySeconds: number;
  readonly forwarded: readonly Forwarded[];
}

/** What the resolver of one container goes by. */
export interface EmbeddedContext {
  /** undefined for engines that were not recorded */
  readonly engine: MeasuredEngine | undefined;
  readonly settings: EmbeddedSettings;
  readonly localNames: readonly LocalName[];
}

/**
 * Answers a question as 127.0.0.11 does.
 *
 * @param ask what an upstream says to a question, asked from the given namespace
 * @returns `silent` where it sends nothing; `unknown` where that was not measured
 */
export function answerEmbedded(
  question: AddressQuestion,
  context: EmbeddedContext,
  ask: (upstream: EmbeddedUpstream, question: AddressQuestion) => Answer,
): EmbeddedAnswer {
  const own = ownAnswer(question, context);
  if (own !== undefined) return { answer: own, delaySeconds: 0, forwarded: [] };
  return forward(question, context, ask);
}

function ownAnswer(question: AddressQuestion, context: EmbeddedContext): Answer | undefined {
  const name = question.name.toLowerCase();
  const owned = context.localNames.filter((local) => local.name === name);
  const [first] = owned;
  if (first !== undefined) {
    const isV6 = question.type === 'AAAA';
    const addresses = owned
      .map(({ address }) => address)
      .filter((address) => address.includes(':') === isV6);
    if (addresses.length === 0) return { kind: 'nodata' };
    const owner = { kind: 'container', title: first.container } as const;
    return { kind: 'addresses', addresses, owner };
  }
  if (name.includes('.')) return undefined;
  // Somebody set ndots, so the client is told to come back with its search domain.
  if (context.settings.ndotsSet === 'unknown') {
    return { kind: 'unknown', why: 'an invalid ndots was not measured with one-label names' };
  }
  return context.settings.ndotsSet ? { kind: 'nodata' } : undefined;
}

function forward(
  question: AddressQuestion,
  { engine, settings }: EmbeddedContext,
  ask: (upstream: EmbeddedUpstream, question: AddressQuestion) => Answer,
): EmbeddedAnswer {
  const forwarded: Forwarded[] = [];
  let atSeconds = 0;
  let last: Answer = { kind: 'silent' };
  const upstreams = settings.upstreams.slice(0, MAX_UPSTREAMS);
  for (const upstream of upstreams) {
    const answer = ask(upstream, question);
    forwarded.push({ upstream, atSeconds, answer });
    const verdict = isFinal(answer, engine);
    // Going on after the last upstream and stopping there come to the same.
    if (verdict === 'unknown' && upstream !== upstreams.at(-1)) {
      return { answer: unmeasured, delaySeconds: atSeconds, forwarded };
    }
    if (verdict !== false) return { answer, delaySeconds: atSeconds, forwarded };
    if (answer.kind === 'silent') atSeconds += UPSTREAM_TIMEOUT_S;
    last = answer.kind === 'closed' ? { kind: 'silent' } : answer;
  }
  // 20.10 hands on what the last upstream said, be it nothing; later ones make it SERVFAIL.
  const answer: Answer = engine === '20.10' ? last : { kind: 'rcode', rcode: 'SERVFAIL' };
  return { answer, delaySeconds: atSeconds, forwarded };
}

const unmeasured: Answer = {
  kind: 'unknown',
  why: 'whether this engine asks the next server after NXDOMAIN was not measured',
};

function isFinal(answer: Answer, engine: MeasuredEngine | undefined): boolean | 'unknown' {
  switch (answer.kind) {
    case 'addresses':
    case 'nodata':
    case 'unknown':
      return true;
    case 'silent':
    case 'closed':
      return false;
    case 'rcode':
      if (answer.rcode !== 'NXDOMAIN') return false;
      // 20.10 takes only an authoritative denial for the last word.
      if (engine === '20.10') return answer.flags?.aa === true;
      return engine === '26.1' ? true : 'unknown';
  }
}
