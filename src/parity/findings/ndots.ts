/** Findings about ndots: whether a name is asked as it is first, or with its search domains first. */
import { type Family, groupStubs, lineOf, type TargetContext } from './context.ts';
import { type Finding, type FindingKind, fact, findingMaker } from './finding.ts';

const kinds = [
  {
    id: 'ndots',
    severity: 'warning',
    title: 'ndots differs from production',
    impact:
      'Another question goes out first: what exists under the plain name wins over the search domain, or the other way round. musl does not search at all where the name has as many dots as ndots.',
    fix: 'Set the `options ndots:` that production has, also in daemon.json `dns-opts` or `--dns-opt`.',
    why: 'A name with fewer dots than ndots is searched first; glibc, Go and c-ares try the other way afterwards, musl does not.',
  },
  {
    id: 'docker-ndots0',
    severity: 'error',
    title: "Docker set ndots:0 on this container's network",
    impact:
      'Plain names are asked as they are first, so a container or bare record of that name wins; musl does not search at all: EAI_NONAME for what production finds.',
    fix: 'Set ndots for containers as production has it: daemon.json `"dns-opts": ["ndots:1"]`, `--dns-opt ndots:1`, or `options ndots:1` in the host file; with homeport as the only upstream plain names are answered either way.',
    why: 'dockerd adds ndots:0 on user-defined networks where neither host nor flags set ndots, so that service names are asked as they are.',
  },
  {
    id: 'dotted-name',
    severity: 'warning',
    title: 'a name with a dot relies on the search list',
    impact:
      'musl, systemd-resolved and busybox ask such a name as it is and never search it; glibc, Go and c-ares search it after it was denied.',
    fix: 'Write the whole name with all its labels, or a plain one; or raise ndots on both sides.',
    why: 'A name with ndots dots or more is asked as it is first, and only some stubs search afterwards.',
  },
] as const satisfies readonly FindingKind[];
const found = findingMaker(kinds);

/** The family of ndots. */
export const ndotsFamily: Family = {
  kinds,
  inTarget: (context) => [...differences(context), ...dottedNames(context)],
};

function differences(context: TargetContext): readonly Finding[] {
  const { production, here, target, inputs } = context;
  const differing = groupStubs(context.stubs, (stub) => {
    const wanted = production.readings.get(stub)?.ndots.value;
    const given = here.readings.get(stub)?.ndots.value;
    return wanted === given || wanted === undefined || given === undefined
      ? undefined
      : { wanted, given };
  });
  const isDockers = context.embedded !== undefined && context.embedded.ndotsSet === false;
  return differing.map(({ value: { wanted, given }, stubs }) => {
    const turned = inputs.expected.filter((name) => {
      const dots = name.split('.').length - 1;
      return dots >= wanted !== dots >= given;
    });
    const changed = context.comparisons.some(
      ({ stub, name, verdict }) =>
        stubs.includes(stub) &&
        turned.includes(name) &&
        verdict !== 'same' &&
        verdict !== 'unknown',
    );
    const line = (side: typeof here): number | undefined =>
      side.readings.get(stubs[0] ?? '')?.ndots.line;
    return found(isDockers ? 'docker-ndots0' : 'ndots', target.title, {
      names: turned,
      stubs,
      severity: changed ? 'error' : turned.length > 0 ? 'warning' : 'notice',
      message:
        turned.length > 0
          ? `ndots is ${given}, in production ${wanted}: ${turned.length} expected names are first asked ${given === 0 || given < wanted ? 'as they are' : 'with a search domain'}`
          : `ndots is ${given}, in production ${wanted}: no expected name is asked differently`,
      evidence: [
        lineOf(
          'production',
          production.surroundings.resolvConf,
          line(production),
          `ndots ${wanted}`,
        ),
        lineOf('here', here.surroundings.resolvConf, line(here), `ndots ${given}`),
        ...(isDockers
          ? [fact('neither host file nor flags set ndots, so dockerd added ndots:0')]
          : []),
      ],
    });
  });
}

function dottedNames(context: TargetContext): readonly Finding[] {
  const searched = context.inputs.expected.filter(
    (name) =>
      name.includes('.') &&
      context.comparisons.some(
        (comparison) =>
          comparison.name === name &&
          comparison.production.result.kind === 'found' &&
          comparison.production.questions.some((question) => question.name !== name),
      ),
  );
  if (searched.length === 0) return [];
  const stubs = context.stubs.filter((stub) => /^(?:musl|busybox)/.test(stub));
  return [
    found('dotted-name', context.target.title, {
      names: searched,
      stubs,
      message: `${searched.length} names have a dot and are found only by searching`,
      evidence: [fact(`found in production under a search domain: ${searched.join(' ')}`)],
    }),
  ];
}
