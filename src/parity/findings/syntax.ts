/** Findings about how the lines of resolv.conf are read: what one stub sees and another does not. */
import type { Ignored } from '../../resolv-conf/readings/reading.ts';
import { type Family, lineOf, type Side, type TargetContext } from './context.ts';
import { type Finding, type FindingKind, fact, findingMaker } from './finding.ts';

const kinds = [
  {
    id: 'syntax',
    severity: 'warning',
    title: 'a line that not every stub reads as it is meant',
    impact:
      'One program asks another server or searches another domain than its neighbour on the same machine.',
    fix: 'Write keywords in lower case at the start of the line, one address a line without port, blanks between domains, no comment behind a value, line ends without CR.',
    why: 'resolv.conf has no common grammar: what glibc, musl, Go, c-ares and busybox make of odd lines was measured and differs.',
  },
  {
    id: 'unread-servers',
    severity: 'warning',
    title: 'more nameservers than a stub reads',
    impact:
      'glibc, musl and Go never ask the fourth server; with the first three dead, nothing is found.',
    fix: 'List at most three nameservers; with homeport, one.',
    why: 'MAXNS is 3 in glibc and musl; Go follows. c-ares, busybox and systemd-resolved read all.',
  },
  {
    id: 'unread-search',
    severity: 'error',
    title: 'a search list that a stub does not read',
    impact: 'The stub searches nothing, or less: names that production finds are not found.',
    fix: 'Shorten the line (musl: 254 characters; glibc before 2.26: six domains, 256 characters), separate the domains by single blanks.',
    why: 'musl drops a line that is longer than its buffer, c-ares 1.34 does not split at tabs.',
  },
  {
    id: 'ignored-options',
    severity: 'notice',
    title: 'options that a stub ignores',
    impact: 'The option has its effect in some programs only; in others the default holds.',
    fix: 'Do not rely on the option, or give it where the program reads it.',
    why: 'musl reads ndots, timeout and attempts; Go knows no `no-aaaa`; c-ares has names of its own.',
  },
  {
    id: 'option-switches-go',
    severity: 'notice',
    title: 'a line that makes cgo programs of Go use glibc',
    impact:
      'Go programs built with cgo leave their own resolver for glibc here, static ones do not: two Go programs differ.',
    fix: 'Remove the option or keyword that Go does not know, or have it in production, too.',
    why: 'net/conf.go hands over to the C library when resolv.conf has an option or keyword that it does not know.',
  },
  {
    id: 'attempts-zero',
    severity: 'error',
    title: '`attempts:0`',
    impact:
      'glibc asks nobody and fails every look-up (EAI_AGAIN); programs with musl die of a division by zero.',
    fix: 'Remove the option, or set it to 1 or more.',
    why: 'glibc loops zero times; musl divides the timeout by it.',
  },
  {
    id: 'cares-timeouts',
    severity: 'notice',
    title: 'timeout and attempts that c-ares 1.18 does not know',
    impact:
      'Programs with c-ares 1.18 wait 75 s for a server that is away, whatever the file says.',
    fix: 'Use c-ares 1.20 or newer in such images.',
    why: 'c-ares 1.18 knows the options as `retrans:` and `retry:`.',
  },
] as const satisfies readonly FindingKind[];
const found = findingMaker(kinds);

/** The family of syntax. */
export const syntaxFamily: Family = {
  kinds,
  inTarget: (context) => [
    ...unread(context),
    ...attemptsZero(context),
    ...goSwitch(context),
    ...longLists(context),
  ],
};

interface Unread extends Ignored {
  readonly stubs: string[];
}

/** Lines or words that a stub passes over, unless it passes over the same in production. */
function unread(context: TargetContext): readonly Finding[] {
  const byLine = new Map<string, Unread>();
  for (const stub of context.stubs) {
    for (const ignored of context.here.readings.get(stub)?.ignored ?? []) {
      const key = `${ignored.line} ${ignored.text} ${ignored.reason}`;
      const entry = byLine.get(key) ?? { ...ignored, stubs: [] };
      entry.stubs.push(stub);
      byLine.set(key, entry);
    }
  }
  return [...byLine.values()].flatMap((entry) => findingOf(context, entry));
}

function findingOf(context: TargetContext, entry: Unread): readonly Finding[] {
  const line = context.here.conf?.lines[entry.line - 1];
  const isAlsoInProduction = entry.stubs.every((stub) =>
    ignoresText(context.production, stub, entry.text),
  );
  const evidence = [lineOf('here', context.here.surroundings.resolvConf, entry.line)];
  const message = `line ${entry.line}: "${shortened(entry.text)}" is not read: ${entry.reason}`;
  const what = {
    stubs: entry.stubs,
    message,
    evidence,
    ...(isAlsoInProduction ? { severity: 'notice' as const } : {}),
  };
  const { title } = context.target;
  // What an earlier line loses to a later one, every stub loses: that is the search list's own finding.
  if (/later line wins|LOCALDOMAIN/.test(entry.reason)) return [];
  if (line?.kind === 'options') {
    const isTime = /^(?:timeout|attempts):/.test(entry.text);
    const is118 = entry.stubs.every((stub) => stub.startsWith('c-ares-1.1'));
    return [
      found(isTime && is118 ? 'cares-timeouts' : 'ignored-options', title, {
        ...what,
        severity: 'notice',
      }),
    ];
  }
  if (/only the first/.test(entry.reason)) return [found('unread-servers', title, what)];
  if (line?.kind === 'search' || line?.kind === 'domain') {
    return [found('unread-search', title, what)];
  }
  return [found('syntax', title, what)];
}

function ignoresText(side: Side, stub: string, text: string): boolean {
  return side.readings.get(stub)?.ignored.some((ignored) => ignored.text === text) ?? false;
}

function attemptsZero(context: TargetContext): readonly Finding[] {
  const stubs = context.stubs.filter(
    (stub) => context.here.readings.get(stub)?.attempts.value === 0,
  );
  const hit = stubs.filter((stub) => /^(?:glibc|musl)/.test(stub));
  if (hit.length === 0) return [];
  const line = context.here.readings.get(hit[0] ?? '')?.attempts.line;
  return [
    found('attempts-zero', context.target.title, {
      stubs: hit,
      message: 'attempts is 0: these stubs ask nobody',
      evidence: [lineOf('here', context.here.surroundings.resolvConf, line)],
    }),
  ];
}

function goSwitch(context: TargetContext): readonly Finding[] {
  const unknownLine = (side: Side): number | undefined => {
    for (const [stub, reading] of side.readings) {
      if (!stub.startsWith('go')) continue;
      const unknown = reading.ignored.find(({ reason }) =>
        /unknown (?:option|keyword)/.test(reason),
      );
      if (unknown !== undefined) return unknown.line;
    }
    return undefined;
  };
  const line = unknownLine(context.here);
  if (line === undefined || unknownLine(context.production) !== undefined) return [];
  return [
    found('option-switches-go', context.target.title, {
      stubs: context.stubs.filter((stub) => stub.startsWith('go')),
      message: `line ${line} holds what Go's resolver does not know`,
      evidence: [lineOf('here', context.here.surroundings.resolvConf, line)],
    }),
  ];
}

/** glibc before 2.26 reads six domains of 256 characters in all [D]; that was not recorded, so it is only said. */
function longLists(context: TargetContext): readonly Finding[] {
  const OLD_LIMIT = 6;
  const OLD_CHARACTERS = 256;
  const search = context.here.conf?.search ?? [];
  const characters = search.map(({ domain }) => domain).join(' ').length;
  const isGlibc = context.stubs.some((stub) => stub.startsWith('glibc'));
  if (!isGlibc || (search.length <= OLD_LIMIT && characters <= OLD_CHARACTERS)) return [];
  return [
    found('unread-search', context.target.title, {
      severity: 'notice',
      stubs: context.stubs.filter((stub) => stub.startsWith('glibc')),
      message: `${search.length} search domains of ${characters} characters: glibc before 2.26 reads six, and 256 characters`,
      evidence: [
        lineOf('here', context.here.surroundings.resolvConf, search[0]?.line),
        fact('resolv.conf(5)'),
      ],
    }),
  ];
}

function shortened(text: string): string {
  const LONGEST = 60;
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
