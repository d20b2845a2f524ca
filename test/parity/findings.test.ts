import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkParity } from '../../src/parity/check.ts';
import { findingKinds } from '../../src/parity/findings/registry.ts';
import type { ParityInputs } from '../../src/parity/inputs.ts';
import {
  container,
  HOMEPORT,
  homeport,
  host,
  inputs,
  noHostFacts,
  owned,
  PRODUCTION_FILE,
  PRODUCTION_SERVER,
  production,
  REGION,
  recorded,
} from './builders.ts';

/** Each kind of finding: inputs that provoke it, and the fix that silences it. */
interface Provocation {
  readonly id: string;
  readonly when: string;
  readonly provoked: Partial<ParityInputs>;
  readonly fixed: Partial<ParityInputs>;
}

const hostFile = (lines: string): Partial<ParityInputs> => ({ targets: [host(lines)] });
const good = `search ${REGION}\nnameserver ${HOMEPORT}\noptions ndots:1\n`;
const parity = {};
const withCanary = { 'homeport-no-such-name.us-east-1.domain.com A': 'NXDOMAIN' };
const dbIn = (domain: string): Record<string, string> => ({
  [`db.${domain} A`]: '10.1.1.1',
  [`db.${domain} AAAA`]: 'NODATA',
});
const embedded = `search ${REGION}\nnameserver 127.0.0.11\noptions ndots:0\n`;
const neighbour = { container: 'other', name: 'db', address: '172.18.0.99', network: 'ci' };

const provocations: readonly Provocation[] = [
  {
    id: 'leak',
    when: "the host asks production's server",
    provoked: hostFile(`search ${REGION}\nnameserver ${PRODUCTION_SERVER}\noptions ndots:1\n`),
    fixed: hostFile(good),
  },
  {
    id: 'leak',
    when: 'a missing name is forwarded',
    provoked: { homeport: homeport({ owned: [], whenMissing: 'forward' }) },
    fixed: { homeport: homeport({ owned: [], whenMissing: 'refuse' }) },
  },
  {
    id: 'missing',
    when: 'nobody runs a name',
    provoked: { homeport: homeport({ owned: [owned('db')] }) },
    fixed: parity,
  },
  {
    id: 'lookup-differs',
    when: 'the search list is missing and homeport is not asked',
    provoked: hostFile('nameserver 10.9.9.9\n'),
    fixed: parity,
  },
  {
    id: 'extra-name',
    when: 'a container has a name that is not expected',
    provoked: { homeport: homeport({ owned: [owned('db'), owned('web'), owned('debug')] }) },
    fixed: parity,
  },
  {
    id: 'extra-name',
    when: 'production was heard to deny an expected name',
    provoked: {
      expected: ['db'],
      production: recorded({
        'db A': 'NXDOMAIN',
        'db AAAA': 'NXDOMAIN',
        [`db.${REGION} A`]: 'NXDOMAIN',
        [`db.${REGION} AAAA`]: 'NXDOMAIN',
      }),
      homeport: homeport({ owned: [owned('db')] }),
      stubs: ['glibc'],
    },
    fixed: {
      expected: ['db'],
      production: recorded(dbIn(REGION)),
      homeport: homeport({ owned: [owned('db')] }),
      stubs: ['glibc'],
    },
  },
  {
    id: 'other-error',
    when: 'production fails where this side denies',
    provoked: {
      expected: ['db'],
      stubs: ['glibc'],
      homeport: homeport({ owned: [] }),
      production: recorded({
        'db A': 'NXDOMAIN',
        'db AAAA': 'NXDOMAIN',
        [`db.${REGION} A`]: 'SERVFAIL',
        [`db.${REGION} AAAA`]: 'SERVFAIL',
      }),
    },
    fixed: {
      expected: ['db'],
      stubs: ['glibc'],
      homeport: homeport({ owned: [] }),
      production: recorded({
        'db A': 'NXDOMAIN',
        'db AAAA': 'NXDOMAIN',
        [`db.${REGION} A`]: 'NXDOMAIN',
        [`db.${REGION} AAAA`]: 'NXDOMAIN',
      }),
    },
  },
  {
    id: 'no-search-api',
    when: 'names are found in production by searching only',
    provoked: parity,
    fixed: { expected: [] },
  },
  {
    id: 'region-differs',
    when: 'another region is configured',
    provoked: { region: 'eu-west-1.domain.com' },
    fixed: parity,
  },
  {
    id: 'libc-differs',
    when: 'an image has musl, production glibc',
    provoked: {
      production: production(PRODUCTION_FILE, {
        libc: { kind: 'glibc', version: '2.36', evidence: 'profile' },
      }),
      targets: [
        {
          ...container('web', good.replace(HOMEPORT, '169.254.53.53')),
          libc: { kind: 'musl', version: '1.2.5', evidence: '/lib/ld-musl-x86_64.so.1' },
        },
      ],
    },
    fixed: {
      production: production(PRODUCTION_FILE, {
        libc: { kind: 'glibc', version: '2.36', evidence: 'profile' },
      }),
      targets: [container('web', good.replace(HOMEPORT, '169.254.53.53'))],
    },
  },
  {
    id: 'nothing-expected',
    when: 'no names are expected',
    provoked: { expected: [] },
    fixed: parity,
  },
  {
    id: 'not-homeport',
    when: 'only another server is asked',
    provoked: hostFile(`search ${REGION}\nnameserver 10.9.9.9\noptions ndots:1\n`),
    fixed: parity,
  },
  {
    id: 'second-nameserver',
    when: 'a server stands behind homeport',
    provoked: hostFile(`${good}nameserver ${PRODUCTION_SERVER}\n`),
    fixed: hostFile(good),
  },
  {
    id: 'second-nameserver',
    when: 'a server stands before homeport',
    provoked: hostFile(`nameserver 10.9.9.9\n${good}`),
    fixed: hostFile(good),
  },
  {
    id: 'homeport-not-running',
    when: 'no server answers',
    provoked: { homeport: homeport({ isRunning: false }) },
    fixed: parity,
  },
  {
    id: 'servers-disagree',
    when: 'two servers of production say different things',
    provoked: {
      production: production(PRODUCTION_FILE, {
        answers: {
          '10.0.0.2': { 'db.x A': '10.1.1.1' },
          '10.0.0.3': { 'db.x A': 'NXDOMAIN' },
        },
      }),
    },
    fixed: {
      production: production(PRODUCTION_FILE, {
        answers: {
          '10.0.0.2': { 'db.x A': ['10.1.1.1', '10.1.1.2', 'TTL:5'] },
          '10.0.0.3': { 'db.x A': ['10.1.1.2', '10.1.1.1', 'TTL:9'] },
        },
      }),
    },
  },
  {
    id: 'resolved-race',
    when: 'systemd-resolved has homeport and an uplink, without ~.',
    provoked: {
      targets: [host(`nameserver 127.0.0.53\nsearch ${REGION}\noptions ndots:1\n`)],
      host: {
        ...noHostFacts,
        resolved: {
          uplinks: `nameserver ${HOMEPORT}\nnameserver 10.99.0.53\n`,
          settings: `[Resolve]\nDNS=${HOMEPORT}\nDomains=${REGION}\nResolveUnicastSingleLabel=yes\n`,
        },
      },
    },
    fixed: {
      targets: [host(`nameserver 127.0.0.53\nsearch ${REGION}\noptions ndots:1\n`)],
      host: {
        ...noHostFacts,
        resolved: {
          uplinks: `nameserver ${HOMEPORT}\nnameserver 10.99.0.53\n`,
          settings: `[Resolve]\nDNS=${HOMEPORT}\nDomains=${REGION} ~.\nResolveUnicastSingleLabel=yes\n`,
        },
      },
    },
  },
  {
    id: 'resolved-single-label',
    when: 'plain names reach 127.0.0.53 as they are',
    provoked: {
      stubs: ['musl'],
      targets: [host(`nameserver 127.0.0.53\nsearch ${REGION}\noptions ndots:0\n`)],
      host: {
        ...noHostFacts,
        resolved: {
          uplinks: `nameserver ${HOMEPORT}\n`,
          settings: `[Resolve]\nDNS=${HOMEPORT}\nDomains=${REGION} ~.\n`,
        },
      },
    },
    fixed: {
      stubs: ['musl'],
      targets: [host(`nameserver 127.0.0.53\nsearch ${REGION}\noptions ndots:0\n`)],
      host: {
        ...noHostFacts,
        resolved: {
          uplinks: `nameserver ${HOMEPORT}\n`,
          settings: `[Resolve]\nDNS=${HOMEPORT}\nDomains=${REGION} ~.\nResolveUnicastSingleLabel=yes\n`,
        },
      },
    },
  },
  {
    id: 'docker-public-servers',
    when: 'a bridge container was given public servers',
    provoked: {
      targets: [
        host(),
        container('web', `search ${REGION}\n\nnameserver 8.8.8.8\nnameserver 8.8.4.4\n`),
      ],
    },
    fixed: {
      targets: [host(), container('web', `search ${REGION}\nnameserver 169.254.53.53\n`)],
    },
  },
  {
    id: 'docker-loopback',
    when: '--dns names the loopback address',
    provoked: {
      targets: [
        container('web', `search ${REGION}\nnameserver 127.0.0.1\n`, {
          flags: { servers: ['127.0.0.1'], search: [], options: [] },
        }),
      ],
    },
    fixed: { targets: [container('web', `search ${REGION}\nnameserver 169.254.53.53\n`)] },
  },
  {
    id: 'docker-loopback',
    when: '--dns-search turned the loopback handling of 20.10 off on a user-defined network',
    provoked: {
      targets: [
        host(`search ${REGION}\nnameserver ${HOMEPORT}\noptions ndots:1\n`),
        container('web', `search ${REGION}\nnameserver 127.0.0.11\noptions ndots:1\n`, {
          network: 'user-defined',
          flags: { servers: [], search: [REGION], options: [] },
        }),
      ],
    },
    fixed: {
      targets: [
        host(`search ${REGION}\nnameserver ${HOMEPORT}\noptions ndots:1\n`),
        container('web', `search ${REGION}\nnameserver 127.0.0.11\noptions ndots:1\n`, {
          network: 'user-defined',
        }),
      ],
    },
  },
  {
    id: 'docker-resolved-stub',
    when: "a bridge container has resolved's uplinks",
    provoked: {
      targets: [
        host('nameserver 127.0.0.53\n'),
        container('web', `search ${REGION}\nnameserver ${PRODUCTION_SERVER}\n`),
      ],
    },
    fixed: {
      targets: [
        host('nameserver 127.0.0.53\n'),
        container('web', `search ${REGION}\nnameserver 169.254.53.53\n`),
      ],
    },
  },
  {
    id: 'docker-options-replaced',
    when: "--dns-opt drops the host's ndots",
    provoked: {
      targets: [
        host(`${good.trimEnd()} timeout:1\n`),
        container('web', `search ${REGION}\nnameserver 169.254.53.53\noptions attempts:1\n`, {
          flags: { servers: [], search: [], options: ['attempts:1'] },
        }),
      ],
    },
    fixed: {
      targets: [
        host(`${good.trimEnd()} timeout:1\n`),
        container(
          'web',
          `search ${REGION}\nnameserver 169.254.53.53\noptions ndots:1 timeout:1\n`,
          {
            flags: { servers: [], search: [], options: ['ndots:1', 'timeout:1'] },
          },
        ),
      ],
    },
  },
  {
    id: 'docker-domain-lost',
    when: '20.10 drops the domain line on a user-defined network',
    provoked: {
      targets: [
        host(`domain ${REGION}\nnameserver ${HOMEPORT}\n`),
        container('web', 'nameserver 127.0.0.11\noptions ndots:0\n', { network: 'user-defined' }),
      ],
    },
    fixed: {
      targets: [
        host(`search ${REGION}\nnameserver ${HOMEPORT}\n`),
        container('web', embedded, { network: 'user-defined' }),
      ],
    },
  },
  {
    id: 'docker-ndots-invalid',
    when: 'ndots:-1 keeps 127.0.0.11 out',
    provoked: {
      targets: [
        container('web', `search ${REGION}\nnameserver 169.254.53.53\noptions ndots:-1\n`, {
          network: 'user-defined',
        }),
      ],
    },
    fixed: {
      targets: [
        container('web', `search ${REGION}\nnameserver 169.254.53.53\noptions ndots:1\n`, {
          network: 'user-defined',
        }),
      ],
    },
  },
  {
    id: 'stale-container',
    when: 'the host file changed after the start',
    provoked: {
      targets: [
        host(`search ${REGION}\nnameserver 169.254.53.53\n`),
        container('web', `search ${REGION}\nnameserver 10.0.0.2\n`),
      ],
    },
    fixed: {
      targets: [
        host(`search ${REGION}\nnameserver 169.254.53.53\n`),
        container('web', `search ${REGION}\nnameserver 169.254.53.53\n`),
      ],
    },
  },
  {
    id: 'shadowed-name',
    when: 'another container of that name is on the network',
    provoked: {
      targets: [
        host(`search ${REGION}\nnameserver ${HOMEPORT}\n`),
        container('web', embedded, { network: 'user-defined', neighbours: [neighbour] }),
      ],
    },
    fixed: {
      targets: [
        host(`search ${REGION}\nnameserver ${HOMEPORT}\n`),
        container('web', embedded, {
          network: 'user-defined',
          neighbours: [{ ...neighbour, address: '172.18.0.5' }],
        }),
      ],
    },
  },
  {
    id: 'search-missing',
    when: 'a domain is missing',
    provoked: { production: production(`search ${REGION} a.example\nnameserver 10.0.0.2\n`) },
    fixed: parity,
  },
  {
    id: 'search-extra',
    when: 'there is one domain more',
    provoked: hostFile(`search ${REGION} a.example\nnameserver ${HOMEPORT}\n`),
    fixed: hostFile(good),
  },
  {
    id: 'search-order',
    when: 'the order differs',
    provoked: {
      production: production(`search a.example ${REGION}\nnameserver 10.0.0.2\n`),
      targets: [host(`search ${REGION} a.example\nnameserver ${HOMEPORT}\n`)],
    },
    fixed: {
      production: production(`search a.example ${REGION}\nnameserver 10.0.0.2\n`),
      targets: [host(`search a.example ${REGION}\nnameserver ${HOMEPORT}\n`)],
    },
  },
  {
    id: 'search-wildcard',
    when: 'a domain answers every name',
    provoked: {
      production: recorded({ [`homeport-no-such-name.${REGION} A`]: '10.6.6.6' }),
    },
    fixed: { production: recorded(withCanary) },
  },
  {
    id: 'search-nodata',
    when: 'the first domain knows the name without an address',
    provoked: {
      production: recorded(
        { 'db.a.example A': 'NODATA', ...dbIn(REGION) },
        `search a.example ${REGION}\nnameserver 10.0.0.2\n`,
      ),
      targets: [host(`search a.example ${REGION}\nnameserver ${HOMEPORT}\n`)],
    },
    fixed: {
      production: recorded(
        { 'db.a.example A': 'NXDOMAIN', ...dbIn(REGION) },
        `search a.example ${REGION}\nnameserver 10.0.0.2\n`,
      ),
      targets: [host(`search a.example ${REGION}\nnameserver ${HOMEPORT}\n`)],
    },
  },
  {
    id: 'search-failure',
    when: 'the first domain refuses',
    provoked: {
      production: recorded({ 'db.a.example A': 'REFUSED', ...dbIn(REGION) }),
      targets: [host(`search a.example ${REGION}\nnameserver ${HOMEPORT}\n`)],
    },
    fixed: {
      production: recorded({ 'db.a.example A': 'NXDOMAIN', ...dbIn(REGION) }),
      targets: [host(`search a.example ${REGION}\nnameserver ${HOMEPORT}\n`)],
    },
  },
  {
    id: 'search-implicit',
    when: 'the list comes from the host name',
    provoked: { targets: [host(`nameserver ${HOMEPORT}\n`, { hostname: 'ci.corp.example' })] },
    fixed: { targets: [host(good, { hostname: 'ci.corp.example' })] },
  },
  {
    id: 'search-root',
    when: 'the list is the root',
    provoked: hostFile(`search .\nnameserver ${HOMEPORT}\n`),
    fixed: hostFile(good),
  },
  {
    id: 'domain-and-search',
    when: 'both keywords are there',
    provoked: hostFile(`domain a.example\n${good}`),
    fixed: hostFile(good),
  },
  {
    id: 'ndots',
    when: 'ndots turns the first query',
    provoked: hostFile(`search ${REGION}\nnameserver ${HOMEPORT}\noptions ndots:0\n`),
    fixed: hostFile(good),
  },
  {
    id: 'docker-ndots0',
    when: 'dockerd added ndots:0',
    provoked: {
      targets: [
        host(`search ${REGION}\nnameserver ${HOMEPORT}\n`),
        container('web', embedded, { network: 'user-defined' }),
      ],
    },
    fixed: {
      targets: [
        host(good),
        container('web', `search ${REGION}\nnameserver 127.0.0.11\noptions ndots:1\n`, {
          network: 'user-defined',
        }),
      ],
    },
  },
  {
    id: 'dotted-name',
    when: 'a name with a dot is searched',
    provoked: {
      expected: ['db.us-east-1'],
      stubs: ['glibc', 'musl'],
      search: ['domain.com'],
      region: 'domain.com',
      production: production('search domain.com\nnameserver 10.0.0.2\noptions ndots:2\n'),
    },
    fixed: {
      expected: ['db'],
      search: ['domain.com'],
      region: 'domain.com',
      production: production('search domain.com\nnameserver 10.0.0.2\noptions ndots:2\n'),
    },
  },
  {
    id: 'hosts-entry',
    when: 'the hosts file has the name',
    provoked: { targets: [host(good, { hosts: '127.0.0.1 localhost\n10.0.0.9 db\n' })] },
    fixed: { targets: [host(good, { hosts: '127.0.0.1 localhost\n' })] },
  },
  {
    id: 'hosts-case',
    when: 'the hosts file has it in capitals',
    provoked: { targets: [host(good, { hosts: '10.0.0.9 DB\n' })] },
    fixed: { targets: [host(good, { hosts: '10.0.0.9 db\n' })] },
  },
  {
    id: 'hosts-multi',
    when: 'two lines and no multi',
    provoked: { targets: [host(good, { hosts: '10.0.0.9 db\n10.0.0.8 db\n' })] },
    fixed: {
      targets: [host(good, { hosts: '10.0.0.9 db\n10.0.0.8 db\n', hostConf: 'multi on\n' })],
    },
  },
  {
    id: 'nsswitch',
    when: 'the sources differ',
    provoked: {
      production: recorded({}),
      targets: [host(good, { nsswitch: 'hosts: files myhostname [NOTFOUND=return] dns\n' })],
    },
    fixed: { production: recorded({}), targets: [host(good, { nsswitch: 'hosts: files dns\n' })] },
  },
  {
    id: 'environment',
    when: 'LOCALDOMAIN is set in the job',
    provoked: { targets: [host(good, { environment: { LOCALDOMAIN: 'a.example' } })] },
    fixed: { targets: [host(good)] },
  },
  {
    id: 'syntax',
    when: 'a line begins with a blank',
    provoked: hostFile(` nameserver ${HOMEPORT}\n${good}`),
    fixed: hostFile(good),
  },
  {
    id: 'unread-servers',
    when: 'there are four servers',
    provoked: hostFile(`${good}nameserver 10.9.9.1\nnameserver 10.9.9.2\nnameserver 10.9.9.3\n`),
    fixed: hostFile(good),
  },
  {
    id: 'unread-search',
    when: "the line is longer than musl's buffer",
    provoked: hostFile(
      `search ${REGION} ${'long-domain.example '.repeat(14).trim()}\nnameserver ${HOMEPORT}\n`,
    ),
    fixed: hostFile(good),
  },
  {
    id: 'ignored-options',
    when: 'musl passes an option over',
    provoked: hostFile(`${good.trimEnd()} edns0\n`),
    fixed: hostFile(good),
  },
  {
    id: 'option-switches-go',
    when: 'Go does not know the option',
    provoked: hostFile(`${good.trimEnd()} debug\n`),
    fixed: hostFile(good),
  },
  {
    id: 'attempts-zero',
    when: 'attempts is 0',
    provoked: hostFile(`${good.trimEnd()} attempts:0\n`),
    fixed: hostFile(good),
  },
  {
    id: 'cares-timeouts',
    when: 'c-ares 1.18 is given timeout and attempts',
    provoked: { stubs: ['c-ares-1.18'], targets: [host(`${good.trimEnd()} timeout:1\n`)] },
    fixed: { stubs: ['c-ares-1.34'], targets: [host(`${good.trimEnd()} timeout:1\n`)] },
  },
  {
    id: 'options-differ',
    when: 'timeouts differ',
    provoked: hostFile(`${good.trimEnd()} timeout:1\n`),
    fixed: hostFile(good),
  },
  {
    id: 'aaaa-error',
    when: 'AAAA is denied beside an A',
    provoked: {
      production: recorded({ [`db.${REGION} A`]: '10.1.1.1', [`db.${REGION} AAAA`]: 'NXDOMAIN' }),
    },
    fixed: { production: recorded(dbIn(REGION)) },
  },
  {
    id: 'lame-nodata',
    when: 'NODATA has neither RA nor AA',
    provoked: { production: recorded({ [`db.${REGION} AAAA`]: ['NODATA', 'noRA'] }) },
    fixed: { production: recorded({ [`db.${REGION} AAAA`]: ['NODATA', 'noRA', 'AA'] }) },
  },
  {
    id: 'address-families',
    when: 'production has IPv6, the container has not',
    provoked: {
      production: recorded({ [`db.${REGION} A`]: '10.1.1.1', [`db.${REGION} AAAA`]: 'fd00::1' }),
    },
    fixed: { production: recorded(dbIn(REGION)) },
  },
  {
    id: 'big-answers',
    when: 'an answer does not fit into plain UDP',
    provoked: { production: recorded({ [`db.${REGION} A`]: ['10.1.1.1', 'SIZE:600'] }) },
    fixed: { production: recorded({ [`db.${REGION} A`]: ['10.1.1.1', 'SIZE:300'] }) },
  },
  {
    id: 'timeout-budget',
    when: 'silent servers cost more than the budget',
    provoked: { budgetSeconds: 5 },
    fixed: { budgetSeconds: 30 },
  },
  {
    id: 'cache-nscd',
    when: 'nscd caches host names',
    provoked: { host: { ...noHostFacts, nscd: 'caches-hosts' } },
    fixed: { host: { ...noHostFacts, nscd: 'runs' } },
  },
  {
    id: 'cache-resolved',
    when: 'resolved asks homeport at a routed address, with a TTL',
    provoked: {
      targets: [host(`nameserver 127.0.0.53\nsearch ${REGION}\n`)],
      homeport: homeport({ ttlSeconds: 5 }),
      host: { ...noHostFacts, resolved: { uplinks: 'nameserver 169.254.53.53\n', settings: '' } },
    },
    fixed: {
      targets: [host(`nameserver 127.0.0.53\nsearch ${REGION}\n`)],
      homeport: homeport({ ttlSeconds: 5 }),
      host: { ...noHostFacts, resolved: { uplinks: `nameserver ${HOMEPORT}\n`, settings: '' } },
    },
  },
  {
    id: 'cache-jvm',
    when: 'a container runs a JVM',
    provoked: { targets: [container('web', good, { runtime: 'jvm' })] },
    fixed: { targets: [container('web', good)] },
  },
  {
    id: 'ttl',
    when: 'owned names have a TTL',
    provoked: { homeport: homeport({ ttlSeconds: 5 }) },
    fixed: parity,
  },
  {
    id: 'live-disagrees',
    when: 'getaddrinfo says something else',
    provoked: {
      live: [
        {
          name: 'db',
          through: 'getaddrinfo',
          simulated: '172.18.0.5',
          real: 'ENOTFOUND',
          verdict: 'disagrees',
        },
      ],
    },
    fixed: {
      live: [
        {
          name: 'db',
          through: 'getaddrinfo',
          simulated: '172.18.0.5',
          real: '172.18.0.5',
          verdict: 'agrees',
        },
      ],
    },
  },
  {
    id: 'live-leak',
    when: "getaddrinfo returned production's address",
    provoked: { live: [{ name: 'db', through: 'getaddrinfo', real: '10.1.1.1', verdict: 'leak' }] },
    fixed: parity,
  },
  {
    id: 'live-unanswered',
    when: 'homeport does not answer',
    provoked: {
      live: [
        { name: 'db', through: 'homeport 127.53.0.1', real: 'TIMEOUT', verdict: 'unanswered' },
      ],
    },
    fixed: parity,
  },
  {
    id: 'accept-expired',
    when: 'an accepted difference is past its day',
    provoked: {
      budgetSeconds: 5,
      accept: [{ id: 'timeout-budget', reason: 'old images', until: '2026-05-31' }],
    },
    fixed: {
      budgetSeconds: 5,
      accept: [{ id: 'timeout-budget', reason: 'old images', until: '2026-06-01' }],
    },
  },
  {
    id: 'accept-unused',
    when: 'an accepted difference is not there',
    provoked: { accept: [{ id: 'timeout-budget', reason: 'old images', until: '2030-01-01' }] },
    fixed: {
      budgetSeconds: 5,
      accept: [{ id: 'timeout-budget', reason: 'old images', until: '2030-01-01' }],
    },
  },
];

describe('findings', () => {
  for (const { id, when, provoked, fixed } of provocations) {
    it(`${id}: found when ${when}, and gone with the fix`, () => {
      const found = idsOf(provoked);
      assert.ok(found.includes(id), `found ${found.join(', ') || 'nothing'}`);
      assert.ok(!idsOf(fixed).includes(id), 'the fix does not silence it');
    });
  }

  it('has a provocation for every kind that there is', () => {
    const provoked = new Set(provocations.map(({ id }) => id));
    assert.deepEqual(
      findingKinds.map(({ id }) => id).filter((id) => !provoked.has(id)),
      [],
    );
  });

  it('has unique ids and a whole explanation for each', () => {
    const ids = findingKinds.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (const { id, title, impact, fix, why } of findingKinds) {
      assert.match(id, /^[a-z0-9]+(-[a-z0-9]+)*$/);
      for (const text of [title, impact, fix, why]) assert.ok(text.length > 0, id);
    }
  });
});

function idsOf(changes: Partial<ParityInputs>): readonly string[] {
  return checkParity(inputs(changes)).findings.map(({ id }) => id);
}
