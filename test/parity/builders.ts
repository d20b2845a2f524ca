/** Inputs of a parity check for tests: production and this side as one would have them, changed where a test says so. */
import type { HomeportSide, HostFacts, OwnedName, ParityInputs } from '../../src/parity/inputs.ts';
import { type AnswerText, type Profile, parseProfile } from '../../src/parity/profile/profile.ts';
import type { Surroundings } from '../../src/parity/surroundings.ts';
import type { ContainerFacts, Target } from '../../src/parity/target.ts';

export const REGION = 'us-east-1.domain.com';
export const HOMEPORT = '127.53.0.1';
export const BRIDGE_HOMEPORT = '169.254.53.53';
export const PRODUCTION_SERVER = '10.0.0.2';
export const PRODUCTION_FILE = `search ${REGION}\nnameserver ${PRODUCTION_SERVER}\noptions ndots:1\n`;

/** A plain resolv.conf as production's profile. */
export function production(
  text: string = PRODUCTION_FILE,
  changes: Partial<Profile> = {},
): Profile {
  return { ...parseProfile('production.resolv.conf', text), ...changes };
}

/** Production with recorded answers, by `NAME TYPE`, of its one server. */
export function recorded(answers: Readonly<Record<string, AnswerText>>, text?: string): Profile {
  return production(text, {
    answers: { [PRODUCTION_SERVER]: answers },
    canary: 'homeport-no-such-name',
  });
}

export function surroundings(
  resolvConf: string | undefined,
  changes: { hosts?: string; nsswitch?: string; hostConf?: string; label?: string } & Partial<
    Omit<Surroundings, 'hosts' | 'nsswitch' | 'hostConf' | 'resolvConf'>
  > = {},
): Surroundings {
  const { hosts, nsswitch, hostConf, label = '', ...rest } = changes;
  return {
    resolvConf: { path: `${label}/etc/resolv.conf`, text: resolvConf },
    nsswitch: { path: `${label}/etc/nsswitch.conf`, text: nsswitch },
    hosts: { path: `${label}/etc/hosts`, text: hosts },
    hostConf: { path: `${label}/etc/host.conf`, text: hostConf },
    hostname: 'ci-1',
    environment: {},
    aliases: undefined,
    nssModules: [],
    ...rest,
  };
}

export function host(
  resolvConf: string | undefined = `search ${REGION}\nnameserver ${HOMEPORT}\noptions ndots:1\n`,
  changes: Parameters<typeof surroundings>[1] = {},
): Target {
  return {
    kind: 'host',
    title: 'host',
    surroundings: surroundings(resolvConf, changes),
    libc: undefined,
  };
}

export function container(
  name: string,
  resolvConf: string,
  facts: Partial<ContainerFacts> = {},
  changes: Parameters<typeof surroundings>[1] = {},
): Target {
  const title = `container ${name}`;
  return {
    kind: 'container',
    title,
    surroundings: surroundings(resolvConf, { label: `${title}: `, ...changes }),
    libc: { kind: 'glibc', version: '2.36', evidence: '/lib/x86_64-linux-gnu/libc.so.6' },
    container: {
      id: `id-${name}`,
      engineVersion: '20.10.24',
      network: 'default-bridge',
      networks: [],
      flags: { servers: [], search: [], options: [] },
      startedAt: '2026-01-01T00:00:00Z',
      runtime: undefined,
      neighbours: [],
      ...facts,
    },
  };
}

export function owned(name: string, address = '172.18.0.5'): OwnedName {
  return {
    name,
    owner: { kind: 'container', title: name },
    addresses: [{ address, network: 'ci' }],
  };
}

export function homeport(changes: Partial<HomeportSide> = {}): HomeportSide {
  return {
    addresses: [HOMEPORT, BRIDGE_HOMEPORT],
    owned: [owned('db'), owned('web', '172.18.0.6')],
    isRunning: true,
    whenMissing: 'refuse',
    ttlSeconds: 0,
    upstreams: [PRODUCTION_SERVER],
    ...changes,
  };
}

export const noHostFacts: HostFacts = {
  resolved: undefined,
  nscd: 'absent',
  daemonJson: undefined,
};

/** A host in parity, unless changed. */
export function inputs(changes: Partial<ParityInputs> = {}): ParityInputs {
  return {
    expected: ['db', 'web'],
    region: REGION,
    search: [REGION],
    domains: [],
    stubs: ['glibc', 'musl', 'go', 'c-ares'],
    stubOverrides: {},
    budgetSeconds: undefined,
    accept: [],
    failOn: 'warning',
    now: new Date('2026-06-01T12:00:00Z'),
    production: production(),
    homeport: homeport(),
    host: noHostFacts,
    targets: [host()],
    problems: [],
    ...changes,
  };
}
