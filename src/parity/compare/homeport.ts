/** What homeport would answer: owned, expected and bare names as the design has them. Pure. */
import type { AddressQuestion, Answer } from '../answer.ts';
import type { HomeportSide, OwnedName } from '../inputs.ts';

/** Owned names by name, wildcards apart. */
export interface OwnedIndex {
  readonly byName: ReadonlyMap<string, readonly OwnedName[]>;
  readonly wildcards: readonly OwnedName[];
}

/** Sorts owned names for look-ups. */
export function indexOwned(owned: readonly OwnedName[]): OwnedIndex {
  const byName = new Map<string, OwnedName[]>();
  for (const claim of owned) {
    const claims = byName.get(claim.name) ?? [];
    claims.push(claim);
    byName.set(claim.name, claims);
  }
  return { byName, wildcards: owned.filter(({ name }) => name.startsWith('*.')) };
}

/** The names and suffixes that decide. */
export interface HomeportContext {
  readonly side: Pick<HomeportSide, 'whenMissing'>;
  /** undefined where it could not be found out what homeport owns */
  readonly owned: OwnedIndex | undefined;
  readonly expected: ReadonlySet<string>;
  /** the region first; lower case, no trailing dots */
  readonly search: readonly string[];
  readonly domains: readonly string[];
  /** the networks that the client is on, by name: homeport prefers an owner there */
  readonly clientNetworks: ReadonlySet<string>;
}

/**
 * Answers a question as homeport does.
 *
 * @param askUpstream what production's servers say to a name that is forwarded
 */
export function answerHomeport(
  question: AddressQuestion,
  context: HomeportContext,
  askUpstream: (question: AddressQuestion) => Answer,
): Answer {
  const { side, owned: index, search } = context;
  const asked = question.name.toLowerCase().replace(/\.$/, '');
  if (index === undefined) {
    return { kind: 'unknown', why: 'which names homeport owns could not be found out' };
  }
  const name = localPart(asked, context);
  const owned = name === undefined ? undefined : ownedAs(name, index, context);
  if (owned !== undefined) return ownedAnswer(owned, question, context);
  if (name !== undefined && context.expected.has(name)) {
    const region = search[0];
    return side.whenMissing === 'refuse' || region === undefined
      ? { kind: 'rcode', rcode: 'NXDOMAIN' }
      : askUpstream({ ...question, name: `${name}.${region}` });
  }
  if (asked.includes('.')) return askUpstream(question);
  for (const domain of search) {
    const answer = askUpstream({ ...question, name: `${asked}.${domain}` });
    if (answer.kind !== 'rcode' || answer.rcode !== 'NXDOMAIN') return answer;
  }
  return { kind: 'rcode', rcode: 'NXDOMAIN' };
}

/** NAME of NAME, NAME.SEARCH, NAME.DOMAIN and NAME.REGION.REGION (glibc asks that after NXDOMAIN). */
function localPart(asked: string, { search, domains }: HomeportContext): string | undefined {
  const region = search[0];
  const doubled = region === undefined ? [] : [`.${region}.${region}`];
  const suffixes = [...doubled, ...[...search, ...domains].map((domain) => `.${domain}`)];
  const suffix = suffixes.find((candidate) => asked.endsWith(candidate));
  return suffix === undefined ? asked : asked.slice(0, -suffix.length);
}

/** A wildcard record (`*.env.dev.internal`) holds what no other name does. */
function ownedAs(
  name: string,
  { byName, wildcards }: OwnedIndex,
  { clientNetworks }: HomeportContext,
): OwnedName | undefined {
  const claims = byName.get(name) ?? [];
  const near = claims.find(({ addresses }) =>
    addresses.some(({ network }) => network !== null && clientNetworks.has(network)),
  );
  if (near !== undefined || claims.length > 0) return near ?? claims[0];
  return wildcards.find((claim) => name.endsWith(claim.name.slice(1)));
}

function ownedAnswer(
  owned: OwnedName,
  question: AddressQuestion,
  { clientNetworks }: HomeportContext,
): Answer {
  const isV6 = question.type === 'AAAA';
  const ofFamily = owned.addresses.filter(({ address }) => address.includes(':') === isV6);
  const near = ofFamily.filter(({ network }) => network !== null && clientNetworks.has(network));
  const given = near.length > 0 ? near : ofFamily;
  // The name is owned, so every other type is NODATA: with NXDOMAIN musl would drop the A as well.
  if (given.length === 0) return { kind: 'nodata', flags: { aa: true } };
  const addresses = given.map(({ address }) => address);
  return { kind: 'addresses', addresses, owner: owned.owner, flags: { aa: true } };
}
