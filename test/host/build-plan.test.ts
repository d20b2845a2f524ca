import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildPlan } from '../../src/host/plan/build-plan.ts';
import type { ChangeId, HostSettings, Plan } from '../../src/host/plan/change.ts';
import type { Situation } from '../../src/host/situation.ts';
import * as hosts from './situations.ts';

const planOf = (host: Situation, settings: Partial<HostSettings> = {}): Plan =>
  buildPlan(host, { ...hosts.settings, ...settings }, hosts.units);

const textOf = (plan: Plan, path: string): string | undefined =>
  plan.changes.flatMap(({ files }) => files).find((file) => file.path === path)?.text;

const orders: readonly { name: string; host: Situation; want: readonly ChangeId[] }[] = [
  { name: 'a plain file', host: hosts.plain, want: ['state', 'units', 'resolv-conf'] },
  {
    name: 'resolved with its stub, where containers would get the uplinks',
    host: hosts.resolved,
    want: ['state', 'units', 'resolved', 'engine'],
  },
  {
    name: 'resolved with a list of uplinks and nss-resolve',
    host: hosts.resolvedUplink,
    want: ['state', 'units', 'resolved', 'resolv-conf'],
  },
  {
    name: 'NetworkManager',
    host: hosts.networkManager,
    want: ['state', 'units', 'network-manager', 'resolv-conf'],
  },
  { name: 'resolvconf', host: hosts.resolvconf, want: ['state', 'units', 'resolv-conf'] },
  {
    name: 'openresolv',
    host: hosts.openresolv,
    want: ['state', 'units', 'openresolv', 'resolv-conf'],
  },
  { name: 'dhclient', host: hosts.dhclient, want: ['state', 'units', 'dhclient', 'resolv-conf'] },
  {
    name: 'no engine',
    host: { ...hosts.resolved, engine: null },
    want: ['state', 'units', 'resolved'],
  },
];

describe('the changes and their order: homeport answers before anybody asks it', () => {
  for (const { name, host, want } of orders) {
    it(name, () => {
      assert.deepEqual(
        planOf(host).changes.map(({ id }) => id),
        want,
      );
    });
  }
});

describe('resolv.conf', () => {
  it('asks homeport alone, searches the region, and keeps the options', () => {
    assert.equal(
      textOf(planOf(hosts.plain), '/etc/resolv.conf'),
      `# homeport answers for this host; \`homeport host uninstall\` brings back /etc/resolv.conf.before-homeport
nameserver 169.254.53.53
search us-east-1.domain.com
options timeout:2 attempts:3
`,
    );
  });

  it('keeps its search list where there is no region', () => {
    const text = textOf(planOf(hosts.plain, { searchDomains: [] }), '/etc/resolv.conf');
    assert.match(text ?? '', /^search corp\.example$/m);
  });

  it('says which search domain goes', () => {
    assert.match(planOf(hosts.plain).notes.join('\n'), /corp\.example leaves the search list/);
  });
});

describe("resolved's drop-in", () => {
  it('routes everything to homeport, the region as a search domain', () => {
    assert.equal(
      textOf(planOf(hosts.resolved), '/etc/systemd/resolved.conf.d/zz-homeport.conf'),
      `# homeport answers for this host; \`homeport host uninstall\` removes this file
[Resolve]
DNS=
DNS=127.53.0.1
Domains=
Domains=us-east-1.domain.com ~.
ResolveUnicastSingleLabel=no
LLMNR=no
MulticastDNS=no
DNSOverTLS=no
DNSSEC=no
`,
    );
  });

  it('lets bare labels pass where no region can be searched', () => {
    const plan = planOf(hosts.resolved, { searchDomains: [] });
    const text = textOf(plan, '/etc/systemd/resolved.conf.d/zz-homeport.conf') ?? '';
    assert.match(text, /^Domains=~\.\nResolveUnicastSingleLabel=yes$/m);
  });

  it('leaves only the region with homeport while that is down', () => {
    const script = textOf(planOf(hosts.resolved), '/var/lib/homeport-host/fallback') ?? '';
    assert.match(script, /^Domains=~us-east-1\.domain\.com$/m);
  });
});

describe('the units', () => {
  it('are left to the package where there is one', () => {
    const units = planOf(hosts.plain).changes.find(({ id }) => id === 'units');
    assert.deepEqual(units?.files, []);
  });

  it('are written for a program elsewhere, with its words', () => {
    const host = {
      ...hosts.plain,
      units: {
        packagedIn: null,
        program: ['/usr/bin/node', '/usr/local/lib/node_modules/homeport/dist/main.js'],
      },
    };
    const text = textOf(planOf(host), '/etc/systemd/system/homeport.service');
    assert.match(
      text ?? '',
      /^ExecStart=\/usr\/bin\/node \/usr\/local\/lib\/node_modules\/homeport\/dist\/main\.js serve --config \/etc\/homeport\.yaml \$HOMEPORT_OPTIONS$/m,
    );
    assert.ok(textOf(planOf(host), '/etc/systemd/system/homeport.socket'));
    assert.ok(textOf(planOf(host), '/etc/systemd/system/homeport-fallback.service'));
  });

  it('do without the group docker where there is none, or systemd would not start the service', () => {
    const text = textOf(
      planOf({ ...hosts.plain, hasDockerGroup: false }),
      '/etc/systemd/system/homeport.service.d/host.conf',
    );
    assert.match(text ?? '', /^SupplementaryGroups=$/m);
  });

  it('back off where systemd knows how', () => {
    const path = '/etc/systemd/system/homeport.service.d/host.conf';
    assert.match(textOf(planOf({ ...hosts.plain, systemd: 256 }), path) ?? '', /RestartSteps=/);
    assert.equal(textOf(planOf(hosts.plain), path), undefined);
  });
});

describe('what homeport is started with', () => {
  it('names the file that the manager keeps up to date', () => {
    assert.equal(
      textOf(planOf(hosts.resolved), '/var/lib/homeport-host/serve.env'),
      'HOMEPORT_OPTIONS=--listen 127.53.0.1:53 --listen 169.254.53.53:53 --resolv-conf /run/systemd/resolve/resolv.conf\n',
    );
  });

  it('leaves the upstreams of the configuration alone', () => {
    const text = textOf(
      planOf(hosts.plain, { hasUpstreams: true }),
      '/var/lib/homeport-host/serve.env',
    );
    assert.doesNotMatch(text ?? '', /--resolv-conf/);
  });
});

const engineOf = (host: Situation): NonNullable<Situation['engine']> => {
  assert.ok(host.engine);
  return host.engine;
};

describe('the engine', () => {
  const withEngine = (engine: Partial<NonNullable<Situation['engine']>>): Situation => ({
    ...hosts.resolved,
    engine: { ...engineOf(hosts.resolved), ...engine },
  });
  const path = '/etc/docker/daemon.json';

  it('gets a file where it had none', () => {
    assert.deepEqual(JSON.parse(textOf(planOf(hosts.resolved), path) ?? ''), {
      dns: ['169.254.53.53'],
      'dns-search': [hosts.REGION],
    });
  });

  it('keeps every other byte of its file', () => {
    const before = '{\n\t"log-driver" : "journald",\n\t"dns": [ "10.0.0.2" ]\n}';
    const host = withEngine({ text: before, fileKind: 'file' });
    assert.equal(
      textOf(planOf(host), path),
      `{\n\t"log-driver" : "journald",\n\t"dns": ["169.254.53.53"],\n\t"dns-search": ["${hosts.REGION}"]\n}`,
    );
  });

  for (const { name, text, say } of [
    { name: 'comments', text: '{\n  // ours\n  "debug": true\n}\n', say: /line 2 is a comment/ },
    { name: 'no JSON', text: 'dns: 10.0.0.2\n', say: /daemon\.json: it is not JSON/ },
    { name: 'half a file', text: '{\n  "debug": tr', say: /line 2 is not JSON/ },
    { name: 'a list', text: '[]', say: /no JSON object/ },
  ]) {
    it(`is left alone where its file is ${name}, and that is said`, () => {
      const plan = planOf(withEngine({ text, fileKind: 'file' }));
      assert.equal(textOf(plan, path), undefined);
      assert.match(plan.notes.join('\n'), say);
      assert.deepEqual(plan.refusals, []);
    });
  }

  it('is left alone where dockerd has the setting as a flag, and would not start', () => {
    const plan = planOf(withEngine({ dnsFlags: ['--dns=10.0.0.2'] }));
    assert.equal(textOf(plan, path), undefined);
    assert.match(plan.notes.join('\n'), /--dns=10\.0\.0\.2 as a flag/);
  });

  const running = [
    { name: 'web', restarts: true, isOnDefaultBridge: false, ownDns: [] },
    { name: 'job', restarts: false, isOnDefaultBridge: true, ownDns: [] },
    { name: 'odd', restarts: false, isOnDefaultBridge: true, ownDns: ['9.9.9.9'] },
  ];

  it('keeps its containers through the restart; those on the default bridge keep their servers', () => {
    const { engineRestart } = planOf(withEngine({ running }));
    assert.deepEqual(engineRestart, {
      unit: 'docker.service',
      keepsContainers: true,
      goDown: [],
      keepOldDns: ['job'],
    });
  });

  it('takes the containers of a swarm node down, and says which come back', () => {
    const { engineRestart } = planOf(withEngine({ running, isSwarm: true }));
    assert.deepEqual(engineRestart?.goDown, [
      { name: 'web', comesBack: true },
      { name: 'job', comesBack: false },
      { name: 'odd', comesBack: false },
    ]);
  });

  it('says which containers have servers of their own', () => {
    assert.match(
      planOf(withEngine({ running })).notes.join('\n'),
      /odd has DNS servers of its own/,
    );
  });

  it('needs nothing where it copies our resolv.conf', () => {
    assert.equal(textOf(planOf(hosts.plain), path), undefined);
    assert.equal(planOf(hosts.plain).engineRestart, null);
  });

  it('needs our address where its file has servers already', () => {
    const host = {
      ...hosts.plain,
      engine: { ...engineOf(hosts.plain), text: '{"dns":["8.8.8.8"]}' },
    };
    assert.match(textOf(planOf(host), path) ?? '', /"dns":\["169\.254\.53\.53"\]/);
  });
});

const file = hosts.plain.resolvConf;
const refused: readonly {
  name: string;
  host: Situation;
  settings?: Partial<HostSettings>;
  say: RegExp;
}[] = [
  { name: 'somebody who is not root', host: { ...hosts.plain, isRoot: false }, say: /sudo/ },
  { name: 'a host without systemd', host: { ...hosts.plain, systemd: null }, say: /process 1/ },
  { name: 'a read-only /etc', host: { ...hosts.plain, isEtcReadOnly: true }, say: /read-only/ },
  {
    name: 'an immutable file',
    host: { ...hosts.plain, resolvConf: { ...file, isImmutable: true } },
    say: /immutable.*chattr -i/,
  },
  {
    name: 'a bind mount',
    host: { ...hosts.plain, resolvConf: { ...file, isMountPoint: true } },
    say: /mount of its own/,
  },
  {
    name: 'a symlink to an unknown place',
    host: {
      ...hosts.plain,
      resolvConf: { ...file, kind: 'link', chain: ['/srv/dns.conf'], target: '/srv/dns.conf' },
    },
    say: /symlink to \/srv\/dns\.conf/,
  },
  {
    name: 'an unknown writer',
    host: { ...hosts.plain, resolvConf: { ...file, header: '# Generated by connman' } },
    say: /connman/,
  },
  {
    name: 'a server on our address',
    host: {
      ...hosts.plain,
      port53: [
        {
          protocol: 'udp',
          address: '0.0.0.0',
          pid: 7,
          program: 'dnsmasq',
          unit: 'dnsmasq.service',
        },
      ],
    },
    say: /dnsmasq \(pid 7, dnsmasq\.service\) has udp 0\.0\.0\.0:53/,
  },
  {
    name: 'a host that asks nobody',
    host: { ...hosts.plain, resolvConf: { ...file, text: '' } },
    say: /names no DNS server/,
  },
  {
    name: 'a loop through systemd-resolved',
    host: hosts.resolved,
    settings: { hasUpstreams: true, upstreamAddresses: ['127.0.0.53', '10.99.0.53'] },
    say: /forwards to 127\.0\.0\.53, which is systemd-resolved.*a loop; take it out/,
  },
  {
    name: 'a link that is asked for the region too, past any file',
    host: {
      ...hosts.resolved,
      resolved: {
        ...hosts.resolvedStatus,
        links: [{ name: 'up0', servers: ['10.99.0.53'], domains: [hosts.REGION] }],
      },
    },
    say: /servers of up0.*production may answer first/,
  },
  {
    name: 'a program where the sandbox cannot look',
    host: {
      ...hosts.plain,
      units: { packagedIn: null, program: ['/root/.nvm/node', '/root/main.js'] },
    },
    say: /sandbox cannot look/,
  },
];

describe('an install refuses', () => {
  for (const { name, host, settings, say } of refused) {
    it(name, () => {
      const lines = planOf(host, settings).refusals.map(
        ({ reason, wayOut }) => `${reason}; ${wayOut}`,
      );
      assert.equal(lines.length, 1, lines.join('\n'));
      assert.match(lines[0] ?? '', say);
    });
  }

  for (const [name, host] of Object.entries({
    plain: hosts.plain,
    resolved: hosts.resolved,
    networkManager: hosts.networkManager,
    resolvconf: hosts.resolvconf,
    openresolv: hosts.openresolv,
    dhclient: hosts.dhclient,
  })) {
    it(`nothing of an ordinary host: ${name}`, () => assert.deepEqual(planOf(host).refusals, []));
  }

  it("not resolved's own listeners, which are not in the way", () => {
    const holder = {
      protocol: 'udp',
      address: '127.0.0.53',
      pid: 9,
      program: 'systemd-resolve',
      unit: null,
    } as const;
    assert.deepEqual(planOf({ ...hosts.resolved, port53: [holder] }).refusals, []);
  });
});
