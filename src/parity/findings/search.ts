/** Findings about the search list: what is in it, in which order, and who reads it. */
import type { Reading } from '../../resolv-conf/readings/reading.ts';
import type { Answer } from '../answer.ts';
import { parseAnswer } from '../compare/production.ts';
import { type Family, groupStubs, lineOf, type Side, type TargetContext } from './context.ts';
import {
  type Finding,
  type FindingKind,
  fact,
  findingMaker,
  type LineEvidence,
} from './finding.ts';

const kinds = [
  {
    id: 'search-missing',
    severity: 'error',
    title: 'a search domain of production is missing',
    impact:
      'A plain service name is never asked under that domain, so a name that production finds there is not found.',
    fix: "Write production's domains into the `search` line, in production's order; for containers into daemon.json `dns-search`.",
    why: 'A stub resolver builds the names that it asks from the search list alone (resolv.conf(5)).',
  },
  {
    id: 'search-order',
    severity: 'error',
    title: 'the search domains stand in another order',
    impact:
      'A service that exists under two domains is found under another one than in production; musl and systemd-resolved stop at the first domain that knows the name at all.',
    fix: "Write the `search` line in production's order.",
    why: 'Search domains are tried from left to right; the first that has the name wins.',
  },
  {
    id: 'search-extra',
    severity: 'warning',
    title: 'a search domain that production does not have',
    impact:
      'A name may be found under it that production does not know; each miss costs one more round of queries.',
    fix: 'Remove the domain from the `search` line.',
    why: 'Every domain of the list is asked, and the first one that answers wins.',
  },
  {
    id: 'search-wildcard',
    severity: 'error',
    title: 'a search domain answers every name',
    impact:
      'A wildcard swallows the names of services: a program connects to whatever the wildcard points to instead of failing.',
    fix: 'Put the domain behind all others, or remove it from the `search` line.',
    why: 'A name that nobody has was asked under the domain, and an address came back.',
  },
  {
    id: 'search-nodata',
    severity: 'warning',
    title: 'a search domain knows the name, but has no address for it',
    impact:
      'musl and systemd-resolved stop there: the later domain that has the address is never asked. glibc, Go and c-ares go on.',
    fix: 'Remove the record of other types under the earlier domain, or put the domain last.',
    why: 'NODATA is an answer; musl and nss-resolve take it for the last word (measured).',
  },
  {
    id: 'search-failure',
    severity: 'warning',
    title: 'a search domain fails instead of denying',
    impact:
      'After REFUSED or a time-out glibc skips the other domains and reports EAI_NONAME; musl and c-ares stop; after SERVFAIL musl and c-ares stop, too.',
    fix: 'Have the server answer NXDOMAIN for names that it does not know, or remove the domain.',
    why: 'How stubs go on after a failure differs (measured): only NXDOMAIN is treated alike.',
  },
  {
    id: 'search-implicit',
    severity: 'warning',
    title: 'the search list comes from the host name',
    impact:
      'glibc, Go, c-ares and busybox search the domain of the host name, musl does not: one image finds a name, another does not.',
    fix: 'Write the `search` line that production has.',
    why: 'Without `search` and `domain` these stubs take what follows the first dot of the host name.',
  },
  {
    id: 'search-root',
    severity: 'warning',
    title: 'the root is a search domain',
    impact:
      'With `search .` musl 1.2.3, c-ares 1.18 and busybox fail every look-up of a plain name; Docker 20.10 drops the line on user-defined networks.',
    fix: 'Give the host real search domains; systemd-resolved writes `search .` where it has none (`Domains=`).',
    why: 'Measured for each stub; systemd-resolved writes it when no domain is configured.',
  },
  {
    id: 'domain-and-search',
    severity: 'warning',
    title: '`domain` and `search` in one file',
    impact:
      'The last of the two lines wins for most stubs, `search` always for busybox and c-ares 1.34; Docker 20.10 drops `domain`.',
    fix: 'Keep one `search` line.',
    why: 'The two keywords overwrite each other, and stubs disagree in which order.',
  },
] as const satisfies readonly FindingKind[];

const found = findingMaker(kinds);

/** The family of the search list. */
export const searchFamily: Family = {
  kinds,
  inTarget: (context) => [
    ...listDifferences(context),
    ...oddLists(context),
    ...recordedTroubles(context),
  ],
};

function listDifferences(context: TargetContext): readonly Finding[] {
  const differing = groupStubs(context.stubs, (stub) => {
    const production = domainsOf(context.production, stub);
    const here = domainsOf(context.here, stub);
    return production.join(' ') === here.join(' ') ? undefined : { production, here };
  });
  return differing.flatMap(({ value: { production, here }, stubs }) => {
    const missing = production.filter((domain) => !here.includes(domain));
    const extra = here.filter((domain) => !production.includes(domain));
    const shared = (list: readonly string[], other: readonly string[]): string =>
      list.filter((domain) => other.includes(domain)).join(' ');
    const isReordered = shared(production, here) !== shared(here, production);
    const evidence = [
      ...searchLines(context.production, 'production'),
      ...searchLines(context.here, 'here'),
    ];
    const { title } = context.target;
    const findings: Finding[] = [];
    if (missing.length > 0) {
      const message = `${quoted(missing)} of production's search list is missing`;
      findings.push(found('search-missing', title, { stubs, message, evidence }));
    }
    if (extra.length > 0) {
      const message = `${quoted(extra)} is searched here, but not in production`;
      findings.push(found('search-extra', title, { stubs, message, evidence }));
    }
    if (isReordered) {
      const message = `searched here: ${here.join(' ')}; in production: ${production.join(' ')}`;
      findings.push(found('search-order', title, { stubs, message, evidence }));
    }
    return findings;
  });
}

/** What the lists themselves show, where production's is not the same. */
function oddLists(context: TargetContext): readonly Finding[] {
  const findings: Finding[] = [];
  const { here, production } = context;
  const implicit = (side: Side): boolean => {
    const [reading] = [...side.readings.values()];
    const fromNowhere = (candidate: Reading): boolean =>
      candidate.search.length > 0 && candidate.search.every(({ line }) => line === undefined);
    return (
      side.surroundings.environment.LOCALDOMAIN === undefined &&
      reading !== undefined &&
      [...side.readings.values()].some(fromNowhere)
    );
  };
  for (const [side, name] of [
    [here, 'here'],
    [production, 'production'],
  ] as const) {
    const other = side === here ? production : here;
    if (implicit(side) && !implicit(other)) {
      findings.push(
        found('search-implicit', context.target.title, {
          message: `${name === 'here' ? 'this side' : 'production'} has no search line and searches the domain of its host name ${side.surroundings.hostname}`,
          evidence: [lineOf(name, side.surroundings.resolvConf, undefined, 'no search line')],
        }),
      );
    }
  }
  const root = here.conf?.search.find(({ domain }) => domain === '.');
  if (root !== undefined && !production.conf?.search.some(({ domain }) => domain === '.')) {
    findings.push(
      found('search-root', context.target.title, {
        message: 'the search list holds the root',
        evidence: [lineOf('here', here.surroundings.resolvConf, root.line)],
      }),
    );
  }
  const keywordLines = (here.conf?.lines ?? []).filter(
    ({ kind, words }) => (kind === 'search' || kind === 'domain') && words.length > 0,
  );
  if (new Set(keywordLines.map(({ kind }) => kind)).size > 1) {
    findings.push(
      found('domain-and-search', context.target.title, {
        message: 'the file has both `domain` and `search`',
        evidence: keywordLines.map(({ number }) =>
          lineOf('here', here.surroundings.resolvConf, number),
        ),
      }),
    );
  }
  return findings;
}

/** What production's servers were heard to say under the domains that this side searches. */
function recordedTroubles(context: TargetContext): readonly Finding[] {
  const { answers, canary } = context.inputs.production;
  if (answers === undefined) return [];
  const searched = [...new Set(context.stubs.flatMap((stub) => domainsOf(context.here, stub)))];
  const findings: Finding[] = [];
  for (const [index, domain] of searched.entries()) {
    for (const [server, recorded] of Object.entries(answers)) {
      const said = (name: string): Answer | undefined => {
        const text = recorded[`${name}.${domain} A`];
        return text === undefined ? undefined : parseAnswer(text, name);
      };
      const wild = canary === undefined ? undefined : said(canary);
      if (wild?.kind === 'addresses') {
        findings.push(
          found('search-wildcard', context.target.title, {
            severity: index < searched.length - 1 || searched.length === 1 ? 'error' : 'warning',
            message: `${domain} answers every name: ${wild.addresses.join(' ')}`,
            evidence: [
              fact(`${server} says to ${canary}.${domain} A: ${wild.addresses.join(' ')}`),
            ],
          }),
        );
        continue;
      }
      if (index === searched.length - 1) continue;
      const nodata = context.inputs.expected.filter((name) => said(name)?.kind === 'nodata');
      if (nodata.length > 0) {
        findings.push(
          found('search-nodata', context.target.title, {
            names: nodata,
            message: `${domain} knows ${nodata.length} of the names, but has no address for them`,
            evidence: nodata.map((name) => fact(`${server} says to ${name}.${domain} A: NODATA`)),
          }),
        );
      }
      const failing = context.inputs.expected.filter((name) => isFailure(said(name)));
      if (failing.length > 0) {
        findings.push(
          found('search-failure', context.target.title, {
            names: failing,
            message: `${domain} fails for ${failing.length} of the names instead of denying them`,
            evidence: failing.map((name) =>
              fact(
                `${server} says to ${name}.${domain} A: ${String(recorded[`${name}.${domain} A`])}`,
              ),
            ),
          }),
        );
      }
    }
  }
  return findings;
}

function isFailure(answer: Answer | undefined): boolean {
  if (answer === undefined) return false;
  return (
    answer.kind === 'silent' ||
    answer.kind === 'closed' ||
    (answer.kind === 'rcode' && answer.rcode !== 'NXDOMAIN')
  );
}

function domainsOf(side: Side, stub: string): readonly string[] {
  const search = side.readings.get(stub)?.search ?? [];
  return search.map(({ domain }) => domain.toLowerCase().replace(/\.$/, ''));
}

function searchLines(side: Side, name: LineEvidence['side']): readonly LineEvidence[] {
  const file = side.surroundings.resolvConf;
  const lines = (side.conf?.lines ?? []).filter(
    ({ kind }) => kind === 'search' || kind === 'domain',
  );
  return lines.length > 0
    ? lines.map(({ number }) => lineOf(name, file, number))
    : [lineOf(name, file, undefined, file.text === undefined ? 'no such file' : 'no search line')];
}

function quoted(domains: readonly string[]): string {
  return domains.map((domain) => (domain === '' ? 'the root' : domain)).join(', ');
}
