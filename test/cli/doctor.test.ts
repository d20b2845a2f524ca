import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Diagnosis } from '../../src/cli/doctor/diagnosis.ts';
import { diagnoseEngines } from '../../src/cli/doctor/engines.ts';
import type { LivingServer, Patient } from '../../src/cli/doctor/patient.ts';
import { diagnosePort } from '../../src/cli/doctor/port.ts';
import { diagnoseResolvConf } from '../../src/cli/doctor/resolv-conf.ts';
import { diagnoseServer } from '../../src/cli/doctor/server.ts';
import { diagnoseUpstreams } from '../../src/cli/doctor/upstreams.ts';
import { type LoadResult, loadConfig } from '../../src/config/load.ts';
import type { StatusReport } from '../../src/control/reports.ts';
import { HomeportError } from '../../src/errors.ts';
import { thisMachine } from '../../src/host/machine.ts';
import type { PortHolder } from '../../src/host/situation.ts';
import { plain, resolved } from '../host/situations.ts';
import { FakeControlSource } from '../support/control-source.ts';
import { startDnsServer } from '../support/dns-server.ts';
import { replyTo } from '../support/message.ts';

const REGION = 'us-east-1.domain.com';
const DOWN = new HomeportError(
  'CONTROL_UNAVAILABLE',
  'no server: there is no control socket /run/homeport/control.sock; start one with `homeport serve`',
);

function configOf(overrides: Parameters<typeof loadConfig>[0] = {}) {
  const loaded: LoadResult = loadConfig({ file: null, env: {}, ...overrides });
  if ('config' in loaded) return loaded.config;
  throw new Error(JSON.stringify(loaded.problems));
}

/** A server that listens where the configuration of these tests says. */
function server(words: Partial<LivingServer['status']> = {}): LivingServer {
  const source = new FakeControlSource();
  const listen = [{ address: '127.0.0.1', port: 53 }];
  return { status: { ...source.status(), listen, ...words }, names: source.names() };
}

function patient(words: Partial<Patient> = {}): Patient {
  return {
    machine: thisMachine('/nonexistent'),
    situation: plain,
    isInstalled: false,
    config: configOf({ overrides: { listen: ['127.0.0.1:53'], region: REGION } }),
    configProblems: [],
    configFile: null,
    server: server(),
    ...words,
  };
}

function holder(words: Partial<PortHolder> = {}): PortHolder {
  return {
    protocol: 'udp',
    address: '127.0.0.1',
    pid: 812,
    program: 'dnsmasq',
    unit: 'dnsmasq.service',
    ...words,
  };
}

const held = (...port53: readonly PortHolder[]) => ({ ...plain, port53 });

function resolvConf(text: string | null): Patient['situation'] {
  return { ...plain, resolvConf: { ...plain.resolvConf, text } };
}

/** A diagnosis as a person reads it. */
const said = (all: readonly Diagnosis[]) =>
  all.map(({ outcome, text, mend }) => `${outcome}: ${text}${mend === null ? '' : ` → ${mend}`}`);

describe('the doctor on the server', () => {
  it('is told that it answers, and by which file', () => {
    assert.deepEqual(said(diagnoseServer(patient())), [
      'ok: homeport 0.1.0 answers, process 4711, since 2026-01-02T03:04:05.000Z',
      'ok: no file: defaults and flags',
    ]);
  });

  it('that is down says so first, and how to start it', () => {
    const byHand = { ...plain, units: { ...plain.units, packagedIn: null } };
    assert.deepEqual(said(diagnoseServer(patient({ server: DOWN, situation: byHand }))), [
      'problem: no server: there is no control socket /run/homeport/control.sock → homeport serve',
      'ok: no file: the defaults',
    ]);
    const [first] = diagnoseServer(patient({ server: DOWN }));
    assert.match(first?.mend ?? '', /^systemctl restart homeport\.socket homeport\.service; journ/);
  });

  it('whose socket is not for this user is asked with more rights', () => {
    const server = new HomeportError('CONTROL_UNAVAILABLE', 'this user may not use /run/x; join');
    assert.equal(diagnoseServer(patient({ server }))[0]?.mend, 'sudo homeport doctor');
  });

  it('that serves an older file than there is says which line it refuses', () => {
    const configProblems = ['/etc/homeport.yaml:1:1: tll: unknown key'];
    const living = server({ configProblems, configFile: '/etc/homeport.yaml' });
    assert.deepEqual(said(diagnoseServer(patient({ server: living }))).slice(1), [
      'problem: not taken over, the former one serves: /etc/homeport.yaml:1:1: tll: unknown key → homeport config check /etc/homeport.yaml',
    ]);
  });

  it('that is down for a fault of its file names the fault', () => {
    const loaded = loadConfig({ file: '/nonexistent/homeport.yaml', env: {} });
    assert.ok('problems' in loaded);
    const { problems: configProblems } = loaded;
    const configFile = '/nonexistent/homeport.yaml';
    const [, second] = diagnoseServer(patient({ server: DOWN, configProblems, configFile }));
    assert.equal(second?.outcome, 'problem');
    assert.equal(second?.mend, 'homeport config check /nonexistent/homeport.yaml');
  });
});

describe('the doctor on port 53', () => {
  const cases: readonly { name: string; of: Partial<Patient>; want: readonly string[] }[] = [
    { name: 'had by homeport', of: {}, want: ['ok: homeport has 127.0.0.1:53'] },
    {
      name: 'held for homeport by its socket unit',
      of: { situation: held(holder({ pid: 1, program: 'systemd', unit: 'init.scope' })) },
      want: ['ok: homeport has 127.0.0.1:53'],
    },
    {
      name: 'free while homeport is down',
      of: { server: DOWN },
      want: ['ok: free for homeport at 127.0.0.1:53'],
    },
    {
      name: 'held by another service',
      of: { server: DOWN, situation: held(holder(), holder({ protocol: 'tcp' })) },
      want: [
        'problem: udp 127.0.0.1, tcp 127.0.0.1 is held by dnsmasq, process 812 (dnsmasq.service) → systemctl disable --now dnsmasq.service',
      ],
    },
    {
      name: 'held by a program on every address',
      of: { server: DOWN, situation: held(holder({ address: '0.0.0.0', unit: null })) },
      want: ['problem: udp 0.0.0.0 is held by dnsmasq, process 812 → kill 812'],
    },
    {
      name: 'held by somebody whom this user may not see',
      of: { server: DOWN, situation: held(holder({ pid: null, program: null, unit: null })) },
      want: [
        'problem: udp 127.0.0.1 is held by a process of another user → sudo ss -lnptu sport = :53',
      ],
    },
    {
      name: 'held by systemd-resolved at its own address',
      of: { server: DOWN, situation: held(holder({ address: '127.0.0.53' })) },
      want: ['ok: free for homeport at 127.0.0.1:53'],
    },
    {
      name: 'not wanted at all',
      of: { server: server({ listen: [{ address: '127.0.0.1', port: 5300 }] }) },
      want: [
        'note: homeport listens on no port 53 but on 127.0.0.1:5300; stub resolvers ask no other → set listen: to 127.0.0.1:53, or run `homeport host install`',
      ],
    },
    {
      name: 'that the server could not have',
      of: { server: server({ listenProblems: ['cannot bind udp 10.0.0.1:53: address in use'] }) },
      want: ['problem: cannot bind udp 10.0.0.1:53: address in use → ss -lnptu sport = :53'],
    },
  ];
  for (const { name, of, want } of cases) {
    it(name, () => assert.deepEqual(said(diagnosePort(patient(of))), want));
  }
});

describe('the doctor on resolv.conf', () => {
  const file = '/etc/resolv.conf, a regular file (nobody rewrites it)';
  const cases: readonly { name: string; of: Partial<Patient>; want: string }[] = [
    {
      name: 'leads to homeport',
      of: { situation: resolvConf('nameserver 127.0.0.1\n') },
      want: `ok: ${file} leads to homeport at 127.0.0.1`,
    },
    {
      name: 'leads elsewhere on a host where homeport is not installed',
      of: { situation: resolvConf('nameserver 10.0.0.2\n') },
      want: `note: ${file} leads to 10.0.0.2, and not to homeport → homeport host install`,
    },
    {
      name: 'leads elsewhere although homeport is installed',
      of: { situation: resolvConf('nameserver 10.0.0.2\n'), isInstalled: true },
      want: `problem: ${file} leads to 10.0.0.2, and not to homeport → homeport host install`,
    },
    {
      name: 'has another server beside homeport',
      of: { situation: resolvConf('nameserver 127.0.0.1\nnameserver 10.0.0.2\n') },
      want: `problem: ${file}: 10.0.0.2 is asked beside homeport, and may answer in its place → homeport host install`,
    },
    {
      name: 'is the fallback’s',
      of: { situation: resolvConf('# homeport is down; \nnameserver 10.0.0.2\n') },
      want: `problem: ${file}: homeport was down, and the host asks 10.0.0.2 meanwhile → systemctl restart homeport.socket homeport.service`,
    },
    {
      name: 'cannot be read',
      of: { situation: resolvConf(null) },
      want: `problem: ${file} cannot be read → ls -l /etc/resolv.conf`,
    },
  ];
  for (const { name, of, want } of cases) {
    it(name, () => assert.deepEqual(said(diagnoseResolvConf(patient(of))), [want]));
  }

  it('leads to homeport through systemd-resolved', () => {
    const stub = resolved.resolved;
    assert.ok(stub !== null);
    const situation = { ...resolved, resolved: { ...stub, globalServers: ['127.0.0.1'] } };
    const [only] = diagnoseResolvConf(patient({ situation }));
    assert.equal(only?.outcome, 'ok');
    assert.match(only?.text ?? '', /leads to homeport through systemd-resolved$/);
    assert.equal(diagnoseResolvConf(patient({ situation: resolved }))[0]?.outcome, 'note');
  });
});

describe('the doctor on upstreams', () => {
  it('that answer, refuse, or are dead tells them apart, and measures', async () => {
    const good = await startDnsServer((query) => replyTo(query, { answers: [] }));
    const refusing = await startDnsServer((query) => replyTo(query, { rcode: 5 }));
    const dead = await startDnsServer(() => null);
    await dead.close();
    const upstreams = [good, refusing, dead].map(({ port }) => ({
      server: `127.0.0.1:${port}`,
      domain: '',
      isUp: true,
    }));
    try {
      const all = await diagnoseUpstreams(patient({ server: server({ upstreams }) }));
      const texts = said(all).map((line) => line.replaceAll(/\d+ ms/g, 'N ms'));
      // On a loaded machine it may be slow, which is told of.
      const isSlow = texts.some((line) => line.includes('but only'));
      assert.deepEqual(texts.slice(-3), [
        isSlow
          ? `note: 127.0.0.1:${good.port} answers, but only after N ms → dig @127.0.0.1 -p ${good.port} NS .`
          : `ok: 127.0.0.1:${good.port} answers after N ms`,
        `problem: 127.0.0.1:${refusing.port} answers REFUSED, after N ms → dig @127.0.0.1 -p ${refusing.port} NS .`,
        `problem: 127.0.0.1:${dead.port}: nobody listens there → dig @127.0.0.1 -p ${dead.port} NS .`,
      ]);
    } finally {
      await good.close();
      await refusing.close();
    }
  });

  it('that know the name behind a container’s address are a loop', async () => {
    const asked: string[] = [];
    const knows = await startDnsServer((query) => {
      const text = query.toString('latin1');
      asked.push(text);
      const isReverse = text.includes('in-addr');
      const line = '3.0.18.172.in-addr.arpa. 0 IN PTR redis.us-east-1.domain.com.';
      return replyTo(query, { answers: isReverse ? [line] : [] });
    });
    const upstreams = [{ server: `127.0.0.1:${knows.port}`, domain: '', isUp: true }];
    try {
      const all = await diagnoseUpstreams(patient({ server: server({ upstreams }) }));
      assert.deepEqual(said(all).slice(0, 1), [
        `problem: 127.0.0.1:${knows.port} asks homeport back: it knows who 172.18.0.3 is → set upstreams: in the configuration, or mend /etc/resolv.conf`,
      ]);
      // No name of a container is told to an upstream.
      assert.ok(asked.every((text) => !text.includes('redis')));
    } finally {
      await knows.close();
    }
  });

  it('that are homeport itself are named while it is down', async () => {
    const root = mkdtempSync(join(tmpdir(), 'homeport-doctor-'));
    mkdirSync(join(root, 'etc'));
    writeFileSync(join(root, 'etc', 'resolv.conf'), 'nameserver 127.0.0.1\n');
    const machine = thisMachine(root);
    const all = await diagnoseUpstreams(patient({ server: DOWN, machine }));
    const mend = 'set upstreams: in the configuration, or mend /etc/resolv.conf';
    assert.deepEqual(said(all), [
      `problem: 127.0.0.1:53 is homeport itself, and is left out → ${mend}`,
      `problem: homeport knows nobody to forward to → ${mend}`,
    ]);
    rmSync(root, { recursive: true });
  });
});

describe('the doctor on an engine', () => {
  const folder = mkdtempSync(join(tmpdir(), 'homeport-doctor-'));
  const socket = join(folder, 'docker.sock');
  const config = configOf({ overrides: { engine: [`unix://${socket}`] } });
  const engine = createServer((_, response) => {
    response.setHeader('content-type', 'application/json');
    response.end('{"Version":"28.5.2","ApiVersion":"1.51"}');
  });
  after(() => rmSync(folder, { recursive: true }));

  /** What the server says of it. */
  function known(words: Partial<StatusReport['engines'][number]>): LivingServer {
    const [first] = server().status.engines;
    assert.ok(first !== undefined);
    return server({ engines: [{ ...first, name: 'local', ...words }] });
  }
  const diagnosis = async (status: LivingServer) =>
    said(await diagnoseEngines(patient({ config, server: status })));

  it('that is down says where it was looked for, and how to start it', async () => {
    const [line = ''] = await diagnosis(known({ state: 'stale' }));
    assert.match(line, /^problem: .*docker\.sock.* → systemctl restart docker; journalctl/);
  });

  describe('that answers', () => {
    before(async () => {
      engine.listen(socket);
      await once(engine, 'listening');
    });
    after(() => engine.close());

    it('and that homeport hears', async () => {
      assert.deepEqual(await diagnosis(known({ state: 'connected', containers: 7 })), [
        'ok: local answers, version 28.5.2, 7 containers are known',
      ]);
    });

    it('and that homeport has lost, says since why, and how to mend it', async () => {
      const reason = 'the engine closed the event stream';
      assert.deepEqual(await diagnosis(known({ state: 'stale', reason })), [
        `problem: local answers, version 28.5.2, but homeport is stale: ${reason}; its names are what they last were → systemctl restart homeport`,
      ]);
    });
  });
});
