/** Findings about what decides before DNS is asked: the hosts file, nsswitch.conf, the environment. */
import { entriesFor, parseHosts } from '../../resolv-conf/hosts-file.ts';
import { type Nsswitch, parseNsswitch, printHostsLine } from '../../resolv-conf/nsswitch.ts';
import { RESOLVER_VARIABLES } from '../surroundings.ts';
import { type Family, lineOf, type TargetContext } from './context.ts';
import { type Finding, type FindingKind, fact, findingMaker } from './finding.ts';

const kinds = [
  {
    id: 'hosts-entry',
    severity: 'error',
    title: 'the hosts file answers an expected name',
    impact:
      'Programs that use the C library never ask DNS for it and keep the written address for ever; dns.resolve of Node, JNDI, dig and nslookup do not read the file and find something else.',
    fix: 'Remove the line (for containers: `extra_hosts`, `--add-host`); homeport answers the name.',
    why: '`files` stands before `dns`, in nsswitch.conf or by default; musl reads the file first always.',
  },
  {
    id: 'hosts-case',
    severity: 'notice',
    title: 'a hosts entry that musl reads differently',
    impact:
      'musl compares the letters of a hosts entry exactly; glibc and Go do not: only some programs find the entry.',
    fix: 'Write names in the hosts file in lower case.',
    why: 'Measured: musl takes a hosts entry only in the same letter case.',
  },
  {
    id: 'hosts-multi',
    severity: 'notice',
    title: 'several hosts lines for one name',
    impact:
      'glibc gives the first address only, unless host.conf says `multi on`; musl and Go give all.',
    fix: 'Keep one line for a name, or set `multi on` on both sides.',
    why: 'host.conf(5); Debian and Ubuntu ship `multi on`, images often do not.',
  },
  {
    id: 'nsswitch',
    severity: 'warning',
    title: 'nsswitch.conf asks other sources, or in another order',
    impact:
      'Another source may answer or deny first: `resolve` never asks a plain name as it is, `myhostname` answers the own name, `[NOTFOUND=return]` ends the look-up. musl does not read the file.',
    fix: "Give the `hosts:` line production's sources and actions.",
    why: 'nsswitch.conf(5) decides which sources glibc asks, and when it stops; Go follows its order of files and dns.',
  },
  {
    id: 'environment',
    severity: 'warning',
    title: 'the environment changes how names are resolved',
    impact:
      'LOCALDOMAIN replaces the search list and RES_OPTIONS the options in programs with glibc and c-ares, HOSTALIASES renames plain names; musl and static Go ignore them; Go programs with cgo switch to glibc.',
    fix: "Unset the variable in the job's environment, or set it as in production.",
    why: 'resolv.conf(5), hostname(7); measured for each stub.',
  },
] as const satisfies readonly FindingKind[];
const found = findingMaker(kinds);

/** The family of sources before DNS. */
export const sourceFamily: Family = {
  kinds,
  inTarget: (context) => [
    ...hostsEntries(context),
    ...nsswitchDifference(context),
    ...environment(context),
  ],
};

function hostsEntries(context: TargetContext): readonly Finding[] {
  const { hosts: file } = context.here.surroundings;
  const here = parseHosts(file.text);
  if (here.entries.length === 0) return [];
  const production = parseHosts(context.production.surroundings.hosts.text);
  const { title } = context.target;
  const findings: Finding[] = [];
  for (const name of context.inputs.expected) {
    const entries = candidates(name, context).flatMap((candidate) => entriesFor(here, candidate));
    const [first] = entries;
    if (first === undefined) continue;
    const evidence = entries.map(({ line }) => lineOf('here', file, line));
    const isInProduction = candidates(name, context).some(
      (candidate) => entriesFor(production, candidate).length > 0,
    );
    const own = context.inputs.homeport.owned?.filter((owned) => owned.name === name) ?? [];
    const isOwn = own.some(({ addresses }) =>
      addresses.some(({ address }) => address === first.address),
    );
    findings.push(
      found('hosts-entry', title, {
        names: [name],
        severity: isInProduction || isOwn ? 'warning' : 'error',
        message: `${name} is ${entries.map(({ address }) => address).join(', ')} by the hosts file`,
        evidence,
      }),
    );
    const written = entries
      .flatMap(({ names }) => names)
      .filter((own_) => own_.toLowerCase() === name);
    if (written.length > 0 && !written.includes(name)) {
      const stubs = context.stubs.filter((stub) => stub.startsWith('musl'));
      const message = `${written[0]} stands in the hosts file with other letters than ${name}`;
      if (stubs.length > 0)
        findings.push(found('hosts-case', title, { names: [name], stubs, message, evidence }));
    }
    if (entries.length > 1 && !isMultiOn(context.here.surroundings.hostConf.text)) {
      const message = `${name} has ${entries.length} hosts lines, and host.conf has no \`multi on\``;
      findings.push(found('hosts-multi', title, { names: [name], message, evidence }));
    }
  }
  return findings;
}

/** The plain name is what programs write; the long form catches those that write it out. */
function candidates(name: string, { inputs }: TargetContext): readonly string[] {
  return inputs.region === undefined ? [name] : [name, `${name}.${inputs.region}`];
}

function nsswitchDifference(context: TargetContext): readonly Finding[] {
  const production = context.production.surroundings.nsswitch;
  const here = context.here.surroundings.nsswitch;
  // A minimal profile says nothing of it.
  if (production.text === undefined && context.inputs.production.answers === undefined) return [];
  const stubs = context.stubs.filter((stub) => /^(?:glibc|go|c-ares)/.test(stub));
  if (stubs.length === 0) return [];
  const wanted = parseNsswitch(production.text);
  const given = parseNsswitch(here.text);
  const [wantedText, givenText] = [printHostsLine(wanted), printHostsLine(given)];
  if (wantedText === givenText) return [];
  const isHarmless = withoutHarmless(wanted) === withoutHarmless(given);
  return [
    found('nsswitch', context.target.title, {
      stubs,
      ...(isHarmless ? { severity: 'notice' as const } : {}),
      message: `the sources are "${givenText}", in production "${wantedText}"`,
      evidence: [
        lineOf(
          'production',
          production,
          wanted.line,
          wanted.line === undefined ? wantedText : undefined,
        ),
        lineOf('here', here, given.line, given.line === undefined ? givenText : undefined),
      ],
    }),
  ];
}

/** Sources that never have a say for service names: the multicast ones act on `.local` alone. */
function withoutHarmless(nsswitch: Nsswitch): string {
  const hosts = nsswitch.hosts.filter(({ source }) => !/^(?:mdns\w*|mymachines)$/.test(source));
  return printHostsLine({ ...nsswitch, hosts });
}

function environment(context: TargetContext): readonly Finding[] {
  const here = context.here.surroundings.environment;
  const production = context.production.surroundings.environment;
  return RESOLVER_VARIABLES.flatMap((name) => {
    if (here[name] === production[name]) return [];
    const stubs = context.stubs.filter((stub) => /^(?:glibc|c-ares)/.test(stub));
    if (stubs.length === 0) return [];
    const text = (value: string | undefined): string =>
      value === undefined ? 'not set' : `"${value}"`;
    return [
      found('environment', context.target.title, {
        stubs,
        message: `${name} is ${text(here[name])}, in production ${text(production[name])}`,
        evidence: [
          fact(`${name} here: ${text(here[name])}; production: ${text(production[name])}`),
        ],
      }),
    ];
  });
}

function isMultiOn(text: string | undefined): boolean {
  return /^\s*multi\s+on\b/m.test(text ?? '');
}
