/** Findings about what production's servers were heard to answer: replies that stubs take differently. */
import { addressBytes } from '../../dns/address.ts';
import type { Answer } from '../answer.ts';
import { parseAnswer } from '../compare/production.ts';
import type { CheckContext, Family } from './context.ts';
import { type Finding, type FindingKind, fact, findingMaker } from './finding.ts';

const kinds = [
  {
    id: 'aaaa-error',
    severity: 'warning',
    title: 'AAAA is denied or fails for a name that has an address',
    impact:
      'Programs with musl do not find the name in production (NXDOMAIN) or wait for the time-out and fail; glibc waits up to 15 s. homeport answers such names cleanly, so this shows in production only.',
    fix: "Have production's servers answer NODATA for the type that is missing.",
    why: 'musl takes one NXDOMAIN of the pair for "no such name" and any failure for a failed look-up (RFC 2308 §2.2 asks for NODATA).',
  },
  {
    id: 'lame-nodata',
    severity: 'warning',
    title: 'NODATA without RA and AA',
    impact:
      'glibc and Go take such a reply for a broken server: they ask the next one and skip the rest of the search.',
    fix: 'Set RA (a resolver) or AA (an authoritative server) on negative replies.',
    why: 'Measured: NOERROR without answers, neither authoritative nor recursive, counts as a lame referral.',
  },
  {
    id: 'address-families',
    severity: 'notice',
    title: 'IPv4 and IPv6 differ between production and this host',
    impact:
      'A program that prefers IPv6 connects over another family here than in production; a missing family hides bugs of dual-stack set-ups.',
    fix: 'Give the containers the same families: `enable_ipv6` on their network, or none in production.',
    why: 'getaddrinfo orders the addresses of both families (RFC 6724); with only one there is nothing to order.',
  },
  {
    id: 'big-answers',
    severity: 'notice',
    title: 'an answer too large for plain UDP',
    impact: 'musl 1.2.3 and busybox do not ask again over TCP: they find nothing.',
    fix: 'Use musl 1.2.4 or newer, or fewer records for the name.',
    why: 'A reply over 512 bytes comes truncated to clients without EDNS; musl learned TCP in 1.2.4.',
  },
] as const satisfies readonly FindingKind[];
const found = findingMaker(kinds);

/** The family of answers. */
export const answerFamily: Family = {
  kinds,
  inCheck: (context) => [...recorded(context), ...families(context)],
};

function recorded({ inputs }: CheckContext): readonly Finding[] {
  const troubles = { 'aaaa-error': [], 'lame-nodata': [], 'big-answers': [] } as Record<
    'aaaa-error' | 'lame-nodata' | 'big-answers',
    { name: string; text: string }[]
  >;
  for (const [server, records] of Object.entries(inputs.production.answers ?? {})) {
    for (const [question, text] of Object.entries(records)) {
      const [name = '', type = ''] = question.split(' ');
      const words = typeof text === 'string' ? [text] : text;
      const answer = parseAnswer(text, name);
      const shown = `${server} says to ${question}: ${words.join(' ')}`;
      const isFailing = answer.kind !== 'addresses' && answer.kind !== 'nodata';
      if (type === 'AAAA' && isFailing && hasAddress(records[`${name} A`])) {
        troubles['aaaa-error'].push({ name, text: shown });
      }
      if (answer.kind === 'nodata' && answer.flags?.ra === false && answer.flags.aa !== true) {
        troubles['lame-nodata'].push({ name, text: shown });
      }
      const size = Number(
        words.find((word) => word.startsWith('SIZE:'))?.slice('SIZE:'.length) ?? 0,
      );
      if (words.includes('TC') || size > PLAIN_UDP_BYTES) {
        troubles['big-answers'].push({ name, text: shown });
      }
    }
  }
  const ids = ['aaaa-error', 'lame-nodata', 'big-answers'] as const;
  return ids.flatMap((id) => {
    const hits = troubles[id];
    if (hits.length === 0) return [];
    return [
      found(id, 'production', {
        names: inputs.expected.filter((name) => hits.some((hit) => isName(hit.name, name))),
        stubs: id === 'lame-nodata' ? ['glibc', 'go'] : ['musl'],
        message: `${hits.length} answers of production's servers: ${hits[0]?.text}`,
        evidence: hits.slice(0, MAX_SHOWN).map(({ text }) => fact(text)),
      }),
    ];
  });
}

/** RFC 1035 §4.2.1. */
const PLAIN_UDP_BYTES = 512;
const MAX_SHOWN = 10;

function families({ inputs, search }: CheckContext): readonly Finding[] {
  const answers = Object.values(inputs.production.answers ?? {});
  const { owned } = inputs.homeport;
  if (answers.length === 0 || owned === undefined) return [];
  const differing = inputs.expected.flatMap((name) => {
    const own = owned.filter((candidate) => candidate.name === name);
    if (own.length === 0) return [];
    const here = familiesOf(
      own.flatMap(({ addresses }) => addresses.map(({ address }) => address)),
    );
    const long = search.map((domain) => `${name}.${domain}`);
    const production = familiesOf(
      answers.flatMap((records) =>
        long.flatMap((full) =>
          [`${full} A`, `${full} AAAA`].flatMap((question) => addressesOf(records[question])),
        ),
      ),
    );
    return production === '' || here === '' || production === here
      ? []
      : [{ name, here, production }];
  });
  if (differing.length === 0) return [];
  return [
    found('address-families', 'production', {
      names: differing.map(({ name }) => name),
      message: `${differing.length} names have other address families here than in production`,
      evidence: differing
        .slice(0, MAX_SHOWN)
        .map(({ name, here, production }) =>
          fact(`${name}: ${production} in production, ${here} here`),
        ),
    }),
  ];
}

function familiesOf(addresses: readonly string[]): string {
  const hasV4 = addresses.some((address) => addressBytes(address)?.length === 4);
  const hasV6 = addresses.some((address) => addressBytes(address)?.length === 16);
  return [...(hasV4 ? ['IPv4'] : []), ...(hasV6 ? ['IPv6'] : [])].join(' and ');
}

function addressesOf(text: string | readonly string[] | undefined): readonly string[] {
  if (text === undefined) return [];
  const answer: Answer = parseAnswer(text, '');
  return answer.kind === 'addresses' ? answer.addresses : [];
}

function hasAddress(text: string | readonly string[] | undefined): boolean {
  return addressesOf(text).length > 0;
}

function isName(full: string, name: string): boolean {
  return full === name || full.startsWith(`${name}.`);
}
