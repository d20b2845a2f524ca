/** Findings about time: how long a look-up may take, and who keeps an address after it is dead. */

import { resolvedServers } from '../compare/answers-here.ts';
import { isLoopback } from '../engine/settings.ts';
import type { Family, TargetContext } from './context.ts';
import { lineOf } from './context.ts';
import { type Finding, type FindingKind, fact, findingMaker } from './finding.ts';

const kinds = [
  {
    id: 'timeout-budget',
    severity: 'warning',
    title: 'a look-up may take longer than the budget',
    impact:
      'When no server answers, a program hangs that long in one call; most set shorter limits for the whole connection.',
    fix: 'Set `options timeout:1 attempts:2`, list one server, and shorten the search list.',
    why: 'Servers, attempts and search domains multiply; the sum was simulated with silent servers.',
  },
  {
    id: 'cache-nscd',
    severity: 'warning',
    title: 'nscd keeps host names',
    impact:
      'A container that came back with another address is found at the old one, and a name that was asked too early stays missing for 20 s, even with TTL 0.',
    fix: 'Set `enable-cache hosts no` in /etc/nscd.conf and restart nscd.',
    why: 'Measured: nscd keeps negative answers whatever the SOA says, and positive ones a little longer than their TTL.',
  },
  {
    id: 'cache-resolved',
    severity: 'notice',
    title: 'systemd-resolved caches answers of homeport',
    impact: 'With a TTL above 0 an old address is answered until it expires.',
    fix: 'Let resolved ask homeport at a 127.x address: answers from loopback are not cached. Or keep `ttl: 0`.',
    why: '`CacheFromLocalhost=no` is the default; from any other address resolved caches (measured).',
  },
  {
    id: 'cache-jvm',
    severity: 'notice',
    title: 'a JVM keeps addresses',
    impact:
      'A Java program asks again only after 30 s (10 s after a failure), whatever the TTL; with JNDI it keeps the server list for 5 min.',
    fix: 'Run tests with `-Dsun.net.inetaddr.ttl=0` (and `networkaddress.cache.negative.ttl=0`).',
    why: 'networkaddress.cache.ttl of java.security.',
  },
  {
    id: 'ttl',
    severity: 'notice',
    title: 'owned names have a TTL above 0',
    impact:
      'Caches may keep the address of a container that is gone for that long; the next container may have got it.',
    fix: 'Set `ttl: 0`; the server is local, and every query is answered from memory.',
    why: "A stopped container's address goes to the next one that is created.",
  },
  {
    id: 'options-differ',
    severity: 'notice',
    title: 'timeouts or flags differ from production',
    impact:
      'A server that is slow or away is noticed after another time; rotate, use-vc, no-aaaa and the like change what is sent.',
    fix: "Give `options` production's words.",
    why: 'resolv.conf(5); compared as each stub reads them.',
  },
] as const satisfies readonly FindingKind[];
const found = findingMaker(kinds);

/** The family of time. */
export const timeFamily: Family = {
  kinds,
  inTarget: (context) => [...budget(context), ...caches(context), ...optionDifferences(context)],
  inCheck: ({ inputs }) => {
    const { ttlSeconds } = inputs.homeport;
    if (ttlSeconds === 0) return [];
    return [
      found('ttl', 'homeport', {
        message: `owned names are answered with a TTL of ${ttlSeconds} s`,
        evidence: [fact(`ttl: ${ttlSeconds}`)],
      }),
    ];
  },
};

function budget(context: TargetContext): readonly Finding[] {
  const { budgetSeconds } = context.inputs;
  if (budgetSeconds === undefined) return [];
  const over = [...context.worstSeconds].filter(([, seconds]) => seconds > budgetSeconds);
  if (over.length === 0) return [];
  const list = over.map(([stub, seconds]) => `${stub} ${seconds} s`).join(', ');
  return [
    found('timeout-budget', context.target.title, {
      stubs: over.map(([stub]) => stub),
      message: `with silent servers one look-up takes ${list}; the budget is ${budgetSeconds} s`,
      evidence: (context.here.conf?.lines ?? [])
        .filter(({ kind }) => kind === 'nameserver' || kind === 'search' || kind === 'options')
        .map(({ number }) => lineOf('here', context.here.surroundings.resolvConf, number)),
    }),
  ];
}

function caches(context: TargetContext): readonly Finding[] {
  const { host, homeport } = context.inputs;
  const { target } = context;
  const findings: Finding[] = [];
  if (target.kind === 'host' && host.nscd === 'caches-hosts') {
    findings.push(
      found('cache-nscd', target.title, {
        stubs: context.stubs.filter((stub) => stub.startsWith('glibc')),
        message: 'nscd runs and caches host names',
        evidence: [
          fact('/run/nscd/socket is there, and /etc/nscd.conf does not switch the hosts cache off'),
        ],
      }),
    );
  }
  const usesResolved =
    context.servers.some(({ role }) => role === 'resolved') ||
    /^hosts:.*\bresolve\b/m.test(target.surroundings.nsswitch.text ?? '');
  const own = resolvedServers(host.resolved?.uplinks ?? '').filter((server) =>
    homeport.addresses.includes(server),
  );
  if (usesResolved && homeport.ttlSeconds > 0 && own.some((server) => !isLoopback(server))) {
    findings.push(
      found('cache-resolved', target.title, {
        message: `systemd-resolved asks homeport at ${own.join(', ')} and caches its answers`,
        evidence: [fact(`/run/systemd/resolve/resolv.conf lists ${own.join(', ')}`)],
      }),
    );
  }
  if (target.container?.runtime === 'jvm') {
    findings.push(
      found('cache-jvm', target.title, {
        message: 'runs a JVM, which keeps addresses for 30 s',
        evidence: [fact('the container runs java, or its image sets JAVA_HOME or JAVA_VERSION')],
      }),
    );
  }
  return findings;
}

function optionDifferences(context: TargetContext): readonly Finding[] {
  const { production, here } = context;
  const differing = context.stubs.flatMap((stub) => {
    const wanted = optionText(production.readings.get(stub));
    const given = optionText(here.readings.get(stub));
    return wanted === given ? [] : [{ stub, wanted, given }];
  });
  const [first] = differing;
  if (first === undefined) return [];
  const lines = (side: typeof here, name: 'here' | 'production') =>
    (side.conf?.lines ?? [])
      .filter(({ kind }) => kind === 'options')
      .map(({ number }) => lineOf(name, side.surroundings.resolvConf, number));
  return [
    found('options-differ', context.target.title, {
      stubs: differing.map(({ stub }) => stub),
      message: `${first.stub} has ${first.given}, in production ${first.wanted}`,
      evidence: [...lines(production, 'production'), ...lines(here, 'here')],
    }),
  ];
}

function optionText(
  reading: TargetContext['here']['readings'] extends ReadonlyMap<string, infer R>
    ? R | undefined
    : never,
): string {
  if (reading === undefined) return '';
  const flags = [...reading.flags.keys()].toSorted();
  return [
    `timeout:${reading.timeoutMs.value / 1000}`,
    `attempts:${reading.attempts.value}`,
    ...flags,
  ].join(' ');
}
