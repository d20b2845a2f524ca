/** Findings about whom a target asks: homeport, and nobody beside it. */
import { resolvedServers, routesEverything } from '../compare/answers-here.ts';
import { serverRole } from '../compare/server-role.ts';
import {
  type AskedServer,
  type CheckContext,
  type Family,
  lineOf,
  type TargetContext,
} from './context.ts';
import { type Evidence, type Finding, type FindingKind, fact, findingMaker } from './finding.ts';

const kinds = [
  {
    id: 'not-homeport',
    severity: 'error',
    title: 'no server that is asked is homeport',
    impact:
      'No container of this host is found by its plain name; what is found is whatever the other servers know.',
    fix: 'Make homeport the nameserver: `homeport host install` for the host, daemon.json `dns` for containers; a container keeps its file until it is restarted.',
    why: 'A stub asks only the servers of its resolv.conf, on port 53.',
  },
  {
    id: 'second-nameserver',
    severity: 'error',
    title: 'another nameserver beside homeport',
    impact:
      'glibc, Go and c-ares ask it when homeport times out or fails, systemd-resolved then stays with it; musl asks all servers at once and takes the first answer: production may answer for a container.',
    fix: 'List homeport alone; it forwards to the others itself.',
    why: 'Every nameserver line is an equal: none of them is a fallback for names that the first one denied, and none is safe from being asked.',
  },
  {
    id: 'servers-disagree',
    severity: 'warning',
    title: "production's servers give different answers",
    impact:
      'Which answer a program gets depends on its stub: musl takes the fastest, 20.10 of Docker goes on after NXDOMAIN, the others trust the first.',
    fix: "List in production's resolv.conf only servers that serve the same names.",
    why: 'Servers of one resolv.conf are taken to be copies of one another.',
  },
  {
    id: 'resolved-race',
    severity: 'error',
    title: 'systemd-resolved asks homeport and others at once',
    impact: "The first answer wins: production's address at one time, the container's at another.",
    fix: 'In /etc/systemd/resolved.conf.d/homeport.conf: `DNS=127.53.0.1` and `Domains=REGION ~.`',
    why: 'Without the route-only domain `~.` resolved asks the servers of every link side by side (measured).',
  },
  {
    id: 'resolved-single-label',
    severity: 'warning',
    title: 'systemd-resolved does not ask for plain names',
    impact:
      'A plain name that reaches 127.0.0.53 as it is (musl, dig, Node dns.resolve, the embedded resolver) fails at once or after 4 s; getaddrinfo finds it only through the search list.',
    fix: 'In resolved.conf: `Domains=REGION ~.`, `ResolveUnicastSingleLabel=yes`, `LLMNR=no`.',
    why: 'resolved sends single labels to LLMNR, not to unicast DNS, unless it is told to.',
  },
  {
    id: 'homeport-not-running',
    severity: 'notice',
    title: 'homeport does not run',
    impact: 'Nobody answers the names of the containers: what is compared is how it would be.',
    fix: 'Start it: `homeport serve`, or its systemd unit; `--control` names its socket where it is elsewhere.',
    why: 'No server answered at the control socket; its names were taken from containers and records.',
  },
] as const satisfies readonly FindingKind[];
const found = findingMaker(kinds);

/** The family of servers. */
export const serverFamily: Family = {
  kinds,
  inTarget: (context) => [
    ...notHomeport(context),
    ...secondNameserver(context),
    ...resolvedTroubles(context),
  ],
  inCheck: (context) => [...notRunning(context), ...disagreements(context)],
};

function notHomeport(context: TargetContext): readonly Finding[] {
  const { servers, target } = context;
  if (servers.some(({ role }) => role === 'homeport')) return [];
  if (servers.some(({ role }) => role === 'resolved') && resolvedKnowsHomeport(context)) return [];
  if (servers.some(({ role }) => role === 'embedded')) return [];
  const { addresses } = context.inputs.homeport;
  return [
    found('not-homeport', target.title, {
      message:
        addresses.length === 0
          ? 'homeport answers at no address on port 53'
          : `asks ${servers.map(({ address }) => address).join(', ')}, and homeport is at ${addresses.join(', ')}`,
      evidence: servers.map((server) => serverEvidence(context, server)),
    }),
  ];
}

function secondNameserver(context: TargetContext): readonly Finding[] {
  const { servers, target } = context;
  const others = servers.filter(({ role }) => role !== 'homeport');
  if (others.length === 0 || others.length === servers.length) return [];
  const isFirst = servers[0]?.role === 'homeport';
  const names = others.map(({ address }) => address).join(', ');
  return [
    found('second-nameserver', target.title, {
      message: isFirst
        ? `${names} is asked as well as homeport`
        : `${names} is asked before homeport`,
      evidence: servers.map((server) => serverEvidence(context, server)),
    }),
  ];
}

function resolvedTroubles(context: TargetContext): readonly Finding[] {
  const { resolved } = context.inputs.host;
  const asked = context.servers.filter(({ role }) => role === 'resolved');
  if (asked.length === 0 || resolved?.uplinks === undefined) return [];
  const evidence = asked.map((server) => serverEvidence(context, server));
  const uplinks = resolvedServers(resolved.uplinks);
  const listed = fact(`/run/systemd/resolve/resolv.conf lists ${uplinks.join(' ')}`);
  const findings: Finding[] = [];
  const isMixed =
    resolvedKnowsHomeport(context) &&
    uplinks.some((uplink) => serverRole(uplink, 'host', context.inputs) !== 'homeport');
  if (isMixed && !routesEverything(resolved.settings)) {
    findings.push(
      found('resolved-race', context.target.title, {
        message: 'systemd-resolved has homeport and other servers, and no `~.` route to homeport',
        evidence: [...evidence, listed],
      }),
    );
  }
  const refused = context.comparisons.filter(({ here }) =>
    here.questions.some(({ name, answer }) => !name.includes('.') && answer === 'REFUSED'),
  );
  if (refused.length > 0) {
    findings.push(
      found('resolved-single-label', context.target.title, {
        names: [...new Set(refused.map(({ name }) => name))],
        stubs: [...new Set(refused.map(({ stub }) => stub))],
        severity: refused.some(({ verdict }) => verdict !== 'same') ? 'error' : 'warning',
        message: 'plain names that reach systemd-resolved as they are, are refused',
        evidence,
      }),
    );
  }
  return findings;
}

function resolvedKnowsHomeport(context: TargetContext): boolean {
  return resolvedServers(context.inputs.host.resolved?.uplinks ?? '').some(
    (uplink) => serverRole(uplink, 'host', context.inputs) === 'homeport',
  );
}

function notRunning({ inputs }: CheckContext): readonly Finding[] {
  if (inputs.homeport.isRunning) return [];
  const message = 'no homeport answers at its control socket';
  return [found('homeport-not-running', 'homeport', { message, evidence: [] })];
}

function disagreements({ inputs }: CheckContext): readonly Finding[] {
  const answers = Object.entries(inputs.production.answers ?? {});
  if (answers.length < 2) return [];
  const questions = new Set(answers.flatMap(([, recorded]) => Object.keys(recorded)));
  const differing = [...questions].flatMap((question) => {
    const said = answers.flatMap(([server, recorded]) => {
      const text = recorded[question];
      return text === undefined ? [] : [{ server, text: comparable(text) }];
    });
    const isSame = said.every(({ text }) => text === said[0]?.text);
    return isSame ? [] : [{ question, said }];
  });
  if (differing.length === 0) return [];
  return [
    found('servers-disagree', 'production', {
      message: `${differing.length} questions are answered differently by production's servers`,
      names: inputs.expected.filter((name) =>
        differing.some(
          ({ question }) => question.startsWith(`${name} `) || question.startsWith(`${name}.`),
        ),
      ),
      evidence: differing
        .slice(0, MAX_SHOWN)
        .map(({ question, said }) =>
          fact(
            `${question}: ${said.map(({ server, text }) => `${server} says ${text}`).join(', ')}`,
          ),
        ),
    }),
  ];
}

/** More of one kind say nothing new. */
const MAX_SHOWN = 10;

/** Addresses in any order, without the flags and the TTL. */
function comparable(text: string | readonly string[]): string {
  const words = typeof text === 'string' ? [text] : text;
  return words
    .filter((word) => !/^(?:TTL|SIZE|DELAY):|^(?:AA|noRA|TC)$/.test(word))
    .toSorted()
    .join(' ');
}

/** Where a server was found. */
export function serverEvidence(context: TargetContext, server: AskedServer): Evidence {
  if (server.line !== undefined) {
    return lineOf('here', context.here.surroundings.resolvConf, server.line);
  }
  return fact(`127.0.0.11 forwards to ${server.address}`);
}
