import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { archiveAt, engineArchive } from '../../src/docker/archive.ts';
import { checkParity } from '../../src/parity/check.ts';
import { collectContainers } from '../../src/parity/collect/containers.ts';
import { ownedByContainers } from '../../src/parity/collect/owned-names.ts';
import type { HostFacts, ParityInputs } from '../../src/parity/inputs.ts';
import type { Report } from '../../src/parity/report/report.ts';
import { homeport, host, inputs, noHostFacts, REGION } from '../parity/builders.ts';
import { output } from '../support/engine/run.ts';
import { engineAvailable, startEngine, type TestEngine } from '../support/engine.ts';

/** Where homeport would answer: for the host, and for containers. */
const LOOPBACK = '127.53.0.1';
const ROUTED = '169.254.53.53';
const NETWORK = 'ci';
const plainHost = `search ${REGION}\nnameserver ${ROUTED}\noptions ndots:1\n`;
const loopbackHost = `search ${REGION}\nnameserver ${LOOPBACK}\noptions ndots:1\n`;
const noNdots = `search ${REGION}\nnameserver ${LOOPBACK}\n`;

/** How a container is started, and on which host file. */
interface SetUp {
  readonly hostFile?: string;
  readonly args?: readonly string[];
  readonly image?: string;
}

interface Provocation {
  readonly id: string;
  readonly when: string;
  readonly provoked: SetUp;
  readonly fixed: SetUp;
  /** the host file as it is when the check runs, where it changed after the start */
  readonly hostFileLater?: string;
  readonly changes?: Partial<ParityInputs>;
}

const onNetwork = ['--network', NETWORK];

const provocations: readonly Provocation[] = [
  {
    id: 'docker-public-servers',
    when: 'the host file has only a loopback server, on the default bridge',
    provoked: { hostFile: loopbackHost },
    fixed: { hostFile: loopbackHost, args: ['--dns', ROUTED] },
  },
  {
    id: 'docker-public-servers',
    when: 'the host file has no server that a container reaches, on the default bridge',
    provoked: { hostFile: loopbackHost },
    fixed: { hostFile: plainHost },
  },
  {
    id: 'docker-loopback',
    when: '--dns is a loopback address',
    provoked: { args: ['--dns', '127.0.0.1'] },
    fixed: { args: ['--dns', ROUTED] },
  },
  {
    id: 'docker-loopback',
    when: '--dns-search turns the loopback handling off on a user-defined network',
    provoked: { hostFile: loopbackHost, args: [...onNetwork, '--dns-search', REGION] },
    fixed: { hostFile: loopbackHost, args: onNetwork },
  },
  {
    id: 'docker-ndots0',
    when: 'nobody set ndots on a user-defined network',
    provoked: { hostFile: noNdots, args: onNetwork },
    fixed: { hostFile: loopbackHost, args: onNetwork },
  },
  {
    id: 'docker-options-replaced',
    when: "--dns-opt drops the host's ndots",
    provoked: { args: ['--dns-opt', 'attempts:1'] },
    fixed: { args: ['--dns-opt', 'attempts:1', '--dns-opt', 'ndots:1'] },
  },
  {
    id: 'docker-domain-lost',
    when: 'the host file says domain, on a user-defined network',
    provoked: {
      hostFile: `domain ${REGION}\nnameserver ${LOOPBACK}\noptions ndots:1\n`,
      args: onNetwork,
    },
    fixed: { hostFile: loopbackHost, args: onNetwork },
  },
  {
    id: 'docker-ndots-invalid',
    when: 'ndots is negative, on a user-defined network',
    provoked: { args: [...onNetwork, '--dns-opt', 'ndots:-1'] },
    fixed: { args: [...onNetwork, '--dns-opt', 'ndots:1'] },
  },
  {
    id: 'stale-container',
    when: 'the host file changed after the start',
    provoked: { hostFile: `search ${REGION}\nnameserver 10.0.0.2\n` },
    fixed: { hostFile: plainHost },
    hostFileLater: plainHost,
  },
  {
    id: 'second-nameserver',
    when: 'a second --dns is given',
    provoked: { args: ['--dns', ROUTED, '--dns', '10.0.0.2'] },
    fixed: { args: ['--dns', ROUTED] },
  },
  {
    id: 'second-nameserver',
    when: 'the host file has a second server, behind the embedded resolver',
    provoked: { hostFile: `${loopbackHost}nameserver 10.0.0.2\n`, args: onNetwork },
    fixed: { hostFile: loopbackHost, args: onNetwork },
  },
  {
    id: 'not-homeport',
    when: '--dns names another server',
    provoked: { args: ['--dns', '10.9.9.9'] },
    fixed: { args: ['--dns', ROUTED] },
  },
  {
    id: 'leak',
    when: "--dns names production's server",
    provoked: { args: ['--dns', '10.0.0.2'] },
    fixed: { args: ['--dns', ROUTED] },
  },
  {
    id: 'search-missing',
    when: '--dns-search . drops the list',
    provoked: { args: ['--dns-search', '.'] },
    fixed: { args: [] },
  },
  {
    id: 'search-extra',
    when: 'a second --dns-search is given',
    provoked: { args: ['--dns-search', REGION, '--dns-search', 'a.example'] },
    fixed: { args: ['--dns-search', REGION] },
  },
  {
    id: 'unread-servers',
    when: 'there are four --dns',
    provoked: { args: ['1', '2', '3', '4'].flatMap((n) => ['--dns', `10.9.9.${n}`]) },
    fixed: { args: ['--dns', ROUTED] },
  },
  {
    id: 'attempts-zero',
    when: '--dns-opt attempts:0',
    provoked: { args: ['--dns-opt', 'ndots:1', '--dns-opt', 'attempts:0'] },
    fixed: { args: ['--dns-opt', 'ndots:1', '--dns-opt', 'attempts:1'] },
  },
  {
    id: 'hosts-entry',
    when: '--add-host writes an address down',
    provoked: { args: ['--add-host', 'db:10.0.0.9'] },
    fixed: { args: [] },
  },
  {
    id: 'environment',
    when: 'the container has LOCALDOMAIN',
    provoked: { args: ['-e', 'LOCALDOMAIN=a.example'] },
    fixed: { args: ['-e', 'OTHER=x'] },
  },
  {
    id: 'cache-jvm',
    when: 'the image is one of a JVM',
    provoked: { args: ['-e', 'JAVA_HOME=/opt/java'] },
    fixed: { args: [] },
  },
  {
    id: 'shadowed-name',
    when: 'another container has an expected name as its alias',
    provoked: { hostFile: loopbackHost, args: [...onNetwork, '--network-alias', 'db'] },
    fixed: { hostFile: loopbackHost, args: onNetwork },
    // homeport gives the lease's address; Docker's resolver gives the container's.
    changes: {
      homeport: homeport({
        addresses: [LOOPBACK, ROUTED],
        owned: [
          {
            name: 'db',
            owner: { kind: 'lease', title: 'db' },
            addresses: [{ address: '10.7.7.7', network: null }],
          },
        ],
      }),
    },
  },
  {
    id: 'timeout-budget',
    when: 'timeout and attempts are long',
    provoked: { args: ['--dns-opt', 'ndots:1', '--dns-opt', 'timeout:9'] },
    fixed: { args: ['--dns-opt', 'ndots:1', '--dns-opt', 'timeout:1', '--dns-opt', 'attempts:1'] },
    changes: { budgetSeconds: 10 },
  },
];

describe('parity with a real engine', { skip: engineAvailable() ?? false }, () => {
  let engine: TestEngine;
  let hostFile: string;

  before(async () => {
    engine = await startEngine({ name: 'parity' });
    hostFile = join(engine.directory, 'resolv.conf');
    writeFileSync(hostFile, plainHost);
    await inMounts(['mount', '--bind', hostFile, '/etc/resolv.conf']);
    await engine.importGlibc();
    await engine.docker('network', 'create', NETWORK);
  });
  after(() => engine.stop());

  async function inMounts(argv: readonly string[]): Promise<void> {
    await output(['nsenter', `--mount=/proc/${engine.pid1}/ns/mnt`, ...argv]);
  }

  async function check(
    hostText: string,
    changes: Partial<ParityInputs> = {},
    facts: HostFacts = noHostFacts,
  ): Promise<Report> {
    const { targets, problems, containers } = await collectContainers(
      engineArchive('parity', engine.api),
    );
    assert.deepEqual(problems, []);
    return checkParity(
      inputs({
        expected: ['db'],
        targets: [host(hostText), ...targets],
        homeport: homeport({ addresses: [LOOPBACK, ROUTED], owned: ownedByContainers(containers) }),
        host: facts,
        ...changes,
      }),
    );
  }

  /** The ids of what is found for a container that is started so; it is gone afterwards. */
  async function findingsOf(
    { hostFile: text = plainHost, args = [], image = 'glibc' }: SetUp,
    { hostFileLater = text, changes = {} }: Pick<Provocation, 'hostFileLater' | 'changes'>,
  ): Promise<readonly string[]> {
    writeFileSync(hostFile, text);
    await engine.run('app', { image, args });
    try {
      writeFileSync(hostFile, hostFileLater);
      const report = await check(hostFileLater, changes);
      assert.deepEqual(report.problems, []);
      return report.findings.filter(({ target }) => target === 'container app').map(({ id }) => id);
    } finally {
      await engine.docker('rm', '-f', 'app');
      writeFileSync(hostFile, plainHost);
    }
  }

  for (const provocation of provocations) {
    const { id, when, provoked, fixed } = provocation;
    it(`${id}: found when ${when}, and gone with the fix`, async () => {
      const found = await findingsOf(provoked, provocation);
      assert.ok(found.includes(id), `found ${found.join(', ') || 'nothing'}`);
      const left = await findingsOf(fixed, provocation);
      assert.ok(!left.includes(id), `left ${left.join(', ')}`);
    });
  }

  it('reads the real files of every container, and the C library of each image', async () => {
    await engine.importBusybox('bb');
    await engine.run('one', { image: 'glibc', args: ['--add-host', 'x:10.0.0.9'] });
    await engine.run('two', {
      image: 'bb',
      args: ['--network', NETWORK, '--network-alias', 'deux'],
    });
    await engine.run('three', { image: 'bb', args: ['--network', 'container:two'] });
    // As the command reaches an engine.
    const archive = archiveAt('parity', { kind: 'unix', path: engine.socket });
    try {
      const { targets } = await collectContainers(archive);
      const of = (name: string) => targets.find(({ title }) => title === `container ${name}`);
      assert.equal(of('one')?.surroundings.resolvConf.text, plainHost);
      assert.match(of('one')?.surroundings.hosts.text ?? '', /^10\.0\.0\.9\tx$/m);
      assert.equal(of('one')?.surroundings.nsswitch.text, 'hosts: files dns\n');
      assert.equal(of('one')?.libc?.kind, 'glibc');
      assert.match(of('one')?.libc?.version ?? '', /^2\.\d+$/);
      assert.equal(of('two')?.libc?.kind, 'busybox');
      const text = await engine.docker('exec', 'two', 'cat', '/etc/resolv.conf');
      assert.equal(of('two')?.surroundings.resolvConf.text?.trimEnd(), text);
      const neighbours = of('three')?.container?.neighbours.map(({ name }) => name) ?? [];
      assert.ok(neighbours.includes('deux'), neighbours.join(', '));
      assert.equal(of('three')?.container?.network, 'shared');
    } finally {
      archive.close();
      await engine.docker('rm', '-f', 'one', 'two', 'three');
    }
  });

  it('names a dangling link and checks the other containers', async () => {
    await engine.run('dangling', { image: 'glibc' });
    await engine.run('fine', { image: 'glibc' });
    try {
      // The engine bind-mounts resolv.conf, so the link is made where nothing is mounted.
      await engine.docker('exec', 'dangling', 'ln', '-s', '/nowhere', '/etc/host.conf');
      const { targets, problems } = await collectContainers(engineArchive('parity', engine.api));
      assert.deepEqual(problems, [
        {
          thing: 'container dangling: /etc/host.conf',
          why: 'is a symbolic link to a file that does not exist',
        },
      ]);
      assert.equal(targets.length, 2);
    } finally {
      await engine.docker('rm', '-f', 'dangling', 'fine');
    }
  });

  it('says in one line that a container stopped while it was read', async () => {
    await engine.run('short', { image: 'glibc' });
    await engine.run('long', { image: 'glibc' });
    const archive = engineArchive('parity', engine.api);
    try {
      const { targets, problems } = await collectContainers({
        ...archive,
        running: async (signal) => {
          const containers = await archive.running(signal);
          await engine.docker('rm', '-f', 'short');
          return containers;
        },
      });
      assert.deepEqual(
        targets.map(({ title }) => title),
        ['container long'],
      );
      assert.equal(problems.length, 1, JSON.stringify(problems));
      assert.equal(problems[0]?.thing, 'container short');
    } finally {
      await engine.docker('rm', '-f', 'long');
    }
  });

  it('docker-resolved-stub: found when dockerd started on 127.0.0.53, and gone with --dns', async () => {
    await engine.terminate();
    await inMounts(['mount', '-t', 'tmpfs', 'tmpfs', '/run']);
    const stub = `nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch ${REGION}\n`;
    const uplinks = `nameserver 10.0.0.2\nsearch ${REGION}\n`;
    const uplinkFile = join(engine.directory, 'uplinks');
    mkdirSync(join(engine.directory, 'resolve'), { recursive: true });
    writeFileSync(uplinkFile, uplinks);
    writeFileSync(hostFile, stub);
    await inMounts(['mkdir', '-p', '/run/systemd/resolve']);
    await inMounts(['cp', uplinkFile, '/run/systemd/resolve/resolv.conf']);
    await engine.restart();
    const facts: HostFacts = { ...noHostFacts, resolved: { uplinks, settings: '' } };
    const idsOf = async (args: readonly string[]): Promise<readonly string[]> => {
      await engine.run('app', { image: 'glibc', args });
      try {
        const { findings } = await check(stub, {}, facts);
        return findings.filter(({ target }) => target === 'container app').map(({ id }) => id);
      } finally {
        await engine.docker('rm', '-f', 'app');
      }
    };
    const found = await idsOf([]);
    assert.ok(found.includes('docker-resolved-stub'), found.join(', '));
    const left = await idsOf(['--dns', ROUTED]);
    assert.ok(!left.includes('docker-resolved-stub'), left.join(', '));
  });
});
