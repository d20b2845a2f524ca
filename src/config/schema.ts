/**
 * The form of the configuration file: keys, types, and what each value must look like.
 * What keys mean together is for `checks.ts`; defaults and units for `build-config.ts`.
 */
import { z } from 'zod';
import { FLUSHABLE_CACHES, TRANSPORTS } from './config.ts';
import { parseBareName, parseDomain, parseRecordName } from './domain.ts';
import { parseDuration } from './duration.ts';
import { parseAddress, parseListen, parseUpstream } from './endpoint.ts';
import { parseEngineUrl } from './engine-url.ts';
import { listOf, mapping, oneOf, packFault, text, wholeNumber, yesOrNo } from './form.ts';
import { parsed } from './problem.ts';
import {
  parseAllow,
  parseDay,
  parseEngineName,
  parseNetworkName,
  parseNonEmpty,
  parsePath,
  parseService,
  parseSocketPath,
  parseStubName,
  parseTxt,
} from './values.ts';
import type { Written } from './written.ts';

const MAX_TTL_SECONDS = 604_800; // RFC 8767 §4: a week is more than any TTL needs.
/** Beyond 5 s glibc has given up on the query (resolv.conf(5): timeout). */
const MAX_HOLD_MS = 5_000;
const MAX_CACHE_SIZE = 10_000_000;
const MAX_THREADS = 64;
const MAX_SERVE_STALE_SECONDS = 30 * 86_400;
const MAX_BUDGET_MS = 600_000;
const MAX_PORT = 65_535;

const anyText = (what: string): z.ZodString => text(what, 'a few words', (words) => parsed(words));
const path = (example: string): z.ZodString => text('a path', example, parsePath);
const domain = (): z.ZodString => text('a domain name', 'us-east-1.domain.com', parseDomain);
const address = (): z.ZodString => text('an address', '10.0.0.5', parseAddress);
const upstream = (): z.ZodString => text('an upstream', '10.0.0.2', parseUpstream);

const upstreamsOfDomain = mapping(
  {
    domain: domain().describe('The domain whose names these servers answer.'),
    servers: listOf(upstream(), '[10.9.0.1]')
      .min(1, {
        error: () => packFault({ message: 'is an empty list', wayOut: 'write [10.9.0.1]' }),
      })
      .describe('address[:port], or tls://address#name for DNS over TLS; in order of preference.'),
  },
  '{ domain: corp.example.com, servers: [10.9.0.1] }',
);

const engine = mapping(
  {
    name: text('a name', 'local', parseEngineName)
      .optional()
      .describe('What messages call it. Default: local for a unix socket, else the host.'),
    url: text('an engine URL', 'unix:///var/run/docker.sock', (url) =>
      parseEngineUrl(url, false),
    ).describe('unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST.'),
    tls: mapping(
      {
        ca: path('ca.pem').optional().describe('PEM file of the authority; default: the system’s.'),
        cert: path('cert.pem').optional().describe('PEM file of our certificate.'),
        key: path('key.pem').optional().describe('PEM file of its key.'),
      },
      '{ ca: ca.pem, cert: cert.pem, key: key.pem }',
    )
      .optional()
      .describe('TLS for a tcp URL; paths are relative to this file.'),
    answer: oneOf(['containers', 'host'])
      .optional()
      .describe(
        'What names give: the containers’ own addresses, or the host that publishes their ports.',
      ),
    address: z
      .union([address(), listOf(address(), '[10.81.82.100]')], {
        error: () =>
          packFault({
            message: 'is neither an address nor a list of them',
            wayOut: 'write 10.81.82.100',
          }),
      })
      .optional()
      .describe('With answer: host, the address of that host.'),
  },
  '{ name: local, url: unix:///var/run/docker.sock }',
);

const record = mapping(
  {
    addresses: listOf(address(), '[10.0.0.5]').optional().describe('IPv4 and IPv6.'),
    cname: text('a name', 'redis', parseDomain)
      .optional()
      .describe('The name that this one stands for; nothing but ttl may stand beside it.'),
    txt: listOf(text('text', '"a few words"', parseTxt), '["a few words"]')
      .optional()
      .describe('One string a TXT record.'),
    srv: z
      .record(
        text('a service', '_mongodb._tcp', parseService),
        wholeNumber('a port number', 1, MAX_PORT, 27_017),
        {
          error: () =>
            packFault({
              message: 'is not a mapping of services to ports',
              wayOut: 'write { _mongodb._tcp: 27017 }',
            }),
        },
      )
      .optional()
      .describe('Ports by service: { _mongodb._tcp: 27017 }.'),
    ttl: wholeNumber('a whole number of seconds', 0, MAX_TTL_SECONDS, 0)
      .optional()
      .describe('Seconds.'),
  },
  '{ addresses: [10.0.0.5] }',
);

const accepted = mapping(
  {
    id: text('the id of a finding', 'search-order', parseNonEmpty).describe(
      'The finding’s id, as the report prints it.',
    ),
    name: text('a name', 'mongodb-cluster-a-node-1', parseNonEmpty)
      .optional()
      .describe('Only for this name.'),
    target: text('a target', '"container web"', parseNonEmpty)
      .optional()
      .describe('Only for this target, as the report names it.'),
    reason: text('a reason', 'a few words', parseNonEmpty).describe(
      'Why this difference is taken on.',
    ),
    until: text('a day', '2026-12-31', parseDay).describe('The last day on which it is.'),
  },
  '{ id: ID, reason: WHY, until: 2026-12-31 }',
);

/** The whole file. */
export const fileSchema: z.ZodType<Written> = mapping(
  {
    listen: listOf(
      text('an address with a port', '127.0.0.1:5300', parseListen),
      '[127.0.0.1:5300]',
    )
      .min(1, {
        error: () => packFault({ message: 'is an empty list', wayOut: 'write [127.0.0.1:5300]' }),
      })
      .describe(
        'Where to answer: address:port, interface:port (its addresses, also when it appears later) or engine-gateways:port (of every bridge network). Default: 127.0.0.1:5300.',
      ),
    region: domain().describe(
      'Production’s first search domain: a bare name is forwarded with it.',
    ),
    search: listOf(domain(), '[us-east-1.domain.com]').describe(
      'Production’s whole search list, the region first. Default: the region alone.',
    ),
    domains: listOf(domain(), '[docker.internal]').describe(
      'Further suffixes under which owned names are also served.',
    ),
    ttl: wholeNumber('a whole number of seconds', 0, MAX_TTL_SECONDS, 0).describe(
      'TTL of owned names in seconds. Default: 0.',
    ),
    hold_ms: wholeNumber('a whole number of milliseconds', 0, MAX_HOLD_MS, 250).describe(
      'How long a query may wait for the engine, at most. Default: 250.',
    ),
    upstreams: listOf(
      z.union([upstream(), upstreamsOfDomain], {
        error: () =>
          packFault({
            message: 'is neither an address nor a domain with its servers',
            wayOut: 'write 10.0.0.2 or { domain: corp.example.com, servers: [10.9.0.1] }',
          }),
      }),
      '[10.0.0.2]',
    ).describe(
      'Whom to forward to: address[:port], tls://address#name, or a domain with its own servers. Default: the nameservers of resolv_conf, less our own addresses.',
    ),
    resolv_conf: path('/etc/resolv.conf').describe(
      'The file whose nameservers are the default upstreams; watched. Default: /etc/resolv.conf.',
    ),
    engines: listOf(engine, '[{ name: local, url: unix:///var/run/docker.sock }]').describe(
      'The Docker engines whose containers own names; [] for none. Default: DOCKER_HOST, else unix:///var/run/docker.sock.',
    ),
    networks: listOf(
      text('the name of a network', 'bridge', parseNetworkName),
      '[bridge]',
    ).describe('Docker networks in the order in which the host prefers their addresses.'),
    records: z
      .record(
        text('a name', 'pg.dev.internal', parseRecordName),
        z.union(
          [
            address(),
            listOf(address(), '[10.0.0.5]').min(1, {
              error: () =>
                packFault({
                  message: 'is an empty list',
                  wayOut: 'write [10.0.0.5], or remove the record',
                }),
            }),
            record,
          ],
          {
            error: () =>
              packFault({
                message: 'is neither an address, a list of them nor a mapping',
                wayOut: 'write 10.0.0.5, [10.0.0.5, "fd00::7"] or { cname: redis }',
              }),
          },
        ),
        {
          error: () =>
            packFault({
              message: 'is not a mapping of names',
              wayOut: 'write { pg.dev.internal: 10.0.0.5 }',
            }),
        },
      )
      .describe(
        'Static names and wildcards (*.env.dev.internal): an address, a list of them, or { cname: NAME }.',
      ),
    expected: mapping(
      {
        names: listOf(
          text('a name', 'mongodb-cluster-a-node-1', parseBareName),
          '[mongodb-cluster-a-node-1]',
        )
          .optional()
          .describe('Bare names.'),
        when_missing: oneOf(['refuse', 'forward'])
          .optional()
          .describe(
            'What a query for one without an owner gets: NXDOMAIN with the reason, or production’s answer, counted as a leak. Default: refuse.',
          ),
        departed_for: z
          .union([z.literal(0), text('a span of time', '10m', parseDuration)], {
            error: ({ input }) =>
              packFault({
                message: 'is no span of time',
                wayOut:
                  typeof input === 'number'
                    ? `write ${input}s for seconds`
                    : 'write 10m, or 0 for not at all',
              }),
          })
          .optional()
          .describe(
            'How long a name that an owner held is treated as expected: 90s, 15m, 12h, 5d; 0: not at all. Default: 10m.',
          ),
      },
      '{ names: [mongodb-cluster-a-node-1] }',
    ).describe('What production runs and this host must run itself.'),
    allow: listOf(
      text('who may ask', 'loopback', parseAllow),
      '[loopback, engine-networks]',
    ).describe('Who may ask: loopback, engine-networks, or CIDRs. Default: both words.'),
    cache: mapping(
      {
        size: wholeNumber('a whole number of answers', 0, MAX_CACHE_SIZE, 50_000)
          .optional()
          .describe('Answers kept at most; 0: none. Default: 50000.'),
        max_ttl: wholeNumber('a whole number of seconds', 0, MAX_TTL_SECONDS, 86_400)
          .optional()
          .describe('Seconds. Default: 86400.'),
        negative_max_ttl: wholeNumber('a whole number of seconds', 0, MAX_TTL_SECONDS, 900)
          .optional()
          .describe('Seconds. Default: 900.'),
        serve_stale: wholeNumber('a whole number of seconds', 0, MAX_SERVE_STALE_SECONDS, 86_400)
          .optional()
          .describe(
            'How many seconds past its TTL an answer may be given when no upstream answers; 0: never. Default: 86400.',
          ),
      },
      '{ size: 50000 }',
    ).describe('The cache of forwarded answers.'),
    control: text('a path', '/run/homeport/control.sock', parseSocketPath).describe(
      'The control socket. Default: /run/homeport/control.sock for root, else in $XDG_RUNTIME_DIR/homeport or the temporary directory.',
    ),
    state: path('/var/lib/homeport').describe(
      'The directory that keeps departed names and leases. Default: $STATE_DIRECTORY, else $XDG_STATE_HOME/homeport, else ~/.local/state/homeport.',
    ),
    log: mapping(
      {
        level: oneOf(['debug', 'info', 'warn', 'error', 'silent'])
          .optional()
          .describe('The least that is written. Default: info.'),
        queries: yesOrNo().optional().describe('One line for each query. Default: false.'),
      },
      '{ level: info }',
    ).describe('What is logged.'),
    threads: wholeNumber('a whole number of threads', 1, MAX_THREADS, 1).describe(
      'Answering threads. Default: 1.',
    ),
    transport: oneOf(TRANSPORTS).describe(
      'How UDP is read: batch (many messages a system call, Linux), dgram, or auto. Default: auto.',
    ),
    flush: listOf(oneOf(FLUSHABLE_CACHES), '[systemd-resolved, nscd]').describe(
      'Caches of this host that are emptied, at most once a second, when an owned address goes or a name comes; [] for none. Default: both, where they run.',
    ),
    parity: mapping(
      {
        production: path('production.resolv.conf')
          .optional()
          .describe(
            'Production’s profile, made by `homeport parity capture`, or its resolv.conf; relative to this file.',
          ),
        stubs: listOf(text('a stub resolver', 'glibc', parseStubName), '[glibc, musl]')
          .optional()
          .describe(
            'Stub resolvers to try: glibc, musl, go, c-ares, busybox, each also with a version (musl-1.2.3). Default: the first four.',
          ),
        accept: listOf(accepted, '[{ id: ID, reason: WHY, until: 2026-12-31 }]')
          .optional()
          .describe('Differences that somebody has taken on.'),
        budget_ms: wholeNumber('a whole number of milliseconds', 1, MAX_BUDGET_MS, 5_000)
          .optional()
          .describe('The longest that one look-up may take when no server answers.'),
        overrides: z
          .record(anyText('a target'), text('a stub resolver', 'glibc', parseStubName), {
            error: () =>
              packFault({
                message: 'is not a mapping of containers to stubs',
                wayOut: 'write { web: musl-1.2.3 }',
              }),
          })
          .optional()
          .describe('Stub by container name, where its files do not tell.'),
      },
      '{ production: production.resolv.conf }',
    ).describe('`homeport parity`.'),
  },
  'keys like listen: [127.0.0.1:5300]',
).partial();
