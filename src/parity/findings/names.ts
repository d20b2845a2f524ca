/** Findings about the names themselves: who runs them, and whom a program finds. */
import type { Comparison, Lookup, Verdict } from '../compare/comparison.ts';
import { resultText } from '../compare/comparison.ts';
import type { CheckContext, Family, TargetContext } from './context.ts';
import {
  type Finding,
  type FindingKind,
  fact,
  findingMaker,
  type LookupEvidence,
} from './finding.ts';

const kinds = [
  {
    id: 'leak',
    severity: 'error',
    title: "an expected name finds production's own address",
    impact: 'A test connects to production: it reads, and writes, what real users have.',
    fix: 'Run the service on this host, keep `when_missing: refuse`, and let no server but homeport be asked.',
    why: 'The question for the name reaches a server of production, which answers it.',
  },
  {
    id: 'missing',
    severity: 'error',
    title: 'an expected name that nobody runs',
    impact:
      'homeport refuses the name, so that it cannot reach production; programs fail to connect.',
    fix: 'Start a container with that name, alias, Compose service or label `homeport.names`; or take the name out of `expected`.',
    why: 'The name is declared in `expected`, and no running container, service or record holds it.',
  },
  {
    id: 'lookup-differs',
    severity: 'error',
    title: 'a look-up ends differently than in production',
    impact: 'A program that works in production fails here, or talks to somebody else.',
    fix: 'See the other findings of the same target: they name the line that makes the difference.',
    why: 'Both sides were simulated query by query with the same stub resolver.',
  },
  {
    id: 'extra-name',
    severity: 'notice',
    title: 'a name that this host has and production lacks',
    impact: 'A program that uses it works here and fails in production.',
    fix: 'Declare it in `expected` where production has it; else rename the container or drop the alias.',
    why: 'homeport answers every name, alias and Compose service of running containers.',
  },
  {
    id: 'other-error',
    severity: 'notice',
    title: 'a name fails with another error than in production',
    impact: 'A program may retry where it gave up in production, or the other way round.',
    fix: 'See the two query sequences: a denial is final (EAI_NONAME), a failure is not (EAI_AGAIN).',
    why: 'Stubs turn NXDOMAIN, NODATA and failures into different errors.',
  },
  {
    id: 'no-search-api',
    severity: 'notice',
    title: 'programs that do not search find plain names here, but not in production',
    impact:
      "Node's dns.resolve and Resolver, Java's JNDI, dnspython's resolve and dig ask a plain name as it is: homeport answers it, production's servers do not.",
    fix: 'Have such programs use getaddrinfo (dns.lookup, InetAddress), or the long name NAME.REGION.',
    why: 'These interfaces never read the search list (measured).',
  },
  {
    id: 'region-differs',
    severity: 'error',
    title: "the configured region is not production's first search domain",
    impact: 'homeport forwards plain names with another domain than production searches.',
    fix: "Set `region:` to the first search domain of production's resolv.conf.",
    why: '`region` is what a plain name is completed with.',
  },
  {
    id: 'libc-differs',
    severity: 'notice',
    title: 'another C library than in production',
    impact:
      'Search, time-outs and several servers are handled differently, whatever the files say.',
    fix: 'Base the image on the C library of production, or check its differences with `stubs:`.',
    why: 'The C library, or Go, brings the stub resolver.',
  },
  {
    id: 'nothing-expected',
    severity: 'notice',
    title: 'no expected names',
    impact: 'Files are compared, but no look-up is.',
    fix: 'Declare `expected.names`, or give `--names-from` the configuration files of the application.',
    why: 'Only expected names are looked up on both sides.',
  },
] as const satisfies readonly FindingKind[];
const found = findingMaker(kinds);

/** Past this, one more name or example adds nothing. */
const MAX_SHOWN = 20;
const MAX_EXAMPLES = 4;

/** The family of names. */
export const nameFamily: Family = {
  kinds,
  inTarget: (context) => [...lookups(context), ...libc(context)],
  inCheck: (context) => [
    ...missing(context),
    ...extraNames(context),
    ...noSearchApi(context),
    ...region(context),
    ...nothingExpected(context),
  ],
};

const REPORTED: Readonly<
  Record<Verdict, 'leak' | 'lookup-differs' | 'extra-name' | 'other-error' | undefined>
> = {
  same: undefined,
  leak: 'leak',
  'not-found': 'lookup-differs',
  'other-owner': 'lookup-differs',
  'only-here': 'extra-name',
  'other-error': 'other-error',
  unknown: undefined,
};

/** One finding for all names and stubs that end in the same way. */
function lookups(context: TargetContext): readonly Finding[] {
  const owned = context.inputs.homeport.owned;
  const groups = new Map<string, Comparison[]>();
  for (const comparison of context.comparisons) {
    const id = REPORTED[comparison.verdict];
    if (id === undefined) continue;
    // Nobody runs it: that is one finding of its own, not one for each target and stub.
    const isMissing = owned !== undefined && !owned.some(({ name }) => name === comparison.name);
    if (isMissing && comparison.verdict === 'not-found') continue;
    const key = `${id} ${comparison.verdict}`;
    groups.set(key, [...(groups.get(key) ?? []), comparison]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    const id = first && REPORTED[first.verdict];
    if (first === undefined || id === undefined) return [];
    const names = [...new Set(group.map(({ name }) => name))];
    const shown = examplesOf(group);
    const texts = shown.map(({ here }) => resultText(here.result)).join(', ');
    const { result } = first.production;
    const there = result.kind === 'found' ? 'found' : resultText(result);
    return [
      found(id, context.target.title, {
        names,
        stubs: [...new Set(group.map(({ stub }) => stub))],
        ...(id === 'extra-name' ? { severity: 'warning' as const } : {}),
        message: `${shownNames(names)}: ${texts} here, ${there} in production`,
        evidence: shown.flatMap((one) => [
          evidenceOf('production', one, one.production),
          evidenceOf('here', one, one.here),
        ]),
      }),
    ];
  });
}

/** Stubs spell one failure differently: the first look-up of each spelling. */
function examplesOf(group: readonly Comparison[]): readonly Comparison[] {
  const examples = new Map<string, Comparison>();
  for (const comparison of group) {
    const { result } = comparison.here;
    const key = result.kind === 'failed' ? result.error : result.kind;
    if (!examples.has(key)) examples.set(key, comparison);
  }
  return [...examples.values()].slice(0, MAX_EXAMPLES);
}

/** A look-up as evidence. */
export function evidenceOf(
  side: LookupEvidence['side'],
  { stub, name }: Pick<Comparison, 'stub' | 'name'>,
  lookup: Lookup,
): LookupEvidence {
  const questions = lookup.questions.map(
    ({ server, name: asked, type, answer }) => `${server}: ${asked} ${type} -> ${answer}`,
  );
  return { kind: 'lookup', side, stub, name, questions, result: resultText(lookup.result) };
}

function libc({ inputs, target }: TargetContext): readonly Finding[] {
  const production = inputs.production.libc;
  if (production === undefined || target.libc === undefined || target.kind !== 'container')
    return [];
  if (target.libc.kind === production.kind || target.libc.kind === 'unknown') return [];
  return [
    found('libc-differs', target.title, {
      message: `${target.libc.kind} here, ${production.kind} in production`,
      evidence: [
        fact(`${target.libc.evidence} in the container`),
        fact(
          `${production.evidence} says ${production.kind} ${production.version ?? ''}`.trimEnd(),
        ),
      ],
    }),
  ];
}

function missing({ inputs }: CheckContext): readonly Finding[] {
  const { owned } = inputs.homeport;
  if (owned === undefined) return [];
  const names = inputs.expected.filter(
    (name) => !owned.some((candidate) => candidate.name === name),
  );
  return names.map((name) =>
    found('missing', 'homeport', {
      names: [name],
      message: `${name} is expected, and nobody runs it`,
      evidence: (inputs.expectedFrom?.[name] ?? []).map((place) => fact(`used at ${place}`)),
    }),
  );
}

function extraNames({ inputs }: CheckContext): readonly Finding[] {
  const { owned } = inputs.homeport;
  if (owned === undefined || inputs.expected.length === 0) return [];
  const expected = new Set(inputs.expected);
  // Ids of containers, and the long forms beside a short one, are nobody's configuration.
  const extra = [...new Set(owned.map(({ name }) => name))].filter(
    (name) => !expected.has(name) && !/^[0-9a-f]{12}$/.test(name) && !name.includes('.'),
  );
  if (extra.length === 0) return [];
  return [
    found('extra-name', 'homeport', {
      names: extra,
      message: `${shownNames(extra)}: answered here, not among production's expected names`,
      evidence: [],
    }),
  ];
}

function noSearchApi({ inputs, targets }: CheckContext): readonly Finding[] {
  const searched = inputs.expected.filter((name) =>
    targets.some(({ comparisons }) =>
      comparisons.some(
        (comparison) =>
          comparison.name === name &&
          comparison.production.result.kind === 'found' &&
          comparison.production.questions.at(-1)?.name !== name,
      ),
    ),
  );
  const owned = searched.filter((name) => inputs.homeport.owned?.some((own) => own.name === name));
  if (owned.length === 0) return [];
  return [
    found('no-search-api', 'homeport', {
      names: owned,
      message: `${owned.length} names are found in production only by searching, here also as they are`,
      evidence: [],
    }),
  ];
}

function region({ inputs }: CheckContext): readonly Finding[] {
  const text = inputs.production.surroundings.resolvConf.text ?? '';
  const first = /^[ \t]*(?:search|domain)[ \t]+(\S+)/m
    .exec(text)?.[1]
    ?.toLowerCase()
    .replace(/\.$/, '');
  const configured = inputs.region?.toLowerCase().replace(/\.$/, '');
  if (first === undefined || configured === undefined || first === configured) return [];
  return [
    found('region-differs', 'homeport', {
      message: `region is ${configured}, production searches ${first} first`,
      evidence: [
        {
          kind: 'line',
          side: 'production',
          file: inputs.production.surroundings.resolvConf.path,
          text: `search ${first}`,
        },
      ],
    }),
  ];
}

function nothingExpected({ inputs }: CheckContext): readonly Finding[] {
  if (inputs.expected.length > 0) return [];
  return [
    found('nothing-expected', 'homeport', { message: 'no names are expected', evidence: [] }),
  ];
}

function shownNames(names: readonly string[]): string {
  const shown = names.slice(0, MAX_SHOWN).join(', ');
  return names.length > MAX_SHOWN ? `${shown} and ${names.length - MAX_SHOWN} more` : shown;
}
