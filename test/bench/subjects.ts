/** The name servers that are compared, each set up for the same work: so many local names, the rest forwarded to one upstream. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, ServerProcess } from './process.ts';

/** The names of a measurement all lie here, so that every server is asked the same. */
export const REGION = 'us-east-1.domain.com';

export interface Work {
  /** Local names: `svc-0.REGION` and so on, each with one address. */
  readonly localNames: number;
  readonly upstreamPort: number;
  /** For configuration files; one directory for each server. */
  readonly directory: string;
}

export interface Subject {
  readonly name: string;
  /** What it runs as, for the report; undefined where it is not installed. */
  version(): string | undefined;
  start(work: Work): Promise<ServerProcess>;
  /** Answers every name with a record of its own making: neither local names nor forwarding can be set up. */
  readonly isEcho?: boolean;
}

export function localName(i: number): string {
  return `svc-${i}`;
}

export function localAddress(i: number): string {
  return `10.1.${(i >> 8) & 255}.${i & 255}`;
}

/** homeport as `npm run build` makes it. */
export const MAIN: string = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** homeport as it is shipped, with static records. */
export function homeport(transport: 'batch' | 'dgram', main: string): Subject {
  return {
    name: transport === 'batch' ? 'homeport' : 'homeport (node:dgram)',
    version: () => `Node ${process.version}`,
    start: async (work) => {
      const port = await freePort();
      const file = join(work.directory, 'homeport.yaml');
      const lines = [
        `listen: ['127.0.0.1:${port}']`,
        `transport: ${transport}`,
        `region: ${REGION}`,
        `upstreams: ['127.0.0.1:${work.upstreamPort}']`,
        'engines: []',
        'allow: [loopback]',
        `control: ${join(work.directory, 'control.sock')}`,
        `state: ${work.directory}`,
        'log: { level: warn }',
        'records:',
        ...numbered(work.localNames, (i) => `  ${localName(i)}: ${localAddress(i)}`),
        ...(work.localNames === 0 ? ['  unused.invalid: 10.0.0.1'] : []),
      ];
      writeFileSync(file, `${lines.join('\n')}\n`);
      return new ServerProcess(process.execPath, [main, 'serve', '--config', file], port);
    },
  };
}

/** dnsmasq with a hosts file, and as many forwards as it is given. */
export const dnsmasq: Subject = {
  name: 'dnsmasq',
  version: () => versionOf('dnsmasq', ['--version'], /version (\S+)/),
  start: async (work) => {
    const port = await freePort();
    const hosts = join(work.directory, 'hosts');
    writeFileSync(
      hosts,
      numbered(work.localNames, (i) => `${localAddress(i)} ${localName(i)}.${REGION}`).join('\n'),
    );
    const args = [
      ...['--keep-in-foreground', '--conf-file=/dev/null', '--pid-file=', `--port=${port}`],
      ...['--listen-address=127.0.0.1', '--bind-interfaces', '--no-resolv', '--no-hosts'],
      ...[`--addn-hosts=${hosts}`, `--server=127.0.0.1#${work.upstreamPort}`, '--user=root'],
      ...['--cache-size=10000', '--dns-forward-max=10000'],
    ];
    return new ServerProcess('dnsmasq', args, port);
  },
};

/** unbound on one thread, forwarding everything, without validation. */
export const unbound: Subject = {
  name: 'unbound',
  version: () => versionOf('unbound', ['-V'], /Version (\S+)/),
  start: async (work) => {
    const port = await freePort();
    const file = join(work.directory, 'unbound.conf');
    const lines = [
      'server:',
      '  interface: 127.0.0.1',
      `  port: ${port}`,
      '  do-daemonize: no',
      '  chroot: ""',
      '  username: ""',
      '  pidfile: ""',
      '  use-syslog: no',
      '  verbosity: 0',
      '  num-threads: 1',
      '  module-config: "iterator"',
      '  do-not-query-localhost: no',
      '  so-rcvbuf: 4m',
      '  so-sndbuf: 4m',
      '  outgoing-range: 8192',
      '  num-queries-per-thread: 4096',
      ...numbered(
        work.localNames,
        (i) => `  local-data: "${localName(i)}.${REGION}. 0 A ${localAddress(i)}"`,
      ),
      'forward-zone:',
      '  name: "."',
      `  forward-addr: 127.0.0.1@${work.upstreamPort}`,
      'remote-control:',
      '  control-enable: no',
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    return new ServerProcess('unbound', ['-d', '-c', file], port);
  },
};

/** Knot Resolver 5: one process, hints for the local names. */
export const knotResolver: Subject = {
  name: 'knot-resolver',
  version: () => versionOf('kresd', ['--version'], /version (\S+)/),
  start: async (work) => {
    const port = await freePort();
    const file = join(work.directory, 'kresd.conf');
    const lines = [
      `net.listen('127.0.0.1', ${port}, { kind = 'dns' })`,
      "modules = { 'hints > iterate', 'policy' }",
      "trust_anchors.remove('.')",
      'hints.ttl(1)',
      ...numbered(
        work.localNames,
        (i) => `hints.set('${localName(i)}.${REGION} ${localAddress(i)}')`,
      ),
      'cache.size = 100 * MB',
      `policy.add(policy.all(policy.FORWARD({'127.0.0.1@${work.upstreamPort}'})))`,
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    return new ServerProcess('kresd', ['-n', '-c', file, work.directory], port);
  },
};

/** PowerDNS Recursor: one thread, the local names from a hosts file. */
export const pdnsRecursor: Subject = {
  name: 'pdns-recursor',
  version: () => versionOf('pdns_recursor', ['--version'], /Recursor (\S+)/),
  start: async (work) => {
    const port = await freePort();
    const hosts = join(work.directory, 'recursor-hosts');
    writeFileSync(
      hosts,
      numbered(work.localNames, (i) => `${localAddress(i)} ${localName(i)}.${REGION}`).join('\n'),
    );
    const args = [
      ...['--daemon=no', '--disable-syslog', '--quiet', '--loglevel=3', '--threads=1'],
      ...['--distributor-threads=0', '--pdns-distributes-queries=no', '--dnssec=off'],
      ...[`--config-dir=${work.directory}`, `--socket-dir=${work.directory}`, '--setuid='],
      ...['--local-address=127.0.0.1', `--local-port=${port}`, '--max-mthreads=8192'],
      ...[`--export-etc-hosts=yes`, `--etc-hosts-file=${hosts}`],
      ...[`--forward-zones-recurse=.=127.0.0.1:${work.upstreamPort}`],
    ];
    return new ServerProcess('pdns_recursor', args, port);
  },
};

/** The floor: the C echo. */
export function floor(program: string): Subject {
  return {
    name: 'floor (C batch echo)',
    isEcho: true,
    version: () => 'no look-up',
    start: async () => {
      const port = await freePort();
      return new ServerProcess(program, ['127.0.0.1', String(port)], port);
    },
  };
}

/** Our batched transport with the smallest core: what of the cost is not the core's. */
export const transportEcho: Subject = {
  name: 'transport alone (JS batch echo)',
  isEcho: true,
  version: () => 'no look-up',
  start: async () => {
    const port = await freePort();
    const file = fileURLToPath(new URL('./echo-server.ts', import.meta.url));
    return new ServerProcess(process.execPath, ['--import', 'tsx', file, String(port)], port);
  },
};

function numbered(count: number, line: (i: number) => string): string[] {
  return Array.from({ length: count }, (_, i) => line(i));
}

function versionOf(command: string, args: readonly string[], pattern: RegExp): string | undefined {
  try {
    const text = execFileSync(command, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return pattern.exec(text)?.[1] ?? 'unknown version';
  } catch (error) {
    // Some print their version and exit with an error.
    const output = error instanceof Error && 'stdout' in error ? String(error.stdout) : '';
    return pattern.exec(output)?.[1];
  }
}
