/** The running server keeps its parity verdict: resolv.conf changes, and log, status, names and events follow. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ControlClient } from '../../src/control/client.ts';
import type { ControlEvent, ParityReport } from '../../src/control/reports.ts';
import { Homeport, type LogLine } from '../support/homeport.ts';

const REGION = 'us-east-1.domain.com';
/** Stubs know no port but 53, so this needs it; on an address that nobody else takes. */
const ADDRESS = `127.53.${1 + (process.pid % 250)}.${1 + ((process.pid >> 8) % 250)}`;
const PARITY = `search ${REGION}\nnameserver ${ADDRESS}\noptions ndots:1\n`;
/** Without the search domain, and production's own server beside homeport. */
const DIFFERENT = `nameserver ${ADDRESS}\nnameserver 10.0.0.2\noptions ndots:1\n`;

const isVerdict =
  (verdict: string, before: string | null) =>
  (line: LogLine): boolean =>
    line.msg === 'parity verdict changed' && line.verdict === verdict && line.before === before;

async function portProblem(): Promise<string | false> {
  const socket = createSocket('udp4');
  const problem = await new Promise<string | false>((resolve) => {
    socket.once('error', ({ message }) => resolve(`port 53 is needed here: ${message}`));
    socket.bind(53, ADDRESS, () => resolve(false));
  });
  socket.close();
  return problem;
}

const skip = await portProblem();

describe('parity while serving', { skip }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'homeport-parity-'));
  const resolvConf = join(directory, 'resolv.conf');
  const production = join(directory, 'production.resolv.conf');
  const events: ControlEvent[] = [];
  const reading = new AbortController();
  let server: Homeport;

  /** As programs do that manage the file: a new one takes the old one's place. */
  const replace = (text: string): void => {
    writeFileSync(`${resolvConf}.new`, text);
    renameSync(`${resolvConf}.new`, resolvConf);
  };
  const verdictIn = async (command: 'status' | 'names'): Promise<ParityReport> => {
    const { stdout } = await server.run(command, '--json');
    return (JSON.parse(stdout) as { parity: ParityReport }).parity;
  };
  const verdictLines = (): LogLine[] =>
    server.lines.filter(({ msg }) => msg === 'parity verdict changed');

  before(async () => {
    writeFileSync(resolvConf, PARITY);
    writeFileSync(production, `search ${REGION}\nnameserver 10.0.0.2\noptions ndots:1\n`);
    server = await Homeport.start({
      config: {
        listen: [`${ADDRESS}:53`],
        region: REGION,
        resolv_conf: resolvConf,
        records: { db: '172.18.0.5' },
        expected: { names: ['db'] },
        parity: { production, stubs: ['glibc', 'musl'] },
      },
    });
    const stream = await new ControlClient([server.control]).events(reading.signal);
    void (async () => {
      for await (const event of stream) events.push(event);
    })();
  });
  after(async () => {
    reading.abort();
    await server?.stop();
    rmSync(directory, { recursive: true });
  });

  it('checks after the start, when it answers already', async () => {
    const ready = server.lines.findIndex(({ msg }) => msg === 'ready');
    const line = await server.waitFor(isVerdict('parity', null));
    assert.equal(line.level, 'info');
    assert.ok(server.lines.indexOf(line) > ready);
    assert.equal((await verdictIn('status')).verdict, 'parity');
    assert.match((await server.run('names')).stdout, /^parity with production: parity/m);
  });

  it('sees that resolv.conf differs, and says so once everywhere', async () => {
    replace(DIFFERENT);
    const line = await server.waitFor(isVerdict('differs', 'parity'), 30_000);
    assert.equal(line.level, 'warn');
    assert.ok(Array.isArray(line.findings) && line.findings.includes('search-missing'));
    const report = await verdictIn('status');
    assert.equal(report.verdict, 'differs');
    assert.ok(report.counts.error > 0);
    assert.deepEqual(await verdictIn('names'), report);
    const text = (await server.run('status')).stdout;
    assert.match(text, /^parity +differs, \d+ errors?.*\n +host: /m);
    const last = (await server.run('names')).stdout.trimEnd().split('\n').at(-1) ?? '';
    assert.match(last, /^parity with production: differs, .*; see `homeport parity`$/);
  });

  it('sees that it is as before, too', async () => {
    replace(PARITY);
    await server.waitFor(isVerdict('parity', 'differs'), 30_000);
    assert.equal((await verdictIn('status')).verdict, 'parity');
  });

  it('cannot check without production, and goes on serving', async () => {
    rmSync(production);
    const line = await server.waitFor(isVerdict('could not check', 'parity'), 30_000);
    assert.match(String(line.problems), /production\.resolv\.conf does not exist/);
    assert.equal((await server.run('resolve', 'db')).code, 0);
  });

  it('logged each change once, and told each as an event', () => {
    const verdicts = verdictLines().map(({ verdict }) => verdict);
    assert.deepEqual(verdicts, ['parity', 'differs', 'parity', 'could not check']);
    const told = events.flatMap((event) => (event.kind === 'parity' ? [event.report.verdict] : []));
    assert.deepEqual(told.slice(-3), ['differs', 'parity', 'could not check']);
  });

  it('says nothing of parity once no production is configured', async () => {
    await server.configure((text) => text.replace(/^parity:\n(?: .*\n)*/m, ''));
    await server.waitFor(({ msg }) => msg === 'configuration reloaded');
    const { stdout } = await server.run('status', '--json');
    assert.equal('parity' in (JSON.parse(stdout) as object), false);
    assert.doesNotMatch((await server.run('names')).stdout, /parity/);
  });
});
