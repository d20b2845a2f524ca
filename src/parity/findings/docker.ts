/** Findings about what Docker makes of resolv.conf for a container. */
import {
  formatResolvConf,
  parseResolvConf,
  type ResolvConf,
} from '../../resolv-conf/resolv-conf.ts';
import { predictContainerDns } from '../engine/container-dns.ts';
import { daemonSettings } from '../engine/daemon-json.ts';
import { hasSettings, isLoopback, noDnsSettings, settingsInForce } from '../engine/settings.ts';
import { measuredEngine } from '../engine/version.ts';
import type { ContainerFacts, Target } from '../target.ts';
import { type Family, lineOf, type TargetContext } from './context.ts';
import { type Evidence, type Finding, type FindingKind, fact, findingMaker } from './finding.ts';
import { serverEvidence } from './servers.ts';

const kinds = [
  {
    id: 'docker-public-servers',
    severity: 'error',
    title: 'the container asks public servers',
    impact:
      'Plain names and names of the region are asked of a public resolver: nothing is found, look-ups hang where it cannot be reached, and internal names leave the company.',
    fix: 'Set `"dns": ["ADDRESS OF HOMEPORT ON lo OR A BRIDGE"]` in daemon.json and restart dockerd, or give the host file a nameserver that is no loopback address.',
    why: 'On the default bridge dockerd cuts loopback servers out of the host file, and writes 8.8.8.8 and 8.8.4.4 where none is left.',
  },
  {
    id: 'docker-loopback',
    severity: 'error',
    title: 'the container asks its own loopback address',
    impact: 'Nobody listens there: every look-up fails or hangs.',
    fix: "Name an address that containers reach (homeport's on lo, or a bridge's gateway) in `--dns` or daemon.json `dns`; on Docker 20.10 drop `--dns-search` and `--dns-opt` where the host file has a loopback server.",
    why: '`--dns 127.0.0.1` means the container itself; Docker 20.10 turns its loopback handling off for any of the three flags or their daemon.json defaults.',
  },
  {
    id: 'docker-resolved-stub',
    severity: 'warning',
    title: "Docker gives the container resolved's uplinks",
    impact:
      "Containers on the default bridge ask the uplink servers directly, past homeport: production answers for a container's name.",
    fix: 'Set daemon.json `dns` and `dns-search`; a drop-in for systemd-resolved alone does not reach these containers.',
    why: 'Where 127.0.0.53 is the only nameserver when dockerd starts, it takes /run/systemd/resolve/resolv.conf for the default bridge.',
  },
  {
    id: 'docker-options-replaced',
    severity: 'warning',
    title: 'options of the host file that a flag or daemon.json replaced',
    impact: 'ndots, timeout or attempts of the host do not hold in the container.',
    fix: "Repeat all options in `--dns-opt` or daemon.json `dns-opts`; they replace the host's, never add.",
    why: "Each of dns, dns-search and dns-opts replaces its part as a whole; `--dns-opt attempts:1` drops the host's `ndots:2`.",
  },
  {
    id: 'docker-domain-lost',
    severity: 'error',
    title: 'Docker dropped the `domain` line',
    impact: 'The container has no search list: plain names are asked as they are only.',
    fix: 'Write `search` instead of `domain` in the host file.',
    why: 'Docker 20.10 reads only `search` when it makes a file for a user-defined network.',
  },
  {
    id: 'docker-ndots-invalid',
    severity: 'error',
    title: 'an invalid ndots keeps Docker from setting up its resolver',
    impact:
      "The names of other containers are not found: the file has the host's servers instead of 127.0.0.11.",
    fix: 'Give ndots a number from 0 to 15.',
    why: 'Docker 20.10 gives up the rebuild of the file when ndots is no number from 0 up.',
  },
  {
    id: 'stale-container',
    severity: 'warning',
    title: 'the container has an older file than it would get now',
    impact: 'It resolves as the host did when it was started.',
    fix: 'Restart the container; after a change of daemon.json dockerd first.',
    why: 'dockerd writes the file at the start of a container and when it is connected to a network, not when the host file changes.',
  },
  {
    id: 'shadowed-name',
    severity: 'warning',
    title: "a container of that name on the same network answers instead of homeport's owner",
    impact: 'Programs on this network get another container than everybody else.',
    fix: 'Rename the container or its alias, or set ndots as in production so that the search domain is asked first.',
    why: '127.0.0.11 answers names, aliases and host names of its own networks before it forwards anything.',
  },
] as const satisfies readonly FindingKind[];
const found = findingMaker(kinds);

/** The family of Docker. */
export const dockerFamily: Family = {
  kinds,
  inTarget: (context) => {
    const facts = context.target.container;
    if (facts === undefined) return [];
    return [
      ...publicServers(context),
      ...loopback(context),
      ...resolvedStub(context, facts),
      ...replacedOptions(context, facts),
      ...lostDomain(context, facts),
      ...invalidNdots(context, facts),
      ...staleFile(context, facts),
      ...shadowed(context, facts),
    ];
  },
};

function publicServers(context: TargetContext): readonly Finding[] {
  const servers = context.servers.filter(({ role }) => role === 'public');
  if (servers.length === 0) return [];
  const host = hostOf(context);
  const loopbackLines = host === undefined ? [] : loopbackServerLines(host);
  const message = `asks ${servers.map(({ address }) => address).join(' and ')}`;
  return [
    found('docker-public-servers', context.target.title, {
      message:
        loopbackLines.length > 0
          ? `${message}, because the host file has only loopback servers`
          : message,
      evidence: [...servers.map((server) => serverEvidence(context, server)), ...loopbackLines],
    }),
  ];
}

function loopback(context: TargetContext): readonly Finding[] {
  const servers = context.servers.filter(({ role }) => role === 'nobody');
  if (servers.length === 0) return [];
  return [
    found('docker-loopback', context.target.title, {
      message: `asks ${servers.map(({ address }) => address).join(', ')} in its own namespace, where nobody listens`,
      evidence: [
        ...servers.map((server) => serverEvidence(context, server)),
        ...settingEvidence(context),
      ],
    }),
  ];
}

function resolvedStub(context: TargetContext, facts: ContainerFacts): readonly Finding[] {
  const host = hostOf(context);
  if (host === undefined || facts.network !== 'default-bridge') return [];
  const conf = parseResolvConf(host.surroundings.resolvConf.text ?? '');
  const [server] = conf.nameservers;
  if (conf.nameservers.length !== 1 || server?.address !== '127.0.0.53') return [];
  if (context.servers.every(({ role }) => role === 'homeport')) return [];
  return [
    found('docker-resolved-stub', context.target.title, {
      message: `has ${context.servers.map(({ address }) => address).join(', ')} instead of the host's 127.0.0.53`,
      evidence: [
        lineOf('here', host.surroundings.resolvConf, server.line),
        ...context.servers.map((asked) => serverEvidence(context, asked)),
      ],
    }),
  ];
}

function replacedOptions(context: TargetContext, facts: ContainerFacts): readonly Finding[] {
  const host = hostOf(context);
  const settings = settingsInForce(daemonOf(context), facts.flags);
  if (host === undefined || settings.options.length === 0) return [];
  const conf = parseResolvConf(host.surroundings.resolvConf.text ?? '');
  const kept = new Set(settings.options.map((option) => option.split(':')[0]));
  const lost = conf.options.filter(({ name }) => !kept.has(name));
  if (lost.length === 0) return [];
  return [
    found('docker-options-replaced', context.target.title, {
      message: `${lost.map(({ text }) => text).join(' ')} of the host file does not hold in the container`,
      evidence: [
        ...lost.map(({ line }) => lineOf('here', host.surroundings.resolvConf, line)),
        ...settingEvidence(context),
      ],
    }),
  ];
}

function lostDomain(context: TargetContext, facts: ContainerFacts): readonly Finding[] {
  const host = hostOf(context);
  if (host === undefined || facts.network !== 'user-defined') return [];
  if (measuredEngine(facts.engineVersion) !== '20.10') return [];
  const { lines } = parseResolvConf(host.surroundings.resolvConf.text ?? '');
  const domain = lines.find(({ kind, words }) => kind === 'domain' && words.length > 0);
  const hasSearch = lines.some(({ kind }) => kind === 'search');
  if (domain === undefined || hasSearch || (context.here.conf?.search.length ?? 0) > 0) return [];
  return [
    found('docker-domain-lost', context.target.title, {
      message: `\`${domain.text.trim()}\` of the host file is not in the container's`,
      evidence: [
        lineOf('here', host.surroundings.resolvConf, domain.number),
        lineOf('here', context.here.surroundings.resolvConf, undefined, 'no search line'),
      ],
    }),
  ];
}

function invalidNdots(context: TargetContext, facts: ContainerFacts): readonly Finding[] {
  if (facts.network !== 'user-defined' || context.here.conf === undefined) return [];
  const option = context.here.conf.options.find(
    ({ name, value }) => name.includes('ndots') && !/^\+?\d+$/.test(value ?? ''),
  );
  if (option === undefined || context.embedded !== undefined) return [];
  return [
    found('docker-ndots-invalid', context.target.title, {
      message: `\`${option.text}\` is no number, and the container has no 127.0.0.11`,
      evidence: [lineOf('here', context.here.surroundings.resolvConf, option.line)],
    }),
  ];
}

function staleFile(context: TargetContext, facts: ContainerFacts): readonly Finding[] {
  const host = hostOf(context);
  const { network } = facts;
  if (host === undefined || network === 'none' || network === 'shared') return [];
  const prediction = predictContainerDns(
    {
      version: facts.engineVersion,
      resolvConf: host.surroundings.resolvConf.text,
      uplinkResolvConf: context.inputs.host.resolved?.uplinks,
      daemon: daemonOf(context),
    },
    { flags: facts.flags, network, ipv6: facts.networks.some(({ ipv6 }) => ipv6) },
  );
  if (prediction.kind === 'unknown') return [];
  const wouldBe = parseResolvConf(prediction.dns.text);
  const is = context.here.conf;
  if (is === undefined || meaning(is) === meaning(wouldBe)) return [];
  return [
    found('stale-container', context.target.title, {
      message: `its file is not the one that a start would give it now (started ${facts.startedAt})`,
      evidence: [
        ...is.lines
          .filter(({ kind }) => kind === 'nameserver' || kind === 'search' || kind === 'options')
          .map(({ number }) => lineOf('here', context.here.surroundings.resolvConf, number)),
        fact(`it would get: ${meaning(wouldBe).trim().replaceAll('\n', '; ')}`),
      ],
    }),
  ];
}

/** What the stubs read, and the upstreams that newer engines note in a comment. */
function meaning(conf: ResolvConf): string {
  const upstreams = /^# ExtServers: .*$/m.exec(conf.text)?.[0] ?? '';
  return `${formatResolvConf({
    nameservers: conf.nameservers.map(({ address }) => address),
    search: conf.search.map(({ domain }) => domain),
    options: conf.options.map(({ text }) => text),
  })}${upstreams}`;
}

function shadowed(context: TargetContext, facts: ContainerFacts): readonly Finding[] {
  if (context.embedded === undefined) return [];
  return context.inputs.expected.flatMap((name) => {
    const neighbours = facts.neighbours.filter((neighbour) => neighbour.name === name);
    const owned =
      context.inputs.homeport.owned?.filter((candidate) => candidate.name === name) ?? [];
    const addresses = new Set(owned.flatMap((own) => own.addresses.map(({ address }) => address)));
    const strangers = neighbours.filter(({ address }) => !addresses.has(address));
    const [stranger] = strangers;
    if (stranger === undefined || owned.length === 0) return [];
    return [
      found('shadowed-name', context.target.title, {
        names: [name],
        message: `127.0.0.11 answers ${name} with ${stranger.container} (${stranger.address}), homeport with ${[...addresses].join(', ')}`,
        evidence: strangers.map(({ container, network, address }) =>
          fact(`${container} is known as ${name} on network ${network}: ${address}`),
        ),
      }),
    ];
  });
}

function settingEvidence(context: TargetContext): readonly Evidence[] {
  const facts = context.target.container;
  const { daemonJson } = context.inputs.host;
  const words = (name: string, values: readonly string[] | undefined): readonly string[] =>
    (values ?? []).map((value) => `${name} ${value}`);
  const flags = [
    ...words('--dns', facts?.flags.servers),
    ...words('--dns-search', facts?.flags.search),
    ...words('--dns-opt', facts?.flags.options),
  ];
  const isDaemon = hasSettings(daemonOf(context));
  return [
    ...(flags.length > 0 ? [fact(`started with ${flags.join(' ')}`)] : []),
    ...(isDaemon && daemonJson !== undefined
      ? [fact(`${daemonJson.path} sets dns, dns-search or dns-opts`)]
      : []),
  ];
}

function loopbackServerLines(host: Target): readonly Evidence[] {
  const conf = parseResolvConf(host.surroundings.resolvConf.text ?? '');
  const isAll = conf.nameservers.every(({ address }) => isLoopback(address));
  if (!isAll) return [];
  return conf.nameservers.map(({ line }) => lineOf('here', host.surroundings.resolvConf, line));
}

function daemonOf(context: TargetContext): typeof noDnsSettings {
  return daemonSettings(context.inputs.host.daemonJson?.text) ?? noDnsSettings;
}

function hostOf(context: TargetContext): Target | undefined {
  return context.inputs.targets.find(({ kind }) => kind === 'host');
}
