import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseDocument } from 'yaml';
import type { Config } from '../../src/config/config.ts';
import { configJsonSchema } from '../../src/config/json-schema.ts';
import { checkReading, type LoadOptions, loadConfig } from '../../src/config/load.ts';
import { printProblem } from '../../src/config/problem.ts';

function configOf(yaml: string, options: LoadOptions = {}): Config {
  const result = checkReading({ text: yaml }, '/etc/h.yaml', { env: {}, ...options });
  if ('config' in result) return result.config;
  throw new Error(result.problems.map(printProblem).join('\n'));
}

function linesOf(options: LoadOptions): string[] {
  const result = loadConfig({ env: {}, ...options });
  return 'problems' in result ? result.problems.map(printProblem) : [];
}

describe('the shipped configuration', () => {
  const file = resolve('config/homeport.yaml');

  it('loads', () => {
    const result = loadConfig({ file, env: {} });
    assert.ok('config' in result, JSON.stringify(result));
    assert.deepEqual(result.warnings, []);
    assert.equal(result.config.engines.length, 3);
    assert.equal(result.config.parity.production, resolve('config/production.resolv.conf'));
  });

  it('shows every key that there is, at every depth', () => {
    const data: unknown = parseDocument(readFileSync(file, 'utf8')).toJS();
    assert.deepEqual(missingKeys(configJsonSchema(), data, ''), []);
  });
});

/** Keys of a JSON Schema that no part of the data has. */
function missingKeys(schema: unknown, data: unknown, path: string): string[] {
  if (!isMapping(schema)) return [];
  const branches = Array.isArray(schema.anyOf) ? schema.anyOf : [schema];
  const missing = branches.flatMap((branch: unknown) => {
    if (!isMapping(branch)) return [];
    const items = Array.isArray(data) ? data : [];
    const inItems = missingInAll(branch.items, items, `${path}[]`);
    const inValues = isMapping(branch.additionalProperties)
      ? missingInAll(
          branch.additionalProperties,
          isMapping(data) ? Object.values(data) : [],
          `${path}.*`,
        )
      : [];
    const properties = isMapping(branch.properties) ? branch.properties : {};
    const own = Object.entries(properties).flatMap(([key, inner]) => {
      const value = isMapping(data) ? data[key] : undefined;
      return value === undefined ? [`${path}.${key}`] : missingKeys(inner, value, `${path}.${key}`);
    });
    return [...inItems, ...inValues, ...own];
  });
  return missing;
}

/** What no item of several has. */
function missingInAll(schema: unknown, items: readonly unknown[], path: string): string[] {
  const lists = items.map((item) => missingKeys(schema, item, path));
  const [first = [], ...others] = lists;
  return first.filter((key) => others.every((list) => list.includes(key)));
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

describe('a configuration', () => {
  it('has the documented defaults', () => {
    const { control: _, ...config } = configOf('{}', { env: { HOME: '/home/ci' } });
    assert.deepEqual(config, {
      file: '/etc/h.yaml',
      listen: [{ kind: 'address', address: '127.0.0.1', port: 5300 }],
      searchDomains: [],
      localDomains: [],
      ttlSeconds: 0,
      holdMs: 250,
      upstreams: { servers: [], byDomain: [] },
      resolvConf: '/etc/resolv.conf',
      engines: [
        {
          name: 'local',
          url: { kind: 'unix', path: '/var/run/docker.sock' },
          tls: null,
          answer: 'containers',
          addresses: [],
        },
      ],
      networkOrder: [],
      records: [],
      expected: { names: [], whenMissing: 'refuse', departedForMs: 600_000 },
      allow: { cidrs: ['127.0.0.0/8', '::1/128'], engineNetworks: true },
      cache: {
        size: 50_000,
        maxTtlSeconds: 86_400,
        negativeMaxTtlSeconds: 900,
        serveStaleSeconds: 86_400,
      },
      state: '/home/ci/.local/state/homeport',
      log: { level: 'info', queries: false },
      threads: 1,
      transport: 'auto',
      flush: ['systemd-resolved', 'nscd'],
      parity: {
        production: null,
        stubs: ['glibc', 'musl', 'go', 'c-ares'],
        accept: [],
        budgetMs: null,
        overrides: {},
      },
    });
  });

  it('is frozen all the way down', () => {
    const config = configOf('records: { a: [10.0.0.1] }\n');
    const walk = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) return;
      assert.ok(Object.isFrozen(value), path);
      for (const [key, inner] of Object.entries(value)) walk(inner, `${path}.${key}`);
    };
    walk(config, 'config');
  });

  const readings: readonly {
    name: string;
    yaml: string;
    get: (config: Config) => unknown;
    want: unknown;
  }[] = [
    {
      name: 'comments alone as the defaults',
      yaml: '# nothing yet\n',
      get: ({ ttlSeconds }) => ttlSeconds,
      want: 0,
    },
    {
      name: 'every form of listener',
      yaml: 'listen: ["[::1]:53", docker0:53, engine-gateways:5353, 0.0.0.0:0]\n',
      get: ({ listen }) => listen,
      want: [
        { kind: 'address', address: '::1', port: 53 },
        { kind: 'interface', interface: 'docker0', port: 53 },
        { kind: 'engineGateways', port: 5353 },
        { kind: 'address', address: '0.0.0.0', port: 0 },
      ],
    },
    {
      name: 'every form of upstream',
      yaml: 'upstreams: [10.0.0.2, "10.0.0.3:5353", "fd00::2", "[FD00::3]:54", "tls://10.0.0.4#DNS.example", "tls://[fd00::5]:8853#dns.example", { domain: Corp.Example., servers: [10.9.0.1] }]\n',
      get: ({ upstreams }) => upstreams,
      want: {
        servers: [
          { address: '10.0.0.2', port: 53, tlsName: null },
          { address: '10.0.0.3', port: 5353, tlsName: null },
          { address: 'fd00::2', port: 53, tlsName: null },
          { address: 'fd00::3', port: 54, tlsName: null },
          { address: '10.0.0.4', port: 853, tlsName: 'dns.example' },
          { address: 'fd00::5', port: 8853, tlsName: 'dns.example' },
        ],
        byDomain: [
          { domain: 'corp.example', servers: [{ address: '10.9.0.1', port: 53, tlsName: null }] },
        ],
      },
    },
    {
      name: 'every form of engine',
      yaml: `engines:
  - { url: "unix:///run/user/1000/docker.sock" }
  - { url: "tcp://10.0.0.9" }
  - { name: tls, url: "tcp://10.0.0.10", tls: { ca: ca.pem } }
  - { url: "tcp://[fd00::9]:80", answer: host, address: [10.0.0.9, "FD00::9"] }
  - { url: "ssh://ci@build.example:2222/run/docker.sock" }\n`,
      get: ({ engines }) => engines,
      want: [
        engine('local', { kind: 'unix', path: '/run/user/1000/docker.sock' }),
        engine('10.0.0.9', { kind: 'tcp', host: '10.0.0.9', port: 2375 }),
        {
          ...engine('tls', { kind: 'tcp', host: '10.0.0.10', port: 2376 }),
          tls: { ca: '/etc/ca.pem', cert: null, key: null },
        },
        {
          ...engine('fd00::9', { kind: 'tcp', host: 'fd00::9', port: 80 }),
          answer: 'host',
          addresses: ['10.0.0.9', 'fd00::9'],
        },
        engine('build.example', {
          kind: 'ssh',
          host: 'build.example',
          port: 2222,
          user: 'ci',
          path: '/run/docker.sock',
        }),
      ],
    },
    { name: 'no engine at all', yaml: 'engines: []\n', get: ({ engines }) => engines, want: [] },
    {
      name: 'the region as the first of search',
      yaml: 'region: A.Example.\n',
      get: ({ searchDomains }) => searchDomains,
      want: ['a.example'],
    },
    {
      name: 'a search list without a region',
      yaml: 'search: [a.example, b.example]\n',
      get: ({ searchDomains }) => searchDomains,
      want: ['a.example', 'b.example'],
    },
    {
      name: 'anchors, aliases, merges and x- keys',
      yaml: 'x-servers: &s [10.9.0.1]\nx-d: &d { domain: a.example, servers: *s }\nupstreams:\n  - *d\n  - { <<: *d, domain: b.example }\n',
      get: ({ upstreams }) =>
        upstreams.byDomain.map(({ domain, servers }) => [domain, servers.length]),
      want: [
        ['a.example', 1],
        ['b.example', 1],
      ],
    },
    {
      name: 'spans of time',
      yaml: 'expected: { departed_for: 12h }\n',
      get: ({ expected }) => expected.departedForMs,
      want: 43_200_000,
    },
    {
      name: '0 as no time at all',
      yaml: 'expected: { departed_for: 0 }\n',
      get: ({ expected }) => expected.departedForMs,
      want: 0,
    },
    {
      name: 'CIDRs beside words',
      yaml: 'allow: [10.0.0.0/8, "fd00::/8", 192.0.2.7]\n',
      get: ({ allow }) => allow,
      want: { cidrs: ['10.0.0.0/8', 'fd00::/8', '192.0.2.7/32'], engineNetworks: false },
    },
    {
      name: 'a numeric record name as a name',
      yaml: 'records: { 1.dev: 10.0.0.1, 7: 10.0.0.7 }\n',
      get: ({ records }) => records.map(({ name }) => name).sort(),
      want: ['1.dev', '7'],
    },
    {
      name: 'paths relative to the file, and to the home directory',
      yaml: 'control: run/c.sock\nstate: ~/state\nresolv_conf: /x/resolv.conf\n',
      get: ({ control, state, resolvConf }) => [control, state, resolvConf],
      want: ['/etc/run/c.sock', '/home/ci/state', '/x/resolv.conf'],
    },
  ];
  for (const { name, yaml, get, want } of readings) {
    it(`reads ${name}`, () => {
      assert.deepEqual(get(configOf(yaml, { env: { HOME: '/home/ci' } })), want);
    });
  }

  it('warns of what is allowed but seldom meant', () => {
    const result = checkReading(
      {
        text: 'allow: [0.0.0.0/0]\nengines: [{ url: "tcp://10.0.0.9:2375" }]\nparity: { accept: [{ id: a, reason: b, until: 2020-01-01 }] }\n',
      },
      'h.yaml',
      { env: {} },
    );
    assert.ok('config' in result);
    assert.deepEqual(
      result.warnings.map(({ where, path }) => [where, path]),
      [
        ['h.yaml:1:9', 'allow[0]'],
        ['h.yaml:2:18', 'engines[0].url'],
        ['h.yaml:3:47', 'parity.accept[0].until'],
      ],
    );
  });
});

function engine(name: string, url: unknown): object {
  return { name, url, tls: null, answer: 'containers', addresses: [] };
}

describe('flags and variables', () => {
  it('win over the file', () => {
    const config = configOf('listen: [127.0.0.1:53]\nregion: a.example\nlog: { queries: true }\n', {
      overrides: {
        listen: ['127.0.0.1:5301'],
        region: 'b.example',
        upstream: ['10.0.0.9'],
        engine: ['unix:///x.sock'],
        control: '/tmp/c.sock',
        logLevel: 'debug',
        threads: '2',
        transport: 'batch',
      },
    });
    assert.deepEqual(config.listen, [{ kind: 'address', address: '127.0.0.1', port: 5301 }]);
    assert.deepEqual(config.searchDomains, ['b.example']);
    assert.equal(config.upstreams.servers[0]?.address, '10.0.0.9');
    assert.deepEqual(config.engines[0]?.url, { kind: 'unix', path: '/x.sock' });
    assert.equal(config.control, '/tmp/c.sock');
    assert.deepEqual(config.log, { level: 'debug', queries: true });
    assert.equal(config.threads, 2);
    assert.equal(config.transport, 'batch');
  });

  it('put a region in place of the file’s, and keep the rest of its search list', () => {
    const yaml = 'region: a.example\nsearch: [a.example, c.example]\n';
    const { searchDomains } = configOf(yaml, { overrides: { region: 'b.example' } });
    assert.deepEqual(searchDomains, ['b.example', 'c.example']);
  });

  it('put a search list in place of the file’s region and list', () => {
    const yaml = 'region: a.example\nsearch: [a.example]\n';
    const { searchDomains } = configOf(yaml, { overrides: { search: ['b.example', 'c.example'] } });
    assert.deepEqual(searchDomains, ['b.example', 'c.example']);
  });

  it('take the engine from DOCKER_HOST, unless the file has engines', () => {
    const env = {
      DOCKER_HOST: 'tcp://10.0.0.9:2376',
      DOCKER_TLS_VERIFY: '1',
      DOCKER_CERT_PATH: '/certs',
    };
    assert.deepEqual(configOf('{}', { env }).engines, [
      {
        ...engine('local', { kind: 'tcp', host: '10.0.0.9', port: 2376 }),
        tls: { ca: '/certs/ca.pem', cert: '/certs/cert.pem', key: '/certs/key.pem' },
      },
    ]);
    assert.deepEqual(configOf('engines: []\n', { env }).engines, []);
  });

  it('take directories from systemd', () => {
    const env = {
      RUNTIME_DIRECTORY: '/run/homeport',
      STATE_DIRECTORY: '/var/lib/homeport:/var/lib/b',
    };
    const { control, state } = configOf('{}', { env });
    assert.deepEqual([control, state], ['/run/homeport/control.sock', '/var/lib/homeport']);
  });

  const faults: readonly { name: string; options: LoadOptions; want: readonly string[] }[] = [
    {
      name: '--listen',
      options: { overrides: { listen: ['127.0.0.1', '127.0.0.1:53'] } },
      want: ['--listen: has no port ("127.0.0.1") — write 127.0.0.1:5300'],
    },
    {
      name: '--region',
      options: { overrides: { region: 'a..b' } },
      want: [
        '--region: is no domain name: it has an empty label ("a..b") — write labels of letters, digits and inner hyphens, with dots between them',
      ],
    },
    {
      name: '--threads',
      options: { overrides: { threads: 'two' } },
      want: ['--threads: is not a whole number of threads from 1 to 64 ("two") — write 1'],
    },
    {
      name: '--log-level',
      options: { overrides: { logLevel: 'inf' } },
      want: ['--log-level: is not debug, info, warn, error or silent ("inf") — did you mean info?'],
    },
    {
      name: 'DOCKER_HOST',
      options: { env: { DOCKER_HOST: 'npipe:////./pipe/docker' } },
      want: [
        'DOCKER_HOST: has the scheme npipe, which homeport does not speak ("npipe:////./pipe/docker") — write unix:///var/run/docker.sock, tcp://ADDRESS:2376 or ssh://USER@HOST',
      ],
    },
    {
      name: 'HOMEPORT_CONTROL',
      options: { env: { HOMEPORT_CONTROL: `/${'a'.repeat(120)}` } },
      want: [
        `HOMEPORT_CONTROL: is too long for a socket ("/${'a'.repeat(59)}…") — use at most 107 bytes`,
      ],
    },
  ];
  for (const { name, options, want } of faults) {
    it(`are checked: ${name}`, () => assert.deepEqual(linesOf(options), want));
  }
});

describe('a configuration file', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'homeport-config-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const path = (name: string): string => join(folder, name);
  const lineFor = (file: string): string => linesOf({ file }).join('\n').replace(folder, 'DIR');

  it('is named by HOMEPORT_CONFIG', () => {
    writeFileSync(path('env.yaml'), 'ttl: 7\n');
    const result = loadConfig({ env: { HOMEPORT_CONFIG: path('env.yaml') } });
    assert.ok('config' in result && result.config.ttlSeconds === 7);
  });

  it('may begin with a byte order mark and end its lines as Windows does', () => {
    writeFileSync(path('bom.yaml'), '\ufeffttl: 7\r\nhold_ms: 9\r\n');
    const result = loadConfig({ file: path('bom.yaml'), env: {} });
    assert.ok('config' in result && result.config.holdMs === 9, JSON.stringify(result));
  });

  const broken: readonly { name: string; make: (file: string) => void; want: string }[] = [
    {
      name: 'is missing',
      make: () => undefined,
      want: 'there is no such file — check the path, or write the file',
    },
    {
      name: 'is empty',
      make: (file) => writeFileSync(file, '\n'),
      want: 'is empty — write {} for the defaults, or leave the file out',
    },
    {
      name: 'is binary',
      make: (file) => writeFileSync(file, Buffer.from([0x7f, 0x45, 0, 1])),
      want: 'is binary, not text — give a YAML file',
    },
    {
      name: 'is Latin-1',
      make: (file) => writeFileSync(file, Buffer.from('# f\xfcr\nttl: 0\n', 'latin1')),
      want: 'is not UTF-8 — save it as UTF-8',
    },
    {
      name: 'is UTF-16',
      make: (file) => writeFileSync(file, Buffer.from('\ufeffttl: 0\n', 'utf16le')),
      want: 'is UTF-16 — save it as UTF-8',
    },
    {
      name: 'is huge',
      make: (file) => writeFileSync(file, Buffer.alloc(5 << 20, 0x20)),
      want: 'has 5242880 bytes, which is no configuration of homeport — give a file of at most 4194304 bytes',
    },
    {
      name: 'is a link in a circle',
      make: (file) => symlinkSync(file, file),
      want: 'is a symbolic link in a circle — let it point to a file',
    },
    {
      name: 'is a dangling link',
      make: (file) => symlinkSync('nowhere', file),
      want: 'there is no such file — check the path, or write the file',
    },
  ];
  for (const { name, make, want } of broken) {
    it(`that ${name} gets one line`, () => {
      const file = path(`${name.replaceAll(' ', '-')}.yaml`);
      make(file);
      assert.equal(lineFor(file), `DIR/${name.replaceAll(' ', '-')}.yaml: ${want}`);
    });
  }

  it('that is a directory or a device gets one line', () => {
    assert.equal(lineFor(folder), 'DIR: is a directory — give the file inside it');
    assert.equal(lineFor('/dev/null'), '/dev/null: is no ordinary file — give a file of text');
  });

  it('that may not be read gets one line', () => {
    const file = path('secret.yaml');
    writeFileSync(file, 'ttl: 0\n');
    chmodSync(file, 0);
    chmodSync(folder, 0o755);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      assert.equal(
        lineFor(file),
        'DIR/secret.yaml: may not be read by this user — change its mode or its owner',
      );
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });
});
